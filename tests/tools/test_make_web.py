"""`make web`: the page with the shipped models, served on this machine."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from urllib.request import urlopen

import foreground
import pytest
from conftest import needs

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@needs("make", "clang", "wasm-ld")
def test_builds_and_serves(tmp_path):
    command = [*foreground.script(ROOT / "tools/make_web.py"), "--out", tmp_path, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        names = ", ".join(sorted(path.stem for path in (ROOT / "models").glob("*.tflite")))
        assert names in server.stdout.readline()
        address = re.match(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())[0]
        with urlopen(address) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.read() == (tmp_path / "index.html").read_bytes()
        for name, kind in (("kws/spotter.js", "javascript"), ("models/yes-no.wasm", "application/wasm")):
            with urlopen(address + name) as answer:
                assert kind in answer.headers["Content-Type"]
                assert answer.read() == (tmp_path / name).read_bytes()
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0
