"""One experiment is one TOML file, read into frozen dataclasses and validated.

Every section and key is optional; an unknown key is an error that names its nearest
neighbour, so that a typing mistake never silently trains something else.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from kws.errors import KwsError
from kws.fixedpoint.frontends import log_mel as frontend

SILENCE = "_silence_"
UNKNOWN = "_unknown_"
SAMPLE_RATE = frontend.SAMPLE_RATE
LSTM, TEACHER = KINDS = ("lstm", "teacher")
BY_SPEAKER, BY_TAKE, ONE_OUT = SPLIT_RULES = ("speaker", "take", "one-speaker-out")
ALL, HEAD = TRAINABLE = ("all", "head")
FFT_SIZES = (256, 512, 1024)
GREATEST_AVERAGE, GREATEST_COOLDOWN = 64, 1000
COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise KwsError(message)


@dataclass(frozen=True)
class FrontendConfig:
    """The integer front end, PCM to int8 log-mel frames (docs/SPEC.md, "Front end").

    Attributes:
        window_ms: analysis window in milliseconds, at most ``n_fft`` samples.
        hop_ms: distance between frames in milliseconds, at most the window.
        n_fft: FFT length in samples, one of 256, 512, 1024.
        bands: number of mel bands.
        low_hz: lower edge of the lowest band, in Hz.
        high_hz: upper edge of the highest band, in Hz.
    """

    window_ms: float = 30.0
    hop_ms: float = 20.0
    n_fft: int = 512
    bands: int = 40
    low_hz: float = 60.0
    high_hz: float = 7600.0

    def __post_init__(self) -> None:
        _require(self.n_fft in FFT_SIZES, f"frontend.n_fft must be one of {FFT_SIZES}, not {self.n_fft}")
        _require(
            32 <= self.window <= self.n_fft,
            f"frontend.window_ms = {self.window_ms} is {self.window} samples; it must be 32 to n_fft = {self.n_fft}",
        )
        _require(
            1 <= self.hop <= self.window,
            f"frontend.hop_ms = {self.hop_ms} is {self.hop} samples; it must be 1 to the window, {self.window}",
        )
        _require(4 <= self.bands <= 128, f"frontend.bands must be 4 to 128, not {self.bands}")
        _require(
            0 <= self.low_hz < self.high_hz <= SAMPLE_RATE / 2,
            f"frontend band edges must satisfy 0 <= low_hz < high_hz <= {SAMPLE_RATE // 2},"
            f" not {self.low_hz} and {self.high_hz}",
        )

    @property
    def window(self) -> int:
        """Window length in samples."""
        return round(self.window_ms * SAMPLE_RATE / 1000)

    @property
    def hop(self) -> int:
        """Hop length in samples."""
        return round(self.hop_ms * SAMPLE_RATE / 1000)

    def frames(self, samples: int) -> int:
        """Number of whole frames in a stream of ``samples`` samples."""
        return 0 if samples < self.window else 1 + (samples - self.window) // self.hop

    def frames_in(self, milliseconds: float) -> int:
        """Number of hops nearest to a duration, at least one."""
        return max(1, round(milliseconds * SAMPLE_RATE / 1000 / self.hop))


@dataclass(frozen=True)
class DetectorConfig:
    """Posteriors to detections: moving average, threshold, cool-down (docs/SPEC.md, "Detector").

    Attributes:
        average_frames: number of posterior frames in the moving average, 1 to 64.
        threshold: smoothed posterior at and above which a word is detected, 0 to 1.
        cooldown_frames: frames after a detection in which no other is reported.
        word_thresholds: a threshold for each word, in label order; empty where all words have
            ``threshold``.
    """

    average_frames: int = 10
    threshold: float = 0.7
    cooldown_frames: int = 35
    word_thresholds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _require(
            1 <= self.average_frames <= GREATEST_AVERAGE,
            f"detector.average_frames must be 1 to {GREATEST_AVERAGE}, not {self.average_frames}",
        )
        _require(0 < self.threshold <= 1, f"detector.threshold must be in (0, 1], not {self.threshold}")
        _require(
            0 <= self.cooldown_frames <= GREATEST_COOLDOWN,
            f"detector.cooldown_frames must be 0 to 1000, not {self.cooldown_frames}",
        )
        _require(
            all(0 < t <= 1 for t in self.word_thresholds),
            f"detector.word_thresholds must all be in (0, 1], not {list(self.word_thresholds)}",
        )

    def thresholds(self, words: int) -> tuple[float, ...]:
        """The threshold of each of ``words`` words, in label order.

        Raises:
            KwsError: ``word_thresholds`` are given for another number of words.
        """
        given = self.word_thresholds
        _require(
            len(given) in (0, words),
            f"detector.word_thresholds must be {words} values, one a word in label order, or empty,"
            f" not {len(given)} values",
        )
        return given or (self.threshold,) * words


@dataclass(frozen=True)
class DataConfig:
    """Which clips become which label.

    Attributes:
        words: the words to spot, in label order; ``_silence_`` and ``_unknown_`` come first.
        clip_ms: length every clip is padded or cut to, in milliseconds.
        silence_percent: silence clips, per cent of the number of word clips in a split.
        unknown_percent: unknown clips, per cent of the number of word clips in a split.
        training_unknown_percent: the same for the training split alone; 0 is ``unknown_percent``.
            More of them make fewer false accepts; up to 1000, since few words leave many others.
        validation_percent: share of speakers in validation where no split lists are found.
        testing_percent: share of speakers in testing where no split lists are found.
        split_by: what is never in two splits where no split lists are found: a ``speaker``, or
            only a ``take``, for recordings of one person or very few. Accuracy on takes held out
            says nothing about other people. ``one-speaker-out``, for a handful of speakers: one of
            them is the whole testing split, and takes of the others are validation.
        held_out: the speaker left out by ``one-speaker-out``; empty for one chosen by hash. Training
            once for each speaker gives as many figures for strangers.
    """

    words: tuple[str, ...] = COMMANDS
    clip_ms: float = 1000.0
    silence_percent: float = 10.0
    unknown_percent: float = 10.0
    training_unknown_percent: float = 0.0
    validation_percent: float = 10.0
    testing_percent: float = 10.0
    split_by: str = BY_SPEAKER
    held_out: str = ""

    def __post_init__(self) -> None:
        _require(len(self.words) > 0, "data.words is empty; name at least one word to spot")
        _require(len(set(self.words)) == len(self.words), f"data.words names a word twice: {list(self.words)}")
        bad = [w for w in self.words if not w or w.startswith("_") or "/" in w or w != w.strip()]
        _require(not bad, f"data.words has names that cannot be word folders: {bad}")
        _require(100 <= self.clip_ms <= 10000, f"data.clip_ms must be 100 to 10000, not {self.clip_ms}")
        for name in (f.name for f in fields(self) if f.name.endswith("_percent")):
            value = getattr(self, name)
            highest = 1000 if name == "training_unknown_percent" else 100
            _require(0 <= value <= highest, f"data.{name} must be 0 to {highest}, not {value}")
        _require(
            self.split_by in SPLIT_RULES,
            f"data.split_by must be one of {', '.join(SPLIT_RULES)}, not {self.split_by!r}",
        )
        _require(
            not self.held_out or self.split_by == ONE_OUT,
            f"data.held_out = {self.held_out!r} needs data.split_by = {ONE_OUT!r}",
        )
        _require(
            self.validation_percent + self.testing_percent < 100,
            "data.validation_percent and data.testing_percent leave nothing to train on",
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """All class labels in output order: silence, unknown, then the words."""
        return (SILENCE, UNKNOWN, *self.words)

    @property
    def clip_samples(self) -> int:
        """Clip length in samples."""
        return round(self.clip_ms * SAMPLE_RATE / 1000)


@dataclass(frozen=True)
class AugmentConfig:
    """Augmentation of training clips; every draw is uniform in its range.

    Attributes:
        variants: variants of every training clip that are computed before training; the first is
            the clip as recorded, the others are resampled, shifted, scaled and mixed with noise.
            1 is no augmentation but SpecAugment.
        speed_percent: greatest change of speed, and of pitch with it, in either direction.
        time_shift_ms: greatest shift in either direction, in milliseconds.
        gain_db: lowest and highest gain, in dB; what becomes too loud is clipped.
        noise_probability: share of clips that get background noise.
        snr_db: lowest and highest signal-to-noise ratio, in dB.
        time_masks: SpecAugment time masks a clip (Park 2019).
        time_mask_frames: greatest width of a time mask, in frames.
        band_masks: SpecAugment frequency masks a clip.
        band_mask_bands: greatest width of a frequency mask, in mel bands.
        seed: seed of the variants; runs that differ in ``training.seed`` alone share them.
    """

    variants: int = 4
    speed_percent: float = 10.0
    time_shift_ms: float = 100.0
    gain_db: tuple[float, float] = (-10.0, 10.0)
    noise_probability: float = 0.7
    snr_db: tuple[float, float] = (5.0, 30.0)
    time_masks: int = 1
    time_mask_frames: int = 6
    band_masks: int = 1
    band_mask_bands: int = 4
    seed: int = 1

    def __post_init__(self) -> None:
        _require(1 <= self.variants <= 100, f"augment.variants must be 1 to 100, not {self.variants}")
        _require(0 <= self.time_shift_ms <= 1000, f"augment.time_shift_ms must be 0 to 1000, not {self.time_shift_ms}")
        _require(0 <= self.speed_percent <= 50, f"augment.speed_percent must be 0 to 50, not {self.speed_percent}")
        _require(
            0 <= self.noise_probability <= 1, f"augment.noise_probability must be 0 to 1, not {self.noise_probability}"
        )
        for name in ("gain_db", "snr_db"):
            value = getattr(self, name)
            _require(
                len(value) == 2 and -100 <= value[0] <= value[1] <= 100,
                f"augment.{name} must be [lowest, highest], between -100 and 100, not {list(value)}",
            )
        for name in ("time_masks", "time_mask_frames", "band_masks", "band_mask_bands"):
            _require(getattr(self, name) >= 0, f"augment.{name} must not be negative")


@dataclass(frozen=True)
class NetworkConfig:
    """The classifier: stacked LSTMs, one dense layer, softmax.

    Attributes:
        kind: ``lstm``, or ``teacher`` for a large convolutional network that no device runs but
            that an LSTM can learn from (`kws train --teacher`).
        lstm_units: width of each stacked LSTM layer.
        dropout: dropout rate after each LSTM in training.
        channels: of a teacher: of its first convolution, then of each residual block.
    """

    kind: str = "lstm"
    lstm_units: tuple[int, ...] = (128,)
    dropout: float = 0.1
    channels: tuple[int, ...] = (24, 48, 72, 96)

    def __post_init__(self) -> None:
        _require(self.kind in KINDS, f"network.kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        _require(
            2 <= len(self.channels) <= 6 and all(1 <= c <= 1024 for c in self.channels),
            f"network.channels must be two to six numbers from 1 to 1024, not {list(self.channels)}",
        )
        _require(
            len(self.lstm_units) > 0 and all(1 <= u <= 1024 for u in self.lstm_units),
            f"network.lstm_units must be a list of widths from 1 to 1024, not {list(self.lstm_units)}",
        )
        _require(0 <= self.dropout < 1, f"network.dropout must be in [0, 1), not {self.dropout}")


@dataclass(frozen=True)
class TrainingConfig:
    """The training loop.

    Attributes:
        epochs: greatest number of passes over the training clips.
        batch_size: clips a gradient step.
        learning_rate: peak learning rate (cosine decay to a hundredth of it).
        patience: epochs without a better validation accuracy before training stops.
        carry_state: share of clips that start from the LSTM state another clip left behind,
            as they will on a device that listens all day, instead of from zero.
        gap_frames: frames of noise around each clip, between which the state goes on too.
        distillation: weight of a teacher's posteriors against the labels, where there is a teacher.
        weight_decay: decoupled weight decay (AdamW).
        label_smoothing: label smoothing of the cross-entropy.
        calibration_clips: training clips that set the int8 ranges.
        trainable: what learns: ``all`` layers, or only the ``head``, the dense layer, on top of
            the LSTMs of another model (`kws train --from`).
        seed: seed of every random draw.
    """

    epochs: int = 50
    batch_size: int = 128
    learning_rate: float = 3e-3
    patience: int = 12
    carry_state: float = 0.4
    gap_frames: int = 16
    distillation: float = 0.8
    weight_decay: float = 1e-3
    label_smoothing: float = 0.05
    calibration_clips: int = 500
    trainable: str = ALL
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience", "calibration_clips"):
            _require(getattr(self, name) >= 1, f"training.{name} must be at least 1, not {getattr(self, name)}")
        _require(0 < self.learning_rate < 1, f"training.learning_rate must be in (0, 1), not {self.learning_rate}")
        _require(0 <= self.carry_state <= 1, f"training.carry_state must be 0 to 1, not {self.carry_state}")
        _require(0 <= self.gap_frames <= 1000, f"training.gap_frames must be 0 to 1000, not {self.gap_frames}")
        _require(0 <= self.distillation <= 1, f"training.distillation must be 0 to 1, not {self.distillation}")
        _require(0 <= self.weight_decay < 1, f"training.weight_decay must be in [0, 1), not {self.weight_decay}")
        _require(
            0 <= self.label_smoothing < 1, f"training.label_smoothing must be in [0, 1), not {self.label_smoothing}"
        )
        _require(
            self.trainable in TRAINABLE,
            f"training.trainable must be one of {', '.join(TRAINABLE)}, not {self.trainable!r}",
        )


@dataclass(frozen=True)
class Experiment:
    """Everything that defines one model: a whole TOML file."""

    name: str = "kws"
    frontend: FrontendConfig = field(default_factory=FrontendConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        _require(bool(self.name) and "/" not in self.name, f"name must be a plain name, not {self.name!r}")
        _require(
            self.frontend.frames(self.data.clip_samples) >= 1,
            "data.clip_ms is shorter than frontend.window_ms, so a clip has no frame",
        )
        self.detector.thresholds(len(self.data.words))

    def as_dict(self) -> dict[str, Any]:
        """The experiment as nested plain values, ready for JSON."""
        return dataclasses.asdict(self)


T = TypeVar("T")


def from_dict(kind: type[T], values: dict[str, Any], where: str = "") -> T:
    """Build the dataclass ``kind`` from nested plain values, as TOML or JSON give them.

    Raises:
        KwsError: an unknown key, a value of the wrong type, or one out of its range.
    """
    hints = typing.get_type_hints(kind)
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{where}.{key}" if where else key
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(hints)}"
            raise KwsError(f"unknown key {path!r}{hint}")
        arguments[key] = _coerce(hints[key], value, path)
    return kind(**arguments)


def _coerce(hint: Any, value: Any, path: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        _require(isinstance(value, dict), f"{path} must be a section, not {value!r}")
        return from_dict(hint, value, path)
    if typing.get_origin(hint) is tuple:
        _require(isinstance(value, list | tuple), f"{path} must be a list, not {value!r}")
        element = typing.get_args(hint)[0]
        return tuple(_coerce(element, v, f"{path}[{i}]") for i, v in enumerate(value))
    if isinstance(hint, types.UnionType):
        raise TypeError(f"{path}: unions are not used in configurations")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    _require(
        isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool),
        f"{path} must be {_KIND_NAMES.get(hint, hint.__name__)}, not {value!r}",
    )
    return value


_KIND_NAMES = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}


def load(path: str | Path) -> Experiment:
    """Read an experiment from a TOML file.

    Raises:
        KwsError: the file is missing, is not TOML, or holds an unknown key or a bad value.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise KwsError(f"cannot read the configuration {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KwsError(f"{path} is not valid TOML: {error}") from error
    try:
        return from_dict(Experiment, values)
    except KwsError as error:
        raise KwsError(f"{path}: {error}") from error
