"""The image for the STM32F4 Discovery, booted on the simulator."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from conftest import needs
from modulator import microphone
from pdm_boards import (
    GAIN,
    QUIET,
    check_lamp,
    check_link,
    check_listening,
    check_losses_are_told,
    check_watchdog,
    detections,
    expected,
    hear,
    image,
    lively_model,
    messages,
    run_to_the_end,
    settle,
    started,
)
from simulator.stm32f407 import Stm32f407

from kws.boards import find
from kws.firmware import sources_dir
from kws.image.build import build

pytestmark = needs("make", "arm-none-eabi-gcc", "cc")


@pytest.fixture(scope="module")
def model():
    return lively_model()


@pytest.fixture(scope="module")
def spotter(tmp_path_factory, model):
    return image(model, tmp_path_factory.mktemp("images"), "stm32f407")


@pytest.fixture(scope="module")
def bits(speech):
    return hear(speech)


@pytest.fixture(scope="module")
def heard(spotter, bits):
    """A board that has heard all of it."""
    board = Stm32f407(bits)
    board.machine.load(spotter)
    run_to_the_end(board, len(bits) / 128000 + 0.1)
    return board


def test_it_detects_what_the_host_detects(heard, model, bits):
    found = expected(model, bits)
    assert len(found) >= 3
    assert detections(heard) == found


@pytest.mark.slow
def test_a_model_lies_in_flash_on_its_own(model, bits, tmp_path):
    """`kws build --model-slot`: program and model are flashed apart; without a model the program says so."""
    build(model, find("stm32f407"), "spotter", tmp_path, model_slot=True)
    program = tmp_path / "spotter-slot.elf"
    board = Stm32f407(bits)
    board.machine.load(program)
    board.machine.run(until=lambda: started(board))
    assert messages(board)[0] == {"error": "KWS_ERROR_SLOT_ABSENT"}
    board.machine.run(seconds=0.5)
    # It gave up, and sleeps.
    assert board.machine.asleep / board.machine.now > 0.8
    board = Stm32f407(bits)
    board.machine.load(program)
    board.machine.load(tmp_path / "model-slot.hex")
    run_to_the_end(board, len(bits) / 128000 + 0.1)
    assert detections(board) == expected(model, bits)


def test_clocks_are_what_the_page_says(heard):
    assert heard.machine.clock_hz == 168_000_000
    assert heard.i2s.bit_hz == 1_024_000
    assert heard.usart.baud == pytest.approx(115200, rel=0.005)


def test_nothing_is_lost_and_most_of_the_time_is_slept(heard):
    assert not [message for message in messages(heard) if "overruns" in message or "error" in message]
    assert heard.machine.resets == []
    assert heard.watchdog.running
    assert heard.machine.asleep / heard.machine.now > 0.8


def test_the_lamp_tells_of_a_detection(spotter, bits):
    check_lamp(Stm32f407(bits), spotter)


@pytest.fixture
def quiet_board(spotter):
    board = Stm32f407(QUIET)
    settle(board, spotter)
    return board


def test_losses_are_told(quiet_board):
    check_losses_are_told(quiet_board)


def test_a_failed_transfer_is_told_and_survived(quiet_board):
    board = quiet_board
    board.dma.fail()
    board.i2s.overrun()
    board.machine.run(seconds=3)
    assert [message["overruns"] for message in messages(board) if "overruns" in message] == [1]
    assert board.machine.resets == [], "the microphone stayed silent, and the watchdog restarted the board"


def test_a_program_that_hangs_is_restarted(quiet_board):
    check_watchdog(quiet_board, "IWDG")


def test_a_missing_crystal_is_told(spotter):
    board = Stm32f407(crystal=False)
    board.machine.load(spotter)
    board.machine.run(until=lambda: b"error" in board.line.received and board.line.received.endswith(b"\n"))
    assert json.loads(board.line.lines[-1]) == {"error": "BOARD_ERROR_CLOCK"}
    assert board.usart.baud == pytest.approx(115200, rel=0.01)


@pytest.fixture(scope="module")
def link(tiny_model, tmp_path_factory):
    return image(tiny_model, tmp_path_factory.mktemp("link"), "stm32f407", "link", 1000000)


@pytest.mark.slow
def test_every_value_over_the_link(tiny_model, link):
    board = Stm32f407()
    board.machine.load(link)
    check_link(board, tiny_model)


@pytest.mark.slow
def test_its_microphone_over_the_link(tiny_model, link):
    sound = (np.random.default_rng(2).normal(0, 1, 16000) * 6000).astype(np.int16)
    board = Stm32f407(microphone(sound, 2.0**-GAIN))
    board.machine.load(link)
    check_listening(board, tiny_model, 0.2, 0.0)


# The peripheral meant where a bit's name tells only its kind.
SHORT = {"SPI": "SPI2", "USART": "USART2", "TIM": "TIM2", "DMA": "DMA1"}


def test_registers_are_where_the_vendor_says():
    """Addresses, single bits, shifts and interrupt numbers against the SVD file that pyOCD carries."""
    svd = pytest.importorskip("pyocd.debug.svd.loader").SVDFile.from_builtin("STM32F41x.svd")
    svd.load()
    addresses, bits, interrupts = {}, {}, {}
    for peripheral in svd.device.peripherals:
        interrupts.update({i.name.removesuffix("_IRQ").upper(): i.value for i in peripheral.interrupts or ()})
        for register in peripheral.registers or ():
            name = f"{peripheral.name}_{register.name}"
            addresses[name] = peripheral.base_address + register.address_offset
            for item in register.fields:
                bits[f"{name}_{item.name}"] = item.bit_offset
    folder = sources_dir() / "boards/stm32f407"
    text = (folder / "stm32f407.h").read_text()

    registers = dict(re.findall(r"#define (\w+) REGISTER\((0x\w+)u\)", text))
    assert len(registers) > 25
    assert {name: int(address, 16) for name, address in registers.items()} == {n: addresses.get(n) for n in registers}
    ports = dict(re.findall(r"#define (GPIO[A-D]) (0x\w+)u", text))
    assert {n: int(address, 16) for n, address in ports.items()} == {n: addresses[f"{n}_MODER"] for n in ports}
    for name, offset in re.findall(r"#define GPIO_(\w+)\(port\) REGISTER\(\(port\) \+ (0x\w+)u\)", text):
        assert int(offset, 16) == addresses[f"GPIOA_{name}"] - addresses["GPIOA_MODER"], name

    shifts = dict(re.findall(r"#define (\w+?_\w+)(?:\(\w+\))? \(.*<< (\d+)\)", text))
    checked = set()
    for name, shift in shifts.items():
        peripheral, rest = name.split("_", 1)
        full = f"{SHORT.get(peripheral, peripheral)}_{rest}".replace("_SxCR_", "_S3CR_")
        # A value's name goes on behind its field's, and ST's file numbers the bits of some fields.
        fields = [
            field + end for field in (full, full.rsplit("_", 1)[0], full.rsplit("_", 2)[0]) for end in ("", "0", "x")
        ]
        found = [bits[field] for field in fields if field in bits]
        if found:
            assert int(shift) == found[0], name
            checked.add(name)
    assert shifts.keys() - checked <= {"PWR_CR_VOS"}, "ST's file has no such bit; RM0090 has, for this chip"

    numbers = re.findall(r"#define (\w+)_INTERRUPT (\d+)u", (folder / "interrupts.h").read_text())
    assert {name: int(number) for name, number in numbers} == {name: interrupts[name] for name, _ in numbers}
