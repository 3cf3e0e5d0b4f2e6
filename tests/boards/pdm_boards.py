"""What the tests of the boards with a PDM microphone share: images, bits, and what must come of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from detection_lines import detection_lines
from modulator import BIT_RATE, microphone

from kws.boards import find
from kws.config import DetectorConfig
from kws.engines.link import LinkEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.fixedpoint.decimator import Decimator
from kws.image.build import compiled
from kws.model.file import Model, with_detector

_MODELS = Path(__file__).resolve().parents[2] / "models"
GAIN = 4
"""The boards' MICROPHONE_GAIN."""


def lively_model() -> Model:
    """A shipped model whose detector is so eager that a few seconds make several detections."""
    return Model.from_bytes(with_detector(Model.load(_MODELS / "commands12-tiny.tflite"), DetectorConfig(3, 0.3, 5)))


def large_model() -> Model:
    """The largest that is shipped."""
    return Model.load(_MODELS / "commands12.tflite")


def hear(speech: np.ndarray, bit_rate: float = BIT_RATE) -> np.ndarray:
    """The bits of a microphone with an offset that hears the voices of `speech`, every second louder by 5 dB."""
    louder = speech.reshape(6, 16000) * 10 ** (np.arange(6)[:, None] / 4) * 0.8
    sound = np.concatenate([np.clip(louder.ravel(), -32768, 32767).astype(np.int16), np.zeros(8000, np.int16)])
    return microphone(sound, 2.0**-GAIN, 0.03, bit_rate)


def expected(model: Model, pdm: np.ndarray) -> list[dict]:
    """The detections of the harness, from the same bits, as the spotter app writes them."""
    return detection_lines(model.require_info(), NumpyEngine(model).process(Decimator(GAIN).process(pdm)).detections)


def image(model: Model, folder: Path, board: str, app: str = "spotter", baud: int | None = None) -> Path:
    """The very ELF file that is flashed."""
    with compiled(model, find(board), app, baud=baud, folder=folder) as built:
        return built.elf


def messages(board) -> list[dict]:
    """What the board said, every line of which must be JSON."""
    return [json.loads(line) for line in board.line.lines]


def detections(board) -> list[dict]:
    """The detections among them."""
    return [message for message in messages(board) if "word" in message]


def started(board) -> bool:
    """Whether the program has said which model it has."""
    return b"\n" in board.line.received


def run_to_the_end(board, seconds: float) -> None:
    """Run until the microphone's bits are all taken and a little longer, at most so many seconds."""
    board.machine.run(until=lambda: started(board))
    board.machine.run(seconds=seconds)
    assert board.source.finished, f"only {board.source.position} bytes were taken"


def check_lamp(board, spotter: Path) -> None:
    """The lamp of a board that hears speech is lit for 0.3 s from a detection on."""
    board.machine.load(spotter)
    board.machine.run(until=lambda: started(board))
    assert not board.led
    board.machine.run(until=lambda: detections(board))
    assert board.led
    board.machine.run(until=lambda: not board.led)
    taken = board.source.position / 8 / 16000
    assert taken - detections(board)[0]["t"] == pytest.approx(0.3, abs=0.05)


QUIET = np.full(1 << 20, 0x55, np.uint8)
"""The bits of a microphone that hears nothing."""


def settle(board, spotter: Path) -> None:
    """Start a board that hears nothing."""
    board.machine.load(spotter)
    board.machine.run(until=lambda: started(board))
    board.machine.run(seconds=0.5)


def check_losses_are_told(board) -> None:
    """A settled board bears a short stall and tells of a longer one."""
    board.machine.stall(round(0.003 * board.machine.clock_hz))
    board.machine.run(seconds=1)
    assert len(messages(board)) == 1, "an interrupt may be 4 ms late"
    board.machine.stall(round(0.01 * board.machine.clock_hz))
    board.machine.run(seconds=1)
    (told,) = messages(board)[1:]
    assert told["overruns"] >= 1


def check_watchdog(board, name: str) -> None:
    """A settled board whose program hangs is restarted once, and goes on."""
    board.machine.stall(round(2.1 * board.machine.clock_hz))
    board.machine.run(seconds=0.5)
    assert board.machine.resets == [name]
    assert len(messages(board)) == 2
    board.machine.run(seconds=3)
    assert board.machine.resets == [name]


class SimulatedStream:
    """The link to a simulated board: waiting for bytes runs the board."""

    def __init__(self, board) -> None:
        self._board, self._taken = board, 0

    def read(self, timeout: float) -> bytes:
        board, received = self._board, self._board.line.received
        end = board.machine.now + timeout * board.machine.clock_hz
        board.machine.run(until=lambda: len(received) > self._taken or board.machine.now > end)
        if len(received) == self._taken:
            raise TimeoutError
        data = bytes(received[self._taken :])
        self._taken = len(received)
        return data

    def write(self, data: bytes) -> None:
        self._board.line.send(data)

    def close(self) -> None:
        pass


def check_link(board, model: Model) -> None:
    """The link app on `board` computes all that the harness does."""
    rng = np.random.default_rng(5)
    pcm = (rng.normal(0, 1, 4000) * 6000).astype(np.int16)
    pcm[2000:2400] = 32767
    with LinkEngine(SimulatedStream(board), model) as engine:
        got = engine.process(pcm)
    want = NumpyEngine(model).process(pcm)
    assert np.array_equal(got.features, want.features)
    assert len(got.features) > 10
    assert np.array_equal(got.posteriors, want.posteriors)
    for ours, theirs in ((got.layers, want.layers), (got.states, want.states)):
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[index], theirs[index]) for index in theirs)
    assert got.detections == want.detections


def check_listening(board, model: Model, seconds: float, pause: float) -> None:
    """The link app on `board` sends what it hears in time, feeds the watchdog, and goes on when it is asked again."""
    with LinkEngine(SimulatedStream(board), model) as engine:
        for idle in (pause, 0.0):
            engine.reset()
            blocks = list(engine.listen(round(100 * seconds)))
            assert len(blocks) == round(100 * seconds)
            assert sum(block.missing for block in blocks) + blocks[-1].overruns == 0
            heard = np.concatenate([block.pcm for block in blocks])
            assert np.any(heard)
            expected = NumpyEngine(model).process(heard)
            rows = np.array([row for block in blocks for row in block.posteriors])
            assert np.array_equal(rows, expected.posteriors)
            assert [d for block in blocks for d in block.detections] == expected.detections
            board.machine.run(seconds=idle)
        assert board.machine.resets == []
