"""UF2 files: block by block as the format says, and back."""

from __future__ import annotations

import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.errors import SimulationError
from simulator.image import read_image

from kws.boards import BOARDS
from kws.errors import KwsError
from kws.firmware import sources_dir
from kws.image import uf2

RP2040 = 0xE48BFF56


def decode(content, tmp_path):
    """What a Pico's boot loader makes of it."""
    path = tmp_path / "image.uf2"
    path.write_bytes(content)
    return read_image(path)


def test_blocks_are_what_the_format_says():
    image = bytes(range(256)) + b"tail"
    content = uf2.encode(image, 0x10000000, RP2040)
    assert len(content) == 2 * 512
    assert content[:8] == b"UF2\n\x57\x51\x5d\x9e"
    assert struct.unpack("<6I", content[8:32]) == (0x2000, 0x10000000, 256, 0, 2, 0xE48BFF56)
    assert content[32:288] == image[:256]
    assert content[288:508] == bytes(220)
    assert content[508:512] == b"\x30\x6f\xb1\x0a"
    assert struct.unpack("<6I", content[520:544]) == (0x2000, 0x10000100, 256, 1, 2, 0xE48BFF56)
    assert content[544:800] == b"tail" + b"\xff" * 252


@given(st.binary(min_size=1, max_size=2000), st.integers(0, 2**23))
def test_a_file_is_read_back(tmp_path_factory, image, page):
    blocks = decode(uf2.encode(image, page * 256, RP2040), tmp_path_factory.getbasetemp())
    assert [address for address, _ in blocks] == [page * 256 + start for start in range(0, len(image), 256)]
    assert b"".join(data for _, data in blocks) == image + b"\xff" * (-len(image) % 256)


def test_what_cannot_be_encoded():
    with pytest.raises(KwsError, match="empty"):
        uf2.encode(b"", 0x10000000, RP2040)
    with pytest.raises(KwsError, match="begins at 0x10000004, amid a page"):
        uf2.encode(b"abcd", 0x10000004, RP2040)


def test_another_family_is_not_ours(tmp_path):
    with pytest.raises(SimulationError, match="no blocks for the RP2040"):
        decode(uf2.encode(b"a", 0, 0x57755A57), tmp_path)
    assert BOARDS["rp2040"].uf2.family == RP2040


@pytest.mark.parametrize("board", [board for board in BOARDS.values() if board.uf2])
def test_an_image_begins_where_the_linker_script_says(board):
    (script,) = (sources_dir() / "boards" / board.name).glob("*.ld")
    assert int(re.search(r"FLASH .*ORIGIN = (0x\w+)", script.read_text())[1], 16) == board.uf2.origin


@pytest.mark.parametrize("spoil", [lambda c: c[:-1], lambda c: c[:4] + b"X" + c[5:], lambda c: c[:-4] + bytes(4)])
def test_what_is_no_uf2(spoil, tmp_path):
    with pytest.raises(SimulationError, match="UF2 file"):
        decode(spoil(uf2.encode(b"a", 0, RP2040)), tmp_path)
