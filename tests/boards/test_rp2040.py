"""The UF2 file for the Raspberry Pi Pico, booted on the simulator from its boot ROM on."""

from __future__ import annotations

import json

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
    large_model,
    lively_model,
    messages,
    run_to_the_end,
    settle,
    started,
)
from simulator.errors import SimulationError
from simulator.rp2040 import Rp2040
from simulator.rp2040.boot import crc32

from kws.boards import find
from kws.image.build import build

BIT_RATE = 125e6 / 122

pytestmark = needs("make", "arm-none-eabi-gcc", "cc")


@pytest.fixture(scope="module")
def model():
    return lively_model()


@pytest.fixture(scope="module")
def spotter(tmp_path_factory, model):
    folder = tmp_path_factory.mktemp("images")
    build(model, find("rp2040"), "spotter", folder)
    return folder / "spotter.uf2"


@pytest.fixture(scope="module")
def bits(speech):
    return hear(speech, BIT_RATE)


@pytest.fixture(scope="module")
def heard(spotter, bits):
    """A board that has heard all of it."""
    board = Rp2040(bits)
    board.machine.load(spotter)
    run_to_the_end(board, 8 * len(bits) / BIT_RATE + 0.1)
    return board


@pytest.mark.slow
def test_it_detects_what_the_host_detects(heard, model, bits):
    found = expected(model, bits)
    assert len(found) >= 3
    assert detections(heard) == found


@pytest.mark.slow
def test_clocks_are_what_the_page_says(heard):
    assert heard.machine.clock_hz == 125_000_000
    assert heard.pio.bit_hz == pytest.approx(BIT_RATE)
    assert heard.pio.bit_hz / 64 == pytest.approx(16000, rel=0.001)
    assert heard.uart.baud == pytest.approx(115200, rel=0.005)
    assert heard.ssi.xip


@pytest.mark.slow
def test_pads_are_set_up_and_not_as_they_were_found(heard):
    """What a program before left, or a later chip resets to, does not matter."""
    transmit, receive, clock, data, led = 0, 1, 2, 3, 25
    pads = heard.pads
    assert pads.written == {transmit, receive, clock, data, led}
    assert all(pads.drives(pin) and pads.pulled(pin) is None for pin in (transmit, clock, led))
    assert all(pads.reads(pin) for pin in (receive, data))
    assert pads.pulled(receive) == 1, "an idle line, and no break"
    assert pads.pulled(data) == 0


@pytest.mark.slow
def test_nothing_is_lost_and_most_of_the_time_is_slept(heard):
    assert not [message for message in messages(heard) if "overruns" in message or "error" in message]
    assert heard.machine.resets == []
    assert heard.watchdog.running
    assert heard.machine.asleep / heard.machine.now > 0.6


@pytest.mark.slow
def test_the_largest_model_keeps_up_with_the_microphone(tmp_path):
    """Even if every instruction took two cycles, which only loads, stores and branches do."""
    board = Rp2040(hear(np.zeros(96000, np.int16), BIT_RATE), cycles_per_instruction=2)
    board.machine.load(image(large_model(), tmp_path, "rp2040"))
    board.machine.run(until=lambda: started(board))
    board.machine.run(seconds=1.5)
    assert len(messages(board)) == 1, "nothing to tell of, no losses either"
    assert board.source.position / 128 > 0.99 * 1.5 * 1000


def test_the_lamp_tells_of_a_detection(spotter, bits):
    check_lamp(Rp2040(bits), spotter)


@pytest.fixture
def quiet_board(spotter):
    board = Rp2040(QUIET)
    settle(board, spotter)
    return board


def test_losses_are_told(quiet_board):
    check_losses_are_told(quiet_board)


def test_a_program_that_hangs_is_restarted(quiet_board):
    check_watchdog(quiet_board, "watchdog")


def test_a_reset_of_the_core_alone_starts_it_anew(quiet_board):
    """As a debug probe resets it: clocks, DMA, PIO and UART go on."""
    board = quiet_board
    board.machine._sleeping = False
    board.machine.core.reset()
    board.machine.core.start(0)
    before = len(board.line.received)
    board.machine.run(until=lambda: board.line.received.endswith(b"}\n") and len(board.line.received) > before)
    board.machine.run(seconds=1)
    first, *told = messages(board)
    assert told == [first]
    assert board.machine.resets == []


def test_a_missing_crystal_is_told(spotter):
    board = Rp2040(crystal=False)
    board.machine.load(spotter)
    board.machine.run(until=lambda: b"error" in board.line.received and board.line.received.endswith(b"\n"))
    assert json.loads(board.line.lines[-1]) == {"error": "BOARD_ERROR_CLOCK"}
    assert board.uart.baud == pytest.approx(115200 * 6.5 / 6, rel=0.01), "the ring oscillator may be off as much"


def test_the_boot_rom_refuses_a_damaged_boot2(spotter):
    content = bytearray(spotter.read_bytes())
    content[32 + 0x10] ^= 1
    damaged = spotter.with_name("damaged.uf2")
    damaged.write_bytes(content)
    with pytest.raises(SimulationError, match="boot2's checksum"):
        Rp2040().machine.load(damaged)


def test_the_checksum_is_the_data_sheets():
    # CRC-32/MPEG-2 in the catalogue of parametrised CRC algorithms.
    assert crc32(b"123456789") == 0x0376E6E7


@pytest.fixture(scope="module")
def link(tiny_model, tmp_path_factory):
    return image(tiny_model, tmp_path_factory.mktemp("link"), "rp2040", "link", 1000000)


@pytest.mark.slow
def test_every_value_over_the_link(tiny_model, link):
    board = Rp2040()
    board.machine.load(link)
    check_link(board, tiny_model)


@pytest.mark.slow
def test_its_microphone_over_the_link(tiny_model, link):
    sound = (np.random.default_rng(2).normal(0, 1, 64000) * 6000).astype(np.int16)
    board = Rp2040(microphone(sound, 2.0**-GAIN))
    board.machine.load(link)
    check_listening(board, tiny_model, 0.5, 2.5)
