"""Clips through engines, a job at a time: what runs in the processes of an evaluation."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws.config import DataConfig
from kws.datasets import clips as clip_index
from kws.datasets.augment import NoiseSource
from kws.datasets.clips import Example
from kws.engines import create
from kws.engines.base import Engine
from kws.evaluation.clip.conditions import CLEAN, ClipSequences, Condition, apply, pause
from kws.evaluation.clip.decision import clip_classes
from kws.fixedpoint.posterior import probabilities
from kws.model.file import Model
from kws.network import FloatNetwork
from kws.types import Int64, Pcm

FLOAT = "float"


class FloatClassifier:
    """The float network behind the integer front end, with the engines' ways to label clips."""

    def __init__(self, model: Model, reference: FloatNetwork) -> None:
        self._frontend = model.require_info().frontend
        self._reference = reference

    def classify(self, clips: Pcm) -> npt.NDArray[np.float32]:
        """As `kws.engines.base.Engine.classify`, in float32."""
        return self.classify_streams(clips[:, None])[:, 0]

    def classify_streams(self, streams: Pcm) -> npt.NDArray[np.float32]:
        """As `kws.engines.base.Engine.classify_streams`, in float32."""
        frontend, state = self._frontend.twin(len(streams)), self._reference.initial_state(len(streams))
        heard: list[npt.NDArray[np.float32]] = []
        for clip in range(streams.shape[1]):
            posteriors = self._reference.run(frontend.process(streams[:, clip]), state)
            frames = heard[0].shape[1] if heard else posteriors.shape[1]
            heard.append(posteriors[:, posteriors.shape[1] - frames :])
        return np.stack(heard, axis=1)


@dataclass(frozen=True)
class ClipJob:
    """Clips from a reset.

    Attributes:
        clips: indices of examples.
        conditions: how to hear them.
    """

    clips: tuple[int, ...]
    conditions: tuple[Condition, ...]

    @property
    def count(self) -> int:
        """Clips heard, for a progress bar."""
        return len(self.clips) * len(self.conditions)


@dataclass(frozen=True)
class SequenceJob:
    """Clips in sequences that are never reset.

    Attributes:
        sequences: some of `kws.evaluation.clip.conditions.clip_sequences`.
    """

    sequences: ClipSequences

    @property
    def count(self) -> int:
        """Clips heard, for a progress bar."""
        return self.sequences.clips.size


@dataclass
class ClipResults:
    """What a job gave.

    Attributes:
        clips: indices of examples, int64 [clips].
        labels: by engine and condition, int64 [clips]; None stands for the carried state.
        errors: by engine, of clean posteriors: sum and greatest of the absolute differences from
            the float network's, and their number.
    """

    clips: npt.NDArray[np.int64]
    labels: dict[tuple[str, Condition | None], Int64] = field(default_factory=dict)
    errors: dict[str, tuple[float, float, int]] = field(default_factory=dict)


@dataclass
class ClipRunner:
    """The worker (`kws.workers`).

    Attributes:
        model: what to run.
        engines: names of engines; conditions other than clean are heard by the first alone.
        reference: the float network, or None.
        examples: every clip of the evaluation.
        data: how clips are cut.
        background: noise recordings.
        silence: int16 [n, samples], the clips of the examples that have none, in their order.
        seed: of the noise.
    """

    model: Model
    engines: tuple[str, ...]
    reference: FloatNetwork | None
    examples: tuple[Example, ...]
    data: DataConfig
    background: tuple[Path, ...]
    silence: Pcm
    seed: int
    _stack: contextlib.ExitStack | None = None
    _running: dict[str, Engine | FloatClassifier] = field(default_factory=dict)
    _noise: NoiseSource | None = None

    def __call__(self, job: ClipJob | SequenceJob) -> ClipResults:
        """Label the clips of a job."""
        self._open()
        return self._clips(job) if isinstance(job, ClipJob) else self._sequences(job.sequences)

    def close(self) -> None:
        """Close the engines."""
        if self._stack is not None:
            self._stack.close()
        self._stack, self._running = None, {}

    def _open(self) -> None:
        if self._stack is not None:
            return
        self._stack = contextlib.ExitStack()
        for name in self.engines:
            self._running[name] = self._stack.enter_context(create(name, self.model))
        if self.reference is not None:
            self._running[FLOAT] = FloatClassifier(self.model, self.reference)

    def load(self, indices: Sequence[int]) -> Pcm:
        """The clips of examples by index, int16 [indices, samples].

        Raises:
            KwsError: a file cannot be read.
        """
        silent = [i for i, e in enumerate(self.examples) if e.clip is None]
        row_of = {index: row for row, index in enumerate(silent)}
        pcm = np.empty((len(indices), self.data.clip_samples), np.int16)
        spoken = [i for i, index in enumerate(indices) if index not in row_of]
        pcm[spoken] = clip_index.load([self.examples[indices[i]] for i in spoken], self.data, self._source())[0]
        for i, index in enumerate(indices):
            if index in row_of:
                pcm[i] = self.silence[row_of[index]]
        return pcm

    def _source(self) -> NoiseSource:
        if self._noise is None:
            # Its own generator is not drawn from: silence was made beforehand.
            self._noise = NoiseSource(self.background, self.data.clip_samples, self.seed)
        return self._noise

    def _clips(self, job: ClipJob) -> ClipResults:
        results = ClipResults(np.array(job.clips, np.int64))
        pcm = self.load(job.clips)
        spoken = np.array([self.examples[index].clip is not None for index in job.clips])
        cuts = np.zeros((0, 0), np.float32)
        if any(c.kind == "snr" for c in job.conditions):
            cuts = self._source().draw(np.random.default_rng([self.seed, job.clips[0]]), len(pcm))
        info = self.model.require_info()
        for condition in job.conditions:
            changed = apply(condition, pcm, spoken, cuts)
            names = list(self._running) if condition == CLEAN else self.engines[:1]
            posteriors = {name: self._running[name].classify(changed) for name in names}
            for name, values in posteriors.items():
                results.labels[name, condition] = clip_classes(values, info)
                if FLOAT in posteriors and name != FLOAT:
                    error = np.abs(probabilities(values).astype(np.float32) - posteriors[FLOAT])
                    results.errors[name] = (float(error.sum(dtype=np.float64)), float(error.max()), error.size)
        return results

    def _sequences(self, sequences: ClipSequences) -> ClipResults:
        clips, scored = sequences.clips, sequences.scored
        results = ClipResults(clips[scored])
        pcm = self.load(clips.ravel().tolist()).reshape(*clips.shape, -1)
        cuts = self._source().draw(np.random.default_rng([self.seed, int(clips[0, 0])]), clips.size)
        spaced = np.concatenate([pause(pcm.reshape(len(cuts), -1), cuts).reshape(*clips.shape, -1), pcm], axis=2)
        info = self.model.require_info()
        frames = info.frontend.frames(self.data.clip_samples)
        for name, engine in self._running.items():
            # Without the pause: what is named there is the clip before.
            posteriors = engine.classify_streams(spaced)[scored][:, -frames:]
            results.labels[name, None] = clip_classes(posteriors, info)
        return results
