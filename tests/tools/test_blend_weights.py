"""Blending the weights of a fine-tuned run with those that it started from."""

from __future__ import annotations

import blend_weights
import numpy as np
import pytest
import tones

from kws import runs
from kws.errors import KwsError
from kws.network import Frame
from kws.training.start import ModelStart


def written(folder, seed, units=(6, 5)):
    pytest.importorskip("tf_keras", reason="building a network needs TensorFlow")
    experiment = tones.experiment(units)
    network = experiment.network.build(Frame.of(experiment.frontend), len(experiment.data.labels), seed).get()
    folder.mkdir()
    network.save(folder / runs.WEIGHTS)
    runs.write_config(experiment, folder)
    runs.save_json({"settings": {"name": "tones"}, "best": {"epoch": 3}}, folder / runs.PROVENANCE)
    np.save(folder / runs.CALIBRATION, np.zeros((2, 24, 40), np.int8))
    return folder


def test_a_blend_lies_on_the_line_between_both_and_says_so(tmp_path):
    tuned, start = written(tmp_path / "tuned", 1), written(tmp_path / "start", 2)
    blend_weights.blend(tuned, start, 0.25, tmp_path / "out")
    ours, theirs, got = (runs.load_network(p).arrays() for p in (tuned, start, tmp_path / "out"))
    for name, array in got.items():
        np.testing.assert_allclose(array, 0.25 * ours[name] + 0.75 * theirs[name], atol=1e-6)
    said = runs.load_json(tmp_path / "out" / runs.PROVENANCE)
    assert said["blend"] == {"share": 0.25, **ModelStart.load(start).provenance()}
    assert "best" not in said
    assert (tmp_path / "out" / runs.CALIBRATION).exists()


def test_other_shapes_are_refused(tmp_path):
    tuned, start = written(tmp_path / "tuned", 1), written(tmp_path / "start", 1, (6, 4))
    with pytest.raises(KwsError, match="other shapes"):
        blend_weights.blend(tuned, start, 0.5, tmp_path / "out")
