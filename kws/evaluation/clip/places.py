"""What each clip of a data folder is heard as, and where it lies beside the others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kws import runs
from kws.config import SAMPLE_RATE, UNKNOWN, DataConfig
from kws.datasets import clips
from kws.datasets.fit import read_fitted
from kws.errors import KwsError
from kws.frontends import FrontendConfig
from kws.model.file import Model
from kws.network import FloatNetwork
from kws.types import Floats, Pcm, Progress

_BATCH = 64


@dataclass(frozen=True)
class Place:
    """One clip.

    Attributes:
        clip: its path below the data folder, with slashes.
        split: ``training``, ``validation`` or ``testing``, as the model's settings say.
        label: the class that it belongs to.
        heard: the class of the highest posterior after the clip's last frame, from reset.
        probability: that posterior.
        own: the posterior of ``label``.
        x, y: the network's last state after the clip's last frame, on its two principal components over all clips.
    """

    clip: str
    split: str
    label: str
    heard: str
    probability: float
    own: float
    x: float
    y: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def places(run: Path, data: Path, progress: Progress | None = None) -> list[Place]:
    """Hear every clip with a run's float network.

    Args:
        run: folder of a training run with a converted model.
        data: a folder of word folders.
        progress: called with clips done and in all.

    Returns:
        The clips, those that are heard as something else first, the most certain of these foremost.

    Raises:
        KwsError: no such run, data or clips, or a clip cannot be read.
    """
    model = Model.load(run)
    info = model.require_info()
    if info.decision.lexicon():
        raise KwsError(f"{model.source} names tokens, so no frame says which word a clip is; see `kws evaluate`")
    network = runs.load_network(run)
    found = clips.index(data, info.data)
    if not found:
        raise KwsError(f"{data} holds no clips; give {clips.LAYOUT}")
    samples = round(info.data.clip_ms * SAMPLE_RATE / 1000)
    posteriors, outputs = [], []
    for start in range(0, len(found), _BATCH):
        batch = found[start : start + _BATCH]
        pcm = np.stack([read_fitted(clip.path, samples) for clip in batch])
        heard, states = last_frame(network, info.frontend, pcm)
        posteriors.append(heard)
        outputs.append(states)
        if progress is not None:
            progress(start + len(batch), len(found))
    scores = np.concatenate(posteriors)
    where = principal(np.concatenate(outputs))
    labels = info.labels
    told = []
    for clip, score, place in zip(found, scores, where, strict=True):
        own, named = labels.index(_label(clip.word, info.data)), int(score.argmax())
        told.append(
            Place(
                clip.path.relative_to(data).as_posix(),
                clip.split,
                labels[own],
                labels[named],
                round(float(score[named]), 4),
                round(float(score[own]), 4),
                round(float(place[0]), 4),
                round(float(place[1]), 4),
            )
        )
    return sorted(told, key=lambda p: (p.heard == p.label, -p.probability if p.heard != p.label else p.own, p.clip))


def last_frame(network: FloatNetwork, frontend: FrontendConfig, pcm: Pcm) -> tuple[Floats, Floats]:
    """What is left of int16 ``[clips, samples]`` after the last frame, from a reset.

    Returns:
        The posteriors, float32 ``[clips, labels]``, and the last state that is carried, float32 ``[clips, values]``:
        the last recurrent layer's output, or of a network without one the rows that its last convolution kept.

    Raises:
        KwsError: the network carries nothing from frame to frame.
    """
    state = network.initial_state(len(pcm))
    posteriors = network.run(frontend.twin(len(pcm)).process(pcm), state)[:, -1]
    carried = [states for states in state if states]
    if not carried:
        raise KwsError("the network carries no state from frame to frame, so there is nothing to lay clips out by")
    return posteriors, carried[-1][0].reshape(len(pcm), -1)


def principal(points: Floats) -> Floats:
    """Points [n, dimensions] on their two principal components, [n, 2].

    Singular value decomposition of the centred points; a component that they do not have is 0.
    """
    centred = points.astype(np.float64) - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2].sum(axis=1, keepdims=True) + 1e-12)
    found = np.zeros((len(points), 2), np.float32)
    found[:, : len(axes)] = centred @ axes.T
    return found


def _label(word: str, data: DataConfig) -> str:
    return word if word in data.words else UNKNOWN
