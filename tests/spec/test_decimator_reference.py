"""docs/SPEC.md, "Decimator", implemented anew from its text in plain integers, against the NumPy twin."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from kws.fixedpoint.decimator import Decimator

SPEC = (Path(__file__).resolve().parents[2] / "docs" / "SPEC.md").read_text()


def block(name):
    found = re.search(rf"```decimator-{name}\n(.*?)```", SPEC, re.DOTALL)
    assert found, f"docs/SPEC.md has no decimator-{name}"
    return [int(word) for word in found[1].split()]


B, H, L = block("b"), block("h"), block("l")
L = L + L[::-1]


def sat16(value):
    return max(-32768, min(32767, value))


class Reference:
    """The formulas as they stand, every value computed when it is asked for."""

    def __init__(self, bits):
        self.bits = bits
        self.memory = {}

    def value(self, name, n):
        if (name, n) not in self.memory:
            self.memory[name, n] = getattr(self, name)(n)
        return self.memory[name, n]

    def b(self, n):
        return self.bits[n] if n >= 0 else n % 2

    def c(self, n):
        return sum(B[j] * self.b(8 * n + 7 - j) for j in range(29)) if n >= 0 else 2048

    def v(self, n):
        if n < 0:
            return 0
        a, b, c, d, e = (self.value("c", 2 * n + 1 - j) for j in range(5))
        return a + 4 * b + 6 * c + 4 * d + e - 32768

    def x(self, n):
        if n < 0:
            return 0
        total = sum(H[j] * self.value("v", 2 * n + 1 - j) for j in range(11)) + 2**14
        assert abs(total) < 2**31
        return sat16(total >> 15)

    def y(self, n):
        total = sum(L[j] * self.value("x", 2 * n + 1 - j) for j in range(48))
        assert abs(total) < 2**31
        assert abs(total >> 2) < 2**29
        return total >> 2


def decimate(bits, gain):
    reference = Reference(bits)
    offset, pcm = 0, []
    for n in range(len(bits) // 64):
        e = reference.y(n) - offset
        assert abs(e + 2 ** (11 - gain)) < 2**31
        pcm.append(sat16((e + 2 ** (11 - gain)) >> (12 - gain)))
        offset += (e + 128) >> 8
    return pcm


def streams():
    rng = np.random.default_rng(31)
    yield "noise", rng.integers(0, 256, 1600)
    yield "ones", np.full(2400, 255)
    yield "zeros", np.zeros(1600)
    yield "silence", np.full(400, 0x55)
    yield "a square wave", np.repeat([255, 0] * 40, 29)
    # The signs of the taps at the bits' rate, so that the sums come near their bounds.
    yield "the worst", np.where(np.repeat(np.array(L * 10) > 0, 4), 255, 0)
    yield "bits that drift", np.sort(rng.integers(0, 256, 2000))


@pytest.mark.parametrize("gain", [0, 3, 8])
@pytest.mark.parametrize(("name", "pdm"), list(streams()), ids=[name for name, _ in streams()])
def test_the_text_says_what_the_code_does(name, pdm, gain):
    pdm = pdm.astype(np.uint8)
    assert decimate(np.unpackbits(pdm).tolist(), gain) == Decimator(gain).process(pdm).tolist()
