"""The shipped models compute what they always did: digests of it, engine by engine (see digests.py)."""

from __future__ import annotations

import platform

import digests
import pytest
from conftest import needs

from kws.boards import EMULATED
from kws.model.file import Model

each_model = pytest.mark.parametrize("path", digests.MODELS, ids=lambda p: p.stem)


def check(name: str, found: dict, wanted: set[str]) -> None:
    """What is ``wanted`` of what is stored for a model was found so."""
    stored = {what: digest for what, digest in digests.stored()[name].items() if what in wanted}
    assert stored.keys() == wanted
    assert digests.first_difference(stored, found) is None


def computed(name: str, with_cells: bool = True) -> set[str]:
    """The quantities of the pipeline, from features to detections."""
    stages = {"features", "posteriors", "detections"}
    layers = {what for what in digests.stored()[name] if what.startswith("layer ")}
    assert len(layers) > 2
    return stages | {what for what in layers if with_cells or not what.endswith("cell")}


def test_the_audio_is_the_same():
    assert digests.first_difference(digests.stored()["audio"], digests.of_audio()) is None


def test_every_model_is_there():
    assert digests.stored().keys() == {"audio", *(path.stem for path in digests.MODELS)}


@each_model
def test_files_and_exports(path):
    model = Model.load(path)
    found = {"file": digests.of(path.read_bytes()), **digests.of_export(model)}
    check(path.stem, found, {"file", "arrays", "vectors"})


@each_model
def test_detector(path):
    what = "detections of invented posteriors"
    check(path.stem, {what: digests.of_detector(Model.load(path))}, {what})


@each_model
@pytest.mark.parametrize("engine", ["numpy", "c", "tflm"])
def test_engines(path, engine):
    # TFLM does not show the cells.
    check(path.stem, digests.of_engine(engine, Model.load(path)), computed(path.stem, with_cells=engine != "tflm"))


@pytest.mark.slow
@needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.parametrize("board", EMULATED)
@each_model
def test_emulated_boards(path, board):
    check(path.stem, digests.of_engine(f"qemu:{board}", Model.load(path)), computed(path.stem))


# Its rounding is its own, and may be another on another processor.
if platform.machine() == "x86_64":

    @pytest.mark.slow
    @each_model
    def test_desktop_tflite(path):
        check(path.stem, digests.of_tflite(Model.load(path)), {"tflite posteriors", "tflite detections"})


def test_a_difference_is_named():
    wanted = {"features": "a", "layer 0": "b", "layer 1": "c", "arrays": ["3 numbers d", "3 numbers d"]}
    found = {**wanted, "arrays": ["3 numbers d", "4 numbers e", "3 numbers d"]}
    assert digests.first_difference(wanted, found) is None
    assert digests.first_difference(wanted, {**found, "layer 0": "x", "layer 1": "y"}).startswith("layer 0 differs: x")
    assert digests.first_difference(wanted, {**found, "arrays": ["3 numbers d"]}).endswith("array of 3 numbers d")
    assert digests.first_difference(wanted, {}).startswith("features differs: nothing")
