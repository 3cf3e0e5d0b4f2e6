"""tools/mutate.py: its list fits the sources, and a share of the planted faults is found."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import mutate
import pytest
from conftest import needs
from mutants import ALL, Mutant

from kws.model.file import Model

ROOT = Path(__file__).resolve().parents[2]


def test_every_mutant_has_its_place():
    mutate.check_list()
    assert len(set(ALL)) == len(ALL)
    assert all((ROOT / m.proof.partition("::")[0]).exists() for m in ALL if m.proof.startswith("tests/"))
    for folder in ("firmware/", "kws/"):
        assert sum(m.path.startswith(folder) for m in ALL) >= 60


def test_a_text_that_is_gone_is_told(monkeypatch):
    gone = Mutant("DETECT/1", "firmware/src/decisions/detector.c", "no such text", "")
    monkeypatch.setattr(mutate, "ALL", (gone,))
    with pytest.raises(SystemExit, match="not found exactly once"):
        mutate.check_list()


def test_shares_are_all_and_disjoint():
    parts = [mutate.chosen(f"{n}/7", None) for n in range(1, 8)]
    assert sorted(map(str, ALL)) == sorted(str(m) for part in parts for m in part)
    assert mutate.chosen("2/7", None) == parts[1]
    for share in ("0/7", "8/7"):
        with pytest.raises(ValueError, match="N/M"):
            mutate.chosen(share, None)


@pytest.mark.slow
@needs("cc", "make", "arm-none-eabi-gcc", "qemu-system-arm")
def test_a_share_is_found(tmp_path):
    command = [sys.executable, ROOT / "tools/mutate.py", "--share", "1/80", "--json", tmp_path / "found.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    outcomes = json.loads((tmp_path / "found.json").read_text())
    assert len(outcomes) >= 3
    assert all(o["ok"] for o in outcomes)


def test_phrases_come_to_every_rule():
    model = Model.load(ROOT / "models" / "commands12-tiny.tflite")
    labels = model.info.labels
    scripts = [decision.script(labels) for decision in mutate.grammars(model).values()]
    rules = {rule for rule in scripts[0].reached if rule.startswith("GRAMMAR")}
    assert len(rules) > 20
    assert {rule for script in scripts for rule in rules if script.reached[rule]} == rules


def test_a_mutant_that_lives_is_an_error(monkeypatch, capsys):
    """A change that changes nothing, first as a mutant and then as one that is called equivalent."""
    monkeypatch.setattr(mutate, "Tree", lambda folder: Blind())
    for equivalent, status in (("", 1), ("it changes nothing", 0)):
        mutant = Mutant("NOTHING", "firmware/src/arithmetic.h", "x", "y", equivalent=equivalent)
        monkeypatch.setattr(mutate, "ALL", (mutant,))
        monkeypatch.setattr(mutate, "check_list", lambda: None)
        monkeypatch.setattr(sys, "argv", ["mutate.py", "--jobs", "1"])
        assert mutate.main() == status
        assert ("NOT FOUND: NOTHING" in capsys.readouterr().out) == (status == 1)


class Blind:
    """A tree in which everything passes."""

    def steps(self, proof):
        return ["model"]

    def run(self, proof, step, in_c):
        return mutate.SURVIVED, step

    def mutated(self, mutant):
        return contextlib.nullcontext()
