"""The list of networks, and a kind of one's own from training to an int8 file."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import tones
from frame_network import OPERATORS, FrameConfig, FrameNetwork
from random_models import bare_model, spotting_model

from kws import network, runs
from kws.config import Experiment
from kws.errors import KwsError
from kws.frontends import LogMelConfig
from kws.network import Frame, LstmNetwork, StreamNetworkConfig
from kws.quantize import convert as converter
from kws.quantize import noise
from kws.quantize.dequantize import dequantize
from kws.training.start import ModelStart
from kws.training.train import TrainOptions, train

CLIPS = np.random.default_rng(1).integers(-60, 60, (3, 12, 40)).astype(np.int8)


def test_settings_are_read_by_kind():
    for name, kind in network.KINDS.items():
        settings = network.read({"kind": name})
        assert type(settings) is kind
        assert next(iter(settings.as_dict())) == "kind"
        assert network.read(settings.as_dict()) == settings
    assert network.read({}) == Experiment().network


def test_settings_of_another_kind_are_refused():
    with pytest.raises(KwsError, match=r"network\.kind must be one of lstm, teacher.*, not 'qrnn'"):
        network.read({"kind": "qrnn"})
    with pytest.raises(KwsError, match=r"unknown key 'network\.channels'"):
        network.read({"channels": [8, 16]})
    with pytest.raises(KwsError, match=r"unknown key 'network\.lstm_units'"):
        network.read({"kind": "teacher", "lstm_units": [8]})


def test_a_graph_is_of_one_kind():
    assert network.of_graph(spotting_model(1, units=(8, 6)).graph) is LstmNetwork
    with pytest.raises(KwsError, match=r"other layers than kws trains: .*LOGISTIC"):
        network.of_graph(bare_model(1, head="logistic").graph)


def test_a_trace_ends_in_what_run_gives():
    """Every tensor that is promised, in order, and the same posteriors."""
    float_network = dequantize(spotting_model(3, units=(8, 6)))
    trace, matrices = float_network.trace(CLIPS), float_network.matrices()
    assert set(float_network.tensors) == trace.keys() | matrices.keys()
    assert [name for name in float_network.tensors if name in trace][-2:] == ["dense/logits", "posteriors"]
    np.testing.assert_allclose(trace["posteriors"], float_network.run(CLIPS), atol=1e-6)
    zeros = float_network.trace(CLIPS, lambda name, x: 0 * x if name == "lstm_1/hidden" else x)
    np.testing.assert_array_equal(zeros["dense/logits"], np.broadcast_to(float_network.bias, (3, 12, 6)))


def test_matrices_are_the_weights():
    """Each matrix put to zero is zero in the arrays, and nothing else is."""
    float_network = dequantize(spotting_model(3, units=(8, 6)))
    before = float_network.arrays()
    for name, values in float_network.matrices().items():
        after = float_network.with_matrix(name, np.zeros_like(values)).arrays()
        changed = sum(int(np.sum(after[k] != before[k])) for k in before)
        assert changed == np.count_nonzero(values) > 0


@pytest.mark.slow
def test_a_kind_of_ones_own(tmp_path, monkeypatch):
    """A line in the list and its own file are enough to train, go on, start, convert, read back and measure."""
    pytest.importorskip("tf_keras", reason="training needs TensorFlow")
    monkeypatch.setitem(network.KINDS, FrameConfig.kind, FrameConfig)
    data, run = tones.write(tmp_path / "tones"), tmp_path / "run"
    settings = dataclasses.replace(tones.experiment(epochs=3), network=FrameConfig())
    history = train(settings, data, run)
    assert history.epochs[-1].loss < history.epochs[0].loss
    assert train(settings, data, run) == history
    assert runs.load_config(run) == settings
    assert 'kind = "frame"' in (run / runs.CONFIG).read_text()
    monkeypatch.setattr(converter, "_WORKER", "frame_network")
    monkeypatch.setenv("PYTHONPATH", os.fspath(Path(__file__).parent))
    result = converter.convert(run)
    assert result.operators == OPERATORS
    model, float_network = result.model, runs.network_of(result.model, run)
    assert isinstance(float_network, FrameNetwork)
    assert isinstance(dequantize(model), FrameNetwork)
    int8 = model.network.run(CLIPS, model.network.initial_state(3)).outputs[-1].reshape(3, 12, -1)
    assert np.abs((int8 + 128.0) / 256 - float_network.run(CLIPS)).mean() < 0.03
    assert [t.name for t in noise.of_run(run, model).tensors] == ["weights", "logits", "posteriors"]
    again = train(settings, data, tmp_path / "again", options=TrainOptions(start=result.path))
    assert again.epochs[0].loss < history.epochs[0].loss
    with pytest.raises(KwsError, match='is no network of the kind "lstm"'):
        ModelStart.load(run).network_for(tones.experiment())


def test_every_kind_on_streams_says_its_sizes():
    for kind in network.KINDS.values():
        settings = kind()
        if isinstance(settings, StreamNetworkConfig):
            sizes = settings.sizes(Frame.of(LogMelConfig()), 12)
            assert (sizes[0], sizes[-1]) == (40, 12)
