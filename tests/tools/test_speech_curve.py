"""Amounts of speech hold each other, and what judges is heard whole."""

from __future__ import annotations

import numpy as np
import pytest
import speech_curve
from one_source_out import Heard

from kws import audio
from kws.config import DataConfig
from kws.datasets import roles
from kws.errors import KwsError

DATA = DataConfig(words=("yes", "no"))


@pytest.fixture
def speech(tmp_path):
    rng = np.random.default_rng(1)
    for name in (*(f"train/a_{i}" for i in range(8)), "validation/b_1"):
        path = tmp_path / "speech" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write(path, rng.integers(-900, 900, 96_000).astype(np.int16))
    return tmp_path / "speech"


def test_amounts(speech, tmp_path):
    held = []
    for minutes in (0.2, 0.5, 0.8):
        known, judge = speech_curve.folders([speech], [speech], DATA, minutes, tmp_path / "out")
        recordings = roles.speech(known, DATA)
        assert {r.split for r in recordings} == {"training"}
        held.append({r.path.name for r in recordings})
        assert len(roles.speech(judge, DATA)) == 9
        assert {r.split for r in roles.speech(judge, DATA)} == {"validation"}
    assert [len(h) for h in held] == [2, 5, 8]
    assert held[0] < held[1] < held[2]
    assert speech_curve.folders([speech], [speech], DATA, 0, tmp_path / "out")[0] is None
    with pytest.raises(KwsError, match="fewer than 2"):
        speech_curve.folders([speech], [speech], DATA, 2, tmp_path / "out")


def test_plot(tmp_path):
    found = {0.0: Heard(2.0, (90, 40)), 20.0: Heard(2.0, (9, 0)), 40.0: Heard(2.0, (5, 1))}
    speech_curve.plot(found, (200.0, 500.0), tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"
