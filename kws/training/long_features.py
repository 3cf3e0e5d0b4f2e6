"""What features of long recordings have in common: a file on the disk that is mapped into memory, and how parts vary.

The modules that use it are told apart in the names of their files by its source, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import soxr

import kws
from kws import audio
from kws.config import SAMPLE_RATE, AugmentConfig, Experiment
from kws.datasets.augment import NoiseSource, active_rms
from kws.datasets.rooms import Rooms
from kws.errors import KwsError
from kws.files import replacing
from kws.fixedpoint import frontends as fixedpoint_frontends
from kws.npz import DAMAGE
from kws.training import features as clip_features
from kws.types import Floats, Int8, Int64, Pcm

Table = dict[str, Int64]
"""Where the parts of features lie, ``bounds``: the first frame of each and the end of the last; and what they are."""
_T = TypeVar("_T")


def digest(
    experiment: Experiment,
    variants: int,
    draws: Iterable[object],
    parts: Mapping[str, object],
    code: Iterable[object],
) -> str:
    """16 hexadecimal digits that change with whatever would change the features.

    Args:
        experiment: the settings.
        variants: of each part; how they are made does not count where there is one.
        draws: what makes variants, beside the settings of the augmentation.
        parts: what the features are of, as plain values by name.
        code: members of the modules that make them, beside those here and the front ends.
    """
    settings = {
        "kws": kws.__version__,
        "frontend": experiment.as_dict()["frontend"],
        "variants": variants,
        "augment": [clip_features.waveform_settings(experiment.augment), *draws] if variants > 1 else None,
        "seed": experiment.augment.seed,
        **parts,
        "code": [
            *clip_features.sources_in(fixedpoint_frontends),
            *(clip_features.source(member) for member in (active_rms, Rooms, varied, *code)),
        ],
    }
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]


def kept(
    folder: Path,
    name: str,
    digest: str,
    bands: int,
    fits: Callable[[Table], bool],
    write: Callable[[BinaryIO], Table],
    shared: bool,
) -> tuple[Int8, Table]:
    """Features from the cache, or written into it.

    Args:
        folder: the cache.
        name: of the files, before the digest.
        digest: of all that makes them.
        bands: of a frame.
        fits: whether a table is one of them; it may raise a KeyError.
        write: writes the features, frame by frame, and returns their table.
        shared: leave other files of the name in the cache, instead of deleting them.

    Returns:
        int8 [frames, bands], mapped into memory, and the table.

    Raises:
        KwsError: the cache cannot be written.
    """
    data, table = (folder / f"{name}-{digest}{suffix}" for suffix in (".int8", ".npz"))
    if (found := _read(data, table, bands, fits)) is not None:
        return found
    with replacing(data) as temporary:
        with temporary.open("wb") as file:
            said = write(file)
        # The table last: where it is, the data are whole.
        table.unlink(missing_ok=True)
    with replacing(table) as temporary, temporary.open("wb") as file:
        np.savez(file, **said)  # type: ignore[arg-type]
    for old in () if shared else folder.glob(f"{name}-*"):
        if old not in (data, table):
            # Another training may tidy up the same.
            old.unlink(missing_ok=True)
    made_now = _read(data, table, bands, fits)
    if made_now is None:
        raise KwsError(f"{data} changed while it was written; is another training using the same cache?")
    return made_now


def _read(data: Path, table: Path, bands: int, fits: Callable[[Table], bool]) -> tuple[Int8, Table] | None:
    if not (data.exists() and table.exists()):
        return None
    try:
        with np.load(table, allow_pickle=False) as file:
            said = {name: np.asarray(file[name], np.int64) for name in file.files}
        bounds = said["bounds"]
        if not fits(said) or data.stat().st_size != bounds[-1] * bands:
            return None
        return np.memmap(data, np.int8, "r", shape=(int(bounds[-1]), bands)), said
    except DAMAGE:
        return None  # damaged: computed again


def in_order(results: Iterable[tuple[int, _T]]) -> Iterator[_T]:
    """The results of jobs 0, 1, ..., which end in any order."""
    waiting: dict[int, _T] = {}
    done = 0
    for job, result in results:
        waiting[job] = result
        while done in waiting:
            yield waiting.pop(done)
            done += 1


def varied(
    pcm: Pcm,
    rng: np.random.Generator,
    config: AugmentConfig,
    rooms: Rooms | None,
    noise: Callable[[], NoiseSource] | None,
    snr_db: tuple[float, float],
    at_speeds: bool = True,
) -> Pcm:
    """A part at another speed, in a room, under noise and at another gain, int16 [samples].

    Args:
        pcm: int16 [samples].
        rng: source of the draws.
        config: how much of each.
        rooms: impulse responses, or None.
        noise: makes the source of noise when it is needed; a cut of it that is shorter than the part shortens the part.
        snr_db: lowest and highest ratio of the part to the noise.
        at_speeds: whether the speed changes.
    """
    x: Floats = pcm.astype(np.float32)
    if at_speeds and config.speed_percent > 0:
        speed = 1 + rng.uniform(-config.speed_percent, config.speed_percent) / 100
        x = soxr.resample(x, SAMPLE_RATE * speed, SAMPLE_RATE, "LQ")
    if rooms is not None:
        rooms.reverberate(x[None], rng, config.rooms_probability)
    if noise is not None and rng.random() < config.noise_probability:
        cut = noise().draw(rng, 1)[0, : len(x)]
        x = x[: len(cut)]
        level = float(active_rms(x[None])[0]) / 10 ** (rng.uniform(*snr_db) / 20)
        x += cut * np.float32(level / max(float(np.sqrt(np.mean(np.square(cut)))), 1.0))
    return audio.to_int16(x * np.float32(10 ** (rng.uniform(*config.gain_db) / 20)))
