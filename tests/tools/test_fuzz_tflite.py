"""tools/fuzz_tflite.py: a share of the long run, and that it finds, counts, shrinks and keeps."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import fuzz_mutations
import fuzz_tflite
import pytest

from kws.engines import trial
from kws.engines.numpy_engine import NumpyEngine

TOOL = Path(fuzz_tflite.__file__)


def run(tmp_path, *options):
    command = [sys.executable, TOOL, "--keep", tmp_path / "kept", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_thousand_files_are_refused_or_exact(tmp_path):
    done = run(tmp_path, "--count", 1000, "--seed", 20, "--c-every", 20)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {name: int(n) for n, name in re.findall(r"^ +(\d+)  (.+)$", done.stdout, re.MULTILINE)}
    assert counts["refused"] > 500
    assert counts["exact"] > 50
    assert {"bytes", "fields", "metadata"} <= counts.keys()
    assert any("C equal" in name for name in counts)
    assert not (tmp_path / "kept").exists()


def test_a_few_files(tmp_path, monkeypatch):
    """The same without processes, for the fast tests."""
    monkeypatch.setattr(trial, "interpreter", lambda *_: None)
    outcomes = Counter()
    for number in range(60):
        try:
            case = fuzz_mutations.make(30, number)
        except fuzz_mutations.CannotBuild:
            continue
        if "subgraph" not in case.what:
            outcomes[fuzz_tflite.judge(case.content, number, 10, 0, lambda _: None)] += 1
    assert outcomes["refused"] > 20
    assert outcomes["exact"] > 0


def test_a_case_is_its_number():
    case = fuzz_mutations.make(1, 4)
    assert fuzz_mutations.make(1, 4) == case
    assert case.content not in fuzz_mutations.bases()
    without = fuzz_mutations.make(1, 4, range(case.edits))
    assert without.what.endswith(": ")
    assert {fuzz_mutations.make(1, n).level for n in range(60)} == set(fuzz_mutations.LEVELS)


BROKEN = """
import sys
sys.path.insert(0, {tools!r})
sys.argv[0] = {path!r}
import fuzz_tflite
fuzz_tflite.__file__ = {path!r}
from kws.model.file import Model
before = Model.from_bytes.__func__
def wrong(cls, content, source):
    if content.count(b"yes") and b"window" not in content:
        {fault}
    return before(cls, content, source)
Model.from_bytes = classmethod(wrong)
sys.exit(fuzz_tflite.main())
"""


@pytest.fixture(scope="module")
def failing() -> int:
    """The first case of two or three edits that the fault below strikes."""
    for number in range(1000):
        with contextlib.suppress(fuzz_mutations.CannotBuild):
            case = fuzz_mutations.make(3, number)
            if 2 <= case.edits <= 3 and case.content.count(b"yes") and b"window" not in case.content:
                return number
    raise AssertionError("no such case")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        ("raise ZeroDivisionError('x')", "exception: ZeroDivisionError in"),
        ("os.abort()", "crash: reading: signal 6"),
    ],
)
def test_a_fault_is_found_made_smaller_and_kept(tmp_path, failing, fault, finding):
    path = tmp_path / "broken.py"
    # Files with metadata of another front end crash: few do, so that edits can be left out.
    path.write_text(BROKEN.format(tools=str(TOOL.parent), path=str(path), fault=f"import os; {fault}"))
    command = [sys.executable, path, "--start", failing - 3, "--count", "6", "--seed", "3", "--c-every", "0"]
    command += ["--keep", tmp_path / "kept"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert finding in done.stdout
    (note,) = (tmp_path / "kept").glob("*.txt")
    (kept,) = (tmp_path / "kept").glob("*.tflite")
    kind, what, again = note.read_text().splitlines()
    assert kind.startswith(finding)
    # One edit is enough.
    assert what.count("(") == 1
    assert b"window" not in kept.read_bytes()
    assert re.search(r"--seed 3 --start \d+ --count 1", again)


def test_a_difference_is_a_finding(monkeypatch):
    monkeypatch.setattr(trial, "interpreter", lambda *_: None)
    before = NumpyEngine.run_network

    def wrong(self, x):
        output = before(self, x)
        output.layers[0] = output.layers[0] ^ 1
        return output

    monkeypatch.setattr(NumpyEngine, "run_network", wrong)
    with pytest.raises(fuzz_tflite.Finding, match="difference"):
        fuzz_tflite.judge(fuzz_mutations.bases()[0], 1, 0, 0, lambda _: None)
