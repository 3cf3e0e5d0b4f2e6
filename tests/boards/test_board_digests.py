"""The simulated boards detect with the shipped models what they always did (see digests.py)."""

from __future__ import annotations

import digest_audio
import digests
import nrf52840_images
import pdm_boards
import pytest
from conftest import needs
from simulator.nrf52840 import Nrf52840
from simulator.rp2040 import Rp2040
from simulator.stm32f407 import Stm32f407

from kws.boards import find
from kws.boards.flash import find_image
from kws.image.build import build
from kws.model.file import Model

pytestmark = [pytest.mark.slow, needs("make", "arm-none-eabi-gcc", "cc")]

each_model = pytest.mark.parametrize("path", digests.MODELS, ids=lambda p: p.stem)


def check(name: str, what: str, lines: list[dict]) -> None:
    stored = {what: digests.stored()[name][what]}
    assert digests.first_difference(stored, {what: digests.of(lines)}) is None, lines


@each_model
def test_nrf52840(path, tmp_path):
    board = Nrf52840(pcm=digest_audio.words())
    board.machine.load(nrf52840_images.image(Model.load(path), tmp_path))
    board.machine.run(until=lambda: board.source.ended)
    board.machine.run(seconds=0.1)
    check(path.stem, "board lines from samples", [m for m in nrf52840_images.messages(board) if "word" in m])


@each_model
@pytest.mark.parametrize("make", [Rp2040, Stm32f407])
def test_boards_that_hear_bits(path, make, tmp_path):
    target = find(make.__name__.lower())
    build(Model.load(path), target, "spotter", tmp_path)
    image = find_image(target, tmp_path)
    board = make(digests.bits())
    board.machine.load(image)
    pdm_boards.run_to_the_end(board, len(digest_audio.words()) / 16000 + 0.1)
    check(path.stem, "board lines from bits", pdm_boards.detections(board))
