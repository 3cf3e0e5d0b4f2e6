"""The voice gate: C against NumPy, any chunking, and what the network hears."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import needs
from random_models import spotting_model

from kws.config import Experiment, LogMelConfig, from_dict
from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.engines.qemu import QemuEngine
from kws.errors import KwsError
from kws.fixedpoint.voice_gate import ASLEEP, HIGHEST_FLOOR, VoiceGate, VoiceGateParameters
from kws.model.file import Model, ModelInfo, with_gate
from kws.verify.compare import EngineReport, compare, run_chunked, verify
from kws.voice_gate import VoiceGateConfig, asleep

SHORT = LogMelConfig(window_ms=16, hop_ms=10, n_fft=256, bands=20, low_hz=100, high_hz=7000)
GATES = {
    "default": VoiceGateConfig(on=True, settle_ms=600),
    "one place": VoiceGateConfig(on=True, history_ms=20, hold_ms=20, settle_ms=20),
    "slow to fall": VoiceGateConfig(
        on=True, fall_shift=8, rise=400, margin=0.5, threshold=0.4, lowest=-128, settle_ms=1000
    ),
    "hurried": VoiceGateConfig(on=True, calls=5, history_ms=300, hold_ms=300, settle_ms=700, fall_shift=0, lowest=-60),
}
PARAMETERS = VoiceGateParameters(
    margin=4 << 8,
    limit=6 << 8,
    rise=64,
    fall_shift=1,
    lowest=-100 << 8,
    hold_frames=5,
    places=3,
    calls=2,
    settle_frames=6,
)


def gated(gate: VoiceGateConfig, **options) -> Model:
    model = spotting_model(4, units=(12, 9), frontend=SHORT, **options)
    return Model.from_bytes(with_gate(model, gate), "a gated model")


def changing(seed: int, seconds: float = 3.0) -> np.ndarray:
    """Noise whose loudness changes every 60 to 900 ms, int16 [samples]."""
    rng = np.random.default_rng(seed)
    parts, count = [], 0
    while count < seconds * 16000:
        length = int(rng.integers(960, 14400))
        parts.append(rng.normal(0, rng.choice([0, 1, 4, 60, 3000]), length))
        count += length
    return np.clip(np.round(np.concatenate(parts)), -32768, 32767).astype(np.int16)


def loud_at_once() -> np.ndarray:
    """Loud soon after the reset, which must not end its wakefulness, then a second of silence; int16 [samples]."""
    rng = np.random.default_rng(9)
    parts = [rng.normal(0, deviation, count) for deviation, count in ((0, 1600), (3000, 1600), (0, 16000))]
    return np.concatenate(parts).round().astype(np.int16)


@pytest.mark.parametrize("name", GATES)
def test_c_is_numpy_however_streams_are_cut(name):
    model = gated(GATES[name])
    reference, c = NumpyEngine(model), CEngine(model)
    rng = np.random.default_rng(1)
    slept = detected = 0
    for seed, pcm in enumerate([loud_at_once(), *map(changing, range(6))]):
        expected = reference.process(pcm)
        report = EngineReport("c", True)
        compare(model, f"stream {seed}", expected, run_chunked(c, pcm, rng), report)
        compare(model, f"stream {seed} in pieces", expected, run_chunked(reference, pcm, rng), report)
        assert report.first is None, str(report.first)
        slept += int((expected.posteriors == asleep(model.info.labels)).all(axis=1).sum())
        detected += len(expected.detections)
        reference.reset()
    assert slept > 20, "the network must sleep sometimes"
    assert detected > 0, "the random model must detect something, or detections are not compared"


@pytest.mark.slow
@needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.parametrize("board", ["microbit", "mps2_an386", "mps3_an547"])
def test_emulated_cores_are_numpy(board):
    model = gated(GATES["default"])
    pcm = np.concatenate([loud_at_once(), changing(1)])
    expected = NumpyEngine(model).process(pcm)
    slept = (expected.posteriors == asleep(model.info.labels)).all(axis=1)
    assert 20 < slept.sum() < len(slept) - 20
    report = EngineReport(board, True)
    with QemuEngine(model, board) as core:
        compare(model, "a stream", expected, core.process(pcm), report)
    assert report.first is None, str(report.first)


def test_tflm_and_streams_side_by_side():
    model = gated(GATES["default"])
    reference, tflm = NumpyEngine(model), TflmEngine(model)
    pcm = np.stack([changing(seed)[:40000] for seed in range(3)])
    together = model.spotter(3).process(pcm)
    for stream, alone in enumerate(pcm):
        expected = reference.process(alone)
        report = EngineReport("tflm", True)
        compare(model, "a stream", expected, run_chunked(tflm, alone, np.random.default_rng(2)), report)
        assert report.first is None, str(report.first)
        assert np.array_equal(together.posteriors[stream], expected.posteriors)
        reference.reset()
    clips = pcm.reshape(3, 2, -1)
    c = CEngine(model)
    assert np.array_equal(reference.classify_streams(clips), c.classify_streams(clips))


def test_verify_drives_the_gate():
    plain = spotting_model(4, units=(12,))
    report = verify(Model.from_bytes(with_gate(plain, VoiceGateConfig(on=True)), "gated"), ["c"], random=0)
    assert report.ok
    # In more than one gap, after the two seconds in which it settles.
    assert report.asleep > 30
    assert verify(plain, [], random=0).asleep is None


def frames(levels: list[int], bands: int = 4) -> np.ndarray:
    return np.repeat(np.array(levels, np.int8)[None, :, None], bands, axis=2)


def quiet_gate(parameters: VoiceGateParameters = PARAMETERS, streams: int = 1) -> VoiceGate:
    """A gate that fell asleep over silence at the level of -20."""
    gate = VoiceGate(parameters, 4, streams)
    gate.process(np.repeat(frames([-20] * 40), streams, axis=0))
    assert (gate.hold == 0).all()
    return gate


def heard(gate: VoiceGate, levels: list[int]) -> tuple[list[int], list[int]]:
    """The levels of the frames that the network hears, and how many it has heard by each frame (0 in its sleep)."""
    (found,) = gate.process(frames(levels))
    return [int(row[0]) for row in found.calls], [int(i) + 1 for i in found.latest]


def test_the_newest_frames_before_a_loud_one_are_heard_and_caught_up():
    gate = quiet_gate()
    # Of what comes before 20 the newest two, and two calls a frame until none waits; then it sleeps again.
    calls, latest = heard(gate, [-21, -22, -23, 20, -24, -25, -26, -27, -28, -29])
    assert calls == [-22, -23, 20, -24, -25, -26, -27]
    assert latest == [0, 0, 0, 2, 4, 5, 6, 7, 0, 0]


def test_a_gap_that_fits_the_places_skips_nothing():
    gate = quiet_gate()
    calls, _ = heard(gate, [20, -20, -20, -20, -20, -21, -22, 20])
    assert calls == [-20, -20, 20, -20, -20, -20, -20, -21, -22][: len(calls)]
    assert len(calls) == 2 + 5 + 2
    # The last one's frame still waits.
    assert heard(gate, [-23])[0] == [20, -23]


def test_floors():
    gate = VoiceGate(PARAMETERS, 4)
    assert gate.floors.tolist() == [[HIGHEST_FLOOR] * 4]
    gate.floors[:] = 0
    gate.process(frames([3, -10]))
    # Up by 64 / 256 at most; down by half of what is left, towards minus infinity.
    assert gate.floors.tolist() == [[64 + ((-10 * 256 - 64) >> 1)] * 4]
    gate.process(frames([-128] * 30))
    assert gate.floors.tolist() == [[-100 << 8] * 4]


def test_loud_is_the_sum_over_the_bands_above_floor_and_margin():
    for level, is_loud in ((-20 + 4 + 1, False), (-20 + 4 + 2, True)):
        gate = quiet_gate()
        # Four bands: a sum of 4 or 8 steps, where 6 are wanted.
        assert (heard(gate, [level])[1][0] > 0) == is_loud
    exact = quiet_gate(replace(PARAMETERS, limit=8 << 8))
    assert heard(exact, [-20 + 4 + 2])[1] == [2]


def test_it_is_awake_after_a_reset():
    gate = quiet_gate()
    gate.reset()
    assert heard(gate, [-20] * 8)[1] == [1, 2, 3, 4, 5, 0, 0, 0]


def test_asleep_is_silence_where_there_is_a_label_for_it():
    assert asleep(("_silence_", "_unknown_", "yes")).tolist() == [127, -128, -128]
    assert asleep(("hey",)).tolist() == [-128]
    found = VoiceGate(PARAMETERS, 4).process(frames([-20] * 6))[0]
    assert found.latest[-1] == ASLEEP
    rows = found.posteriors(np.arange(10, dtype=np.int8).reshape(5, 2), asleep(("_silence_", "yes")))
    assert rows.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [127, -128]]


def test_models_without_a_gate_say_nothing_of_it():
    info = spotting_model(1).info
    assert b"gate" not in info.to_json()
    assert "gate" not in Experiment().as_dict()
    on = from_dict(Experiment, {"gate": {"on": True, "margin": 9}})
    assert on.gate == VoiceGateConfig(on=True, margin=9)
    assert from_dict(Experiment, on.as_dict()) == on
    with_one = replace(info, gate=on.gate)
    assert ModelInfo.from_json(with_one.to_json()) == with_one


@pytest.mark.parametrize(
    "values", [{"margin": -1}, {"calls": 1}, {"hold_ms": 100, "history_ms": 120}, {"settle_ms": 500}, {"depth": 3}]
)
def test_settings_are_bounded(values):
    with pytest.raises(KwsError, match="gate"):
        from_dict(Experiment, {"gate": values})
