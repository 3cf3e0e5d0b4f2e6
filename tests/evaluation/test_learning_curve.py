"""What more takes would bring: on states that are made up, and on takes that a model hears."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tones

from kws.cli import exit_codes
from kws.cli import main as cli
from kws.evaluation import learning_curve as curves
from kws.network import FloatNetwork
from kws.project import Project

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "commands12.tflite"
UNITS = 24


def words(distance, takes=30, seed=3):
    """States of two words and of what is neither, Gaussian, their means ``distance`` deviations apart."""
    rng = np.random.default_rng(seed)
    means = distance * np.eye(UNITS)[:3]
    first, second, other = (rng.normal(mean, 1, (n, UNITS)) for mean, n in zip(means, (takes, takes, 200), strict=True))
    return {"a": first, "b": second}, other


def curve(distance, takes=30):
    return curves.fit_curve(*words(distance, takes), np.random.default_rng(1))


def test_errors_fall_with_takes_as_they_really_do():
    """Where more takes help, the curve through 30 comes near what 60 give."""
    found = curve(2.5)
    assert found.takes == 30
    assert [p.takes for p in found.measured] == sorted({p.takes for p in found.measured})
    assert (found.measured[0].takes, found.measured[-1].takes) == (3, 24)
    assert found.measured[0].errors > found.measured[-1].errors > found.twice.errors
    assert all(0 <= p.low <= p.errors <= p.high <= 1 for p in found.measured)
    assert found.twice.low < found.twice.errors < found.twice.high
    takes, other = words(2.5, 300)
    wrong, tried = curves._errors(takes, other, 300, [60], np.random.default_rng(1))
    # The interval is that of 60 takes.
    assert found.twice.low < wrong.sum() / tried.sum() < found.twice.high
    assert found.most is None
    assert 0.05 < found.saved[0] < found.saved[1] <= 0.5
    assert found.fitted[-1] == (60, found.twice.errors)
    assert (30, found.now.errors) in found.fitted
    assert found.advice.startswith("more takes will help: twice as many save ")


def test_the_curve_is_a_floor_and_a_fall():
    """Exact points give the curve back; it never rises and is never below nothing."""
    sizes = [3, 5, 8, 13, 24]
    for floor, fall in ((0.05, 0.4), (0.0, 0.6), (0.2, 0.0)):
        rates = np.tile(floor + fall / np.array(sizes), (7, 1))
        assert curves._fitted(rates, sizes, 60) == pytest.approx(floor + fall / 60)
    assert curves._fitted(np.array([[0.1, 0.2, 0.3]]), [3, 6, 12], 24) <= 0.3
    assert curves._fitted(np.array([[0.9, 0.2, 0.0]]), [3, 6, 12], 24) >= 0.0


def test_words_that_are_all_told_apart():
    found = curve(12.0)
    assert found.measured[-1].errors == 0
    assert found.most == pytest.approx(3 / 60, rel=0.01)
    assert "none of the takes held out" in found.advice
    assert "up to 5 %" in found.advice


def test_states_that_tell_nothing():
    """A third of the guesses are right, with any number of takes."""
    found = curve(0.0)
    assert found.measured[-1].errors == pytest.approx(2 / 3, abs=0.12)
    assert abs(found.twice.errors - found.measured[-1].errors) < 0.1
    assert found.advice.startswith("more takes alike bring little: ")


def test_a_take_is_counted_once_however_often_it_is_tried():
    """The interval is that of as many takes as there are, whatever the number of draws."""
    found = curve(2.5)
    errors = found.measured[-1].errors
    wilson = 1.96 * np.sqrt(errors * (1 - errors) / 60)
    assert (found.measured[-1].high - found.measured[-1].low) / 2 == pytest.approx(wilson, rel=0.4)


def test_the_classes_weigh_the_same():
    """A thousand of one are no reason to call a middling one so."""
    rng = np.random.default_rng(2)
    few, many = rng.normal(1, 0.1, (5, 3)), rng.normal(-1, 0.1, (1000, 3))
    named = curves._named([few, many], np.array([[0.2] * 3, [-0.2] * 3, [1.0] * 3]))
    assert named.tolist() == [0, 1, 0]


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "lamp"
    Project(folder, ("yes", "no"), "microphone", None).write()
    tones.write(folder / "recordings", speakers=9, words={"yes": (400, 400), "no": (2000, 2000), "up": (400, 3000)})
    return folder


@pytest.mark.slow
def test_the_verb(project, capsys, monkeypatch):
    monkeypatch.setattr(curves, "_OTHERS", 20)
    monkeypatch.setattr(curves, "_RESAMPLED", 50)
    arguments = ["data", "takes", str(project / "recordings"), "--config", str(project / "words.toml")]
    arguments += ["--from", str(MODEL)]
    assert cli.main([*arguments, "--json"]) == exit_codes.OK
    found = json.loads(capsys.readouterr().out)
    assert found["words"] == ["yes", "no"]
    assert found["takes"] == 9
    # Two folders of other words, and cuts of sentences.
    assert found["others"] == 2 * 9 + 20
    assert found["twice"]["takes"] == 18
    assert cli.main(arguments) == exit_codes.OK
    said = capsys.readouterr().out
    assert "twice as many" in said
    assert "95 % interval" in said
    assert found["advice"] in " ".join(said.split())
    for path in sorted((project / "recordings" / "no").glob("*.wav"))[:2]:
        path.unlink()
    assert cli.main(arguments) == exit_codes.BAD_INPUT
    assert "there are 7 of no; record at least 8" in capsys.readouterr().err


@pytest.mark.slow
def test_the_cuts_say_none_of_the_words():
    """They are of the pack that training takes, and never of the one that judges."""
    cuts = curves._sentences(("yes", "no"), 16000, np.random.default_rng(1))
    assert cuts.shape == (curves._OTHERS, 16000)
    assert cuts.dtype == np.int16
    assert (np.abs(cuts.astype(np.int32)).max(axis=1) > 100).all()


def test_a_network_without_a_state():
    class NoState(FloatNetwork):
        def initial_state(self, n):
            return []

    NoState.__abstractmethods__ = frozenset()
    with pytest.raises(Exception, match="recurrent layers"):
        curves.last_states(NoState.__new__(NoState), None, np.zeros((1, 16000), np.int16))
