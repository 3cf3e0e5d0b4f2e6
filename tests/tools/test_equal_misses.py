"""False accepts where models miss equally many words."""

from __future__ import annotations

import equal_misses
import numpy as np
import pytest
from conftest import needs

from kws import audio
from kws.datasets.roles import Folders


@pytest.mark.slow
@needs("make", "cc")
def test_the_more_words_may_be_missed_the_less_fires(tmp_path, tiny_model):
    rng = np.random.default_rng(1)
    words = tiny_model.require_info().words
    for number in range(40):
        tone = 8000 * np.sin(np.arange(16000) * rng.uniform(0.05, 0.5)) * (np.abs(np.arange(16000) - 8000) < 4000)
        path = tmp_path / "said" / words[number % len(words)] / f"speaker{number}_1.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write(path, audio.to_int16(tone + rng.normal(0, 20, 16000)))
    for role in ("speech", "noise"):
        path = tmp_path / role / "validation" / "a_1.wav"
        path.parent.mkdir(parents=True)
        audio.write(path, rng.integers(-9000, 9000, 30 * 16000).astype(np.int16))
    folders = Folders(speech=(tmp_path / "speech",), noise=(tmp_path / "noise",))
    hours, none = equal_misses.measure(tiny_model, tmp_path / "said", folders, [200, 500], 0.0)
    assert hours == pytest.approx({"speech": 1 / 120, "noise": 1 / 120})
    assert [row.detector.average_frames for row in none] == [10, 25]
    _, most = equal_misses.measure(tiny_model, tmp_path / "said", folders, [200, 500], 1.0)
    for few, many in zip(most, none, strict=True):
        assert few.detector.threshold_sums > many.detector.threshold_sums
        assert sum(few.found.values()) <= sum(many.found.values())
