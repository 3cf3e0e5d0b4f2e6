"""Words missed where models fire equally often."""

from __future__ import annotations

import equal_false_accepts
import equal_misses
import numpy as np
import pytest

from kws.datasets.clips import Clip, Example
from kws.datasets.roles import NOISE, Recording
from kws.datasets.splits import VALIDATION
from kws.fixedpoint.decisions.detector import detect, moving_sums

FRAMES = 10


@pytest.fixture
def heard(tiny_model, tmp_path):
    info = tiny_model.require_info()
    first, labels = info.first_word, len(info.labels)
    rng = np.random.default_rng(1)
    # Words are surer than noise, in the first condition surer than in the second.
    said = np.stack([rng.integers(least, 128, (30, 60, labels)) for least in (0, -90)]).astype(np.int8)
    batch = tuple(Example(first, Clip(tmp_path / f"{i}_1.wav", info.words[0], str(i), VALIDATION)) for i in range(30))
    path = tmp_path / "noise" / "a_1.wav"
    stream = rng.integers(-128, 128, (4000, labels)).astype(np.int8)
    return equal_misses.Heard(
        first, [(batch, said)], [(Recording(path, path.name, NOISE, "a", VALIDATION), 0.5, stream)]
    )


def test_the_least_threshold_is_taken_and_more_false_accepts_miss_less(tiny_model, heard):
    rows = equal_false_accepts.measure(tiny_model, heard, FRAMES, [0, 1, 4, 10_000])
    sums = moving_sums(heard.recordings[0][2], FRAMES, heard.first)
    for row, most in zip(rows, [0, 1, 4, 10_000], strict=True):
        least = round(row.threshold * FRAMES * 256)
        assert row.fired == len(detect(sums, equal_misses.detector_at(tiny_model, FRAMES, least))) <= most
        if least > 1:
            assert len(detect(sums, equal_misses.detector_at(tiny_model, FRAMES, least - 1))) > most
        assert row.missed == tuple(sum(s < least for s in heard.scores(FRAMES, c)) for c in (0, 1))
    assert [row.threshold for row in rows] == sorted((row.threshold for row in rows), reverse=True)
    assert rows[0].missed[1] > rows[0].missed[0] > rows[-1].missed[0] == 0
