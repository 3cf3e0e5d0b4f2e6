"""Teachers' posteriors of the training clips, for small networks to learn from (Hinton 2015, arXiv:1503.02531)."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kws import runs
from kws.config import UNKNOWN, Experiment
from kws.errors import KwsError
from kws.files import replacing
from kws.network import ClipNetworkConfig
from kws.network.clip import KerasClipNetwork
from kws.network.tensorflow import import_tensorflow
from kws.npz import DAMAGE
from kws.training.batches import TrainingSet
from kws.types import Floats, Int8, StageProgress

_BATCH = 256


class Teacher:
    """A network that hears whole clips, to be asked for posteriors."""

    def __init__(self, network: KerasClipNetwork) -> None:
        self._tf, _ = import_tensorflow()
        self._infer = self._tf.function(lambda x: self._tf.nn.softmax(network.logits(x)), reduce_retracing=True)

    @classmethod
    def load(cls, run: Path, frames: int | None = None) -> tuple[Teacher, Experiment]:
        """Read a teacher and its settings from its run's folder.

        Args:
            run: the folder.
            frames: that it is to hear; by default those of its clips.

        Raises:
            KwsError: not the run of a teacher, or damaged.
        """
        experiment, settings = _settings(run)
        if frames is None:
            frames = experiment.frontend.frames(experiment.data.clip_samples)
        network = settings.build(frames, experiment.frontend.features, len(experiment.data.labels), 0)
        network.load(run / runs.WEIGHTS)
        return cls(network), experiment

    def posteriors(self, features: Int8, progress: Callable[[int, int], None] | None = None) -> Floats:
        """Posteriors of int8 [n, frames, bands], float32 [n, labels]; ``progress`` gets (done, n)."""
        parts = []
        for start in range(0, len(features), _BATCH):
            parts.append(self._infer(self._tf.constant(features[start : start + _BATCH])).numpy())
            if progress is not None:
                progress(min(start + _BATCH, len(features)), len(features))
        return np.concatenate(parts)


def _settings(run: Path) -> tuple[Experiment, ClipNetworkConfig]:
    experiment = runs.load_config(run)
    if not isinstance(experiment.network, ClipNetworkConfig):
        raise KwsError(f'{run} is not the run of a teacher (network.kind = "teacher"); train one first')
    return experiment, experiment.network


def as_labels(posteriors: Floats, teacher: Experiment, student: Experiment) -> Floats:
    """A teacher's posteriors in a student's labels: words that the student does not spot are unknown.

    Args:
        posteriors: float32 [..., labels of the teacher].
        teacher: the teacher's settings.
        student: the student's settings.

    Raises:
        KwsError: the teacher lacks one of the student's words.
    """
    _require_words(teacher, student)
    wanted = student.data.labels
    out = np.zeros((*posteriors.shape[:-1], len(wanted)), np.float32)
    for index, label in enumerate(teacher.data.labels):
        out[..., wanted.index(label if label in wanted else UNKNOWN)] += posteriors[..., index]
    return out


def _require_words(teacher: Experiment, student: Experiment) -> None:
    missing = [word for word in student.data.labels if word not in teacher.data.labels]
    if missing:
        raise KwsError(f"the teacher {teacher.name} does not know {', '.join(missing)}; train one that does")


def require_fit(experiment: Experiment, teachers: Sequence[Path]) -> None:
    """Refuse teachers by their settings alone, before hours of features are made for them.

    Raises:
        KwsError: not the run of a teacher; it hears otherwise than the student, or lacks one of its words.
    """
    hears = experiment.as_dict()["frontend"]
    # A teacher hears a row a frame, whatever a student's frames hold.
    hears.pop("rows", None)
    for run in teachers:
        settings, _ = _settings(run)
        if settings.as_dict()["frontend"] != hears or settings.data.clip_ms != experiment.data.clip_ms:
            raise KwsError(f"the teacher {run} hears with another front end or clip length; train one with the same")
        _require_words(settings, experiment)


def provenance(run: Path) -> dict[str, Any]:
    """What the provenance of a student says of a teacher.

    Raises:
        KwsError: ``run`` is not that of a trained teacher.
    """
    values = runs.load_json(run / runs.PROVENANCE)
    try:
        return {"name": values["settings"]["name"], "weights": runs.digest(run / runs.WEIGHTS), **values["best"]}
    except (KwsError, KeyError) as error:
        raise KwsError(f"{run} is not the run of a trained teacher ({error}); train it first") from error


def distilled(
    experiment: Experiment, clips: TrainingSet, teachers: Sequence[Path], cache: Path, progress: StageProgress
) -> TrainingSet:
    """The training clips with the mean of the teachers' posteriors, kept in the cache.

    Args:
        experiment: the student's settings.
        clips: what the teachers are asked about.
        teachers: their runs; without any, the clips stay as they are.
        cache: folder.
        progress: called with (teacher, clips done, clips in total).

    Raises:
        KwsError: a teacher hears otherwise than the student, or lacks one of its words.
    """
    if not teachers:
        return clips
    require_fit(experiment, teachers)
    key = hashlib.sha256(clips.features.data)
    key.update(json.dumps([experiment.data.labels, [provenance(run) for run in teachers]]).encode())
    path = cache / f"distilled-{key.hexdigest()[:16]}.npy"
    shape = (*clips.features.shape[:2], len(experiment.data.labels))
    if path.exists():
        with contextlib.suppress(*DAMAGE):
            found = np.load(path, allow_pickle=False)
            if found.shape == shape and found.dtype == np.float32:
                return dataclasses.replace(clips, distilled=found)
    rows = experiment.frontend.rows
    features = clips.features.reshape(-1, clips.features.shape[2] * rows, experiment.frontend.bands)
    total = np.zeros(shape, np.float32)
    for number, run in enumerate(teachers, 1):
        teacher, settings = Teacher.load(run, features.shape[1])

        def tell(done: int, count: int, what: str = f"teacher {number} of {len(teachers)}") -> None:
            progress(what, done, count)

        posteriors = as_labels(teacher.posteriors(features, tell), settings, experiment)
        total += posteriors.reshape(shape) / len(teachers)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, total)
    return dataclasses.replace(clips, distilled=total)
