"""What the settings of every front end can tell and make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from kws import fields
from kws.constants import Constants
from kws.fixedpoint.frontends.base import SAMPLE_RATE, Frontend

DEFAULT = "log_mel"
"""The kind of front end in files that name none."""


class FrontendConfig(ABC):
    """Settings of a front end: a frozen dataclass.

    Attributes:
        kind: its name, in configurations, model files and, in capitals, in C.
        scale: of its int8 features.
        zero_point: of its int8 features.
        rows: windows that a frame holds.
        decibels: one step of its features, in dB of power; None where they are no logarithm of it alone.
    """

    kind: ClassVar[str]
    scale: ClassVar[float]
    zero_point: ClassVar[int]
    decibels: ClassVar[float | None] = None
    rows: int = 1

    @property
    @abstractmethod
    def window(self) -> int:
        """Window length in samples."""

    @property
    @abstractmethod
    def hop(self) -> int:
        """Hop length in samples."""

    @property
    @abstractmethod
    def bands(self) -> int:
        """Features of a row."""

    @property
    def features(self) -> int:
        """Features of a frame, those of all its rows."""
        return self.rows * self.bands

    @property
    def pcm_size(self) -> int:
        """Samples that C reads of a frame, ``window`` or more: zeros follow the frame's own."""
        return self.window

    @abstractmethod
    def twin(self, streams: int = 1) -> Frontend:
        """The front end in NumPy, of ``streams`` streams in step.

        Raises:
            KwsError: the settings don't go together.
        """

    @abstractmethod
    def constants(self) -> Constants:
        """The front end in C.

        Raises:
            KwsError: the settings don't go together.
        """

    @property
    def run(self) -> str:
        """The C function that computes a frame: of the kind, or of these settings alone."""
        return f"kws_{self.kind}_run"

    def frames(self, samples: int) -> int:
        """Number of whole frames in a stream of ``samples`` samples."""
        return 0 if samples < self.window else 1 + (samples - self.window) // self.hop

    def frames_in(self, milliseconds: float) -> int:
        """Number of hops nearest to a duration; at least one, unless that is 0."""
        return max(1, round(milliseconds * SAMPLE_RATE / 1000 / self.hop)) if milliseconds else 0

    def samples(self, frame: int) -> int:
        """Samples of a stream that make a frame complete."""
        return frame * self.hop + self.window

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values; ``kind`` is left out where it is :data:`DEFAULT`."""
        return fields.plain(self, DEFAULT)
