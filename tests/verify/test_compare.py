"""`verify` passes on equal engines and names the first difference of unequal ones."""

from __future__ import annotations

import numpy as np
import pytest

from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Detection
from kws.verify.compare import read_inputs, verify


class Faulty(NumpyEngine):
    """An engine with one wrong value in a chosen place."""

    name = "faulty"

    def __init__(self, model, spoil):
        super().__init__(model)
        self._spoil = spoil
        self._frame = 0

    def reset(self):
        super().reset()
        self._frame = 0

    def process(self, pcm):
        return self._damage(super().process(pcm))

    def run_network(self, x):
        return self._damage(super().run_network(x))

    def _damage(self, output):
        count = len(output.posteriors)
        if self._frame <= 7 < self._frame + count:
            self._spoil(output, 7 - self._frame)
        self._frame += count
        return output


def spoil_features(output, i):
    output.features[i, 3] ^= 1


def spoil_cell(output, i):
    output.states[0, "cell"] = output.states[0, "cell"].copy()
    output.states[0, "cell"][i, 5] += 1


def spoil_layer(output, i):
    output.layers[1][i, 2] ^= 1


def spoil_posteriors(output, i):
    output.posteriors = output.posteriors.copy()
    output.posteriors[i, 0] ^= 1


def spoil_detections(output, i):
    output.detections.append(Detection(7, 2, 99))


@pytest.mark.parametrize(
    ("spoil", "stage", "layer", "element"),
    [
        (spoil_features, "features", "", 3),
        (spoil_cell, "cell", "layer 0 (UNIDIRECTIONAL_SEQUENCE_LSTM)", 5),
        (spoil_layer, "layer", "layer 1 (UNIDIRECTIONAL_SEQUENCE_LSTM)", 2),
        (spoil_posteriors, "posteriors", "", 0),
        (spoil_detections, "detections", "", None),
    ],
)
def test_first_difference_is_named(tiny_model, spoil, stage, layer, element):
    report = verify(tiny_model, [Faulty(tiny_model, spoil)], random=0)
    assert not report.ok
    first = report.engines[0].first
    assert (first.stage, first.layer, first.source) == (stage, layer, "spoken words, up to the end of a frame")
    assert first.expected != first.found
    if stage != "detections":
        assert (first.step, first.element) == (7, element)
    assert stage in str(first)


def test_missing_frames_are_a_difference(tiny_model):
    class Deaf(NumpyEngine):
        name = "deaf"

        def process(self, pcm):
            return super().process(pcm[: len(pcm) // 2])

    report = verify(tiny_model, [Deaf(tiny_model)], random=0)
    assert "steps where numpy has" in str(report.engines[0].first)


def test_equal_engines(tiny_model, tmp_path, speech):
    from kws import audio

    audio.write(tmp_path / "speech.wav", speech)
    report = verify(tiny_model, ["numpy", "tflm", "c", "tflite"], random=3, files=[tmp_path / "speech.wav"])
    assert report.ok
    assert [e.name for e in report.engines] == ["tflm", "c", "tflite"]
    assert [e.required for e in report.engines] == [True, True, False]
    assert report.streams == 1 + 3 + 7 + 3
    assert report.detections > 0
    assert all(e.values > 10000 and e.different == 0 for e in report.engines if e.required)


def test_bare_network(bare_model, tmp_path):
    x = np.random.default_rng(0).integers(-128, 128, (9, *bare_model.network.input_shape)).astype(np.int8)
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "x.bin").write_bytes(x.tobytes())
    report = verify(bare_model, ["tflm", "c"], random=5, files=[tmp_path / "x.npy", tmp_path / "x.bin"])
    assert report.ok
    assert report.bare
    assert report.streams == 2 + 3 + 5
    spoiled = verify(bare_model, [Faulty(bare_model, spoil_layer)], random=1)
    assert spoiled.engines[0].first.layer == "layer 1 (STRIDED_SLICE)"


@pytest.mark.parametrize("content", [b"", b"123"])
def test_broken_inputs(tmp_path, content):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with pytest.raises(KwsError, match="recorded inputs"):
        read_inputs(path, 10)
    raw = tmp_path / "x.bin"
    raw.write_bytes(content)
    with pytest.raises(KwsError, match="int8 inputs of 10 values"):
        read_inputs(raw, 10)
