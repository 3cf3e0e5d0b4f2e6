"""``kws phrases``, and phrases and windows in a configuration."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kws.cli import main as cli
from kws.config import load
from kws.decisions import CtcBeamConfig, CtcConfig, DetectorConfig, GrammarConfig, Phrase, SlidingMeanConfig
from kws.errors import KwsError
from kws.model.file import Model


@pytest.fixture
def file(tiny_model, tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(tiny_model.content)
    return path


def kws(capsys, *arguments, code=0):
    assert cli.main([str(a) for a in arguments]) == code
    return capsys.readouterr()


def test_phrases_come_and_go(file, capsys, tiny_model):
    a, b = tiny_model.info.words[:2]
    before = Model.load(file).info
    kws(capsys, "phrases", file, "--add", f"{a} {b}", "--within-ms", "1000")
    kws(capsys, "phrases", file, "--add", f"{b} {a}", "--name", "back", "--wake", a, "--window-ms", "2000")
    decision = Model.load(file).info.decision
    frames = before.frontend.frames_in
    assert decision.phrases == (Phrase((a, b), frames(1000)), Phrase((b, a), frames(1800), "back"))
    assert (decision.wake, decision.window_frames, decision.report_words) == (a, frames(2000), True)
    assert decision.detector == before.decision
    listed = json.loads(kws(capsys, "phrases", file, "--list", "--json").out)
    assert [p["name"] for p in listed["phrases"]] == [f"{a} {b}", "back"]
    assert listed["wake"] == a
    shown = kws(capsys, "phrases", file).out
    assert "back" in shown
    assert f"after '{a}'" in shown
    kws(capsys, "phrases", file, "--remove", "all", "--wake", "none")
    assert Model.load(file).info.decision == before.decision


def test_a_window_for_a_program_to_open(file, capsys):
    kws(capsys, "phrases", file, "--wake", "outside", "--words", "yes")
    decision = Model.load(file).info.decision
    assert (decision.wake, decision.window_frames > 0, decision.phrases) == ("", True, ())
    assert "kws_spotter_open" in kws(capsys, "phrases", file).out


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["--add", "left sideways"], 3, "does not hear: ['left', 'sideways']"),
        (["--remove", "x"], 3, "no phrase 'x': it has none"),
        (["--name", "x"], 2, "--add"),
        (["--list", "--remove", "x"], 2, "no change"),
        (["--window-ms", "100"], 2, "--wake"),
        (["--words", "no"], 2, "nothing to report"),
        (["--wake", "none", "--window-ms", "5"], 2, "no window"),
        (["--wake", "nobody"], 3, "is none of"),
        (["--wake", ""], 2, "--wake needs the name"),
        (["--add", "left right", "--name", "all"], 2, "`--remove all`"),
        (["--add", "left right", "--name", "outside"], 2, "`--wake outside`"),
        (["--add", "left right", "--name", "  "], 3, "cannot be called ' '"),
    ],
)
def test_what_cannot_be_is_refused(file, capsys, options, code, text):
    content = file.read_bytes()
    assert text in " ".join(kws(capsys, "phrases", file, *options, code=code).err.split())
    assert file.read_bytes() == content


@pytest.mark.parametrize(("option", "highest"), [("--within-ms", 20_000), ("--window-ms", 200_000)])
def test_the_usage_has_the_limits_that_hold(file, capsys, option, highest):
    for value in (0, highest + 1):
        with pytest.raises(SystemExit) as stop:
            cli.main(["phrases", str(file), "--add", "a b", "--wake", "outside", option, str(value)])
        assert stop.value.code == 2
        told = f"must be a number from 0.001 to {highest}, not '{value}'"
        assert told in " ".join(capsys.readouterr().err.split())


def test_a_longer_phrase_stands_before_those_it_ends_with(file, capsys, tiny_model):
    """Of phrases that are complete in one frame the first is reported: behind, it would never be."""
    a, b = tiny_model.info.words[:2]
    for phrase in (f"{b} {b}", f"{a} {b}", f"{a} {b} {a}", f"{b} {a} {b}"):
        kws(capsys, "phrases", file, "--add", phrase)
    titles = [phrase.title for phrase in Model.load(file).info.decision.phrases]
    assert titles == [f"{b} {b}", f"{b} {a} {b}", f"{a} {b}", f"{a} {b} {a}"]


def test_the_same_words_under_two_names_differ_in_how_long_they_wait(file, capsys, tiny_model):
    a, b = tiny_model.info.words[:2]
    for options in (["--name", "slow"], ["--name", "quick", "--within-ms", "500"]):
        kws(capsys, "phrases", file, "--add", f"{a} {b}", *options)
    assert [phrase.title for phrase in Model.load(file).info.decision.phrases] == ["quick", "slow"]
    content = file.read_bytes()
    told = kws(capsys, "phrases", file, "--add", f"{a} {b}", "--within-ms", "500", code=3).err
    assert f"phrases 'quick' and '{a} {b}' are the same words" in " ".join(told.split())
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("decision", "text"),
    [
        (CtcConfig(), "take a model that is not trained by CTC"),
        (CtcBeamConfig(), "take a model that is not trained by CTC"),
        (SlidingMeanConfig(), 'decides by sliding_mean; train with [detector] kind = "detector"'),
    ],
)
@pytest.mark.parametrize("options", [["--add", "a b"], ["--wake", "outside"], ["--words", "yes"], ["--remove", "all"]])
def test_a_model_without_a_detector_stays_as_it_is(capsys, monkeypatch, tmp_path, tiny_model, decision, text, options):
    """None of its settings become a detector's, and to list its phrases is no error."""
    labels = ("a",) if isinstance(decision, SlidingMeanConfig) else tiny_model.info.labels
    info = replace(tiny_model.info, labels=labels, decision=decision)
    monkeypatch.setattr(Model, "require_info", lambda model: info)
    monkeypatch.setattr("kws.cli.verbs.phrases.save", pytest.fail)
    path = tmp_path / "m.tflite"
    path.write_bytes(tiny_model.content)
    assert text in " ".join(kws(capsys, "phrases", path, *options, code=3).err.split())
    assert "no phrases" in kws(capsys, "phrases", path).out
    listed = json.loads(kws(capsys, "phrases", path, "--json").out)
    assert (listed["phrases"], listed["wake"], listed["window_ms"]) == ([], "", 0)


CONFIG = """
[data]
words = ["left", "right", "go"]
[frontend]
hop_ms = 10
[detector]
cooldown_frames = 20
[[phrases]]
words = "left right"
within_ms = 1500
[[phrases]]
words = "go go"
name = "run"
thresholds = [0.5, 0.4]
[listening]
wake = "go"
window_ms = 4000
"""


def test_a_configuration_has_phrases_and_a_window(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(CONFIG)
    phrases = (Phrase(("left", "right"), 150), Phrase(("go", "go"), 180, "run", (0.5, 0.4)))
    experiment = load(path)
    assert experiment.detector == GrammarConfig(cooldown_frames=20, phrases=phrases, wake="go", window_frames=400)
    path.write_text(CONFIG.partition("[[phrases]]")[0])
    assert load(path).detector == DetectorConfig(cooldown_frames=20)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[phrases]]\nwords = "left up"', "does not hear: .'up'"),
        ('[[phrases]]\nwords = "left"', "2 to 8 words"),
        ('[[phrases]]\nword = "left right"', "did you mean 'words'"),
        ('[phrases]\nwords = "left right"', "sections of their own"),
        ('[[phrases]]\nwords = "left right"\nname = " "', "cannot be called ' '"),
        (
            '[[phrases]]\nwords = "left right"\n[[phrases]]\nwords = "left right"\nname = "x"',
            "'left right' and 'x' are the same words",
        ),
        ('[listening]\nwake = "left"', "needs a window_frames above 0"),
        ('[listening]\nwake = "left"\nwindow_ms = -1', "window_ms"),
    ],
)
def test_a_configuration_that_makes_no_sense(tmp_path, text, message):
    path = tmp_path / "c.toml"
    path.write_text('[data]\nwords = ["left", "right"]\n' + text)
    with pytest.raises(KwsError, match=message):
        load(path)
