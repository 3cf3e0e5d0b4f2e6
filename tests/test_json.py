"""JSON that anybody may have written: nested without end, or with strings that are no text."""

from __future__ import annotations

import json

import pytest
from random_models import spotting_model

from kws import runs
from kws.boards.monitor import parse
from kws.codegen.packages import MANIFEST, export_package
from kws.errors import KwsError
from kws.evaluation.stream.spec import StreamSpec
from kws.files import JSON_DEPTH, parse_json
from kws.model.file import METADATA_NAME, Model, ModelInfo
from kws.tflite import build
from kws.tflite import parse as parse_tflite


def nested(depth: int, around: str = "1") -> str:
    return '{"labels":[' * (depth // 2) + around + "]}" * (depth // 2)


# At the last of these json.loads itself gives up; before it, only what walks the value would.
DEEP = (JSON_DEPTH + 2, 400, 900, 100_000)


def test_any_usual_depth_is_read():
    assert parse_json(nested(JSON_DEPTH)) == json.loads(nested(JSON_DEPTH))
    assert parse_json('[{"a": [1, null, "x"]}, 2.5]') == [{"a": [1, None, "x"]}, 2.5]


@pytest.mark.parametrize(
    "text", [*map(nested, DEEP), "[" * 100_000, b"\xff", "", "9" * 5000], ids=lambda t: str(len(t))
)
def test_what_cannot_be_used_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.parametrize("depth", DEEP)
def test_deep_lines_of_a_board(depth):
    assert parse(nested(depth).encode()).value is None


@pytest.mark.parametrize("depth", DEEP)
def test_deep_files(depth, tmp_path):
    path = tmp_path / "deep.json"
    path.write_text(nested(depth))
    for read in (runs.load_json, StreamSpec.load):
        with pytest.raises(KwsError, match="too deep"):
            read(path)
    (tmp_path / MANIFEST).write_text(nested(depth))
    with pytest.raises(KwsError, match="too deep"):
        export_package(spotting_model(1, units=(8,)), "plain", tmp_path)


@pytest.mark.parametrize("depth", DEEP)
def test_deep_metadata_of_a_model(depth):
    model = spotting_model(1, units=(8,))
    graph = parse_tflite(model.content, "it")
    graph.metadata[METADATA_NAME] = model.info.to_json()[:-1] + f',"provenance":{nested(depth)}}}'.encode()
    with pytest.raises(KwsError, match="too deep"):
        Model.from_bytes(build(graph))


@pytest.mark.parametrize("label", ["a\ud800", "\udcf6", "a\nb", "\x1b[2J", "a\0b", "\x7f", "a\x85", ""])
def test_labels_that_are_no_text(label):
    info = spotting_model(1, units=(8,)).info
    values = json.loads(info.to_json())
    values["labels"][-1] = label
    with pytest.raises(KwsError, match=r"label .* no text") as refused:
        ModelInfo.from_json(json.dumps(values).encode())
    assert str(refused.value).isprintable()


def test_specifications_with_values_that_are_none(tmp_path):
    spec = {"kind": "kws stream", "version": 1}
    for key, value in (("seed", 1e999), ("seed", -1), ("minutes", float("nan")), ("wanted", {"a": ["a\0b"]})):
        path = tmp_path / "spec.json"
        path.write_text(json.dumps({**spec, key: value}))
        with pytest.raises(KwsError, match=r"spec\.json"):
            StreamSpec.load(path)
