"""Rooms to be heard in: what is said, convolved with a room's impulse response."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kws.types import Floats


class Rooms:
    """Impulse responses, each drawn equally often.

    Args:
        responses: float32 [samples] each, of energy 1 (`kws.datasets.roles.impulse_responses`).
    """

    def __init__(self, responses: Sequence[npt.NDArray[np.float32]]) -> None:
        self._responses = list(responses)

    def reverberate(self, x: Floats, rng: np.random.Generator, probability: float) -> None:
        """Put some signals into rooms, each at the level that it had; what rings on after the end is cut off.

        Args:
            x: float32 [n, samples], changed in place.
            rng: source of the draws.
            probability: share of the signals that get a room.
        """
        chosen = np.flatnonzero(rng.random(len(x)) < probability)
        which = rng.integers(len(self._responses), size=len(chosen))
        for row, response in zip(chosen, (self._responses[i] for i in which), strict=True):
            level = np.sqrt(np.mean(np.square(x[row])))
            length = 1 << (x.shape[1] + len(response) - 2).bit_length()
            spectrum = np.fft.rfft(x[row], length) * np.fft.rfft(response, length)
            wet = np.fft.irfft(spectrum, length)[: x.shape[1]]
            x[row] = wet * (level / max(float(np.sqrt(np.mean(np.square(wet)))), 1e-9))
