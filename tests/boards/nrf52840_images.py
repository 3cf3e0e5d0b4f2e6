"""Images for the simulated nRF52840, and what the tests of it share."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from detection_lines import detection_lines
from simulator.nrf52840 import Nrf52840

from kws.boards import find
from kws.image.build import compiled
from kws.model.file import Model


def sound() -> np.ndarray:
    """Three seconds of noise that swells, a full-scale square wave, silence."""
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 1, 40000) * 9000 * np.sin(np.arange(40000) / 2500) ** 2
    square = np.where(np.arange(4000) // 20 % 2, 32767, -32768)
    return np.concatenate([noise.clip(-32768, 32767), square, np.zeros(4000)]).astype(np.int16)


def image(
    model: Model, folder: Path, app: str = "spotter", variant: str = "nano33ble", baud: int | None = None
) -> Path:
    """The very ELF file that is flashed."""
    with compiled(model, find("nrf52840"), app, variant=variant, baud=baud, folder=folder) as built:
        return built.elf


def messages(board) -> list[dict]:
    """What the board said; every line must be JSON."""
    return [json.loads(line) for line in board.line.lines]


def expected(model: Model, pcm: np.ndarray) -> list[dict]:
    """The lines of the detections in ``pcm``, from the harness."""
    info = model.require_info()
    return detection_lines(info, model.spotter().process(pcm[None]).detections[0])


def symbol(elf: Path, name: str) -> int:
    """The address of a function or variable."""
    table = subprocess.run(["arm-none-eabi-nm", str(elf)], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[0], 16) for line in table.splitlines() if line.split()[-1] == name)


@contextlib.contextmanager
def running(elf: Path, **options) -> Iterator[str]:
    """A board that runs while this lasts; the port of its serial line."""
    board = Nrf52840(**options)
    port = board.line.pty()
    board.machine.load(elf)
    done = threading.Event()
    failure: list[BaseException] = []

    def run() -> None:
        try:
            board.machine.run(until=done.is_set)
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield port
    finally:
        done.set()
        thread.join()
        board.line.close()
    if failure:
        raise failure[0]
