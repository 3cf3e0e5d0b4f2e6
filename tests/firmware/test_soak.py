"""The soak: some minutes of what tools/soak_firmware.py does for a day, and that it would notice."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import needs
from random_models import spotting_model

from kws import firmware
from kws.image.build import host_library

TOOL = Path(__file__).parents[2] / "tools/soak_firmware.py"
pytestmark = [needs("make", "cc"), pytest.mark.slow]


@pytest.fixture(scope="module")
def tool():
    sys.path.insert(0, str(TOOL.parent))
    try:
        import soak_firmware

        return soak_firmware
    finally:
        sys.path.remove(str(TOOL.parent))


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(spotting_model(6, units=(16,)).content)
    return path


def test_some_minutes(model_file):
    command = [sys.executable, TOOL, model_file, "--hours", "0.1", "--piece-minutes", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[2] == "0.10 of 0.10 hours: the same"
    assert lines[3].startswith("17999 frames, ")
    assert int(lines[3].split()[2]) > 100
    assert "no finding, no difference" in lines[3]


FAULTS = {
    # A reset that leaves samples behind: only the piece that began with a reset differs.
    "reset": ("    spotter->filled = 0;\n", "", r"piece 2 differs \(piece spotter"),
    # A read behind an array: the sanitizer ends the process.
    "overflow": (
        "    spotter->frame++;\n",
        "    const kws_model *m = spotter->model;\n"
        "    spotter->frame += m->labels[m->label_count + spotter->frame] == NULL ? 2u : 1u;\n",
        "global-buffer-overflow",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(tool, model_file, tmp_path, monkeypatch, capsys, fault):
    before, after, noticed = FAULTS[fault]
    faulty = tmp_path / "firmware"
    shutil.copytree(firmware.sources_dir(), faulty)
    source = faulty / "src/spotter.c"
    text = source.read_text()
    assert before in text
    if fault == "reset":
        # A reset after whole frames finds what the window keeps; the first one of all must still clear it.
        text = text.replace(
            "    spotter->magic = KWS_SPOTTER_MAGIC;\n",
            "    spotter->magic = KWS_SPOTTER_MAGIC;\n    spotter->filled = 0;\n",
            1,
        )
        head, _, rest = text.partition("int32_t kws_spotter_reset(")
        source.write_text(head + "int32_t kws_spotter_reset(" + rest.replace(before, after, 1))
    else:
        source.write_text(text.replace(before, after))
    build, sources = host_library, firmware.sources_dir

    def build_faulty(model, folder, sanitize=False):
        monkeypatch.setattr(firmware, "sources_dir", (lambda: faulty) if sanitize else sources)
        return build(model, folder, sanitize)

    monkeypatch.setattr(tool, "host_library", build_faulty)
    monkeypatch.setattr(sys, "argv", [str(TOOL), str(model_file), "--hours", "0.02", "--piece-minutes", "0.5"])
    assert tool.main() == 1
    assert re.search(noticed, capsys.readouterr().err)


def test_audio_is_lively_and_repeatable(tool):
    first = [tool.block(1, i) for i in range(30)]
    assert all(b.shape == (160000,) and b.dtype == np.int16 for b in first)
    assert all(np.array_equal(b, tool.block(1, i)) for i, b in enumerate(first))
    assert len({b.tobytes() for b in first}) == 30
    peaks = np.array([np.abs(b.astype(np.int32)).max() for b in first])
    assert (peaks == 32768).any()
    assert (peaks < 1000).any()
    assert any((b == 0).sum() > 20000 for b in first)
