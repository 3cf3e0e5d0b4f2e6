"""The line on which the page's microphone is heard: an engine that takes long to be compiled, and one that is slow."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from studio_server import TOKEN, serving
from websockets.sync.client import connect

from kws import engines
from kws.engines.numpy_engine import NumpyEngine
from kws.studio import sound

CHUNK = bytes(2 * 640)


@pytest.fixture
def root(tmp_path, tiny_model):
    run = tmp_path / "runs" / "first"
    run.mkdir(parents=True)
    (run / "model.tflite").write_bytes(tiny_model.content)
    return tmp_path


def line(port):
    return connect(
        f"ws://127.0.0.1:{port}/ws/live?model=runs/first&rate=16000",
        origin=f"http://127.0.0.1:{port}",
        additional_headers={"Cookie": f"kws_studio_{port}={TOKEN}"},
    )


def test_what_is_said_while_the_library_is_compiled_is_not_waited_for(root, monkeypatch):
    compiled, asked = threading.Event(), threading.Event()

    def create(name, model):
        asked.set()
        compiled.wait()
        return NumpyEngine(model)

    monkeypatch.setattr(engines, "create", create)
    with serving(root) as port, line(port) as opened:
        asked.wait()
        for _ in range(2 * sound._WAITING):
            opened.send(CHUNK)
        # An answer says that all of that has been taken.
        opened.ping().wait()
        compiled.set()
        first = json.loads(opened.recv())
        assert "error" not in first
        assert first["words"]
        opened.send(np.full(640, 50, "<i2").tobytes())
        heard = json.loads(opened.recv())
        assert heard["seconds"] == 0.04


def test_an_engine_that_does_not_keep_up_is_told(root, monkeypatch):
    going = threading.Event()

    class Slow(NumpyEngine):
        def process(self, pcm):
            going.wait()
            return super().process(pcm)

    monkeypatch.setattr(engines, "create", lambda name, model: Slow(model))
    with serving(root) as port, line(port) as opened:
        assert json.loads(opened.recv())["words"]
        for _ in range(sound._WAITING + 2):
            opened.send(CHUNK)
        assert "does not keep up" in json.loads(opened.recv())["error"]
        going.set()
