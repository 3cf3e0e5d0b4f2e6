"""What every engine is to the rest of the program.

An engine runs one model over one stream of samples, from PCM to detections, and keeps state
between calls. Engines that run only the network (TFLM, TFLite) borrow the front end and the
detector of the NumPy harness, which the other engines check.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.decisions.base import Detection
from kws.types import Int8, Int16

NO_WINDOW = "has no listening window to open; kws phrases MODEL --wake outside --window-ms N gives it one"


@dataclass
class Output:
    """What an engine made of some calls or frames, in order.

    Attributes:
        features: int8 [frames, bands] log-mel features; None where the network ran alone.
        layers: output of each layer by its index, int8 [frames, values of a call]; layers that
            the engine cannot show are absent.
        states: what layers carry from call to call, after each, by layer index and the state's name:
            [frames, values] of the state's type; absent where the engine cannot show them.
        posteriors: int8 [frames, values of the output tensor].
        detections: detected words.
    """

    features: Int8 | None
    layers: dict[int, Int8]
    states: dict[tuple[int, str], npt.NDArray[Any]]
    posteriors: Int8
    detections: list[Detection] = field(default_factory=list)


class Engine(ABC):
    """A model being run. Use as a context manager, or call :meth:`close`.

    Attributes:
        name: what it is called.
        own_decision: whether it decides by itself, and not with the NumPy harness's decision.
    """

    name: str
    own_decision: bool = True

    @abstractmethod
    def reset(self) -> None:
        """Forget all samples, states and detections."""

    @abstractmethod
    def process(self, pcm: Int16) -> Output:
        """Feed int16 [samples] at 16 kHz; return what the frames completed by them gave.

        Raises:
            KwsError: the model has no front end, or the engine failed.
        """

    @abstractmethod
    def run_network(self, x: Int8) -> Output:
        """Call the network alone, once a row: int8 [calls, input size], carrying its state.

        The network's state here is the one that :meth:`process` uses.
        """

    @abstractmethod
    def decide(self, posteriors: Int8) -> list[Detection]:
        """Feed int8 [frames, labels] posteriors to the decision alone; return what was detected.

        The decision's state and the count of frames are the ones that :meth:`process` uses.

        Raises:
            KwsError: the model is a bare network, or the engine failed.
        """

    @abstractmethod
    def open(self, frames: int) -> None:
        """Open the listening window for the next ``frames`` frames, or close it with 0, as a program does.

        Raises:
            KwsError: the model has no window (docs/phrases.md), or the engine failed.
        """

    def classify(self, clips: Int16) -> Int8:
        """Posteriors of all frames of each clip, each run from a reset.

        Args:
            clips: int16 [clips, samples], at least one.

        Returns:
            int8 [clips, frames, labels].
        """
        return self.classify_streams(clips[:, None])[:, 0]

    def classify_streams(self, streams: Int16) -> Int8:
        """Posteriors of clips that follow one another without a reset between them.

        Each stream starts from a reset and is heard as one recording: frames straddle the clips'
        borders, as on a device. Of the frames that complete inside a clip the last ones are its
        own, as many as a clip of that length has from a reset; where the hop divides the clip's
        length, they are the very frames of :meth:`classify`, and only the network's state differs.

        Args:
            streams: int16 [streams, clips, samples], at least one of each.

        Returns:
            int8 [streams, clips, frames, labels].
        """
        rows = []
        for stream in streams:
            self.reset()
            heard = [self._posteriors(clip) for clip in stream]
            frames = len(heard[0])
            rows.append([posteriors[len(posteriors) - frames :] for posteriors in heard])
        self.reset()
        return np.array(rows, np.int8)

    def _posteriors(self, pcm: Int16) -> Int8:
        """The posteriors of :meth:`process`, for engines that can leave out the rest."""
        return self.process(pcm).posteriors

    def close(self) -> None:  # noqa: B027 - most engines hold nothing to release
        """Release what the engine holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
