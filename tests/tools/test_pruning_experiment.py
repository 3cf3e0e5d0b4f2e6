"""Pruning in blocks: which go, and that they stay zero."""

from __future__ import annotations

import numpy as np
import pruning_experiment
import pytest
import tones
from test_blend_weights import written

from kws import runs


def matrix(inputs, units, seed=1):
    return np.random.default_rng(seed).normal(size=(inputs, 4 * units)).astype(np.float32)


def test_the_weakest_blocks_go_and_whole():
    weights = matrix(8, 3)
    # The first four inputs of unit 1, in all gates.
    weights[:4, 1::3] *= 0.01
    kept = pruning_experiment.strongest(weights, 1 / 6, 4, 4)
    gone = np.zeros((8, 12), np.bool_)
    gone[:4, 1::3] = True
    np.testing.assert_array_equal(kept, ~gone)


@pytest.mark.parametrize("inputs", [8, 10])
@pytest.mark.parametrize(("of_inputs", "gates"), [(1, 1), (2, 4), (4, 4)])
def test_as_many_blocks_go_as_asked(inputs, of_inputs, gates):
    kept = pruning_experiment.strongest(matrix(inputs, 5), 0.4, of_inputs, gates)
    blocks = -(-inputs // of_inputs) * 5 * (4 // gates)
    firsts = kept[::of_inputs].reshape(-1, 4, 5)[:, : 4 // gates]
    assert np.count_nonzero(~firsts) == round(0.4 * blocks)


def test_a_short_block_at_the_end_is_not_weak_for_being_short():
    weights = np.ones((9, 4), np.float32)
    weights[8] = 2
    assert pruning_experiment.strongest(weights, 1 / 3, 4, 4)[8].all()


def test_single_weights_go_by_their_size():
    weights = matrix(6, 2)
    kept = pruning_experiment.strongest(weights, 0.5, 1, 1)
    assert np.abs(weights[kept]).min() >= np.abs(weights[~kept]).max()


def test_a_unit_that_goes_is_neither_computed_nor_read(tmp_path):
    network = runs.load_network(written(tmp_path / "run", 1, (8, 6)))
    (kernel, recurrent), (above, _) = pruning_experiment.masks(network, 0.25, "unit")
    gone = ~above.any(axis=1)
    assert np.count_nonzero(gone) == 2
    assert not recurrent[gone].any()
    assert not kernel.reshape(-1, 4, 8)[:, :, gone].any()
    assert not recurrent.reshape(8, 4, 8)[:, :, gone].any()
    assert kernel.reshape(-1, 4, 8)[:, :, ~gone].all()


@pytest.mark.slow
@pytest.mark.parametrize("block", ["unit", "quad"])
def test_zeros_stay_zeros_in_training_and_the_rest_learns(tmp_path, monkeypatch, capsys, block):
    pytest.importorskip("tf_keras", reason="training needs TensorFlow")
    data = tones.write(tmp_path / "data")
    start = written(tmp_path / "start", 1)
    config = tmp_path / "config.toml"
    runs.write_config(tones.experiment((6, 5), epochs=4), tmp_path)
    (tmp_path / runs.CONFIG).rename(config)
    out = tmp_path / "out"
    arguments = ["--from", start, "--share", "0.5", "--block", block, "--data", data, "--out", out]
    monkeypatch.setattr("sys.argv", ["pruning_experiment.py", str(config), *map(str, arguments)])
    pruning_experiment.main()
    before, after = runs.load_network(start), runs.load_network(out)
    for (kernel, recurrent), lstm, old in zip(
        pruning_experiment.masks(after, 0.5, block), after.lstms, before.lstms, strict=True
    ):
        for kept, weights, first in ((kernel, lstm.kernel, old.kernel), (recurrent, lstm.recurrent, old.recurrent)):
            assert not weights[~kept].any()
            assert (weights[kept] != first[kept]).any()
    # What was kept has lost its whole share: the first epoch, in which less was gone, does not count.
    assert [e["validation_accuracy"] > 0 for e in runs.load_json(out / runs.HISTORY)["epochs"]] == [
        False,
        True,
        True,
        True,
    ]
    left, whole = (pruning_experiment.products(n) for n in (after, before))
    assert 0.2 * whole < left < 0.6 * whole
    assert f"{left:,} products" in capsys.readouterr().out
