"""The nRF52840's image, as it is flashed, on the simulated board."""

from __future__ import annotations

import itertools
import re
import subprocess

import numpy as np
import pytest
import random_models as models
from conftest import needs
from nrf52840_images import expected, image, messages, sound, symbol
from simulator.errors import SimulationError
from simulator.nrf52840 import CLOCK_HZ, LED_PIN, MICROPHONE_POWER_PIN, Nrf52840

from kws import __version__, codegen
from kws.boards import find
from kws.errors import KwsError
from kws.firmware import nrf52840_gain, sources_dir
from kws.image.build import build
from kws.image.make import make_image
from kws.image.size import size_report
from kws.model.file import Model, with_gate
from kws.voice_gate import VoiceGateConfig

pytestmark = needs("cc", "make", "arm-none-eabi-gcc")

BLOCK = 160
LED_LIT_BY = {"nano33ble": 1, "dk": 0}


@pytest.fixture(scope="module")
def pcm():
    return sound()


@pytest.fixture(scope="module")
def model():
    return models.spotting_model(15, units=(24, 16))


@pytest.fixture(scope="module")
def elf(model, tmp_path_factory):
    return image(model, tmp_path_factory.mktemp("nano33ble"))


def boot(elf, **options) -> Nrf52840:
    board = Nrf52840(**options)
    board.machine.load(elf)
    return board


@pytest.mark.parametrize("variant", ["nano33ble", "dk"])
def test_it_hears_what_the_harness_hears(model, pcm, tmp_path, variant):
    board = boot(image(model, tmp_path, variant=variant), pcm=pcm, variant=variant)
    board.machine.run(until=lambda: board.source.ended)
    board.machine.run(seconds=0.5)
    first, *heard = messages(board)
    assert first == {"kws": __version__, "model": model.id}
    wanted = expected(model, np.concatenate([pcm, np.zeros(9600, np.int16)]))
    assert heard[: len(wanted)] == wanted[: len(heard)]
    assert len(heard) >= len(expected(model, pcm)) > 3
    assert board.pdm.sample_rate == 16000
    assert board.watchdog.feeds == pytest.approx(board.source.position / 320, abs=4)
    _check_lamp(board, heard, LED_LIT_BY[variant])
    assert board.ports[0].drives(MICROPHONE_POWER_PIN) == (1 if variant == "nano33ble" else None)
    assert board.machine.resets == []
    assert 0.5 < board.machine.asleep / board.machine.now < 1


@pytest.mark.slow
def test_a_network_that_sleeps_hears_the_same_words(model, pcm, tmp_path):
    """A gate skips calls of the network: less to do, and the detections of the harness with that gate."""
    gate = VoiceGateConfig(on=True, settle_ms=600)
    gated = Model.from_bytes(with_gate(model, gate))
    quiet = np.concatenate([np.zeros(32000, np.int16), pcm, np.zeros(32000, np.int16)])
    heard, busy = [], []
    for number, other in enumerate((model, gated)):
        board = boot(image(other, tmp_path / str(number)), pcm=quiet)
        board.machine.run(until=lambda board=board: board.source.ended)
        found = [m for m in messages(board) if "word" in m]
        wanted = expected(other, quiet)
        assert found == wanted[: len(found)]
        assert len(found) >= len(wanted) - 1
        heard.append(found)
        busy.append(board.machine.now - board.machine.asleep)
    assert len(heard[1]) > 3
    assert busy[1] < 0.9 * busy[0]


def test_a_model_lies_in_flash_on_its_own(model, pcm, tmp_path):
    """`kws build --model-slot`: program and model are flashed apart; without a model the program says so."""
    build(model, find("nrf52840"), "spotter", tmp_path, model_slot=True)
    program = tmp_path / "spotter-slot.elf"
    empty = boot(program, pcm=pcm)
    empty.machine.run(seconds=0.5)
    assert messages(empty)[0] == {"error": "KWS_ERROR_SLOT_ABSENT"}
    board = boot(program, pcm=pcm)
    board.machine.load(tmp_path / "model-slot.hex")
    board.machine.run(until=lambda: board.source.ended)
    first, *heard = messages(board)
    assert first == {"kws": __version__, "model": model.id}
    assert len(heard) > 3
    assert heard == expected(model, pcm)[: len(heard)]


def _check_lamp(board: Nrf52840, heard: list[dict], lit: int) -> None:
    """Lit at each detection, dark 0.3 s after the last one."""
    changes = [(cycle / CLOCK_HZ, level) for cycle, pin, level in board.ports[0].changes if pin == LED_PIN]
    if changes[0][1] != lit:
        assert changes.pop(0)[0] < 0.001  # put out before anything else
    assert [level for _, level in changes] == [lit, 1 - lit] * (len(changes) // 2)
    spans = list(zip([t for t, _ in changes[::2]], [t for t, _ in changes[1::2]], strict=True))
    start = board.machine.now / CLOCK_HZ - board.source.position / 16000
    told = [d["t"] + start for d in heard]
    for begin, end in spans:
        inside = [t for t in told if begin - 0.03 <= t <= end]
        assert end - max(inside) == pytest.approx(0.3, abs=0.03)
        told = [t for t in told if t not in inside]
    assert not told


def test_the_hex_file_is_the_same_program(elf, pcm, tmp_path):
    file = tmp_path / "spotter.hex"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "ihex", str(elf), str(file)], check=True)
    boards = [boot(elf, pcm=pcm), boot(file, pcm=pcm)]
    for board in boards:
        board.machine.run(seconds=1)
    assert boards[0].line.received == boards[1].line.received
    assert boards[0].machine.instructions == boards[1].machine.instructions


def test_a_core_that_is_too_slow_says_what_it_lost(elf, model, pcm):
    fast = boot(elf, pcm=pcm)
    fast.machine.run(seconds=1)
    busy = 1 - fast.machine.asleep / fast.machine.now
    slow = boot(elf, pcm=np.tile(pcm, 3), cycles_per_instruction=int(1.5 / busy) + 1)
    slow.machine.run(seconds=5)
    losses = [m for m in messages(slow) if "overruns" in m]
    assert len(losses) >= 2
    # Told at most once a second of what is heard, and every loss is counted.
    assert all(b["t"] - a["t"] > 0.5 for a, b in itertools.pairwise(losses))
    overruns = int.from_bytes(slow.machine.read_memory(symbol(elf, "overruns"), 4), "little")
    taken = int.from_bytes(slow.machine.read_memory(symbol(elf, "next"), 4), "little")
    written = int.from_bytes(slow.machine.read_memory(symbol(elf, "written"), 4), "little")
    assert slow.source.position == written * BLOCK
    assert losses[-1]["overruns"] <= overruns
    heard = slow.watchdog.feeds * 320 + 480 - 320
    assert (taken - overruns) * BLOCK == pytest.approx(heard, abs=2 * 320)
    assert slow.machine.resets == []


def test_a_lost_microphone_restarts_the_board(elf, model, pcm):
    board = boot(elf, pcm=pcm)
    board.machine.run(seconds=0.5)
    board.pdm.reset()  # as if its clock had stopped
    board.machine.run(seconds=1.9)
    assert board.machine.resets == []
    board.machine.run(seconds=0.5)
    assert board.machine.resets == ["watchdog"]
    start = {"kws": __version__, "model": model.id}
    said = messages(board)
    at = said.index({"restart": "watchdog"})
    assert at > 1
    assert said[0] == said[at + 1] == start


def test_a_missing_crystal_is_told(elf):
    board = boot(elf, crystal=False)
    board.machine.run(seconds=0.5)
    assert messages(board)[1:] == [{"error": "BOARD_ERROR_CLOCK"}]


def test_a_fault_is_told(elf, model, pcm):
    board = boot(elf, pcm=pcm)
    board.machine.deliver_faults = True
    process = symbol(elf, "kws_spotter_process")
    flash = next(m for m in board.machine._bus.memories if m.name == "flash")
    flash.write(process & ~1, bytes.fromhex("00de"))  # an undefined instruction
    board.machine.run(seconds=1.5)
    at = f"{process & ~1:08x}"
    assert messages(board)[1:] == [{"error": f"fault at pc {at}, exception 00000003, status 00010000"}]
    assert board.machine.resets == []
    board.machine.run(seconds=1)
    assert board.machine.resets == ["watchdog"]


def test_without_its_boot_loader_s_offset_it_does_not_start(elf):
    board = Nrf52840(variant="dk")
    with pytest.raises(SimulationError, match="no program"):
        board.machine.load(elf)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"BOARD_VARIANT": "toaster"}, r'no variant "toaster" of nrf52840'), ({"BAUD": "9600"}, "BAUD must be")],
)
def test_settings_that_there_are_not(model, tmp_path, settings, message):
    """What `kws build` refuses beforehand, the Makefile refuses too."""
    codegen.export(model, tmp_path / "model")
    with pytest.raises(KwsError, match=message):
        make_image(tmp_path / "model", tmp_path / "build", "nrf52840", "spotter", settings={**settings})


def test_it_fits(elf):
    report = size_report(elf)
    assert report.unbounded == ()
    assert report.stack + 200 < report.stack_reserve
    board = next(p for p in report.parts if p.name == "board")
    assert board.flash < 4096
    assert board.ram < 1536


def test_the_debug_port_stays_open(elf, model):
    """Chips of revision 3 close it at every reset; the register is not there on earlier ones."""
    first = {"kws": __version__, "model": model.id}
    for chip, wanted in (("AAF0", 0x5A), ("AAD0", None)):
        board = boot(elf, chip=chip)
        board.machine.run(until=lambda board=board: bool(messages(board)))
        assert messages(board)[0] == first
        if wanted is None:
            with pytest.raises(KeyError):
                board.clock["APPROTECT.DISABLE"]
        else:
            assert board.clock["APPROTECT.DISABLE"] == wanted


def test_the_gain_is_the_one_that_the_packages_set(elf):
    board = boot(elf)
    board.machine.run(until=lambda: bool(messages(board)))
    board.machine.run(seconds=0.05)
    assert board.pdm["GAINL"] == board.pdm["GAINR"] == nrf52840_gain() == 0x50


def test_registers_are_where_the_vendor_says():
    """Against the SVD file that pyOCD carries, which describes chips before revision 3."""
    data = pytest.importorskip("pyocd.debug.svd.loader")
    device = data.SVDFile.from_builtin("nrf52840.svd")
    device.load()
    known = {
        re.sub(r"[\[\]]", "", f"{peripheral.name}_{register.name}").upper(): peripheral.base_address
        + register.address_offset
        for peripheral in device.device.peripherals
        for register in peripheral.registers or ()
    }
    text = (sources_dir() / "boards/nrf52840/nrf52840.h").read_text()
    found = {name: int(address, 16) for name, address in re.findall(r"#define (\w+) REGISTER\((0x\w+)u\)", text)}
    assert len(found) > 30
    assert found.pop("APPROTECT_DISABLE") == 0x40000558
    assert found == {name: known.get(name) for name in found}
