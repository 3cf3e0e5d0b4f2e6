"""The guard of the design: a new layer is its own files and a line in each registry, and nothing else.

The layer is that of ``sign_flip.py``. The test adds it to a copy of the firmware's sources and to the
list of kinds; reading, NumPy, C, boards, memory, reset, trace and `kws verify` must then know it.
"""

from __future__ import annotations

import filecmp
import shutil
import subprocess

import numpy as np
import pytest
import sign_flip
from conftest import needs
from random_models import random_graph

from kws import codegen, layers
from kws.engines.c_engine import CEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.engines.qemu import QemuEngine
from kws.errors import KwsError
from kws.firmware import sources_dir
from kws.image.make import make_image
from kws.model.file import Model
from kws.tflite import Operator, Tensor, build
from kws.verify.compare import EngineReport, compare, verify

KINDS_FILE = "include/kws/layers/kinds.def"
OWN_FILES = {"include/kws/layers/sign_flip.h": sign_flip.HEADER, "src/layers/sign_flip.c": sign_flip.SOURCE}
ORIGINAL = sources_dir()


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    """A copy of the C sources with the layer's files, and its line in the registry."""
    copy = tmp_path_factory.mktemp("toy") / "firmware"
    shutil.copytree(ORIGINAL, copy)
    for name, text in OWN_FILES.items():
        (copy / name).write_text(text)
    with (copy / KINDS_FILE).open("a") as registry:
        registry.write(sign_flip.REGISTRY_LINE)
    return copy


@pytest.fixture
def registered(firmware, monkeypatch):
    """The layer is known on both sides."""
    monkeypatch.setenv("KWS_FIRMWARE", str(firmware))
    monkeypatch.setattr(layers, "KINDS", layers.KINDS)
    layers.KINDS.append(sign_flip.KIND)
    yield
    layers.KINDS.remove(sign_flip.KIND)


def toy_model(steps: int = 1) -> Model:
    """Two LSTMs of one width, the layer over the second's output and the first's, and a head."""
    graph = random_graph(4, units=(10, 10), inputs=7, outputs=5, steps=steps, head="flatten", per_channel=False)
    first, second, after = graph.operators[:3]
    hidden = graph.tensors[second.outputs[0]]
    signs = np.where(np.arange(10) % 3, 1, -1).astype(np.int8)
    graph.tensors.append(Tensor("signs", (10,), np.dtype(np.int8), data=signs))
    graph.tensors.append(Tensor("flipped", hidden.shape, hidden.dtype, hidden.scales.copy(), hidden.zero_points.copy()))
    count = len(graph.tensors)
    inputs = (second.outputs[0], count - 2, first.outputs[0])
    graph.operators.insert(2, Operator(sign_flip.OPERATOR, inputs, (count - 1,)))
    after.inputs = (count - 1, *after.inputs[1:])
    return Model.from_bytes(build(graph), "toy model")


def random_inputs(model: Model, calls: int = 9) -> np.ndarray:
    return np.random.default_rng(1).integers(-128, 128, (calls, model.network.input_size)).astype(np.int8)


def test_it_is_unknown_without_its_line():
    with pytest.raises(KwsError, match="operator CUSTOM:SignFlip is not one the firmware can run"):
        toy_model()


def test_nothing_else_is_touched(firmware):
    """The copy differs from the sources by the layer's own files and one line."""

    def differences(seen: filecmp.dircmp, at: str = "") -> set[str]:
        here = {at + name for name in (*seen.left_only, *seen.right_only, *seen.diff_files)}
        return here.union(*(differences(sub, f"{at}{name}/") for name, sub in seen.subdirs.items()))

    assert differences(filecmp.dircmp(ORIGINAL, firmware)) == {*OWN_FILES, KINDS_FILE}
    assert (firmware / KINDS_FILE).read_text() == (ORIGINAL / KINDS_FILE).read_text() + sign_flip.REGISTRY_LINE


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("steps", [1, 3])
def test_numpy_and_c_agree(steps):
    model = toy_model(steps)
    x = random_inputs(model)
    expected, found = NumpyEngine(model), CEngine(model)
    outputs = []
    for _ in range(2):
        expected.reset()
        found.reset()
        outputs.append(expected.run_network(x))
        report = EngineReport("c", True)
        compare(model, "toy", outputs[-1], found.run_network(x), report)
        assert report.first is None, str(report.first)
    # The state: 1 after a reset, then changing with every call, in both runs.
    phase = outputs[1].states[2, "phase"]
    assert phase.dtype == np.int16
    assert phase[:, 0].tolist() == [-1, 1, -1, 1, -1, 1, -1, 1, -1]
    assert np.array_equal(phase, outputs[0].states[2, "phase"])
    # It does flip: with the first layer's output, the signs and the phase the values are those of the definition.
    shape = (9, steps, 10)
    skip, x2, y = (outputs[0].layers[i].reshape(shape).astype(int) for i in range(3))
    sign = np.where(np.arange(10) % 3, 1, -1) * np.resize([1, -1], 9)[:, None, None]
    zero = model.network.layers[2].kernel.input_zero_point
    assert np.array_equal(y, np.clip(sign * (x2 - zero) + skip, -128, 127))


@pytest.mark.usefixtures("registered")
def test_a_wrong_state_is_named():
    class Wrong(NumpyEngine):
        def run_network(self, x):
            output = super().run_network(x)
            output.states[2, "phase"][2, 6] += 2
            return output

    model = toy_model()
    difference = verify(model, [Wrong(model)], random=1).engines[0].first
    assert (difference.stage, difference.layer) == ("phase", "layer 2 (CUSTOM:SignFlip)")


@pytest.mark.slow
@pytest.mark.usefixtures("registered")
@needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
def test_a_board_agrees():
    model = toy_model(2)
    x = random_inputs(model, 4)
    expected = NumpyEngine(model).run_network(x)
    with QemuEngine(model) as engine:
        report = EngineReport("qemu", True)
        compare(model, "toy", expected, engine.run_network(x), report)
    assert report.first is None, str(report.first)


def functions(elf) -> set[str]:
    listing = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in listing.splitlines()}


@pytest.mark.slow
@pytest.mark.usefixtures("registered")
@needs("make", "arm-none-eabi-gcc")
def test_an_image_has_the_kinds_of_its_model(tiny_model, tmp_path):
    """A program with its model built in carries no other layers; one that takes any model carries all."""
    every = {f"kws_{kind.name}_run" for kind in layers.KINDS if kind.kernel is not None}
    codegen.export(tiny_model, tmp_path / "tiny")
    for app in ("spotter", "link"):
        elf = make_image(tmp_path / "tiny", tmp_path / "build", "mps2_an386", app)
        assert functions(elf) & every == {"kws_lstm_run", "kws_fully_connected_run", "kws_softmax_run"}
    codegen.export(toy_model(), tmp_path / "toy")
    elf = make_image(tmp_path / "toy", tmp_path / "build", "mps2_an386", "link")
    assert "kws_sign_flip_run" in functions(elf)
    slot = make_image(tmp_path / "tiny", tmp_path / "build", "nrf52840", "spotter", model_slot=True)
    assert functions(slot) & every == every
