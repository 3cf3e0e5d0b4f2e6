"""The image for the STM32F4 Discovery, booted on the simulator."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import needs
from pdm_boards import (
    check_link,
    detections,
    expected,
    export_model,
    hear,
    image,
    lively_model,
    messages,
    run_to_the_end,
    started,
)
from simulator.stm32f407 import Stm32f407

pytestmark = needs("make", "arm-none-eabi-gcc", "cc")


@pytest.fixture(scope="module")
def model():
    return lively_model()


@pytest.fixture(scope="module")
def exported(tmp_path_factory, model):
    return export_model(tmp_path_factory.mktemp("exported"), model)


@pytest.fixture(scope="module")
def spotter(exported):
    return image(exported, "stm32f407")


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
    board = Stm32f407(bits)
    board.machine.load(spotter)
    board.machine.run(until=lambda: started(board))
    assert not board.led
    board.machine.run(until=lambda: detections(board))
    assert board.led
    board.machine.run(until=lambda: not board.led)
    taken = board.source.position / 128000
    assert taken - detections(board)[0]["t"] == pytest.approx(0.3, abs=0.05)


def quiet_board(spotter):
    board = Stm32f407(np.full(1 << 20, 0x55, np.uint8))
    board.machine.load(spotter)
    board.machine.run(until=lambda: started(board))
    board.machine.run(seconds=0.5)
    return board


def test_losses_are_told(spotter):
    board = quiet_board(spotter)
    board.machine.stall(round(0.003 * board.machine.clock_hz))
    board.machine.run(seconds=1)
    assert len(messages(board)) == 1, "an interrupt may be 4 ms late"
    board.machine.stall(round(0.01 * board.machine.clock_hz))
    board.machine.run(seconds=1)
    (told,) = messages(board)[1:]
    assert told["overruns"] >= 1


def test_a_program_that_hangs_is_restarted(spotter):
    board = quiet_board(spotter)
    board.machine.stall(round(2.1 * board.machine.clock_hz))
    board.machine.run(seconds=0.5)
    assert board.machine.resets == ["IWDG"]
    assert len(messages(board)) == 2
    board.machine.run(seconds=3)
    assert board.machine.resets == ["IWDG"]


def test_a_missing_crystal_is_told(spotter):
    board = Stm32f407(crystal=False)
    board.machine.load(spotter)
    board.machine.run(until=lambda: b"error" in board.line.received and board.line.received.endswith(b"\n"))
    assert json.loads(board.line.lines[-1]) == {"error": "BOARD_ERROR_CLOCK"}
    assert board.usart.baud == pytest.approx(115200, rel=0.01)


def test_every_value_over_the_link(tiny_model, tmp_path):
    board = Stm32f407()
    board.machine.load(image(export_model(tmp_path, tiny_model), "stm32f407", "link", BAUD="1000000"))
    check_link(board, tiny_model)
