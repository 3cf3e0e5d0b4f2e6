"""A slow board loses blocks by its own time: none while it keeps up, the same ones however the sound comes."""

from __future__ import annotations

import numpy as np
import pytest
from random_models import spotting_model

from kws.engines.numpy_engine import NumpyEngine
from kws.live.listen import listen
from kws.live.slow_board import BLOCK, SlowBoard

MODEL = spotting_model(4, units=(32,))


def run(pcm, seconds, cuts=()):
    engine = NumpyEngine(MODEL)
    board = SlowBoard(engine, seconds)
    outputs = [board.process(part) for part in np.split(pcm, cuts)]
    return np.concatenate([o.posteriors for o in outputs]), board.dropped


@pytest.mark.parametrize("milliseconds", [0.1, 10, 19.9])
def test_a_board_that_keeps_up_loses_nothing(milliseconds, speech):
    posteriors, dropped = run(speech, milliseconds / 1000)
    whole = NumpyEngine(MODEL).process(speech).posteriors
    assert dropped == 0
    # The last frame may wait when the stream ends.
    assert len(posteriors) >= len(whole) - 1
    np.testing.assert_array_equal(posteriors, whole[: len(posteriors)])


def test_a_board_that_is_too_slow_hears_what_it_has_time_for(speech):
    shares = []
    for milliseconds, period in ((25, 30), (45, 50), (85, 90)):
        posteriors, dropped = run(speech, milliseconds / 1000)
        blocks = len(speech) // BLOCK
        # Whatever it waits for comes every 10 ms.
        assert len(posteriors) == pytest.approx(len(speech) / 16 / period, rel=0.03)
        # Two blocks make a frame.
        assert dropped == pytest.approx(blocks - 2 * len(posteriors), abs=4)
        shares.append(dropped / blocks)
    assert shares == sorted(shares)
    assert shares[0] > 0.15


def test_the_same_blocks_are_lost_however_the_sound_comes(speech):
    whole, dropped = run(speech, 0.033)
    cuts = np.sort(np.random.default_rng(2).integers(0, len(speech), 100))
    parts, lost = run(speech, 0.033, cuts)
    np.testing.assert_array_equal(parts, whole)
    assert (lost, len(parts)) == (dropped, len(whole))
    assert dropped > 0


def test_listening_with_it(speech):
    chunks = [speech[i : i + 640] for i in range(0, len(speech), 640)]
    fast = list(listen(MODEL, NumpyEngine(MODEL), chunks, latency_ms=5))
    slow = list(listen(MODEL, NumpyEngine(MODEL), chunks, latency_ms=50))
    assert fast[-1].dropped == 0
    assert slow[-1].dropped > 100
    assert [h.dropped for h in slow] == sorted(h.dropped for h in slow)
