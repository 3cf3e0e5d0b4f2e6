"""The guard of the design: a front end and a decision that exist only here, each in its own files and a line a list."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from conftest import needs
from random_models import random_graph

from kws import codegen, decisions, firmware, frontends
from kws.codegen import packages
from kws.config import Experiment, LogMelConfig, from_dict
from kws.constants import Constants
from kws.decisions import DecisionConfig
from kws.decisions.script import Scene, Script
from kws.engines.c_engine import CEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Decision, Detection
from kws.fixedpoint.frontends.base import Frontend
from kws.frontends import FrontendConfig
from kws.image.make import make_image
from kws.model.file import METADATA_NAME, Model, ModelInfo, with_info
from kws.verify.compare import EngineReport, compare
from kws.verify.inputs import corner_signals, random_signal

# ---- the front end: peaks of parts of the window, each less the one of the frame before ----


class Peaks(Frontend):
    def reset(self):
        super().reset()
        self._before = np.zeros((self._streams, 1, self.bands), np.int64)

    def run(self, frames):
        parts = frames.reshape(*frames.shape[:-1], self.bands, -1).astype(np.int64)
        peaks = (parts >> 8).max(axis=-1)
        before = np.concatenate([self._before, peaks[:, :-1]], axis=1)
        self._before = peaks[:, -1:]
        return np.clip(peaks - before, -128, 127).astype(np.int8)


@dataclass(frozen=True)
class PeaksConfig(FrontendConfig):
    kind: ClassVar[str] = "peaks"
    scale: ClassVar[float] = 1 / 16
    zero_point: ClassVar[int] = 3
    bands: int = 8
    part: int = 40

    @property
    def window(self):
        return self.bands * self.part

    @property
    def hop(self):
        return self.window // 2

    def twin(self, streams=1):
        return Peaks(self.window, self.hop, self.bands, streams)

    def constants(self):
        return Constants({"PART": self.part}, "(2u * KWS_MODEL_BANDS)", (), {"part": "KWS_MODEL_PART"})


PEAKS_H = """
#include "kws/model.h"
typedef struct kws_peaks { uint16_t part; } kws_peaks;
void kws_peaks_reset(const kws_frontend *frontend, void *memory);
void kws_peaks_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features);
"""
PEAKS_C = """
#include "kws/frontends/peaks.h"
#include <string.h>
void kws_peaks_reset(const kws_frontend *frontend, void *memory) { memset(memory, 0, frontend->memory_bytes); }
void kws_peaks_run(const kws_frontend *frontend, void *memory, const int16_t *pcm, int8_t *features)
{
    const kws_peaks *peaks = (const kws_peaks *)frontend->constants;
    int16_t *before = (int16_t *)memory;
    for (uint32_t band = 0; band < frontend->bands; band++) {
        int32_t peak = INT16_MIN;
        for (uint32_t i = 0; i < peaks->part; i++, pcm++) {
            peak = *pcm >> 8 > peak ? *pcm >> 8 : peak;
        }
        const int32_t rise = peak - before[band];
        features[band] = (int8_t)(rise < -128 ? -128 : rise > 127 ? 127 : rise);
        before[band] = (int16_t)peak;
    }
}
"""

# ---- the decision: whatever word is the likeliest, when it changes ----


class Changes(Decision):
    def __init__(self, least):
        self.least = least
        self.reset()

    def reset(self):
        self._frame, self._last = 0, 0

    def process(self, posteriors):
        found = []
        for row in posteriors.astype(int) + 128:
            best = int(row.argmax())
            if best != self._last and row[best] >= self.least:
                found.append(Detection(self._frame, best, int(row[best])))
                self._last = best
            self._frame += 1
        return found


@dataclass(frozen=True)
class ChangesConfig(DecisionConfig):
    kind: ClassVar[str] = "changes"
    least: int = 20

    @property
    def full_score(self):
        return 255

    def check(self, labels):
        if len(labels) > 100:
            raise KwsError("too many labels")

    def twin(self, labels):
        return Changes(self.least)

    def script(self, labels):
        rows = np.full((4, len(labels)), -128, np.int8)
        rows[1:, 1], rows[3, 2] = self.least - 128, 127
        found = [Detection(1, 1, self.least), Detection(3, 2, 255)]
        return Script((Scene("two words", rows, found),), {"a word is reported when it changes": 2}, frozenset())

    def constants(self, labels):
        return Constants({}, "4u", (), {"labels": "KWS_MODEL_LABELS", "least": self.least})


CHANGES_H = """
#include "kws/model.h"
typedef struct kws_changes { uint16_t labels; uint8_t least; } kws_changes;
void kws_changes_reset(const kws_decision *decision, void *memory);
void kws_changes_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result);
"""
CHANGES_C = """
#include "kws/decisions/changes.h"
void kws_changes_reset(const kws_decision *decision, void *memory) { (void)decision; *(int32_t *)memory = 0; }
void kws_changes_step(const kws_decision *decision, void *memory, const int8_t *posteriors, kws_result *result)
{
    const kws_changes *changes = (const kws_changes *)decision->constants;
    int32_t *last = (int32_t *)memory;
    int32_t best = 0;
    for (int32_t i = 1; i < changes->labels; i++) {
        best = posteriors[i] > posteriors[best] ? i : best;
    }
    if (best != *last && posteriors[best] + 128 >= changes->least) {
        *last = best;
        result->label = best;
        result->score = (uint32_t)(posteriors[best] + 128);
    }
}
"""

LABELS = ("_silence_", "_unknown_", "yes", "no")


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the C sources; one for all tests, so that the same object is compiled once."""
    return shutil.copytree(firmware.sources_dir(), tmp_path_factory.mktemp("toy") / "firmware")


@pytest.fixture
def kinds(copied, monkeypatch):
    """The two kinds in their places: a line in each list, and files of their own."""
    original = firmware.sources_dir()
    monkeypatch.setitem(frontends.KINDS, "peaks", PeaksConfig)
    monkeypatch.setitem(decisions.KINDS, "changes", ChangesConfig)
    for folder, name, header, source in (
        ("frontends", "peaks", PEAKS_H, PEAKS_C),
        ("decisions", "changes", CHANGES_H, CHANGES_C),
    ):
        (copied / f"include/kws/{folder}/{name}.h").write_text(header)
        (copied / f"src/{folder}/{name}.c").write_text(source)
        listed = f"include/kws/{folder}/kinds.def"
        (copied / listed).write_text((original / listed).read_text() + f"KWS_KIND({name.upper()}, {name})\n")
    monkeypatch.setenv("KWS_FIRMWARE", str(copied))
    return copied


def model(frontend, decision):
    graph = random_graph(
        3,
        inputs=frontend.bands,
        outputs=len(LABELS),
        input_scale=frontend.scale,
        input_zero_point=frontend.zero_point,
        units=(8,),
        gain=1.0,
        dense_gain=12.0,
        bias_gain=0.3,
    )
    return Model.from_bytes(with_info(graph, ModelInfo(LABELS, frontend, decision, {})), "a model")


@needs("cc", "make")
@pytest.mark.usefixtures("kinds")
@pytest.mark.parametrize("detector", [False, True], ids=["both new", "with the detector"])
def test_new_kinds_from_pcm_to_detections(detector):
    ours = model(PeaksConfig(), decisions.DetectorConfig(3, 0.3, 5) if detector else ChangesConfig())
    reference, c = NumpyEngine(ours), CEngine(ours)
    rng = np.random.default_rng(0)
    found = 0
    for name, pcm in [*corner_signals(8000), *(random_signal(rng, 8000) for _ in range(10))]:
        reference.reset()
        c.reset()
        expected = reference.process(pcm)
        found += len(expected.detections)
        report = EngineReport("c", True)
        compare(ours, name, expected, c.process(pcm), report)
        assert report.first is None, str(report.first)
    assert found > 5


@pytest.mark.usefixtures("kinds")
def test_a_kind_is_named_in_files_unless_it_is_the_default():
    ours = model(PeaksConfig(part=30), ChangesConfig(9))
    assert ours.info.frontend == PeaksConfig(part=30)
    assert ours.info.decision == ChangesConfig(9)
    assert b'"kind":"peaks"' in ours.info.to_json()
    assert ours.info.score(255) == 1.0
    assert b"kind" not in ModelInfo(LABELS, LogMelConfig(), decisions.DetectorConfig()).to_json()
    values = {"frontend": {"kind": "peaks", "part": 30}, "detector": {"kind": "changes"}}
    # An LSTM hears log_mel alone.
    values["network"] = {"kind": "dnn"}
    experiment = from_dict(Experiment, values)
    assert (experiment.frontend, experiment.detector) == (PeaksConfig(part=30), ChangesConfig())
    again = from_dict(Experiment, experiment.as_dict())
    assert again == experiment
    with pytest.raises(KwsError, match="kind detector only"):
        _ = ours.info.detector


def test_unknown_kinds_are_named():
    with pytest.raises(KwsError, match=r"frontend.kind must be one of log_mel, microfrontend, not 'peaks'"):
        from_dict(Experiment, {"frontend": {"kind": "peaks"}})
    info = ModelInfo(LABELS, LogMelConfig(), decisions.DetectorConfig()).to_json()
    with pytest.raises(
        KwsError,
        match=r"detector.kind must be one of detector, grammar, sliding_mean, ctc, ctc_beam, ctc_lexicon, not 3",
    ):
        ModelInfo.from_json(info.replace(b'"detector":{', b'"detector":{"kind":3,'))


def symbols(file) -> str:
    return subprocess.run(["arm-none-eabi-nm", file], capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
@needs("make", "arm-none-eabi-gcc")
def test_an_image_carries_only_the_kinds_of_its_model(kinds, tmp_path, tiny_model):
    codegen.export(tiny_model, tmp_path / "a")
    codegen.export(model(PeaksConfig(), ChangesConfig()), tmp_path / "b")
    a = make_image(tmp_path / "a", tmp_path / "build-a", "mps2_an386", "spotter")
    b = make_image(tmp_path / "b", tmp_path / "build-b", "mps2_an386", "spotter")
    own, others = ("kws_log_mel_run", "kws_detector_step"), ("kws_peaks_run", "kws_changes_step")
    assert [name in symbols(a) for name in (*own, *others)] == [True, True, False, False]
    assert [name in symbols(b) for name in (*own, *others)] == [False, False, True, True]
    # Which other kinds there are costs nothing.
    for role, toy in (("frontends", "PEAKS"), ("decisions", "CHANGES")):
        listed = kinds / f"include/kws/{role}/kinds.def"
        lines = listed.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if f"KWS_KIND({toy}," not in line]
        assert len(kept) == len(lines) - 1
        listed.write_text("".join(kept), "utf-8")
    for name in ("frontends/peaks", "decisions/changes"):
        (kinds / f"src/{name}.c").unlink()
    alone = make_image(tmp_path / "a", tmp_path / "alone", "mps2_an386", "spotter")
    assert sizes(alone) == sizes(a)


def sizes(file) -> list[str]:
    return subprocess.run(["arm-none-eabi-size", file], capture_output=True, text=True, check=True).stdout.split()[6:9]


@pytest.mark.slow
@needs("cc", "make")
@pytest.mark.usefixtures("kinds")
def test_packages_take_new_kinds(tmp_path):
    packages.export_package(model(PeaksConfig(), ChangesConfig()), "plain", tmp_path / "out")
    subprocess.run(["make", "-s", "-C", tmp_path / "out", "test"], check=True, capture_output=True)


@pytest.mark.slow
@needs("cc", "make", "arm-none-eabi-gcc")
def test_a_program_for_the_slot_has_all_kinds(kinds, tmp_path, tiny_model):
    codegen.export(tiny_model, tmp_path / "model")
    command = ["make", "-s", "-f", kinds / "Makefile", f"MODEL={tmp_path / 'model'}", f"BUILD={tmp_path / 'build'}"]
    subprocess.run([*command, "MODEL_SLOT=1", "BOARD=nrf52840"], check=True)
    elf = tmp_path / "build/nrf52840/spotter-slot.elf"
    found = symbols(elf)
    for name in ("log_mel_run", "peaks_run", "detector_step", "changes_step"):
        assert f"kws_{name}" in found


def test_metadata_of_older_files_has_no_kinds(tiny_model):
    assert b"kind" not in tiny_model.info.to_json()
    assert METADATA_NAME == "kws.model"
