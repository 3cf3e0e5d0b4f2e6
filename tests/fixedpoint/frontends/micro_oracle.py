"""The microfrontend as pymicro-features has it, TensorFlow Lite Micro's own C++, and signals to judge by."""

from __future__ import annotations

import numpy as np
from pymicro_features import MicroFrontend as Original

from kws.verify.inputs import corner_signals, random_signal

HOP = 160
STEP = 0.0390625  # what the package multiplies the front end's integers by


class Oracle:
    """One stream."""

    def __init__(self):
        self.frontend = Original()

    def logarithms(self, pcm):
        """Feed int16 [samples], a whole number of hops; return uint16 values [frames, 40]."""
        data = np.ascontiguousarray(pcm, "<i2").tobytes()
        rows = []
        for at in range(0, len(data), 2 * HOP):
            result = self.frontend.process_samples(data[at : at + 2 * HOP])
            if result.features:
                rows.append(result.features)
        values = np.array(rows).reshape(len(rows), -1) / STEP
        assert np.array_equal(values, np.round(values))
        return values.astype(np.int64)


def tone(bin_, samples):
    """A loud tone in one bin, whose loudness wanders: bands show the weight of that bin alone."""
    n = np.arange(samples)
    loudness = 9000 + 21000 * np.abs(np.sin(n * 0.37 / 16000))
    noise = np.random.default_rng(bin_).normal(0, 30, samples)
    return (loudness * np.sin(2 * np.pi * bin_ * n / 512) + noise).astype(np.int16)


def falling_tone(bin_, samples):
    """A tone as loud as can be, then 7 % softer: below the noise that was learned, and what always stays shows."""
    n = np.arange(samples)
    loudness = np.where(n < 0.7 * samples, 32700, 30400)
    return (loudness * np.sin(2 * np.pi * bin_ * n / 512)).astype(np.int16)


def signals(samples, count):
    """Extreme signals, then ``count`` random ones, each int16 [samples]."""
    rng = np.random.default_rng(5)
    n = np.arange(samples)
    yield from corner_signals(samples)
    lowest = np.zeros(samples, np.int64)
    lowest[::3000] = -32768
    yield "the lowest sample alone", lowest.astype(np.int16)
    yield "steps", (np.where(n // 2000 % 2, 1, 2000) * rng.integers(-16, 16, samples)).astype(np.int16)
    yield "a sweep", (32767 * np.sin(n**2 / 9000)).astype(np.int16)
    yield "one bit", rng.integers(-1, 2, samples).astype(np.int16)
    yield "corners", rng.choice([-32768, 32767], samples).astype(np.int16)
    for bin_ in (5, 149, 221):
        yield f"bin {bin_}", tone(bin_, samples)
    for bin_ in (20, 60, 120):
        yield f"bin {bin_}, falling", falling_tone(bin_, samples)
    for index in range(count):
        name, pcm = random_signal(rng, samples)
        yield f"{index}: {name}", pcm
