"""tools/tflite_difference.py: what it cuts out of a model is that operator, with the harness's inputs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kws import audio

ROOT = Path(__file__).resolve().parents[2]
# The same tool, with TFLM's interpreter in TFLite's place.
WITH_TFLM = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import tflite_difference
from kws.engines.interpreters import TflmEngine
tflite_difference.TfliteEngine = TflmEngine
sys.exit(tflite_difference.main())
"""


def rows(*command):
    """The table's rows: name, values, per cent different, greatest."""
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=True)
    lines = [line.strip("│").split("│") for line in done.stdout.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line] for line in lines]


def test_each_operator_against_the_harness(tiny_file, speech, tmp_path):
    audio.write(tmp_path / "a.wav", speech)
    table = rows(ROOT / "tools/tflite_difference.py", tiny_file, tmp_path / "a.wav")
    assert [row[0] for row in table[:5]] == [
        *["UNIDIRECTIONAL_SEQUENCE_LSTM"] * 2,
        "FULLY_CONNECTED",
        "SOFTMAX",
        "the whole network",
    ]
    # TFLite's rounding is close, and not the harness's.
    assert 0 < float(table[0][2].rstrip("%")) < 50
    assert all(float(row[2].rstrip("%")) < 2 for row in table[2:4])


def test_the_oracle_does_not_differ_anywhere(tiny_file, speech, tmp_path):
    audio.write(tmp_path / "a.wav", speech)
    table = rows("-c", WITH_TFLM, ROOT / "tools", tiny_file, tmp_path / "a.wav")
    assert all(float(row[2].rstrip("%")) == 0 for row in table)
    assert [row[3] for row in table[:5]] == ["0"] * 5


def test_errors_are_one_sentence(bare_file, speech, tmp_path):
    audio.write(tmp_path / "a.wav", speech)
    command = [sys.executable, ROOT / "tools/tflite_difference.py", bare_file, tmp_path / "a.wav"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "bare network" in done.stderr or "front end" in done.stderr
    assert "Traceback" not in done.stderr
