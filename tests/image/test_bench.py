"""The counting benchmark: its calibration, its arithmetic, and that it measures what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import bench_firmware
import pytest
from conftest import needs
from random_models import bare_model, spotting_model, wake_model

from kws.boards import BOARDS, EMULATED, Power, find
from kws.engines.qemu import QemuEngine
from kws.errors import KwsError
from kws.image.bench import instructions, measure
from kws.voice_gate import VoiceGateConfig, added_ram

ROOT = Path(__file__).resolve().parents[2]
pytestmark = needs("make", "arm-none-eabi-gcc", "qemu-system-arm")


def test_instructions_from_ticks():
    report = '{"calibration_instructions":1000,"calibration":25,"frames":2,"frontend":10,"network":20,"process":31}\n'
    assert instructions(report) == {"frontend": 200.0, "network": 400.0, "process": 620.0}


@pytest.mark.parametrize(
    "report", ["", "[1]", "{}", '{"calibration_instructions":1,"calibration":0,"frames":1}', "fault"]
)
def test_what_is_no_report_is_refused(report):
    with pytest.raises(KwsError, match="which is no result"):
        instructions(report)


def test_multiply_accumulates():
    assert spotting_model(1, units=(64,)).network.macs == 4 * 64 * 104 + 6 * 64
    steps = bare_model(2, units=(16,), inputs=10, steps=5, head="last", outputs=3).network
    assert steps.macs == 5 * 4 * 16 * 26 + 3 * 16


@pytest.fixture(scope="module")
def cost(tmp_path_factory):
    return measure(spotting_model(1, units=(24,)), "small", "mps2_an386", tmp_path_factory.mktemp("bench"))


def test_the_benchmark_agrees_with_the_engine_s_count(cost):
    """The link's own clock, which counts the same work in another program."""
    from kws.codegen.vectors import vector_pcm

    model = spotting_model(1, units=(24,))
    with QemuEngine(model, icount=True, trace=False) as engine:
        engine.process(vector_pcm())
        whole = engine.instructions_per_frame
    assert cost.total == pytest.approx(whole, rel=0.05)


def test_the_parts_make_the_whole(cost):
    assert cost.total == pytest.approx(cost.frontend + cost.network + cost.rest)
    assert cost.rest < 0.1 * cost.total
    assert cost.duty == pytest.approx(cost.total / (25e6 * 0.02))
    assert 1 < cost.per_mac < 4
    # Beside the weights and biases: the softmax's table, at most 1 KB, and what packing pads.
    assert 0 <= cost.weights - (4 * 24 * (40 + 24 + 8) + 6 * (24 + 4)) <= 1024 + 64
    assert 0 < cost.library_stack < cost.stack


def test_goals_on_a_cortex_m4(tmp_path):
    """What the packed LSTM of 64 units is for; a change that makes it slower should be noticed."""
    lstm = measure(bare_model(1, units=(64,), inputs=40, head="none", cell_power=-11), "LSTM", "mps2_an386", tmp_path)
    assert lstm.network < 34_500
    assert lstm.frontend is None
    assert lstm.duty is None


def within_limits(cost) -> bool:
    """What docs/EXPERIMENTS.md holds every change to, of a program without a voice gate, phrases or longer means."""
    return cost.library + cost.tables < 11 * 1024 and cost.ram < 5 * 1024 and cost.stack < 512


def test_limits_of_a_product_on_a_cortex_m4(cost):
    assert within_limits(cost)
    assert cost.frontend < 21_000


@pytest.mark.slow
@pytest.mark.parametrize("board", EMULATED)
def test_limits_of_commands12(board, tmp_path):
    from kws.model.file import Model

    assert within_limits(measure(Model.load(ROOT / "models/commands12.tflite"), "commands12", board, tmp_path))


@pytest.mark.slow
def test_goals_on_a_cortex_m55(tmp_path):
    """What Helium is for, in the front end and in an LSTM of 64 units."""
    lstm = measure(bare_model(1, units=(64,), inputs=40, head="none", cell_power=-11), "LSTM", "mps3_an547", tmp_path)
    assert lstm.network < 9_000
    assert measure(spotting_model(1, units=(24,)), "small", "mps3_an547", tmp_path).frontend < 9_200


@pytest.mark.slow
def test_goals_of_a_second_on_a_cortex_m4(tmp_path):
    """Of networks with a convolution in front, called every 40 ms: somebody speaks, nobody speaks."""
    from kws.model.file import Model

    tiny = measure(Model.load(ROOT / "models/commands12-tiny-crnn.tflite"), "tiny", "mps2_an386", tmp_path / "tiny")
    assert 25 * tiny.total < 2.4e6
    model = Model.load(ROOT / "models/commands12-crnn.tflite")
    speaks = measure(model, "crnn", "mps2_an386", tmp_path / "speaks")
    gated = measure(bench_firmware.with_default_gate(model), "crnn, gate", "mps2_an386", tmp_path / "gated")
    assert speaks.stack < 512
    assert 25 * speaks.total < 4.1e6
    assert 25 * (gated.asleep + 0.022 * gated.network) < 1.3e6


@pytest.mark.slow
@pytest.mark.parametrize("board", [b for b in EMULATED if b != "mps2_an386"])
def test_other_cores(board, tmp_path):
    result = measure(spotting_model(1, units=(24,)), "small", board, tmp_path)
    assert result.core == BOARDS[board].core
    assert result.network > result.macs / 10
    assert result.stack < 640


@pytest.mark.slow
def test_the_tiny_model_has_room_on_a_microbit(tmp_path):
    from kws.model.file import Model

    result = measure(Model.load(ROOT / "models/commands12-tiny.tflite"), "tiny", "microbit", tmp_path)
    assert result.library + result.program + result.tables + result.weights < 64 * 1024
    assert result.ram + result.stack < 8 * 1024


@pytest.mark.slow
def test_the_tool(tmp_path, tiny_file):
    out = tmp_path / "bench.json"
    command = [sys.executable, ROOT / "tools/bench_firmware.py", tiny_file, "--units", "8", "--boards", "mps2_an386"]
    done = subprocess.run([*command, "--json", out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Cortex-M4" in done.stdout
    rows = json.loads(out.read_text())
    assert [r["model"] for r in rows] == ["tiny", "random LSTM of 8 units, 40 inputs"]
    assert rows[1]["macs"] == 4 * 8 * 48 + 12 * 8


def test_a_window_stands_beside_the_original(tmp_path):
    cost = measure(wake_model(), "a wake word", "mps2_an386", tmp_path)
    said = bench_firmware.windows([cost], 3)
    found = re.search(r": (\d+\.\d) k on Cortex-M4; TFLM's own takes 83\.2 k on Cortex-M4$", said)
    assert found
    assert 40 < float(found[1]) < 48


@pytest.mark.slow
def test_what_options_add(tiny_model):
    """Of RAM what SPEC.md says: a mean keeps a byte of each label for each of its frames."""
    info = tiny_model.require_info()
    frames = bench_firmware.LONGER_MEAN - info.decision.average_frames
    columns = bench_firmware.added(tiny_model, "tiny", ["mps2_an386"]).columns
    option, core, flash, ram, stack = ([*column.cells] for column in columns)
    assert [name.split()[0] for name in option] == ["voice", "a", "mean"]
    assert set(core) == {"Cortex-M4"}
    assert ram == [f"{added_ram(VoiceGateConfig(on=True), info.frontend):,}", "16", f"{frames * len(info.labels)}"]
    assert all(0 < int(size) < 1024 for size in flash[:2])
    assert flash[2] == "0"
    assert all(0 <= int(size) < 64 for size in stack)


@pytest.mark.slow
def test_a_configuration_stands_for_its_network():
    pytest.importorskip("tensorflow")
    model = bench_firmware.untrained(ROOT / "configs/zoo/dnn-16.toml")
    assert model.network.weight_bytes == 14416
    assert model.require_info().frontend.hop == 480


def test_currents_count_what_the_microphone_takes():
    power = Power(mhz=100, cycles=2, running_ma=30, waiting_ma=10, microphone=5e6)
    assert power.busy(20e6) == 0.5
    assert power.milliamperes(20e6) == 20
    assert power.milliamperes(1e9) == 30
    # The nRF52840 has hardware for it; the decimator is most of what an STM32F407 does while nobody speaks.
    nrf52840, stm32f407, rp2040 = (find(name).power.microphone for name in ("nrf52840", "stm32f407", "rp2040"))
    assert nrf52840 < 1e5 < stm32f407 < rp2040


def test_a_teacher_is_refused():
    with pytest.raises(KwsError, match="a teacher, which no device runs"):
        bench_firmware.untrained(ROOT / "configs/teacher12.toml")


def test_the_tool_refuses_what_is_no_model(tmp_path):
    (tmp_path / "x.tflite").write_text("no")
    command = [sys.executable, ROOT / "tools/bench_firmware.py", tmp_path / "x.tflite"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("bench_firmware: ")
