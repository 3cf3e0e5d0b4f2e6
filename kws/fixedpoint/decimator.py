"""The bits of a PDM microphone to 16 kHz PCM: a cascaded integrator-comb filter, two FIR filters, the offset removed.

Twin of ``firmware/src/decimator.c``; specified in docs/SPEC.md, "Decimator". C goes block by block and has a
table of what each byte adds to four sums; here the same filters are applied to a whole chunk at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BITS_PER_SAMPLE = 64
BYTES_PER_SAMPLE = BITS_PER_SAMPLE // 8
GREATEST_GAIN = 8

COMB = np.ones(1, np.int64)
"""int64 [29]: four moving sums of 8 bits, one after the other (Hogenauer's filter of order 4), at the bits' rate."""
for _ in range(4):
    COMB = np.convolve(COMB, np.ones(8, np.int64))

BINOMIAL = np.array([1, 4, 6, 4, 1], np.int64)
"""int64 [5], at 128 kHz. With ``COMB`` before it, four moving sums of 16 bits."""

HALF_BAND = np.array([352, 0, -1969, 0, 9819, 16384, 9819, 0, -1969, 0, 352], np.int64)
"""int64 [11], Q15, at 64 kHz."""

_LOW_PASS_HALF = """
-28 -5 43 28 -58 -35 95 68 -131 -100 188 155 -256 -226 352 336 -486 -505 700 814 -1123 -1601 2438 7550
"""
LOW_PASS = np.array([int(tap) for tap in _LOW_PASS_HALF.split()], np.int64)
LOW_PASS = np.concatenate([LOW_PASS, LOW_PASS[::-1]])
"""int64 [48], Q14, at 32 kHz. It also undoes the droop of the filters before it."""

_PART_BYTES = 16000 * BYTES_PER_SAMPLE  # of a long stream; each bit becomes eight bytes
_STEPS = ((COMB, 8), (BINOMIAL, 2), (HALF_BAND, 2), (LOW_PASS, 2))


def byte_table() -> npt.NDArray[np.uint32]:
    """What each byte adds to the four 128 kHz values that it has a part in.

    Returns:
        uint32 [256, 2], the constants of ``firmware/src/decimator_table.h``: the low half of the
        first word goes to the value that the byte completes, the next half to the value after it.
    """
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.int64)
    taps = np.concatenate([COMB, np.zeros(3, np.int64)]).reshape(4, 8)
    # The newest bit, a byte's last, meets the first tap.
    parts = bits[:, ::-1] @ taps.T
    return np.stack([parts[:, 0] + (parts[:, 1] << 16), parts[:, 2] + (parts[:, 3] << 16)], axis=1).astype(np.uint32)


class Decimator:
    """One microphone's stream.

    Args:
        gain: left shift of the samples, 0 to ``GREATEST_GAIN``: 6.02 dB a step. Without it a full-scale
            input gives full-scale samples.

    Raises:
        ValueError: the gain is out of its range.
    """

    def __init__(self, gain: int = 0) -> None:
        if not 0 <= gain <= GREATEST_GAIN:
            raise ValueError(f"gain must be 0 to {GREATEST_GAIN}, not {gain}")
        self.gain = gain
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._pending = np.zeros(0, np.uint8)
        # A filter's output needs the new values and all but `step` of as many earlier ones as it has taps.
        self._history = [np.zeros(len(taps) - step, np.int64) for taps, step in _STEPS]
        # As if the microphone had been silent: bits 0, 1, 0, 1 ... for ever.
        self._history[0][-1::-2] = 1
        self._history[1][:] = 2048
        self._offset = 0

    def process(self, pdm: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
        """Feed bytes of the microphone's bits.

        Args:
            pdm: uint8 [bytes], the most significant bit first; a 1 is +1, a 0 is -1. Any number of bytes.

        Returns:
            int16 [samples]: one for every ``BYTES_PER_SAMPLE`` bytes since the reset.
        """
        pdm = np.concatenate([self._pending, pdm])
        whole = len(pdm) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        self._pending = pdm[whole:].copy()
        starts = range(0, whole, _PART_BYTES)
        parts = [self._filter(pdm[start : min(start + _PART_BYTES, whole)]) for start in starts]
        return self._remove_offset(np.concatenate([np.zeros(0, np.int64), *parts]))

    def _filter(self, pdm: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Whole samples from uint8 [bytes], before the offset is removed: int64 [samples]."""
        # DECIMATE/1 to DECIMATE/4
        values = np.unpackbits(pdm).astype(np.int64)
        for stage, (taps, step) in enumerate(_STEPS):
            rows = np.concatenate([self._history[stage], values])
            self._history[stage] = rows[len(values) :].copy()
            windows = np.lib.stride_tricks.sliding_window_view(rows, len(taps))[::step]
            values = windows @ taps[::-1]
            if taps is BINOMIAL:
                values = values - 32768
            elif taps is HALF_BAND:
                values = np.clip((values + 2**14) >> 15, -32768, 32767)
        return values >> 2

    def _remove_offset(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
        """Subtract the mean so far from int64 [samples], scale and clip."""
        # DECIMATE/5
        offset = self._offset
        centred = np.empty(len(values), np.int64)
        for i, value in enumerate(values.tolist()):
            centred[i] = value - offset
            offset += (value - offset + 128) >> 8
        self._offset = offset
        shift = 12 - self.gain
        pcm: npt.NDArray[np.int16] = np.clip((centred + (1 << (shift - 1))) >> shift, -32768, 32767).astype(np.int16)
        return pcm
