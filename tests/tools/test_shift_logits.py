"""Labels' logits of a run, moved for good."""

from __future__ import annotations

import numpy as np
import pytest
import shift_logits
from test_blend_weights import written

from kws import runs
from kws.errors import KwsError


def test_logits_are_shifted_and_nothing_else(tmp_path):
    run = written(tmp_path / "run", 1)
    shift_logits.shift(run, {"_silence_": -3.0}, tmp_path / "out")
    before, after = (runs.load_network(path) for path in (run, tmp_path / "out"))
    features = np.random.default_rng(1).integers(-128, 128, (2, 5, 40)).astype(np.int8)
    old, new = (np.log(network.run(features)) for network in (before, after))
    gained = (new - old) - (new - old)[..., 1:2]
    np.testing.assert_allclose(gained[..., 0], -3, atol=1e-3)
    np.testing.assert_allclose(gained[..., 1:], 0, atol=1e-3)
    assert runs.load_json(tmp_path / "out" / runs.PROVENANCE)["logits"] == {"_silence_": -3.0}


@pytest.mark.parametrize("by", [{"maybe": 1.0}, {"_silence_": float("nan")}])
def test_what_makes_no_sense_is_refused(tmp_path, by):
    with pytest.raises(KwsError, match=r"no label|a number"):
        shift_logits.shift(written(tmp_path / "run", 1), by, tmp_path / "out")
