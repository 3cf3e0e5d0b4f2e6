"""The page of a run, and the verbs that measure it, on tones and a random network."""

from __future__ import annotations

import json
import re
import shutil
from xml.etree import ElementTree

import numpy as np
import pytest
import tones
from random_models import spotting_model

from kws import runs
from kws.cli.main import main
from kws.errors import KwsError
from kws.evaluation.stream import room_list
from kws.quantize.dequantize import dequantize
from kws.report import findings, page


def quiet(stage, done, total):
    """No progress bar."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tones.write(tmp_path_factory.mktemp("data") / "tones", speakers=40, words=tones.MODEL_WORDS)


@pytest.fixture
def run(tmp_path):
    return as_converted(tmp_path / "run")


def as_converted(folder):
    """A run's folder as `kws train` and `kws convert` would leave it."""
    folder.mkdir()
    model = spotting_model(3, units=(16,), per_channel=False)
    (folder / runs.MODEL).write_bytes(model.content)
    dequantize(model).save(folder / runs.WEIGHTS)
    np.save(folder / runs.CALIBRATION, np.random.default_rng(1).integers(-99, 99, (4, 49, 40)).astype(np.int8))
    epoch = {"loss": 1.0, "validation_loss": 1.1, "accuracy": 0.5, "validation_accuracy": 0.6, "stream_accuracy": 0.5}
    entries = [{"epoch": i + 1, **epoch} for i in range(3)]
    (folder / runs.HISTORY).write_text(json.dumps({"best_epoch": 2, "epochs": entries}))
    return folder


@pytest.fixture(autouse=True, scope="module")
def _short_streams():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "STREAM_MINUTES", 1.0)
        patch.setattr(room_list, "minutes", lambda _: 1.5)
        yield


@pytest.fixture(scope="module")
def measured(tmp_path_factory, data):
    """A run that was measured once, with its page; not to be changed."""
    folder = as_converted(tmp_path_factory.mktemp("measured") / "run")
    return folder, page.write(folder, None, data=data, progress=quiet)


def svgs(text):
    return re.findall(r"<svg.*?</svg>", text, re.DOTALL)


@pytest.mark.slow
def test_everything_is_in_one_page(measured):
    run, made = measured
    assert made.missing == []
    text = made.path.read_text()
    assert made.path == run / "report.html"
    assert made.size == len(text.encode())
    # history, confusion, SNR, gain, speakers, quantization, example; of two scenes DET, latency, words
    assert len(svgs(text)) == 13
    for svg in svgs(text):
        root = ElementTree.fromstring(svg)
        assert root.get("viewBox")
        assert root.get("width") is None
        assert "currentColor" in svg
    assert not re.search(r"<(script|link|img|iframe)\b", text)
    links = re.findall(r"(?:href|src)=\"(?!#|data:)([^\"]*)\"|url\((?!#|\"?data:)([^)]*)\)", text)
    assert links == []
    for name in (
        "Accuracy",
        "In a room",
        "At a desk",
        "Noise and level",
        "Speakers",
        "Quantization",
        "Heard",
        "Training",
        "What is no word of yours",
    ):
        assert f"<h2>{name}</h2>" in text
    assert "<h2>What these figures cannot tell</h2>" in text
    assert "3/T per hour" in text
    assert "speakers only" in text
    assert "<td>music</td>" in text
    kept = json.loads((run / findings.EVALUATION).read_text())
    share = kept["clips"]["accuracy"]
    assert f"{100 * share:.2f} %" in text


@pytest.mark.slow
def test_a_model_is_measured_once(measured, data, tmp_path, monkeypatch):
    run = shutil.copytree(measured[0], tmp_path / "run")
    before = measured[1].path.read_bytes()

    def never(*_, **__):
        raise AssertionError("measured again")

    monkeypatch.setattr(findings, "evaluate_clips", never)
    monkeypatch.setattr(findings, "evaluate_stream", never)
    again = page.write(run, run / "again.html", data=None, progress=quiet)
    assert again.path.read_bytes() == before
    assert page.write(run, None, data=data, progress=quiet).path.read_bytes() == before
    (run / runs.MODEL).write_bytes(spotting_model(4, units=(16,), per_channel=False).content)
    with pytest.raises(AssertionError, match="measured again"):
        page.write(run, None, data=data, progress=quiet)


@pytest.mark.slow
def test_without_clips_it_says_what_is_missing(run):
    made = page.write(run, None, data=None, progress=quiet)
    text = made.path.read_text()
    assert len(svgs(text)) == 2  # history and quantization
    assert len(made.missing) == 3
    assert "Not in this report" in text
    assert text.count("--data DIR") == 3
    (run / runs.HISTORY).unlink()
    (run / runs.CALIBRATION).unlink()
    assert len(page.write(run, None, data=None, progress=quiet).missing) == 5


def test_names_are_escaped(run):
    model = spotting_model(3, words=("<b>", "a&b"), units=(16,))
    settings = {"name": "<script>alert(1)</script>", "data": {"note": "<i>"}}
    text = page.render(findings.Findings(model, provenance={"settings": settings}))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;, a&amp;b" in text


def test_damaged_results(run):
    (run / findings.EVALUATION).write_text("{")
    with pytest.raises(KwsError, match=r"evaluation\.json is damaged.*delete it"):
        page.write(run, None, data=None, progress=quiet)


def test_no_model(tmp_path):
    with pytest.raises(KwsError, match=r"model\.tflite is missing"):
        page.write(tmp_path, None, data=None, progress=quiet)


def test_a_file_is_no_run(run):
    with pytest.raises(KwsError, match=r"model\.tflite is a file; name the folder of its run"):
        page.write(run / "model.tflite", None, data=None, progress=quiet)


@pytest.mark.slow
def test_verbs(run, data, tmp_path, capsys):
    """The text has what the JSON says."""
    out = tmp_path / "report.json"
    arguments = ["evaluate", str(run), "--data", str(data), "--all", "--compare", "--engine", "numpy,c"]
    assert main([*arguments, "--json", str(out)]) == 0
    text = capsys.readouterr().out
    values = json.loads(out.read_text())
    assert list(values["results"]) == ["numpy", "c", "float"]
    assert values["results"]["numpy"]["confusion"] == values["results"]["c"]["confusion"]
    assert [(c["kind"], c["db"]) for c in values["conditions"]][:5] == [
        ("snr", 20),
        ("snr", 10),
        ("snr", 5),
        ("snr", 0),
        ("gain", -30),
    ]
    assert f"{100 * values['accuracy']:.2f} %" in text
    assert f"{100 * values['results']['c']['carried']['accuracy']:.2f} %" in text
    assert f"int8 hurts {values['quantization']['worst']} most" in text
    for title in ("worst words", "by SNR (synthesised noise)", "by gain", "signal to quantization noise"):
        assert title in text
    assert main(["report", str(run), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["missing"]) == 3


def test_comparing_needs_the_float_network(run, data, capsys):
    (run / runs.WEIGHTS).unlink()
    assert main(["evaluate", str(run), "--data", str(data), "--compare"]) == 3
    assert "--compare needs the float network" in capsys.readouterr().err


def test_its_place_is_tried_before_anything_is_measured(run, data, tmp_path, monkeypatch):
    monkeypatch.setattr(findings, "evaluate_clips", lambda *_: pytest.fail("measured"))
    (tmp_path / "file").touch()
    with pytest.raises(KwsError, match="cannot write"):
        page.write(run, tmp_path / "file" / "page.html", data=data, progress=quiet)
    (run / page.NAME).mkdir()
    with pytest.raises(KwsError, match="cannot write"):
        page.write(run, None, data=data, progress=quiet)
    monkeypatch.setattr(findings, "require_place", lambda path: pytest.fail(f"tried {path.name}"))
    with pytest.raises(pytest.fail.Exception, match=f"tried {findings.EVALUATION}"):
        page.write(run, tmp_path / "page.html", data=data, progress=quiet)


@pytest.mark.slow
def test_a_narrow_screen_scrolls_tables_and_not_the_page(measured):
    """Every table and picture is in a container that scrolls by itself."""
    text = measured[1].path.read_text()
    assert text.count("<table") == text.count('<div class="wide"><table')
    assert text.count("<svg") == text.count("<figure")
    assert re.search(r"\.wide \{ overflow-x: auto; \}", text)
    assert re.search(r"figure \{[^}]*overflow-x: auto; \}", text)
