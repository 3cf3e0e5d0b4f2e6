"""int8 log-mel features of clips, from the front end that ships, cached in the run's folder.

Waveform augmentation and the integer front end cost a few milliseconds a clip, so a fixed number
of variants of every training clip is computed once, on all cores; what is cheap (SpecAugment) is
drawn afresh in every epoch.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

import kws
from kws import workers
from kws.config import AugmentConfig, Experiment
from kws.datasets import clips as clip_lists
from kws.datasets import roles
from kws.datasets.augment import NoiseSource, augment, word_ends
from kws.datasets.clips import Example
from kws.datasets.rooms import Rooms
from kws.datasets.splits import SPLITS, TRAINING
from kws.errors import KwsError
from kws.files import replacing
from kws.fixedpoint import frontends as fixedpoint_frontends
from kws.npz import DAMAGE
from kws.types import Int8, Int16, Progress

# A few hundred variants a job: about a second, so that progress moves and Ctrl-C is quick.
_JOB_VARIANTS = 512
# For as many full jobs or fewer, starting processes takes longer than the jobs do.
_WORTH_PROCESSES = 2
# Streams in step in the front end: few enough for a frame's arrays to stay in the cache.
_STREAMS = 64


@dataclass(frozen=True)
class Features:
    """What training sees of clips.

    Attributes:
        features: int8 [clips, variants, frames, bands].
        ends: int16 [clips, variants]: how many frames are complete where the word ends
            (`kws.datasets.augment.word_ends`); of clips without speech, meaningless.
    """

    features: Int8
    ends: Int16


@dataclass(frozen=True)
class Recipe:
    """What makes features of examples.

    Attributes:
        experiment: the settings.
        split: ``training``, ``validation`` or ``testing``.
        examples: the clips, in order.
        background: noise recordings.
        variants: variants of each example; the first is the clip as recorded.
        speech: recordings of other speech, for babble under the words.
        rooms: room impulse responses.
        augment: how the variants differ; by default the experiment's.
        purpose: what they are for, in the name of the cached file; by default the split.
    """

    experiment: Experiment
    split: str
    examples: tuple[Example, ...]
    background: tuple[Path, ...]
    variants: int
    speech: tuple[Path, ...] = ()
    rooms: tuple[Path, ...] = ()
    augment: AugmentConfig | None = None
    purpose: str = ""

    @property
    def augmentation(self) -> AugmentConfig:
        """How the variants differ."""
        return self.augment or self.experiment.augment


def listing(made: Recipe) -> list[object]:
    """The examples and noise recordings as plain values: label, folder, name and a digest of the contents."""
    spoken = [e.clip.path for e in made.examples if e.clip is not None]
    paths = (*spoken, *made.background, *made.speech, *made.rooms)
    files = dict(zip(paths, clip_lists.digests(paths), strict=True))
    examples = [
        [e.label, None if e.clip is None else [e.clip.word, e.clip.path.name, files[e.clip.path]]]
        for e in made.examples
    ]
    others = [[files[p] for p in group] for group in (made.speech, made.rooms)]
    return [examples, [files[p] for p in made.background], *(others if any(others) else ())]


def digest(made: Recipe) -> str:
    """16 hexadecimal digits that change with whatever would change the features.

    Files count by folder, name and contents. The code that makes the features counts too.
    """
    experiment = made.experiment
    settings = {
        "kws": kws.__version__,
        "frontend": experiment.as_dict()["frontend"],
        "clip_ms": experiment.data.clip_ms,
        "augment": waveform_settings(made.augmentation) if made.variants > 1 else None,
        "variants": made.variants,
        "seed": made.augmentation.seed,
        "split": made.split,
        "files": listing(made),
        "code": [*sources_in(fixedpoint_frontends), *(source(m) for m in (augment, clip_lists.load, Rooms))],
    }
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]


def waveform_settings(config: AugmentConfig) -> list[object]:
    """What of an augmentation changes the samples."""
    return [
        config.speed_percent,
        config.time_shift_ms,
        list(config.gain_db),
        config.noise_probability,
        list(config.snr_db),
        config.babble_probability,
        config.rooms_probability,
    ]


def source(member: object) -> str:
    """A digest of the module of ``member``."""
    try:
        return hashlib.sha256(inspect.getsource(sys.modules[member.__module__]).encode()).hexdigest()
    except OSError:
        return ""  # an installation without sources is told apart by its version


def sources_in(package: ModuleType) -> list[str]:
    """A digest of each module of ``package``."""
    folder = Path(str(package.__file__)).parent
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.py"))]


def features(made: Recipe, folder: Path, progress: Progress | None = None, shared: bool = False) -> Features:
    """Features of a recipe, from the cache or computed into it.

    Training clips: the first variant is the clip as recorded, the others are augmented
    (`kws.datasets.augment.augment`). Silence is drawn anew in every variant. The result depends
    on the recipe alone, not on the number of processes.

    Args:
        made: what to compute.
        folder: the cache.
        progress: called with (clips done, clips in total), variants counted as clips.
        shared: leave other features of the same split in the cache, instead of deleting them.

    Raises:
        KwsError: a clip cannot be read (it is named), or the cache cannot be written.
    """
    config = made.experiment
    shape = (
        len(made.examples),
        made.variants,
        config.frontend.frames(config.data.clip_samples),
        config.frontend.features,
    )
    purpose = made.purpose or made.split
    path = folder / f"{purpose}-{digest(made)}.npz"
    if (found := _cached(path, shape)) is not None:
        return found
    result = Features(np.empty(shape, np.int8), np.empty(shape[:2], np.int16))
    done = 0
    processes = None if shape[0] * shape[1] > _WORTH_PROCESSES * _JOB_VARIANTS else 1
    # Closed at once, whatever happens: its processes must not outlive this call.
    with contextlib.closing(workers.run(_Maker(made), _jobs(made), processes)) as blocks:
        for job, block in blocks:
            places = list(job.places)
            result.features[places], result.ends[places] = block.features, block.ends
            done += len(places) * made.variants
            if progress is not None:
                progress(done, shape[0] * shape[1])
    with replacing(path) as temporary:
        require_space(temporary, result.features.nbytes + result.ends.nbytes)
        with temporary.open("wb") as file:
            np.savez(file, features=result.features, ends=result.ends)
    for old in () if shared else folder.glob(f"{purpose}-*.np[yz]"):
        if old != path:
            # Another training may tidy up the same.
            old.unlink(missing_ok=True)
    return result


def _cached(path: Path, shape: tuple[int, int, int, int]) -> Features | None:
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            found = Features(file["features"], file["ends"])
    except DAMAGE:
        return None  # damaged: computed again
    fits = (found.features.shape, found.ends.shape) == (shape, shape[:2])
    return found if fits and found.features.dtype == np.int8 and found.ends.dtype == np.int16 else None


def require_space(path: Path, size: int) -> None:
    """Refuse features of ``size`` bytes where there is no room for them beside ``path``.

    Raises:
        KwsError: there is not.
    """
    free = shutil.disk_usage(path.parent).free
    if free < size:
        raise KwsError(
            f"the features need {size / 1e6:.0f} MB in {path.parent} and {free / 1e6:.0f} MB are free; make room there"
        )


@dataclass(frozen=True)
class _Job:
    """Some examples, all with a clip or all without, by index."""

    places: tuple[int, ...]
    spoken: bool


def _jobs(made: Recipe) -> list[_Job]:
    size = max(1, _JOB_VARIANTS // made.variants)
    jobs = []
    for spoken in (True, False):
        places = [i for i, e in enumerate(made.examples) if (e.clip is not None) == spoken]
        jobs += [_Job(tuple(places[i : i + size]), spoken) for i in range(0, len(places), size)]
    return jobs


@dataclass(frozen=True)
class _Maker:
    """Makes the features of a recipe's jobs."""

    made: Recipe

    def __call__(self, job: _Job) -> Features:
        return _run(self.made, job)

    def close(self) -> None:
        pass


def _seed(made: Recipe, job: _Job) -> int:
    key = [made.augmentation.seed, SPLITS.index(made.split), job.places[0], job.spoken]
    return int(np.random.SeedSequence(key).generate_state(1)[0])


@cache
def noise_of(paths: tuple[Path, ...], samples: int, seed: int, speech: tuple[Path, ...] = ()) -> NoiseSource:
    """A process's source of noise: it is read once."""
    return NoiseSource(paths, samples, seed, speech)


@cache
def rooms_of(paths: tuple[Path, ...]) -> Rooms | None:
    """A process's rooms; None where there is none."""
    recordings = [roles.Recording(path, path.name, roles.ROOMS, "", TRAINING) for path in paths]
    return Rooms(roles.impulse_responses(recordings)) if recordings else None


def _run(made: Recipe, job: _Job) -> Features:
    config, how = made.experiment, made.augmentation
    samples = config.data.clip_samples
    noise = noise_of(made.background, samples, how.seed, made.speech)
    if job.spoken:
        rooms = rooms_of(made.rooms)
        chosen = [made.examples[i] for i in job.places]
        recorded, _ = clip_lists.load(chosen, config.data, noise)
        rng = np.random.default_rng(_seed(made, job))
        variants = [(recorded, word_ends(recorded.astype(np.float32)))]
        variants += [augment(recorded, rng, how, noise, rooms) for _ in range(made.variants - 1)]
    else:
        # Silence draws from the source's own generator, so each job needs a source of its own.
        fresh = noise.reseeded(_seed(made, job))
        nowhere = np.zeros(len(job.places), np.int32)
        variants = [(fresh.silence(len(job.places)), nowhere) for _ in range(made.variants)]
    parts = []
    for pcm, _ in variants:
        blocks = [
            config.frontend.twin(len(block)).process(block)
            for block in (pcm[i : i + _STREAMS] for i in range(0, len(pcm), _STREAMS))
        ]
        parts.append(np.concatenate(blocks))
    frames = np.stack([[config.frontend.frames(int(end)) for end in ends] for _, ends in variants], axis=1)
    return Features(np.stack(parts, axis=1), frames.astype(np.int16))
