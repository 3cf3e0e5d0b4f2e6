"""One experiment is one TOML file, read into frozen dataclasses and validated.

Every section and key is optional; an unknown key is an error that names its nearest
neighbour, so that a typing mistake never silently trains something else. A file may begin with
``base = "other.toml"``: what it does not say itself is as there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from kws import decisions, fields, frontends, network, spelling, toml
from kws.decisions import DecisionConfig, DetectorConfig, grammar_values
from kws.earlier import refuse_earlier, upgraded
from kws.errors import KwsError
from kws.fields import number, require_ranges
from kws.fields import require as _require
from kws.fixedpoint.frontends import base
from kws.frontends import FrontendConfig, LogMelConfig
from kws.network import Frame, LstmConfig, NetworkConfig, StreamNetworkConfig
from kws.spelling import PHONES, WORDS
from kws.training_config import ALL, GREATEST_SEED, HEAD, TRAINABLE, TrainingConfig
from kws.voice_gate import VoiceGateConfig

__all__ = [
    "ALL",
    "BY_SPEAKER",
    "BY_TAKE",
    "COMMANDS",
    "GREATEST_SEED",
    "GREATEST_WORDS",
    "HEAD",
    "ONE_OUT",
    "SAMPLE_RATE",
    "SILENCE",
    "SPLIT_RULES",
    "TRAINABLE",
    "UNKNOWN",
    "AugmentConfig",
    "DataConfig",
    "Experiment",
    "LogMelConfig",
    "NegativesConfig",
    "TrainingConfig",
    "from_dict",
    "load",
]

SILENCE = "_silence_"
UNKNOWN = "_unknown_"
SAMPLE_RATE = base.SAMPLE_RATE
BY_SPEAKER, BY_TAKE, ONE_OUT = SPLIT_RULES = ("speaker", "take", "one-speaker-out")
GREATEST_WORDS = 500
"""With silence and unknown still fewer labels than a softmax may have."""
COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")


def _require_order(name: str, value: Sequence[float]) -> None:
    _require(len(value) == 2 and value[0] <= value[1], f"{name} must be [lowest, highest], not {list(value)}")


@dataclass(frozen=True)
class DataConfig:
    """Which clips become which label.

    Attributes:
        words: the words to spot, in label order; ``_silence_`` and ``_unknown_`` come first.
        tokens: what a network trained with ``loss = "ctc"`` names: ``words``, or the ``characters`` or ``phones`` that
            spell them.
        spellings: each word and its tokens, with spaces between, such as ``"yes j E s"``; empty for a word's own
            letters or espeak-ng's phones. ``lexicon = "FILE"``, in the configuration's folder, has such lines.
        alphabet: tokens that a network names besides those of the words; empty in a configuration for those of the
            sentences that ``training.sentences`` has it learn from, which `kws train` writes down.
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
    tokens: str = WORDS
    spellings: tuple[str, ...] = ()
    alphabet: tuple[str, ...] = ()
    clip_ms: float = number(1000.0, 100, 10_000)
    silence_percent: float = number(10.0, 0, 100)
    unknown_percent: float = number(10.0, 0, 100)
    training_unknown_percent: float = number(0.0, 0, 1000)
    validation_percent: float = number(10.0, 0, 100)
    testing_percent: float = number(10.0, 0, 100)
    split_by: str = BY_SPEAKER
    held_out: str = ""

    def __post_init__(self) -> None:
        require_ranges("data", self)
        _require(len(self.words) > 0, "data.words is empty; name at least one word to spot")
        _require(
            len(self.words) <= GREATEST_WORDS,
            f"data.words may be at most {GREATEST_WORDS}, not {len(self.words)} words",
        )
        _require(len(set(self.words)) == len(self.words), f"data.words names a word twice: {list(self.words)}")
        bad = [w for w in self.words if not w or w.startswith(("_", ".")) or "/" in w or w != w.strip()]
        _require(not bad, f"data.words has names that cannot be word folders: {bad}")
        spelling.check(self.words, self.tokens, self.spellings, self.alphabet)
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
        """What a clip may be: silence, unknown, then the words."""
        return (SILENCE, UNKNOWN, *self.words)

    @property
    def spelled(self) -> tuple[tuple[str, ...], ...]:
        """The tokens of each word.

        Raises:
            KwsError: they are phones that nobody has looked up (`kws.training.phones`).
        """
        return spelling.spelled(self.words, self.tokens, self.spellings)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Labels of a trained network in output order: silence, unknown, then the words, or the tokens that spell them
        and the sentences, sorted.

        Raises:
            KwsError: as for :attr:`spelled`.
        """
        if self.tokens == WORDS:
            return self.labels
        return (SILENCE, UNKNOWN, *sorted({*self.alphabet, *(token for word in self.spelled for token in word)}))

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
        recorded: share of the clips that are heard as recorded in an epoch, on top of those whose turn it is.
        speed_percent: greatest change of speed, and of pitch with it, in either direction.
        time_shift_ms: greatest shift in either direction, in milliseconds.
        gain_db: lowest and highest gain, in dB; what becomes too loud is clipped.
        noise_probability: share of clips that get background noise.
        snr_db: lowest and highest signal-to-noise ratio, in dB.
        babble_probability: share of that background noise that is several people talking at once, where
            there are folders of other speech (`kws train --speech`).
        rooms_probability: share of clips that are heard in a room, where there are folders of room
            impulse responses (`kws train --rooms`).
        time_masks: SpecAugment time masks a clip (Park 2019).
        time_mask_ms: greatest width of a time mask, in milliseconds.
        band_masks: SpecAugment frequency masks a clip.
        band_mask_bands: greatest width of a frequency mask, in mel bands.
        seed: seed of the variants; runs that differ in ``training.seed`` alone share them.
    """

    variants: int = number(4, 1, 100)
    recorded: float = number(0.0, 0, 1)
    speed_percent: float = number(10.0, 0, 50)
    time_shift_ms: float = number(100.0, 0, 1000)
    gain_db: tuple[float, float] = number((-10.0, 10.0), -100, 100)
    noise_probability: float = number(0.7, 0, 1)
    snr_db: tuple[float, float] = number((5.0, 30.0), -100, 100)
    babble_probability: float = number(0.2, 0, 1)
    rooms_probability: float = number(0.5, 0, 1)
    time_masks: int = number(1, 0, 100)
    time_mask_ms: float = number(120.0, 0, 10_000)
    band_masks: int = number(1, 0, 100)
    band_mask_bands: int = number(4, 0, 128)
    seed: int = number(1, 0, GREATEST_SEED)

    def __post_init__(self) -> None:
        require_ranges("augment", self)
        for name in ("gain_db", "snr_db"):
            _require_order(f"augment.{name}", getattr(self, name))


@dataclass(frozen=True)
class NegativesConfig:
    """What is no word to spot: other speech, noise, beeps, and words played backwards.

    It is heard in cuts, drawn afresh in every step from long recordings (`kws train --speech`, ``--noise``).
    The kinds have weights; one that there is nothing of does not count.

    Attributes:
        share: share of the rows of a batch that hear negatives, where there is any recording of them;
            they come on top of ``training.batch_size`` clips.
        weight: of a frame of them, against 1 of a frame at which a word is to be named.
        ranking: weight of a loss that ranks words above whatever else is heard, as a detector compares them; only with
            the loss ``frames``.
        around: share of the clips that have other speech around them instead of noise.
        around_db: lowest and highest level of such a clip above the speech, which then goes on under it, in dB;
            empty where the speech is as loud as it was recorded and ends where the clip begins.
        noise_around: share of the clips with noise and music around and under them, drawn afresh in every step.
        noise_around_db: lowest and highest level of such a clip above the noise, in dB.
        speech: weight of other speech.
        reversed_speech: weight of other speech played backwards.
        noise: weight of noise and music.
        tones: weight of beeps (`kws.datasets.tones`).
        reversed_words: weight of words to spot, played backwards.
        reversible: words that become a word again and are not played backwards.
        pack: whether the sentences in synthetic voices that come with kws are other speech, too.
        variants: of each recording of other speech, noise and beeps: faster or slower, in a room, under
            noise, scaled; computed once.
        snr_db: lowest and highest ratio of other speech to noise under it, in dB.
        false_accepts_per_hour: where there is other speech or noise to validate with, the epoch is chosen by the
            words that are missed at so many false accepts per hour of it.
    """

    share: float = number(0.5, 0, 1, below=True)
    weight: float = number(0.5, 0, 100)
    ranking: float = number(0.0, 0, 100)
    around: float = number(0.2, 0, 1)
    around_db: tuple[float, ...] = number((), -100, 100)
    noise_around: float = number(0.0, 0, 1)
    noise_around_db: tuple[float, float] = number((0.0, 30.0), -100, 100)
    speech: float = number(5.0, 0, 1000)
    reversed_speech: float = number(0.5, 0, 1000)
    noise: float = number(2.0, 0, 1000)
    tones: float = number(0.5, 0, 1000)
    reversed_words: float = number(0.5, 0, 1000)
    reversible: tuple[str, ...] = ("on", "no", "up", "off")
    pack: bool = False
    variants: int = number(3, 1, 100)
    snr_db: tuple[float, float] = number((0.0, 40.0), -100, 100)
    false_accepts_per_hour: float = number(10.0, 0, 10_000, above=True)

    def __post_init__(self) -> None:
        require_ranges("negatives", self)
        for name in ("snr_db", "noise_around_db"):
            _require_order(f"negatives.{name}", getattr(self, name))
        if self.around_db:
            _require_order("negatives.around_db", self.around_db)


@dataclass(frozen=True)
class Experiment:
    """Everything that defines one model: a whole TOML file."""

    name: str = "kws"
    frontend: FrontendConfig = field(default_factory=LogMelConfig)
    detector: DecisionConfig = field(default_factory=DetectorConfig)
    gate: VoiceGateConfig = field(default_factory=VoiceGateConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    negatives: NegativesConfig = field(default_factory=NegativesConfig)
    network: NetworkConfig = field(default_factory=LstmConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        _require(bool(self.name) and "/" not in self.name, f"name must be a plain name, not {self.name!r}")
        _require(
            self.frontend.frames(self.data.clip_samples) >= 1,
            "data.clip_ms is shorter than frontend.window_ms, so a clip has no frame",
        )
        _require(
            self.frontend.decibels is not None or not (self.negatives.around_db or self.negatives.noise_around),
            f"negatives.around_db and noise_around need features that are decibels, and those of {self.frontend.kind}"
            " are not; leave them out",
        )
        if isinstance(self.network, StreamNetworkConfig):
            self.network.check(Frame.of(self.frontend))
            _require(
                not self.network.one_probability or len(self.data.words) == 1,
                f"network.probability = true is for one word, and data.words are {len(self.data.words)}",
            )
        _require(
            self.data.tokens == WORDS or (self.training.loss == "ctc" and not self._one),
            f'data.tokens = "{self.data.tokens}" needs training.loss = "ctc", and a probability of each token',
        )
        _require(
            not self.training.sentences
            or (self.data.tokens != WORDS and isinstance(self.network, StreamNetworkConfig)),
            "training.sentences needs data.tokens that spell words, characters or phones, and a network that hears"
            " streams",
        )
        if self.data.tokens != PHONES or self.data.spellings:
            self.decision.check(self.outputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Labels of the int8 network's outputs: all, or the only word where it knows no other."""
        return self.data.words if self._one else self.data.symbols

    @property
    def _one(self) -> bool:
        return isinstance(self.network, StreamNetworkConfig) and self.network.one_probability

    @property
    def decision(self) -> DecisionConfig:
        """The detector; where it takes a lexicon and has none, with that of the data."""
        return self.detector.spelled(self.data.words, self.data.spelled)

    def as_dict(self) -> dict[str, Any]:
        """The experiment as nested plain values, ready for JSON."""
        kinds = {
            "frontend": self.frontend.as_dict(),
            "detector": self.detector.as_dict(),
            "network": self.network.as_dict(),
        }
        values = {**dataclasses.asdict(self), **kinds}
        if not self.gate.on:
            del values["gate"]
        return values


T = TypeVar("T")
_READERS: fields.Readers = {
    FrontendConfig: frontends.read,
    DecisionConfig: decisions.read,
    NetworkConfig: network.read,
}


def from_dict(kind: type[T], values: dict[str, Any], where: str = "") -> T:
    """Build a section, or a whole :class:`Experiment`, from nested plain values, as TOML or JSON give them.

    Raises:
        KwsError: an unknown key, a value of the wrong type, or one out of its range.
    """
    return fields.read(kind, values, where, _READERS)


def load(path: str | Path, earlier: bool = False) -> Experiment:
    """Read an experiment from a TOML file.

    Args:
        path: the file; what it does not say is as in its ``base``, a path from its own folder.
        earlier: take keys that an earlier version of kws wrote, too.

    Raises:
        KwsError: the file or its base is missing, is not TOML, or holds an unknown key or a bad value.
    """
    path = Path(path)
    values = toml.read(path)
    try:
        values = spelling.with_lexicon(values, path.parent, COMMANDS)
        renamed = upgraded(values)
        if not earlier:
            refuse_earlier(values, renamed)
        return from_dict(Experiment, _with_grammar(renamed if earlier else values))
    except KwsError as error:
        raise KwsError(f"{path}: {error}") from error


def _with_grammar(values: dict[str, Any]) -> dict[str, Any]:
    """Values in which ``[[phrases]]`` and ``[listening]``, in milliseconds, have become keys of the decision."""
    given = {name: values[name] for name in ("phrases", "listening") if name in values}
    if not given:
        return values
    rest = {name: value for name, value in values.items() if name not in given}
    front = frontends.read(rest.get("frontend", {}), "frontend")
    return {**rest, "detector": grammar_values(rest.get("detector", {}), front.frames_in, **given)}
