"""The model file's metadata: detector settings, older files, copies with other settings."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from random_models import bare_model, spotting_model

from kws.config import DetectorConfig, Experiment, from_dict
from kws.errors import KwsError
from kws.model.file import METADATA_NAME, Model, with_detector, with_info
from kws.model.seal import build_sealed
from kws.tflite import build, parse

WORDS = ("yes", "no", "up", "down")
SHIPPED = sorted((Path(__file__).resolve().parents[2] / "models").glob("*.tflite"))
TUNED = DetectorConfig(7, 0.5, 21, (0.1, 0.9, 1.0, 0.35))


def test_one_threshold_is_every_word_s():
    assert DetectorConfig(threshold=0.4).thresholds(3) == (0.4, 0.4, 0.4)
    assert TUNED.thresholds(4) == (0.1, 0.9, 1.0, 0.35)


@pytest.mark.parametrize("thresholds", [(0.5, 0.0), (-0.1,), (1.1,), (float("nan"),)])
def test_word_thresholds_out_of_range(thresholds):
    with pytest.raises(KwsError, match=r"detector.word_thresholds must all be in \(0, 1\]"):
        DetectorConfig(word_thresholds=thresholds)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_word_thresholds_of_another_count(count):
    values = {"detector": {"word_thresholds": [0.5] * count}, "data": {"words": list(WORDS)}}
    message = f"detector.word_thresholds must be 4 values, .* not {count} values"
    with pytest.raises(KwsError, match=message):
        from_dict(Experiment, values)
    with pytest.raises(KwsError, match=message):
        with_detector(spotting_model(1), DetectorConfig(word_thresholds=(0.5,) * count))


def test_other_detector_settings_change_nothing_else():
    model = spotting_model(1, units=(16, 8))
    tuned = Model.from_bytes(with_detector(model, TUNED))
    assert tuned.info.detector == TUNED
    assert tuned.info.detector_parameters().threshold_sums == (180, 1613, 7 * 255, 628)
    assert tuned.id != model.id
    assert with_detector(tuned, model.info.detector) == model.content, "and back: the same bytes"
    graphs = [parse(m.content) for m in (model, tuned)]
    for graph in graphs:
        del graph.metadata[METADATA_NAME]
    assert build(graphs[0]) == build(graphs[1])


def test_other_metadata_are_kept():
    graph = parse(spotting_model(1).content)
    graph.metadata["somebody.else"] = b"hello"
    content = with_detector(Model.from_bytes(build_sealed(graph, METADATA_NAME)), TUNED)
    assert parse(content).metadata["somebody.else"] == b"hello"


def test_a_bare_network_has_no_detector():
    with pytest.raises(KwsError, match="bare network"):
        with_detector(bare_model(1), TUNED)


@pytest.mark.parametrize("label", ["", "  ", "\u00a0", "a\nb"])
def test_a_label_that_nobody_could_read(label):
    info = spotting_model(1).info
    with pytest.raises(KwsError, match="is blank, or holds characters that are no text"):
        replace(info, labels=(*info.labels[:-1], label))


def test_files_from_before_word_thresholds():
    model = spotting_model(1)
    graph = parse(model.content)
    values = json.loads(graph.metadata[METADATA_NAME])
    assert values["detector"].pop("word_thresholds") == []
    del values["sha256"]
    graph.metadata[METADATA_NAME] = json.dumps(values).encode()
    assert Model.from_bytes(build(graph)).info == model.info


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_models_can_be_tuned(path):
    model = Model.load(path)
    words = len(model.info.words)
    tuned = Model.from_bytes(with_detector(model, DetectorConfig(word_thresholds=(0.6,) * words)))
    assert tuned.info.detector.word_thresholds == (0.6,) * words
    graphs = [parse(m.content) for m in (model, tuned)]
    for graph in graphs:
        del graph.metadata[METADATA_NAME]
    assert build(graphs[0]) == build(graphs[1])


def test_words_are_the_labels_that_can_be_detected():
    info = spotting_model(1).info
    assert (info.labels[:2], info.words) == (("_silence_", "_unknown_"), WORDS)
    assert info.thresholds == info.detector.thresholds(4)


def test_the_graph_is_the_file_and_stays_so():
    model = spotting_model(1)
    assert build(model.graph) == model.content
    with_detector(model, TUNED)
    assert build(model.graph) == model.content


def test_a_file_has_its_own_sha256():
    """Of the whole file with zeros in its place: anyone can check it without kws."""
    content = spotting_model(1).content
    digest = json.loads(parse(content).metadata[METADATA_NAME])["sha256"]
    assert content.count(digest.encode()) == 1
    assert hashlib.sha256(content.replace(digest.encode(), b"0" * 64)).hexdigest() == digest
    assert Model.from_bytes(content).sealed
    assert not bare_model(1).sealed


def test_what_a_model_is_told_to_keep_may_have_a_sha256_too():
    model = spotting_model(1)
    provenance = {"data": {"sha256": "of something else"}, "a": {"sha256": "0" * 63}}
    content = with_info(parse(model.content), replace(model.info, provenance=provenance))
    assert Model.from_bytes(content).sealed
    changed = content.replace(b"of something else", b"of somewhere else")
    with pytest.raises(KwsError, match="changed after it was written"):
        Model.from_bytes(changed)


def test_any_flipped_byte_is_seen():
    """Weights, options, metadata and padding alike, but in the name under which the SHA-256 is looked up."""
    model = spotting_model(1, units=(4,))
    names = [range(at, at + len(name)) for name in (b"sha256", b"kws.model") if (at := model.content.index(name))]
    for place in range(0, len(model.content), 5):
        content = bytearray(model.content)
        content[place] ^= 1 << place % 8
        if not any(place in name for name in names):
            with pytest.raises(KwsError):
                Model.from_bytes(bytes(content))


def test_a_flipped_weight_is_named_as_such():
    model = spotting_model(1)
    weight = parse(model.content).tensors[1].data.tobytes()
    content = bytearray(model.content)
    content[model.content.index(weight) + 100] ^= 64
    with pytest.raises(KwsError, match=r"it: it was changed after it was written, .* SHA-256 .*get the file anew"):
        Model.from_bytes(bytes(content), "it")
    # Where it is the first to fall over the change, the reader's reason comes with it.
    content = model.content.replace(b'"bands":40', b'"bands":30')
    with pytest.raises(KwsError, match=r"changed after it was written.*; its first fault: .*front end makes 30"):
        Model.from_bytes(content)


def test_files_without_a_sha256_still_load():
    model = spotting_model(1)
    graph = parse(model.content)
    graph.metadata[METADATA_NAME] = model.info.to_json()
    old = Model.from_bytes(build(graph))
    assert (old.info, old.sealed) == (model.info, False)
    assert Model.from_bytes(with_detector(old, old.info.detector)).sealed


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_models_are_sealed(path):
    assert Model.load(path).sealed
