"""Front end ``log_mel``: its settings, and how NumPy and C get them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from kws.constants import Array, Constants
from kws.errors import KwsError
from kws.fields import number, require, require_ranges
from kws.fixedpoint.frontends import log_mel
from kws.fixedpoint.frontends.base import SAMPLE_RATE
from kws.frontends.base import FrontendConfig

FFT_SIZES = (256, 512, 1024)


@dataclass(frozen=True)
class LogMelConfig(FrontendConfig):
    """The integer front end, PCM to int8 log-mel frames (docs/SPEC.md, "Front end").

    Attributes:
        window_ms: analysis window in milliseconds, at most ``n_fft`` samples.
        hop_ms: distance between frames in milliseconds, at most the window.
        n_fft: FFT length in samples, one of 256, 512, 1024.
        bands: number of mel bands.
        low_hz: lower edge of the lowest band, in Hz.
        high_hz: upper edge of the highest band, in Hz.
        rows: windows that a frame holds. The network reads so many new ones a call, and is called as often less.
    """

    kind: ClassVar[str] = "log_mel"
    scale: ClassVar[float] = log_mel.FEATURE_SCALE
    zero_point: ClassVar[int] = log_mel.FEATURE_ZERO_POINT
    decibels: ClassVar[float | None] = log_mel.FEATURE_DB

    window_ms: float = number(30.0, 2, 64)
    hop_ms: float = number(20.0, 0.0625, 64)
    n_fft: int = number(512, FFT_SIZES[0], FFT_SIZES[-1])
    bands: int = number(40, 4, 128)
    low_hz: float = number(60.0, 0, SAMPLE_RATE / 2, below=True)
    high_hz: float = number(7600.0, 0, SAMPLE_RATE / 2, above=True)
    rows: int = number(1, 1, 16)

    def __post_init__(self) -> None:
        require_ranges("frontend", self)
        require(self.n_fft in FFT_SIZES, f"frontend.n_fft must be one of {FFT_SIZES}, not {self.n_fft}")
        require(
            32 <= self.row_window <= self.n_fft,
            f"frontend.window_ms = {self.window_ms} is {self.row_window} samples;"
            f" it must be 32 to n_fft = {self.n_fft}",
        )
        require(
            1 <= self.step <= self.row_window,
            f"frontend.hop_ms = {self.hop_ms} is {self.step} samples; it must be 1 to the window, {self.row_window}",
        )
        require(
            0 <= self.low_hz < self.high_hz <= SAMPLE_RATE / 2,
            f"frontend band edges must satisfy 0 <= low_hz < high_hz <= {SAMPLE_RATE // 2},"
            f" not {self.low_hz} and {self.high_hz}",
        )

    @property
    def row_window(self) -> int:
        """Samples of an analysis window."""
        return round(self.window_ms * SAMPLE_RATE / 1000)

    @property
    def step(self) -> int:
        """Samples from window to window."""
        return round(self.hop_ms * SAMPLE_RATE / 1000)

    @property
    def window(self) -> int:
        """Samples of a frame, from its first window's start to its last one's end."""
        return self.row_window + (self.rows - 1) * self.step

    @property
    def hop(self) -> int:
        """Samples from frame to frame."""
        return self.rows * self.step

    @property
    def pcm_size(self) -> int:
        """The samples that the FFTs of a frame read."""
        return self.n_fft + (self.rows - 1) * self.step

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values; ``rows`` is left out where it is 1, as earlier versions of kws had it."""
        values = super().as_dict()
        if self.rows == 1:
            del values["rows"]
        return values

    def tables(self) -> log_mel.LogMelTables:
        """The integer tables.

        Raises:
            KwsError: a mel band is too narrow for the FFT.
        """
        try:
            return log_mel.make_tables(self.row_window, self.step, self.n_fft, self.bands, self.low_hz, self.high_hz)
        except ValueError as error:
            raise KwsError(str(error)) from error

    def twin(self, streams: int = 1) -> log_mel.LogMel:
        """The front end in NumPy, of ``streams`` streams in step.

        Raises:
            KwsError: a mel band is too narrow for the FFT.
        """
        return log_mel.LogMel(self.tables(), streams, self.rows)

    def constants(self) -> Constants:
        """The front end in C.

        Raises:
            KwsError: a mel band is too narrow for the FFT.
        """
        t = self.tables()
        bands = "KWS_MODEL_BANDS" if self.rows == 1 else f"{self.bands}u"
        return Constants(
            macros={"N_FFT": self.n_fft},
            memory="KWS_LOG_MEL_BYTES(KWS_MODEL_N_FFT)",
            arrays=(
                Array("int16_t", "window", np.pad(t.window, (0, t.n_fft - len(t.window))), "KWS_MODEL_N_FFT", align=4),
                Array("int32_t", "twiddles", _quarter(t.twiddles), "KWS_MODEL_N_FFT / 4u + 1u"),
                Array("uint16_t", "segment_ends", t.segment_ends, f"{bands} + 1u"),
                Array("uint16_t", "weights", t.weights, f"{len(t.weights)}u"),
            ),
            members={
                "log_offset": t.log_offset,
                "n_fft": "KWS_MODEL_N_FFT",
                "first_bin": t.first_bin,
                "bands": bands,
                "step": self.step,
                "rows": self.rows,
            },
        )


def _quarter(twiddles: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The first quarter of a turn, both ends included: all that the device keeps of half a turn.

    Raises:
        ValueError: the second quarter is not its mirror image.
    """
    quarter = twiddles[: len(twiddles) // 2 + 1]
    if not np.array_equal(twiddles[len(quarter) :], quarter[-2:0:-1] * [-1, 1]):
        raise ValueError("the table of twiddles is not symmetric")
    return quarter
