"""Streams of word sequences, each said by one speaker, made from clips of single words.

A sequence is some words with short pauses between them; longer pauses stand between sequences. Clips
are trimmed to their words. Under it lies one noise, at a signal-to-noise ratio drawn for each sequence.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import SAMPLE_RATE, SILENCE, DataConfig
from kws.datasets.augment import active_rms, word_ends
from kws.datasets.clips import background, index
from kws.datasets.fit import read_loudest
from kws.datasets.splits import VALIDATION, speaker_of
from kws.errors import KwsError
from kws.evaluation.stream.audio import loop, noise_recording
from kws.evaluation.stream.spec import CLEAN, StreamSpec
from kws.types import Floats, Pcm

# Kept around a word, beyond the frames that count as speech: soft ends of words are below them.
_MARGIN = SAMPLE_RATE * 60 // 1000
_EDGE = SAMPLE_RATE // 100
_CLEAN_DB = 60.0
_CLIPS = 2048
# No word is longer; of a longer recording the loudest part is taken.
_CLIP_SECONDS = 10


@dataclass(frozen=True)
class SequenceSettings:
    """How sequences are said.

    Attributes:
        gap_ms: shortest and longest pause between two words of a sequence, in milliseconds.
        pause_ms: the same between two sequences.
        snr_db: signal-to-noise ratios, of which each sequence has one, drawn evenly.
        level_dbfs: lowest and highest active level of speech, in dB below full scale.
    """

    gap_ms: tuple[float, float] = (0.0, 300.0)
    pause_ms: tuple[float, float] = (1500.0, 2500.0)
    snr_db: tuple[float, ...] = (CLEAN, 20.0, 10.0, 5.0)
    level_dbfs: tuple[float, float] = (-35.0, -20.0)


DEFAULTS = SequenceSettings()


@dataclass(frozen=True)
class Said:
    """A sequence in a stream; times are samples of the stream.

    Attributes:
        words: its words.
        starts, ends: where each word begins and ends.
        snr_db: its signal-to-noise ratio.
    """

    words: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    snr_db: float


class Voices:
    """Clips by word and speaker.

    Attributes:
        root: the data folder.
        noise: its noise recordings, relative to it.
    """

    def __init__(self, root: Path, clips: Iterable[tuple[str, str]], noise: Sequence[str] = ()) -> None:
        """Sort clips.

        Args:
            root: the data folder.
            clips: word and path of each, relative to ``root``.
            noise: noise recordings, likewise; without any, noise is synthesised.
        """
        self.root, self.noise = root, tuple(noise)
        self._clips: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
        for word, path in clips:
            self._clips[word][speaker_of(path)].append(root / path)

    @classmethod
    def of_split(cls, root: Path, data: DataConfig, split: str = VALIDATION) -> Voices:
        """All clips of a split, and the background noise.

        Raises:
            KwsError: the folder holds no clips.
        """

        def relative(path: Path) -> str:
            return path.relative_to(root).as_posix()

        heard = [c for c in index(root, data) if split in (c.split, "all") and c.word != SILENCE]
        return cls(root, [(c.word, relative(c.path)) for c in heard], [relative(p) for p in background(root)])

    @classmethod
    def of_stream(cls, root: Path, spec: StreamSpec) -> Voices:
        """The wanted words' clips of a stream, and its noise."""
        return cls(root, [(word, path) for word, paths in spec.wanted.items() for path in paths], spec.noise)

    @property
    def words(self) -> tuple[str, ...]:
        """Words with clips, sorted."""
        return tuple(sorted(self._clips))

    def draw(self, words: Sequence[str], rng: np.random.Generator) -> list[Path]:
        """A clip of each word, of one speaker if somebody says them all.

        Raises:
            KwsError: nobody says one of the words.
        """
        missing = [word for word in words if word not in self._clips]
        if missing:
            raise KwsError(f"{self.root} has no clips of {', '.join(missing)} to make sequences of")
        both = sorted(set.intersection(*(set(self._clips[word]) for word in words)))
        speaker = both[rng.integers(len(both))] if both else None
        paths = []
        for word in words:
            of_word = self._clips[word]
            takes = of_word[speaker if speaker is not None else sorted(of_word)[rng.integers(len(of_word))]]
            paths.append(takes[rng.integers(len(takes))])
        return paths


def render(
    voices: Voices, sequences: Sequence[Sequence[str]], seed: Sequence[int], settings: SequenceSettings = DEFAULTS
) -> tuple[Pcm, list[Said]]:
    """A stream that says sequences, one after another.

    Args:
        voices: whose clips.
        sequences: what is said; an empty one is noise for as long as a pause.
        seed: of every draw.
        settings: how it is said.

    Returns:
        int16 [samples], and what is where, without the empty sequences.

    Raises:
        KwsError: a word has no clips, or a file cannot be read.
    """
    rng = np.random.default_rng(list(seed))
    level = rng.uniform(*settings.level_dbfs)
    parts: list[tuple[int, Floats]] = []
    noises: list[tuple[int, float]] = []
    said = []
    at = 0
    for words in sequences:
        snr = settings.snr_db[rng.integers(len(settings.snr_db))]
        noises.append((at, level - min(snr, _CLEAN_DB)))
        at += _samples(rng, settings.pause_ms)
        starts, ends = [], []
        for number, path in enumerate(voices.draw(words, rng) if words else []):
            at += _samples(rng, settings.gap_ms) if number else 0
            clip, begin, end, rms = word_of(path)
            parts.append((at, clip * np.float32(32768 * 10 ** (level / 20) / rms)))
            starts.append(at + begin)
            ends.append(at + end)
            at += len(clip)
        if words:
            said.append(Said(tuple(words), tuple(starts), tuple(ends), snr))
    at += SAMPLE_RATE
    bed = _bed(voices, rng, noises, at)
    for start, clip in parts:
        bed[start : start + len(clip)] += clip
    return audio.to_int16(bed), said


def _samples(rng: np.random.Generator, between_ms: tuple[float, float]) -> int:
    return int(rng.uniform(*between_ms) * SAMPLE_RATE / 1000)


def _bed(voices: Voices, rng: np.random.Generator, levels: Sequence[tuple[int, float]], samples: int) -> Floats:
    """Noise whose rms goes from level to level, in dB below full scale, within a tenth of a second."""
    spec = StreamSpec(
        minutes=1, clip_ms=1000, wanted={"any": ("any",)}, unwanted=(), noise=voices.noise, digest="", split=VALIDATION
    )
    noise, rms_db = noise_recording(spec, voices.root, int(rng.integers(spec.noises)))
    db = np.full(samples, levels[-1][1] if levels else -90.0, np.float32)
    for (start, level), (stop, _) in itertools.pairwise(levels):
        db[start:stop] = level
    window = SAMPLE_RATE // 10
    smooth = np.cumsum(np.pad(db.astype(np.float64), (window, 0), mode="edge"))
    smooth = (smooth[window:] - smooth[:-window]) / window
    gains: npt.NDArray[np.float64] = 32768 * 10 ** ((smooth - rms_db) / 20)
    return (loop(noise, int(rng.integers(len(noise))), samples) * gains).astype(np.float32)


@lru_cache(_CLIPS)
def word_of(path: Path) -> tuple[Floats, int, int, float]:
    """A clip trimmed to its word, with soft edges; where in it the word begins and ends; its active rms.

    Returns:
        float32 [samples], begin and end in samples, rms in units of int16, at least 1.

    Raises:
        KwsError: the file cannot be read.
    """
    x = read_loudest(path, _CLIP_SECONDS * SAMPLE_RATE).astype(np.float32)
    end = int(word_ends(x[None])[0])
    begin = len(x) - int(word_ends(x[None, ::-1])[0])
    first, last = max(begin - _MARGIN, 0), min(end + _MARGIN, len(x))
    cut = x[first:last].copy()
    edge = min(_EDGE, len(cut) // 2)
    ramp = ((np.arange(edge) + 0.5) / max(edge, 1)).astype(np.float32)
    cut[:edge] *= ramp
    cut[len(cut) - edge :] *= ramp[::-1]
    return cut, begin - first, end - first, max(float(active_rms(x[None])[0]), 1.0)
