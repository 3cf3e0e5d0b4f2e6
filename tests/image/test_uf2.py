"""UF2 files: block by block as the format says, and back."""

from __future__ import annotations

import struct

import pytest

from kws.errors import KwsError
from kws.image import uf2


def test_blocks_are_what_the_format_says():
    image = bytes(range(256)) + b"tail"
    content = uf2.encode([(0x10000000, image)])
    assert len(content) == 2 * 512
    assert content[:8] == b"UF2\n\x57\x51\x5d\x9e"
    assert struct.unpack("<6I", content[8:32]) == (0x2000, 0x10000000, 256, 0, 2, 0xE48BFF56)
    assert content[32:288] == image[:256]
    assert content[288:508] == bytes(220)
    assert content[508:512] == b"\x30\x6f\xb1\x0a"
    assert struct.unpack("<6I", content[520:544]) == (0x2000, 0x10000100, 256, 1, 2, 0xE48BFF56)
    assert content[544:800] == b"tail" + b"\xff" * 252


def test_segments_meet_in_a_page_and_leave_gaps():
    content = uf2.encode([(0x1000, b"c"), (0x0FE, b"aaaa"), (0x102, b"bb")])
    pages = dict(uf2.decode(content))
    assert sorted(pages) == [0, 0x100, 0x1000]
    assert pages[0] == b"\xff" * 254 + b"aa"
    assert pages[0x100] == b"aabb" + b"\xff" * 252
    assert pages[0x1000] == b"c" + b"\xff" * 255


def test_what_cannot_be_encoded():
    with pytest.raises(KwsError, match="overlap at 0x00000003"):
        uf2.encode([(0, b"abcd"), (3, b"x")])
    with pytest.raises(KwsError, match="overlap at 0x00000002"):
        uf2.encode([(0, b"abcd"), (2, b"x")])
    with pytest.raises(KwsError, match="empty"):
        uf2.encode([(0x10000000, b"")])


def test_another_family_is_not_ours():
    content = uf2.encode([(0, b"a")], family=0x57755A57)
    assert uf2.decode(content, family=0x57755A57)
    with pytest.raises(KwsError, match="another microcontroller"):
        uf2.decode(content)
    both = content + uf2.encode([(512, b"b")])
    assert uf2.decode(both) == [(512, b"b" + b"\xff" * 255)]


@pytest.mark.parametrize(
    "spoil", [lambda c: c[:-1], lambda c: b"", lambda c: b"X" + c[1:], lambda c: c[:-4] + bytes(4)]
)
def test_what_is_no_uf2(spoil):
    with pytest.raises(KwsError, match="no UF2 file"):
        uf2.decode(spoil(uf2.encode([(0, b"a")])))


def elf(segments):
    """A 32-bit ELF file of program headers: (type, virtual, physical, contents, size in memory)."""
    header = struct.pack(
        "<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 40, 1, 0, 52, 0, 0, 52, 32, len(segments), 0, 0, 0
    )
    start = 52 + 32 * len(segments)
    table, body = b"", b""
    for kind, virtual, physical, contents, size in segments:
        table += struct.pack("<8I", kind, start + len(body), virtual, physical, len(contents), size, 5, 4)
        body += contents
    return header + table + body


def test_an_elf_file_is_loaded_at_its_physical_addresses():
    file = elf(
        [
            (1, 0x10000000, 0x10000000, b"boot", 4),
            (1, 0x20000000, 0x10000004, b"code", 4),
            (1, 0x20001000, 0x10000008, b"", 64),
            (0x70000001, 0, 0, b"note", 4),
        ]
    )
    assert uf2.flash_segments(file) == [(0x10000000, b"boot"), (0x10000004, b"code")]
    with pytest.raises(KwsError, match="end is missing"):
        uf2.flash_segments(file[:-6])
    with pytest.raises(KwsError, match="end is missing"):
        uf2.flash_segments(file[:60])
    with pytest.raises(KwsError, match="no 32-bit"):
        uf2.flash_segments(b"\x7fELF\x02\x01")
