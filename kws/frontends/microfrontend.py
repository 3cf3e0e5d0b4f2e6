"""Front end ``microfrontend``: its settings, and how NumPy and C get them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.constants import Array, Constants
from kws.fields import number, require, require_ranges
from kws.fixedpoint.frontends import microfrontend
from kws.fixedpoint.frontends.base import SAMPLE_RATE
from kws.frontends.base import FrontendConfig


@dataclass(frozen=True)
class MicroFrontendConfig(FrontendConfig):
    """TensorFlow Lite Micro's front end, as models of microWakeWord hear it (docs/SPEC.md, "Microfrontend").

    All else is fixed: windows of 30 ms, 40 bands from 125 to 7500 Hz, noise reduction, PCAN gain, logarithm.

    Attributes:
        step_ms: distance between windows in milliseconds, a whole number.
        rows: windows that a frame holds. The network reads so many new ones a call, and is called as often less.
    """

    kind: ClassVar[str] = "microfrontend"
    scale: ClassVar[float] = microfrontend.FEATURE_SCALE
    zero_point: ClassVar[int] = microfrontend.FEATURE_ZERO_POINT

    step_ms: float = number(10.0, 1, 30)
    rows: int = number(1, 1, 16)

    def __post_init__(self) -> None:
        require_ranges("frontend", self)
        require(self.step_ms == int(self.step_ms), f"frontend.step_ms must be a whole number, not {self.step_ms}")

    @property
    def step(self) -> int:
        """Samples from window to window."""
        return int(self.step_ms) * SAMPLE_RATE // 1000

    @property
    def window(self) -> int:
        """Samples of a frame, from its first window's start to its last one's end."""
        return microfrontend.WINDOW + (self.rows - 1) * self.step

    @property
    def hop(self) -> int:
        """Samples from frame to frame."""
        return self.rows * self.step

    @property
    def bands(self) -> int:
        """Features of a row."""
        return microfrontend.BANDS

    @property
    def pcm_size(self) -> int:
        """Samples that C reads."""
        return self.window + microfrontend.N_FFT - microfrontend.WINDOW

    def twin(self, streams: int = 1) -> microfrontend.MicroFrontend:
        """The front end in NumPy, of ``streams`` streams in step."""
        return microfrontend.MicroFrontend(self.step, self.rows, streams)

    def constants(self) -> Constants:
        """The front end in C."""
        t = microfrontend.make_tables()
        n_fft, points = microfrontend.N_FFT, microfrontend.POINTS
        # The last stage turns its third leg by at most three quarters of a turn.
        return Constants(
            macros={},
            memory="KWS_MICROFRONTEND_BYTES",
            arrays=(
                Array("int16_t", "window", np.pad(t.window, (0, n_fft - len(t.window))), f"{n_fft}u", align=4),
                Array("int16_t", "twiddles", t.twiddles[: 3 * points // 4], f"{3 * points // 4}u", align=4),
                Array("int16_t", "split_twiddles", t.split_twiddles, f"{points // 2}u", align=4),
                Array("uint16_t", "segment_ends", t.segment_ends, "KWS_MICROFRONTEND_BANDS + 1u"),
                Array("uint16_t", "falling", t.falling, f"{len(t.falling)}u"),
                Array("int16_t", "gains", t.gains, "33u"),
            ),
            members={"first_bin": t.first_bin, "step": self.step, "rows": self.rows},
        )
