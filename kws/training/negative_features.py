"""int8 features of long recordings that say no word to spot, cached: one file on the disk, read as it is needed.

Each recording is heard in parts of some seconds, so that hours of it fit into memory and every part has a speed,
a room, noise and a gain of its own; the features of a part are a segment, and no cut goes across
segments. An hour of sound is 7.2 MB a variant (50 frames of 40 bytes a second): 1,000 hours in three variants are
22 GB on the disk, of which a training touches what it draws.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kws import workers
from kws.config import SAMPLE_RATE, Experiment
from kws.datasets import clips as clip_lists
from kws.datasets import roles
from kws.datasets.augment import NoiseSource
from kws.datasets.splits import SPLITS, TRAINING
from kws.datasets.tones import tones
from kws.errors import KwsError
from kws.training import features as clip_features
from kws.training import long_features
from kws.types import Int8, Int64, Pcm, Progress

SPEECH, NOISE, TONES = KINDS = (roles.SPEECH, roles.NOISE, "tones")
PART_SECONDS = 20
TONE_MINUTES = 10


@dataclass(frozen=True)
class Recipe:
    """What makes features of negatives.

    Attributes:
        experiment: the settings.
        kind: ``speech``, ``noise`` or ``tones``.
        split: ``training`` or ``validation``.
        recordings: what is heard, in order; of tones none, they are made.
        noise: noise recordings that may be under speech.
        rooms: room impulse responses.
        variants: of each part; the first is as recorded.
        name: of the recordings, in the name of the cached files; by default the kind.
    """

    experiment: Experiment
    kind: str
    split: str
    recordings: tuple[roles.Recording, ...]
    noise: tuple[Path, ...] = ()
    rooms: tuple[Path, ...] = ()
    variants: int = 1
    name: str = ""

    @property
    def jobs(self) -> int:
        """Recordings, or minutes of tones."""
        return TONE_MINUTES if self.kind == TONES else len(self.recordings)

    @property
    def doubtful(self) -> bool:
        """Whether what nobody wrote down is heard: in training it is."""
        return self.split == TRAINING


@dataclass(frozen=True)
class NegativeFeatures:
    """Features of negatives.

    Attributes:
        features: int8 [frames, bands], one segment after the other; mapped into memory.
        bounds: first frame of each segment, and the end of the last, int64 [segments + 1].
        recordings: which recording each segment is of, int64 [segments].
        seconds: of sound as recorded, without what is left out.
    """

    features: Int8
    bounds: Int64
    recordings: Int64
    seconds: float


def listing(made: Recipe) -> list[object]:
    """The recordings as plain values: a digest of the contents, and what is left out of each."""
    paths = [r.path for r in made.recordings]
    files = clip_lists.digests(paths)
    return [[file, r.said, () if made.doubtful else r.doubtful] for file, r in zip(files, made.recordings, strict=True)]


def digest(made: Recipe) -> str:
    """16 hexadecimal digits that change with whatever would change the features; the code counts too."""
    return long_features.digest(
        made.experiment,
        made.variants,
        (list(made.experiment.negatives.snr_db), clip_lists.digests([*made.noise, *made.rooms])),
        {"kind": made.kind, "split": made.split, "files": listing(made)},
        (tones, roles.parts, features),
    )


def features(made: Recipe, folder: Path, progress: Progress | None = None, shared: bool = False) -> NegativeFeatures:
    """Features of a recipe, from the cache or computed into it, on all cores.

    The result depends on the recipe alone, not on the number of processes.

    Args:
        made: what to compute.
        folder: the cache.
        progress: called with (recordings done, recordings in total).
        shared: leave other features of the same name and split in the cache, instead of deleting them.

    Raises:
        KwsError: a recording cannot be read, or the cache cannot be written.
    """
    found, table = long_features.kept(
        folder,
        f"negatives-{made.name or made.kind}-{made.split}",
        digest(made),
        made.experiment.frontend.features,
        lambda table: len(table["bounds"]) == len(table["recordings"]) + 1 and "samples" in table,
        lambda file: _written(made, file, progress),
        shared,
    )
    return NegativeFeatures(found, table["bounds"], table["recordings"], float(table["samples"]) / SAMPLE_RATE)


def _written(made: Recipe, file: BinaryIO, progress: Progress | None) -> long_features.Table:
    """Write the features in order of the recordings; returns each segment's bounds and recording, and the samples."""
    lengths: list[int] = []
    which: list[int] = []
    samples = 0
    # Closed at once, whatever happens: its processes must not outlive this call.
    with contextlib.closing(workers.run(_Maker(made), range(made.jobs))) as results:
        for job, heard in enumerate(long_features.in_order(results)):
            clip_features.require_space(Path(file.name), heard.features.nbytes)
            file.write(heard.features.tobytes())
            lengths += heard.lengths
            which += [job] * len(heard.lengths)
            samples += heard.samples
            if progress is not None:
                progress(job + 1, made.jobs)
    if not lengths:
        raise KwsError(f"nothing of the {made.kind} to hear is left; give other recordings, or leave them out")
    return {"bounds": np.cumsum([0, *lengths]), "recordings": np.array(which), "samples": np.array(samples)}


@dataclass(frozen=True)
class _Heard:
    """The features of one recording, int8 [frames, bands], the lengths of its segments, and its samples."""

    features: Int8
    lengths: list[int]
    samples: int


@dataclass(frozen=True)
class _Maker:
    """Makes the features of a recording."""

    made: Recipe

    def __call__(self, job: int) -> _Heard:
        frontend = self.made.experiment.frontend
        found: list[Int8] = [np.zeros((0, frontend.features), np.int8)]
        samples = 0
        for place, part in enumerate(_parts(self.made, job)):
            samples += len(part)
            for variant in range(self.made.variants):
                heard = part if variant == 0 else _varied(self.made, part, _rng(self.made, job, place, variant))
                frames = frontend.twin(1).process(heard[None])[0]
                if len(frames):
                    found.append(frames)
        return _Heard(np.concatenate(found), [len(f) for f in found[1:]], samples)

    def close(self) -> None:
        pass


def _rng(made: Recipe, *places: int) -> np.random.Generator:
    return np.random.default_rng(
        [made.experiment.augment.seed, KINDS.index(made.kind), SPLITS.index(made.split), *places]
    )


def _parts(made: Recipe, job: int) -> Iterator[Pcm]:
    if made.kind != TONES:
        yield from roles.parts(made.recordings[job], PART_SECONDS * SAMPLE_RATE, made.doubtful)
        return
    rng = _rng(made, job)
    for _ in range(60 // PART_SECONDS):
        yield tones(rng, PART_SECONDS * SAMPLE_RATE)


def _varied(made: Recipe, part: Pcm, rng: np.random.Generator) -> Pcm:
    """A part at another speed, in a room, under noise and at another gain; beeps are made as they should be."""
    config = made.experiment
    rooms = clip_features.rooms_of(made.rooms)
    noise = (lambda: _noise(made)) if made.kind == SPEECH else None
    return long_features.varied(
        part, rng, config.augment, rooms, noise, config.negatives.snr_db, at_speeds=made.kind != TONES
    )


def _noise(made: Recipe) -> NoiseSource:
    return clip_features.noise_of(made.noise, PART_SECONDS * SAMPLE_RATE, made.experiment.augment.seed)


def of_split(recordings: Sequence[roles.Recording], role: str, split: str) -> tuple[roles.Recording, ...]:
    """The recordings of a role in a split."""
    return tuple(r for r in recordings if (r.role, r.split) == (role, split))


def recipes(
    experiment: Experiment, recordings: Sequence[roles.Recording], noise: Sequence[Path], name: str = ""
) -> list[Recipe]:
    """What makes the features of all negatives: to train with in variants, to validate with as recorded.

    Args:
        experiment: the settings.
        recordings: of all roles.
        noise: noise recordings of the words' own folders.
        name: as of a :class:`Recipe`; what has one is speech alone.

    Returns:
        A recipe of each kind and split that there is something of; none at all where there is neither speech
        nor noise.
    """
    rooms = tuple(r.path for r in recordings if r.role == roles.ROOMS)
    made = [
        Recipe(experiment, role, split, chosen, name=name)
        for role in (SPEECH, NOISE)
        for split in (TRAINING, *SPLITS[1:2])
        if (chosen := of_split(recordings, role, split))
    ]
    under = (*noise, *(r.path for r in of_split(recordings, NOISE, TRAINING)))
    training = [
        replace(r, noise=under if r.kind == SPEECH else (), rooms=rooms, variants=experiment.negatives.variants)
        for r in made
        if r.split == TRAINING
    ]
    if training and not name:
        training.append(Recipe(experiment, TONES, TRAINING, (), rooms=rooms, variants=experiment.negatives.variants))
    return [*training, *(r for r in made if r.split != TRAINING)]
