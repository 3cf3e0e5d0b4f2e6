"""Every verb of the ``kws`` command, through its real entry point, and what it says to bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tones
from conftest import needs
from random_models import random_graph

from kws import audio, runs
from kws.cli import main as cli
from kws.model.file import Model
from kws.tflite import build
from kws.verify.inputs import random_signal

KWS = [sys.executable, "-m", "kws"]


def kws(*arguments, stdin=b"", code=0):
    """Run the command in a process of its own; return its standard output."""
    done = subprocess.run([*KWS, *map(str, arguments)], input=stdin, capture_output=True, check=False)
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return done.stdout.decode()


def says(capsys, *arguments, code=3):
    """Run in this process what must fail with an exit code; return the one sentence it says."""
    assert cli.main([str(a) for a in arguments]) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("kws: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_installed_command():
    command = Path(sys.executable).with_name("kws")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("kws ")


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A tiny data set of two words in the official layout, with a folder for each special label."""
    root = tones.write(
        tmp_path_factory.mktemp("data") / "words", speakers=4, words={"yes": (500, 500), "no": (900, 900)}
    )
    rng = np.random.default_rng(0)
    for name in ("_silence_", "_unknown_"):
        (root / name).mkdir()
        audio.write(root / name / "a_nohash_0.wav", random_signal(rng, 16000)[1])
    return root


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["c", "numpy,tflm"])
def test_evaluate(tiny_file, words, engine, tmp_path):
    report = tmp_path / "report.json"
    options = ("--data", words, "--split", "all", "--engine", engine, "--json", report)
    text = kws("evaluate", tiny_file, *options, "--plot", tmp_path / "x.png")
    values = json.loads(report.read_text())
    assert set(values["results"]) == set(engine.split(","))
    for result in values["results"].values():
        # 4 speakers x (yes, no, other) and one clip of each special folder
        assert result["total"] == 14
        assert np.array(result["confusion"]).sum(axis=1).tolist() == [1, 5, 4, 4, 0, 0]
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert "14" in text
    on_stdout = json.loads(kws("evaluate", tiny_file, "--data", words, "--split", "all", "--json"))
    assert on_stdout["results"]["c"]["total"] == 14


def test_evaluate_empty_split(tiny_file, tmp_path, capsys):
    spoken = dict.fromkeys(("yes", "no", "up", "down"), (500, 900))
    tones.write(tmp_path / "d", speakers=1, words=spoken)
    (tmp_path / "d" / "testing_list.txt").write_text("")
    text = says(capsys, "evaluate", tiny_file, "--data", tmp_path / "d", "--split", "test")
    assert "testing split" in text


def test_spot(tiny_file, speech, tmp_path):
    audio.write(tmp_path / "talk.flac", speech)
    results = {
        e: json.loads(kws("spot", tiny_file, tmp_path / "talk.flac", "--engine", e, "--json"))
        for e in ("c", "numpy", "tflm")
    }
    found = results["c"]["detections"]
    assert found
    assert all(r["detections"] == found for r in results.values())
    assert {"seconds", "word", "score", "frame", "file"} <= set(found[0])
    text = kws("spot", tiny_file, tmp_path / "talk.flac")
    assert len(text.splitlines()) == len(found)
    raw = json.loads(kws("spot", tiny_file, "-", "--json", stdin=speech.astype("<i2").tobytes()))
    strip = [{k: v for k, v in d.items() if k != "file"} for d in found]
    assert [{k: v for k, v in d.items() if k != "file"} for d in raw["detections"]] == strip


@pytest.mark.slow
def test_listen_is_spot(tiny_file, speech, tmp_path):
    audio.write(tmp_path / "talk.wav", speech)
    spotted = json.loads(kws("spot", tiny_file, tmp_path / "talk.wav", "--json"))["detections"]
    for source, stdin in ((tmp_path / "talk.wav", b""), ("-", speech.astype("<i2").tobytes())):
        lines = kws("listen", tiny_file, "--input", source, "--json", stdin=stdin).splitlines()
        heard = [json.loads(line) for line in lines]
        assert [(d["word"], d["frame"]) for d in heard] == [(d["word"], d["frame"]) for d in spotted]
    text = kws("listen", tiny_file, "--input", tmp_path / "talk.wav")
    assert len(text.splitlines()) == len(spotted)


def test_spot_cut_raw_stream(tiny_file):
    assert kws("spot", tiny_file, "-", stdin=b"\0" * 2001, code=3) == ""


def test_export_and_export_of_a_bare_network(tiny_file, bare_file, tmp_path):
    values = json.loads(kws("export", tiny_file, "--out", tmp_path / "a", "--json"))
    assert {p.name for p in (tmp_path / "a").iterdir()} == set(values["files"])
    assert not values["bare_network"]
    text = kws("export", bare_file, "--out", tmp_path / "b", "--with-library")
    assert "no kws metadata" in text
    assert (tmp_path / "b/include/kws/kws.h").exists()


def test_verify(tiny_file, speech, tmp_path):
    audio.write(tmp_path / "talk.wav", speech)
    text = kws("verify", tiny_file, tmp_path / "talk.wav", "--engines", "numpy,tflm,c,tflite", "--random", "3")
    assert text.count("identical") == 2
    values = json.loads(kws("verify", tiny_file, "--engines", "c", "--random", "2", "--json"))
    assert values["ok"]
    assert values["engines"][0]["values"] > 1000


def test_verify_a_bare_network(bare_file, tmp_path):
    model = Model.load(bare_file)
    np.save(tmp_path / "x.npy", np.zeros((3, model.network.input_size), np.int8))
    text = kws("verify", bare_file, tmp_path / "x.npy", "--engines", "tflm,c", "--random", "2")
    assert "only the network" in text


def test_verify_fails_on_a_difference(tiny_file, monkeypatch, capsys):
    from kws.engines.c_engine import CEngine

    original = CEngine.process

    def wrong(self, pcm):
        output = original(self, pcm)
        output.posteriors = output.posteriors ^ 1
        return output

    monkeypatch.setattr(CEngine, "process", wrong)
    assert cli.main(["verify", str(tiny_file), "--engines", "c", "--random", "0"]) == 1
    assert "first difference" in capsys.readouterr().out


@needs("arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.slow
def test_verify_on_the_emulated_board(tiny_file, bare_file):
    for path in (tiny_file, bare_file):
        assert "identical" in kws("verify", path, "--engines", "numpy,qemu", "--random", "2")


@pytest.mark.slow
def test_data_verbs(tmp_path):
    made = json.loads(
        kws("data", "make", "--words", "yes,no", "--voices", "4", "--takes", "1", "--out", tmp_path / "d", "--json")
    )
    assert made["synthetic"]
    assert made["clips"] > 8
    report = json.loads(kws("data", "check", tmp_path / "d", "--json"))
    assert report["ok"]
    assert report["words"]["yes"] == 4
    assert "errors" in kws("data", "check", tmp_path / "d")
    (tmp_path / "d" / "yes" / "bad_nohash_0.wav").write_text("not audio")
    assert "error: " in kws("data", "check", tmp_path / "d", code=1)
    (found,) = json.loads(kws("data", "check", tmp_path / "d", "--json", code=1))["errors"]
    assert (found["kind"], found["paths"]) == ("unreadable", [str(tmp_path / "d" / "yes" / "bad_nohash_0.wav")])
    options = ("--words", "yes,no", "--voices", "60", "--repeats", "1", "--out", tmp_path / "talk.wav")
    events = json.loads(kws("data", "recording", *options, "--json"))["events"]
    assert sum(e["keyword"] for e in events) == 2
    assert audio.info(tmp_path / "talk.wav").seconds > 3


@pytest.mark.slow
def test_train_convert_evaluate(tmp_path):
    """Recordings to a verified model, by the commands alone."""
    tones.write(tmp_path / "data")
    (tmp_path / "c.toml").write_text(runs.to_toml(tones.experiment()))
    run = tmp_path / "run"
    history = json.loads(kws("train", tmp_path / "c.toml", "--data", tmp_path / "data", "--out", run, "--json"))
    assert len(history["epochs"]) >= 1
    converted = json.loads(kws("convert", run, "--json"))
    assert converted["operators"][-2:] == ["FULLY_CONNECTED", "SOFTMAX"]
    values = json.loads(kws("evaluate", run, "--data", tmp_path / "data", "--engine", "c,numpy,tflm", "--json"))
    accuracy = {name: r["accuracy"] for name, r in values["results"].items()}
    assert set(accuracy) == {"c", "numpy", "tflm", "float"}
    assert accuracy["c"] == accuracy["numpy"] == accuracy["tflm"]
    assert accuracy["c"] > 0.6
    assert "identical" in kws("verify", run, "--random", "3")


def broken_files(root: Path) -> dict[str, Path]:
    """Files that are not what they seem, by what is wrong with them."""
    root.mkdir(exist_ok=True)
    good = root / "good.wav"
    audio.write(good, np.full(4000, 100, np.int16))
    content = good.read_bytes()
    files = {
        "truncated": content[: len(content) // 2],
        "text": b"this is not audio at all, whatever its name says",
        "empty": b"",
        "header only": content[:44],
    }
    for name, data in files.items():
        (root / f"{name}.wav").write_bytes(data)
    return {name: root / f"{name}.wav" for name in files}


@pytest.mark.parametrize("name", ["truncated", "text", "empty", "header only"])
def test_broken_recordings(name, tiny_file, tmp_path, capsys):
    path = broken_files(tmp_path / "broken")[name]
    assert str(path) in says(capsys, "spot", tiny_file, path)
    assert str(path) in says(capsys, "verify", tiny_file, path, "--engines", "numpy", "--random", "0")


@pytest.mark.parametrize(
    ("rate", "channels", "subtype"),
    [(16000, 2, "PCM_16"), (8000, 1, "PCM_16"), (44100, 1, "PCM_24"), (16000, 1, "FLOAT"), (48000, 2, "PCM_32")],
)
def test_other_formats_are_converted(rate, channels, subtype, tiny_file, tmp_path, speech):
    """Stereo, other rates and widths are heard, as much of them as 16 kHz mono would be."""
    import soxr

    x = soxr.resample(speech / 32768, 16000, rate)
    path = tmp_path / "x.wav"
    soundfile.write(path, np.repeat(x[:, None], channels, axis=1), rate, subtype)
    values = json.loads(kws("spot", tiny_file, path, "--json"))
    assert values["detections"]
    assert values["detections"][-1]["seconds"] < 6.2


def test_missing_things(tiny_file, bare_file, tmp_path, capsys):
    assert "cannot read" in says(capsys, "spot", tmp_path / "none.tflite", "x.wav")
    assert "none.wav" in says(capsys, "spot", tiny_file, tmp_path / "none.wav")
    assert "bare network" in says(capsys, "spot", bare_file, tmp_path / "x.wav")
    assert "bare network" in says(capsys, "evaluate", bare_file, "--data", tmp_path)
    (tmp_path / "empty").mkdir()
    for verb in (["evaluate", tiny_file, "--data"], ["data", "check"]):
        assert "empty" in says(capsys, *verb, tmp_path / "empty")
    assert "none.toml" in says(capsys, "train", tmp_path / "none.toml", "--data", tmp_path, "--out", tmp_path / "r")
    assert "run" in says(capsys, "convert", tmp_path / "empty")
    assert "kws listen MODEL" in says(capsys, "listen", code=2)


def test_bad_models(tmp_path, capsys):
    graph = random_graph(1)
    graph.operators[-1].name = "TANH"
    (tmp_path / "op.tflite").write_bytes(build(graph))
    assert "operator TANH" in says(capsys, "verify", tmp_path / "op.tflite")
    content = build(random_graph(1))
    (tmp_path / "cut.tflite").write_bytes(content[: len(content) // 3])
    assert "cut.tflite" in says(capsys, "export", tmp_path / "cut.tflite", "--out", tmp_path / "x")
    (tmp_path / "text.tflite").write_text("hello")
    assert "not a .tflite file" in says(capsys, "verify", tmp_path / "text.tflite")


def test_unwritable_output(tiny_file, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert "cannot write" in says(capsys, "export", tiny_file, "--out", tmp_path / "file" / "sub")


def test_bad_configuration(tmp_path, capsys):
    config = tmp_path / "c.toml"
    for text, message in (
        ("[training]\nepoch = 3\n", "did you mean 'epochs'"),
        ("[frontend]\nbands = 1000\n", "frontend.bands"),
        ("[network]\nlstm_units = 3\n", "must be a list"),
        ("nonsense", "not valid TOML"),
    ):
        config.write_text(text)
        assert message in says(capsys, "train", config, "--data", tmp_path, "--out", tmp_path / "r")


def test_wrong_arguments():
    for arguments in (["spot"], ["verify", "x", "--engines", "abacus"], ["verify", "x", "--random", "-1"], ["fly"]):
        with pytest.raises(SystemExit) as stop:
            cli.main(arguments)
        assert stop.value.code == 2


def test_reader_of_a_pipe_goes_away(tiny_file, speech, tmp_path):
    audio.write(tmp_path / "talk.wav", np.tile(speech, 5))
    command = f"{' '.join(KWS)} listen {tiny_file} --input {tmp_path}/talk.wav --json | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_files_after_options(tiny_file, speech, tmp_path):
    """Recordings may stand after the options, as the help's usage line says."""
    audio.write(tmp_path / "a b.wav", speech[:20000])
    options = ("--engines", "numpy,c", "--random", "1", "--json")
    values = json.loads(kws("verify", tiny_file, *options, tmp_path / "a b.wav"))
    assert values["inputs"] == 1 + 3 + 7 + 1
    decision = values["decision"]
    assert decision["rules_reached"] == decision["rules"] >= 18
    assert (decision["engines"], decision["with_numpys_decision"]) == (["numpy", "c"], [])
    assert decision["detections"] > 20
    both = json.loads(kws("verify", tiny_file, tmp_path / "a b.wav", *options, tmp_path / "a b.wav"))
    assert both["inputs"] == 2 + 3 + 7 + 1
    for arguments in (["verify", tiny_file, "--rnadom", "1"], ["report", tmp_path, "extra"]):
        with pytest.raises(SystemExit) as stop:
            cli.main([str(a) for a in arguments])
        assert stop.value.code == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_full_disk_under_standard_output(tiny_file):
    command = [*KWS, "verify", tiny_file, "--engines", "numpy", "--random", "0"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == "kws: error: cannot go on: No space left on device\n"


def test_cache_in_a_path_with_spaces(tiny_file, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "größe und $raum"))
    assert "identical" in kws("verify", tiny_file, "--engines", "c", "--random", "0")


def test_outputs_are_tried_before_the_work(tiny_file, words, tmp_path, capsys):
    """Hours of measuring must not end in a place that cannot be written."""
    (tmp_path / "file").write_text("")
    data = ("--data", words)
    for arguments in (
        ("stream-test", tiny_file, *data, "--json", tmp_path / "file" / "x.json"),
        ("tune", tiny_file, *data, "--out", tmp_path),
        ("evaluate", tiny_file, *data, "--json", tmp_path / "file" / "x.json"),
        ("evaluate", tiny_file, *data, "--plot", tmp_path / "file" / "x.png"),
    ):
        assert "cannot write" in says(capsys, *arguments)
    wav, beside = tmp_path / "s.wav", tmp_path / "s.json"
    for option in ("--json", "--save-spec"):
        assert "would be written twice (--wav" in says(
            capsys, "stream-test", tiny_file, *data, "--wav", wav, option, beside, code=2
        )
    assert not any(path.name.startswith(".") for path in tmp_path.iterdir())


def test_absurd_numbers(tiny_file, words, capsys):
    for arguments in (
        ("evaluate", tiny_file, "--data", words, "--seed", -1),
        ("verify", tiny_file, "--seed", -1),
        ("stream-test", tiny_file, "--data", words, "--tolerance", 1e300),
        ("stream-test", tiny_file, "--data", words, "--rate", 1e-308),
        ("stream-test", tiny_file, "--data", words, "--soak-hours", 1e308),
        ("tune", tiny_file, "--data", words, "--budget", 1e308),
    ):
        with pytest.raises(SystemExit) as stop:
            cli.main([str(a) for a in arguments])
        assert stop.value.code == 2
        assert "must be" in capsys.readouterr().err


def test_data_check_with_the_settings_of_a_training(words, tmp_path, capsys):
    config = tmp_path / "c.toml"
    config.write_text('[data]\nwords = ["yes", "no"]\nsplit_by = "take"\n')
    assert cli.main(["data", "check", str(words), "--config", str(config)]) == 0
    assert "takes are split" in capsys.readouterr().out


def test_bad_evaluate_options(tiny_file, words, tmp_path):
    for options in (["--plot", "x.foo"], ["--json", tiny_file], ["--engine", "abacus"]):
        with pytest.raises(SystemExit) as stop:
            cli.main(["evaluate", str(tiny_file), "--data", str(words), *map(str, options)])
        assert stop.value.code == 2
    values = json.loads(kws("evaluate", tiny_file, "--data", words, "--split", "all", "--engine", "c,c", "--json"))
    assert list(values["results"]) == ["c"]
