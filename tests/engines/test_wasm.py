"""The WebAssembly module: the same bytes as the harness, what it says of itself, what it refuses."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from conftest import needs
from random_models import spotting_model

from kws import engines
from kws.engines.numpy_engine import NumpyEngine
from kws.engines.wasm_engine import WasmEngine
from kws.errors import KwsError, MissingError
from kws.image.web import SECTION, description, web_module
from kws.verify.compare import EngineReport, compare, run_chunked, verify
from kws.verify.inputs import corner_signals, random_signal

pytestmark = needs("make", "clang", "wasm-ld")


def test_random_streams_and_the_decisions_rules(tiny_model):
    report = verify(tiny_model, ["numpy", "wasm"], random=3, files=[], seed=4)
    assert report.ok, report
    [found] = report.engines
    assert found.values > 10_000
    assert report.decision.engines == ["numpy", "wasm"]
    assert not report.decision.missed


def test_a_bare_network(bare_model):
    report = verify(bare_model, ["numpy", "wasm"], random=4, files=[], seed=5)
    assert report.ok, report
    assert report.engines[0].values > 0


def test_streams_longer_than_the_modules_buffer(tiny_model):
    rng = np.random.default_rng(3)
    with WasmEngine(tiny_model) as found, NumpyEngine(tiny_model) as expected:
        report = EngineReport("wasm", True)
        for name, pcm in [*corner_signals(9000), random_signal(rng, 9000)]:
            expected.reset()
            whole = expected.process(pcm)
            found.reset()
            compare(tiny_model, name, whole, found.process(pcm), report)
            compare(tiny_model, name, whole, run_chunked(found, pcm, rng), report)
        assert report.first is None, report.first


def test_the_same_bytes_every_time(tiny_model, tmp_path, monkeypatch):
    first = web_module(tiny_model, "a name")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    assert web_module(tiny_model, "a name") == first
    assert web_module(tiny_model, "another") != first


def test_what_a_module_says_of_itself(tiny_model):
    module = web_module(tiny_model, 'größe "1"')
    told = json.loads(sections(module)[SECTION])
    info = tiny_model.require_info()
    assert told == json.loads(json.dumps(description(tiny_model, 'größe "1"')))
    assert told["name"] == 'größe "1"'
    assert told["labels"] == list(info.labels)
    assert told["thresholds"] == list(info.thresholds)
    assert told["id"] == tiny_model.id


def test_a_bare_network_says_only_what_it_is(bare_model):
    assert description(bare_model, "x") == {"version": 1, "name": "x", "id": bare_model.id}


def sections(module):
    """The custom sections of a module by name, read from the binary format's own description."""

    def number(at):
        value = shift = 0
        while True:
            byte = module[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value, at

    found, at = {}, 8
    assert module[:8] == b"\0asm\1\0\0\0"
    while at < len(module):
        kind = module[at]
        size, at = number(at + 1)
        if kind == 0:
            length, start = number(at)
            found[module[start : start + length].decode()] = module[start + length : at + size]
        at += size
    assert at == len(module)
    return found


@pytest.mark.parametrize("module", [b"", b"\0asm\1\0\0\0", b"no module"])
def test_what_is_no_module_of_kws(tiny_model, module):
    with pytest.raises(KwsError, match="no WebAssembly module of kws"):
        WasmEngine(tiny_model, module)


def test_a_module_of_another_model(tiny_model):
    other = spotting_model(9, units=(8,))
    with pytest.raises(KwsError, match="of another model"):
        WasmEngine(other, web_module(tiny_model, "tiny"))


def test_without_wasmtime(tiny_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    with pytest.raises(MissingError, match=r"wasm engine needs the wasmtime package; run `pip install .*web"):
        engines.require("wasm")
    with pytest.raises(MissingError, match="wasmtime"):
        engines.create("wasm", tiny_model)
