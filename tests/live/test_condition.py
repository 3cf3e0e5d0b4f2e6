"""What is wrong with a microphone is told when it begins, and not again each second."""

from __future__ import annotations

import numpy as np
import pytest

from kws.live.condition import CLIPPING, SILENT, Condition

RATE = 16000
rng = np.random.default_rng(1)
SPEECH = rng.normal(0, 1500, 5 * RATE)


def told(x, step=640):
    condition = Condition()
    x = np.clip(np.rint(x), -32768, 32767).astype(np.int16)
    return [s for i in range(0, len(x), step) for s in condition.hear(x[i : i + step])], condition.odd


@pytest.mark.parametrize("step", [160, 640, 5000, 40_000])
def test_healthy_sound_is_not_told_of(step):
    assert told(SPEECH, step) == ([], ())
    assert told(SPEECH * 1e-3, step) == ([], ())


def test_zeros():
    assert told(np.zeros(5 * RATE)) == ([SILENT], (SILENT,))
    assert told(np.concatenate([np.zeros(RATE), SPEECH])) == ([], ())
    assert told(np.concatenate([np.zeros(4 * RATE), SPEECH])) == ([SILENT], ())
    # A pause between two silences: it is the same microphone.
    assert told(np.concatenate([np.zeros(4 * RATE), SPEECH, np.zeros(4 * RATE)]))[0] == [SILENT]


def test_clipping():
    assert told(40 * SPEECH) == ([CLIPPING], (CLIPPING,))
    assert told(np.concatenate([40 * SPEECH, SPEECH])) == ([CLIPPING], ())
    assert told(np.concatenate([40 * SPEECH, np.tile(SPEECH, 7), 40 * SPEECH]))[0] == [CLIPPING] * 2


def test_offset():
    said, odd = told(SPEECH + 3277)
    assert said == list(odd)
    assert "offset of 10.0 % of full scale" in odd[0]
    assert "offset of -10.0 %" in told(SPEECH - 3277)[0][0]
    # Slow rumble has no constant offset.
    rumble = 4000 * np.sin(2 * np.pi * 0.21 * np.arange(20 * RATE) / RATE)
    assert told(rumble) == ([], ())
