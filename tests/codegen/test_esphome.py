"""Wake words for ESPHome and the Linux voice assistant: what is written runs there, what would not is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from random_models import spotting_model, wake_model
from wake_words import FOLDER, detections, peer, speech

from kws.cli.main import main
from kws.codegen import esphome
from kws.config import DetectorConfig
from kws.engines import arena
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.model.file import Model, with_detector
from kws.tflite import parse

# What ESPHome's micro_wake_word asks of a manifest before it compiles anything; a key that it does not know is refused.
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "model", "author", "version", "wake_word", "trained_languages", "micro"],
    "properties": {
        "type": {"const": "micro"},
        "model": {"type": "string"},
        "author": {"type": "string"},
        "version": {"const": 2},
        "wake_word": {"type": "string"},
        "trained_languages": {"type": "array", "items": {"type": "string"}},
        "website": {"type": "string", "pattern": "^[a-z]+://[^/]+"},
        "micro": {
            "type": "object",
            "additionalProperties": False,
            "required": [
                *("feature_step_size", "tensor_arena_size", "probability_cutoff", "sliding_window_size"),
                "minimum_esphome_version",
            ],
            "properties": {
                "feature_step_size": {"type": "integer", "minimum": 0, "maximum": 30},
                "tensor_arena_size": {"type": "integer"},
                "probability_cutoff": {"type": "number"},
                "sliding_window_size": {"type": "integer", "minimum": 0},
                "minimum_esphome_version": {"type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$"},
            },
        },
    },
}


def tuned():
    """alexa with another cut-off, as `kws tune` stores it."""
    model = Model.load(FOLDER / "alexa.tflite")
    return Model.from_bytes(with_detector(model, DetectorConfig(4, 0.7, 50), {"budget": 1}), "tuned")


def test_the_manifest_says_what_the_model_has(tmp_path):
    made = esphome.export_esphome(tuned(), tmp_path)
    assert [path.name for path in made.files] == ["alexa.tflite", "alexa.json"]
    values = json.loads((tmp_path / "alexa.json").read_text())
    micro = values["micro"]
    assert (values["type"], values["version"], values["wake_word"]) == ("micro", 2, "Alexa")
    assert (values["model"], micro["feature_step_size"], micro["sliding_window_size"]) == ("alexa.tflite", 10, 4)
    assert abs(micro["probability_cutoff"] - 0.7) < 0.002
    # What kws reads back decides alike.
    again = Model.load(tmp_path / "alexa.tflite")
    assert again.info.decision.parameters().limit == tuned().info.decision.parameters().limit
    # The manifest that came with the model asks for 22,348 bytes.
    assert made.arena_bytes == arena.measure((FOLDER / "alexa.tflite").read_bytes(), "alexa") < 22348
    assert 22348 < micro["tensor_arena_size"] < 2 * made.arena_bytes


def test_esphome_accepts_the_manifest(tmp_path):
    """A model of our own, whose maker has no website, and somebody's, whose maker stays named through `kws tune`."""
    model = Model.load(FOLDER / "alexa.tflite")
    ours = replace(model, info=replace(model.info, provenance={"tuned": {}}))
    names = {}
    for name, each in {"ours": ours, "theirs": tuned()}.items():
        values = esphome.export_esphome(each, tmp_path / name).manifest
        assert values == json.loads((tmp_path / name / "alexa.json").read_text())
        jsonschema.validate(values, SCHEMA)
        names[name] = (values["author"], values.get("website"), values["trained_languages"])
    assert names["ours"] == ("kws", None, [])
    assert names["theirs"] == ("Kevin Ahrendt", "https://www.kevinahrendt.com/", ["en"])


def test_pymicro_wakeword_detects_what_kws_detects(tmp_path):
    """The unmodified package loads both files."""
    esphome.export_esphome(tuned(), tmp_path)
    model, pcm = Model.load(tmp_path / "alexa.tflite"), speech("Alexa")
    ours = [d.frame for d in NumpyEngine(model).process(pcm).detections]
    theirs = detections(peer(tmp_path / "alexa.json", pcm), model.info.decision.cooldown_frames)
    assert len(ours) == len(theirs) > 4
    assert all(abs(a - b) <= 1 for a, b in zip(ours, theirs, strict=True))


def test_an_int8_output_becomes_uint8():
    graph = wake_model().graph
    made = esphome.with_byte_output(graph)
    sink = made.tensors[made.outputs[0]]
    assert (made.operators[-1].name, sink.dtype, sink.scale, sink.zero_point) == ("QUANTIZE", np.uint8, 1 / 256, 0)
    assert esphome.with_byte_output(made) is made
    assert len(graph.operators) == len(made.operators) - 1


def test_every_reason_is_told(tmp_path):
    with pytest.raises(KwsError) as found:
        esphome.export_esphome(spotting_model(1, units=(4,)), tmp_path / "a")
    said = str(found.value)
    for reason in (
        "its front end is log_mel",
        "its decision is detector over 6 labels",
        "operator SOFTMAX, UNIDIRECTIONAL_SEQUENCE_LSTM is none of the runtime's twenty",
        "its output is uint8 [1, 6], and must be one probability",
    ):
        assert reason in said
    assert not (tmp_path / "a").exists()
    with pytest.raises(KwsError, match="its cut-off was never tuned"):
        esphome.export_esphome(wake_model(), tmp_path / "a")
    with pytest.raises(KwsError, match=r"its input is int8 \[1, 1, 120\], and must be int8 \[1, rows, 40\]"):
        esphome.export_esphome(wake_model(), tmp_path / "a")


def test_a_word_of_the_runtime_s_own():
    model = Model.load(FOLDER / "alexa.tflite")
    named = replace(model, info=replace(model.info, labels=("vad",)))
    assert esphome.refusals(named, model.graph) == [
        "its word is 'vad', by which the runtime knows its voice detector: call it otherwise"
    ]


def test_too_many_variables():
    model = Model.load(FOLDER / "alexa.tflite")
    handles = [op for op in model.graph.operators if op.name == "VAR_HANDLE"]
    more = [replace(handles[0], options={"SharedName": str(i).encode()}) for i in range(20)]
    graph = replace(model.graph, operators=[*model.graph.operators, *more])
    assert esphome.refusals(model, graph) == ["it has 26 variables, and the runtime has room for 20"]
    assert esphome.refusals(model, parse(model.content, "alexa")) == []


def test_a_file_that_tflm_refuses(tmp_path):
    with pytest.raises(KwsError, match="TensorFlow Lite Micro does not run the file"):
        arena.measure(b"no model", "the file")


def test_command(tmp_path, capsys):
    out = tmp_path / "x"
    assert main(["export", str(FOLDER / "hey_jarvis.tflite"), "--package", "esphome", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "hey_jarvis.tflite, hey_jarvis.json" in said
    assert "cut-off 0.97 over 5 probabilities" in said
    assert main(["export", str(FOLDER / "alexa.tflite"), "--package", "esphome", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["manifest"]["wake_word"] == "Alexa"
