"""A foreign model's first call has a process of its own: a crash or an endless loop there is a sentence here."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pytest
from conftest import needs
from random_models import random_graph, spotting_model

from kws import engines
from kws.cli.main import main
from kws.engines import trial
from kws.engines.c_engine import CEngine
from kws.errors import KwsError
from kws.model.file import METADATA_NAME, Model
from kws.model.seal import build_sealed
from kws.tflite import build

HOST = """
#include <stddef.h>
#include <stdlib.h>
static const char *id = "%s";
size_t kws_host_memory_bytes(void) { return 64; }
const char *kws_host_model_id(void) { return id; }
int kws_host_init(void *memory, size_t bytes) { (void)memory; (void)bytes; return 0; }
void kws_host_reset(void *memory) { (void)memory; }
long kws_host_process(void) { return 0; }
void kws_host_decide(void) { }
const char *kws_error_name(int code) { (void)code; return "?"; }
int kws_host_run_network(void) { %s; return 0; }
"""


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(trial, "_survived", set())


@pytest.fixture(scope="module")
def crashing():
    """A model of one network with a second one that nothing calls: kws runs the first, and TFLM dies of the second."""
    graph = random_graph(1, inputs=5, units=(4,), outputs=3)
    graph.subgraphs = [copy.deepcopy(graph)]
    return Model.from_bytes(build(graph), "two networks")


def library(folder, model, body):
    path = folder / "host.so"
    (folder / "host.c").write_text(HOST % (model.id, body))
    subprocess.run(["cc", "-shared", "-fPIC", folder / "host.c", "-o", path], check=True)
    return path


@needs("cc")
@pytest.mark.parametrize(("body", "number"), [("*(volatile int *)0 = 1", 11), ("abort()", 6)])
def test_a_crash_in_c_is_an_error(body, number, bare_model, tmp_path):
    with pytest.raises(KwsError, match=rf"engine c crashed on random model 2 \(signal {number}, .*convert the model"):
        CEngine(bare_model, library(tmp_path, bare_model, body))


@needs("cc")
def test_an_endless_call_is_an_error(bare_model, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "TIMEOUT_SECONDS", 1.5)
    with pytest.raises(KwsError, match=r"engine c did not return from its first calls .* within 1\.5 s"):
        CEngine(bare_model, library(tmp_path, bare_model, "for (;;) { }"))


@needs("cc")
def test_a_model_that_carries_its_sha256_is_not_tried(tmp_path):
    """It is as kws wrote it; the first call is the caller's."""
    model = spotting_model(1)
    CEngine(model, library(tmp_path, model, "abort()"))


def test_a_crash_in_tflm_is_an_error(crashing):
    with pytest.raises(KwsError, match=r"engine tflm crashed on two networks \(signal 11, Segmentation fault"):
        engines.create("tflm", crashing)


def test_a_sealed_model_with_an_idle_subgraph_is_tried():
    graph = copy.deepcopy(spotting_model(1).graph)
    graph.subgraphs = [copy.deepcopy(graph)]
    model = Model.from_bytes(build_sealed(graph, METADATA_NAME), "a sealed one")
    assert model.sealed
    with pytest.raises(KwsError, match=r"engine tflm crashed on a sealed one \(signal 11"):
        engines.create("tflm", model)


def test_verify_says_so_and_ends(crashing, tmp_path, capsys):
    path = tmp_path / "two.tflite"
    path.write_bytes(crashing.content)
    assert main(["verify", str(path), "--engines", "tflm"]) != 0
    assert "engine tflm crashed" in capsys.readouterr().err
    assert main(["verify", str(path), "--engines", "c", "--random", "1"]) == 0


@pytest.mark.parametrize("name", ["c", "tflm", "tflite"])
def test_sound_models_are_tried_once(name, bare_model, monkeypatch):
    calls = []
    run = subprocess.run

    def counted(command, **options):
        calls.append(command)
        return run(command, **options)

    engines.create(name, bare_model)
    monkeypatch.setattr(trial.subprocess, "run", counted)
    with engines.create(name, bare_model) as engine:
        engine.reset()
        assert len(engine.run_network(np.zeros((2, bare_model.network.input_size), np.int8)).posteriors) == 2
    assert not [c for c in calls if c[0] == sys.executable]


def test_what_an_interpreter_raises_is_an_error(bare_model):
    with engines.create("tflm", bare_model) as engine:
        engine._shape = (1, 1, 1)
        with pytest.raises(KwsError, match="engine tflm cannot run random model 2"):
            engine.run_network(np.zeros((1, 1), np.int8))
