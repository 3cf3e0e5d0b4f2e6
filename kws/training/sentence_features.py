"""int8 features of transcribed sentences, cached: one file on the disk, read as it is needed.

Each sentence has variants as clips of words have: faster or slower, in a room, under noise, at another gain. An hour is
7.2 MB a variant, as of negatives.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kws import audio, workers
from kws.config import SAMPLE_RATE, Experiment
from kws.datasets import clips as clip_lists
from kws.datasets import transcripts
from kws.datasets.transcribed import Transcribed
from kws.errors import KwsError
from kws.training import features as clip_features
from kws.training import long_features
from kws.types import Int8, Int64, Pcm, Progress

NAME = "sentences"

# Keeps the draws apart from those of clips and negatives of the same seed.
_SEED = 0x5E27
_BLOCK_SECONDS = 30
# Tables round to hundredths of a second, and encoders cut what is behind the last sound.
_LATE_SECONDS = 0.2


@dataclass(frozen=True)
class Recipe:
    """What makes features of sentences.

    Attributes:
        experiment: the settings.
        stretches: where they are said, those of a recording in a row.
        noise: noise recordings that may be under them; synthesised noise where there are none.
        rooms: room impulse responses.
    """

    experiment: Experiment
    stretches: tuple[Transcribed, ...]
    noise: tuple[Path, ...] = ()
    rooms: tuple[Path, ...] = ()

    @property
    def variants(self) -> int:
        """Of each; the first is as recorded."""
        return self.experiment.augment.variants

    @property
    def longest(self) -> int:
        """Samples of the longest variant that there may be."""
        slowest = 1 - self.experiment.augment.speed_percent / 100
        return int(max(s.end - s.start for s in self.stretches) / slowest) + 1


@dataclass(frozen=True)
class SentenceFeatures:
    """Features of sentences.

    Attributes:
        features: int8 [frames, bands], one variant after the other, those of a sentence in a row; mapped into memory.
        bounds: first frame of each variant of each sentence, and the end of the last, int64 [sentences * variants + 1].
        variants: of each sentence.
    """

    features: Int8
    bounds: Int64
    variants: int

    @property
    def lengths(self) -> Int64:
        """Frames, int64 [sentences, variants]."""
        return np.diff(self.bounds).reshape(-1, self.variants)

    def of(self, sentence: int, variant: int) -> Int8:
        """Features of a variant, int8 [frames, bands]."""
        place = sentence * self.variants + variant
        return self.features[self.bounds[place] : self.bounds[place + 1]]


def listing(made: Recipe) -> list[object]:
    """The stretches as plain values: a digest of the recording's contents, first sample, and end."""
    groups = _groups(made.stretches)
    files = clip_lists.digests([group[0].recording.path for group in groups])
    return [[file, [[s.start, s.end] for s in group]] for file, group in zip(files, groups, strict=True)]


def digest(made: Recipe) -> str:
    """16 hexadecimal digits that change with whatever would change the features; the code counts too."""
    return long_features.digest(
        made.experiment,
        made.variants,
        [clip_lists.digests(list(paths)) for paths in (made.noise, made.rooms)],
        {"files": listing(made)},
        (features,),
    )


def features(made: Recipe, folder: Path, progress: Progress | None = None, shared: bool = False) -> SentenceFeatures:
    """Features of a recipe, from the cache or computed into it, on all cores.

    The result depends on the recipe alone, not on the number of processes.

    Args:
        made: what to compute.
        folder: the cache.
        progress: called with (sentences done, sentences in total).
        shared: leave features of other sentences in the cache, instead of deleting them.

    Raises:
        KwsError: a recording cannot be read, or ends before a sentence does, or the cache cannot be written.
    """
    parts = len(made.stretches) * made.variants
    found, table = long_features.kept(
        folder,
        NAME,
        digest(made),
        made.experiment.frontend.features,
        lambda table: len(table["bounds"]) == parts + 1,
        lambda file: _written(made, file, progress),
        shared,
    )
    return SentenceFeatures(found, table["bounds"], made.variants)


def _groups(stretches: Sequence[Transcribed]) -> list[list[Transcribed]]:
    """The stretches of each recording in a row."""
    return [list(group) for _, group in itertools.groupby(stretches, key=lambda s: s.recording.path)]


def _written(made: Recipe, file: BinaryIO, progress: Progress | None) -> long_features.Table:
    """Write the features in order of the stretches; returns the bounds of each variant."""
    groups = _groups(made.stretches)
    lengths: list[int] = []
    done = 0
    # Closed at once, whatever happens: its processes must not outlive this call.
    with contextlib.closing(workers.run(_Maker(made), range(len(groups)))) as results:
        for group, heard in zip(groups, long_features.in_order(results), strict=True):
            for variant in heard:
                clip_features.require_space(Path(file.name), variant.nbytes)
                file.write(variant.tobytes())
                lengths.append(len(variant))
            done += len(group)
            if progress is not None:
                progress(done, len(made.stretches))
    return {"bounds": np.cumsum([0, *lengths])}


@dataclass(frozen=True)
class _Maker:
    """Makes the features of the sentences of a recording: all variants of the first, of the second, ..."""

    made: Recipe

    def __call__(self, job: int) -> list[Int8]:
        frontend = self.made.experiment.frontend
        heard = []
        for place, pcm in enumerate(_cuts(_groups(self.made.stretches)[job])):
            for variant in range(self.made.variants):
                rng = np.random.default_rng([self.made.experiment.augment.seed, _SEED, job, place, variant])
                varied = _varied(self.made, pcm, rng) if variant else pcm
                heard.append(frontend.twin(1).process(varied[None])[0])
        return heard

    def close(self) -> None:
        pass


def _cuts(group: Sequence[Transcribed]) -> Iterator[Pcm]:
    """The samples of stretches of one recording, in bounded memory if they are in order, int16 [samples]."""
    path = group[0].recording.path
    blocks = audio.blocks(path, _BLOCK_SECONDS * SAMPLE_RATE)
    held, first = np.zeros(0, np.int16), 0
    for place, stretch in enumerate(group):
        while first + len(held) < stretch.end and (block := next(blocks, None)) is not None:
            needed = min(s.start for s in group[place:]) - first
            held, first = np.concatenate([held[max(needed, 0) :], block]), first + min(max(needed, 0), len(held))
        if first + len(held) < stretch.end - _LATE_SECONDS * SAMPLE_RATE or stretch.start >= first + len(held):
            raise KwsError(
                f"{path} is {(first + len(held)) / SAMPLE_RATE:.2f} s long, and in {transcripts.NAME} a stretch of it"
                f" ends at {stretch.end / SAMPLE_RATE:.2f} s; correct the table, or bring the whole recording"
            )
        yield held[stretch.start - first : stretch.end - first]


def _varied(made: Recipe, pcm: Pcm, rng: np.random.Generator) -> Pcm:
    """A sentence at another speed, in a room, under noise and at another gain."""
    config = made.experiment.augment
    rooms = clip_features.rooms_of(made.rooms)
    return long_features.varied(
        pcm,
        rng,
        config,
        rooms,
        lambda: clip_features.noise_of(made.noise, made.longest, config.seed),
        config.snr_db,
    )
