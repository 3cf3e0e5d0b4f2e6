"""The model slot: the program runs a model that lies in flash on its own, and nothing that only looks like one."""

from __future__ import annotations

import ctypes
import json
import re
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import needs
from detection_lines import detection_lines
from hypothesis import given
from hypothesis import strategies as st
from random_models import spotting_model
from simulator.image import read_image

from kws import codegen, firmware
from kws.boards import BOARDS
from kws.cli import main as cli
from kws.config import DetectorConfig
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.image import slot as model_slot
from kws.image.make import make_host_library, make_image, run_make
from kws.image.slot import SlotHeader, build_slot, check, complete
from kws.model.file import Model, with_gate
from kws.voice_gate import VoiceGateConfig

BOARD = "mps2_an386"
SLOT_LENGTH = 0x100000
RAM_BYTES = 16384
pytestmark = needs("make", "arm-none-eabi-gcc", "qemu-system-arm")


@pytest.fixture(scope="module")
def one():
    return spotting_model(6, units=(32,))


@pytest.fixture(scope="module")
def other():
    """With a voice gate, which the program's own model lacks."""
    model = spotting_model(7, units=(16,), words=("left", "right", "stop"))
    return Model.from_bytes(with_gate(model, VoiceGateConfig(on=True, history_ms=100, hold_ms=100, settle_ms=100)), "b")


@pytest.fixture(scope="module")
def folder(one, other, tmp_path_factory):
    root = tmp_path_factory.mktemp("slot")
    codegen.export(one, root / "one")
    codegen.export(other, root / "other")
    return root


@pytest.fixture(scope="module")
def program(folder):
    return make_image(folder / "one", folder / "build", BOARD, "spotter", model_slot=True)


@pytest.fixture(scope="module")
def slot(folder):
    return build_slot(folder / "one", folder / "build-one", BOARD)


@pytest.fixture(scope="module")
def pcm():
    rng = np.random.default_rng(11)
    loudness = 10 ** rng.uniform(-3, 0, 12).repeat(4000)
    return np.clip(32767 * loudness * rng.normal(0, 0.4, 48000), -32768, 32767).astype(np.int16)


def boot(program: Path, blob: bytes | None, pcm, folder: Path, address: int = 0x00300000) -> tuple[int, list[dict]]:
    """The status and the lines of the program with ``blob`` in the flash of an emulated board."""
    command = ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(program)]
    if blob is not None:
        # The rest of a flash sector that was erased is ones.
        (folder / "flash.bin").write_bytes(blob + b"\xff" * 4096)
        command += ["-device", f"loader,file={folder / 'flash.bin'},addr={address:#x},force-raw=on"]
    done = subprocess.run(command, input=pcm.tobytes(), capture_output=True, timeout=60, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.decode().splitlines()]


def expected(model, pcm) -> list[tuple[str, float]]:
    found = words(detection_lines(model.require_info(), NumpyEngine(model).process(pcm).detections))
    assert len(found) > 3
    return found


def words(lines: list[dict]) -> list[tuple[str, float]]:
    return [(line["word"], line["t"]) for line in lines if "word" in line]


def signed(blob: bytes, **changes: object) -> bytes:
    """The blob with other fields in its header and a CRC that is right."""
    changed = replace(SlotHeader.parse(blob), **changes).pack() + blob[SlotHeader.SIZE :]
    return replace(SlotHeader.parse(changed), crc=zlib.crc32(changed[16:])).pack() + blob[SlotHeader.SIZE :]


def test_a_model_is_swapped_without_the_program(program, slot, folder, tmp_path, pcm, one, other):
    """The same program hears the words of whichever model lies in the slot, as the harness does, gate or none."""
    second = build_slot(folder / "other", folder / "build-other", BOARD)
    for blob, model in ((slot, one), (second, other)):
        status, lines = boot(program, blob.bin.read_bytes(), pcm, tmp_path)
        assert status == 0
        assert lines[0]["model"] == model.id == blob.header.model_id
        assert words(lines) == expected(model, pcm)
    # The program does not depend on the model with which it was built.
    again = make_image(folder / "other", folder / "build-other", BOARD, "spotter", model_slot=True)
    images = []
    for elf in (program, again):
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", elf, tmp_path / "image.bin"], check=True)
        images.append((tmp_path / "image.bin").read_bytes())
    assert images[0] == images[1]


def refusal(program, blob, pcm, folder) -> str:
    """The error that the program names; it must have heard nothing."""
    status, lines = boot(program, blob, pcm, folder)
    assert status == 1
    assert len(lines) == 1
    return lines[0]["error"]


def test_an_empty_slot(program, tmp_path, pcm):
    assert refusal(program, None, pcm, tmp_path) == "KWS_ERROR_SLOT_ABSENT"
    assert refusal(program, b"\xff" * 64, pcm, tmp_path) == "KWS_ERROR_SLOT_ABSENT"
    assert refusal(program, b"\x00" * 64, pcm, tmp_path) == "KWS_ERROR_SLOT_ABSENT"


def test_every_flipped_bit_is_noticed(program, slot, tmp_path, pcm):
    """One bit in each field of the header, the first and last byte of the model, and some between."""
    blob = slot.bin.read_bytes()
    rng = np.random.default_rng(3)
    header = {"KWS_ERROR_SLOT_ABSENT": [0, 31], "KWS_ERROR_SLOT_VERSION": [32, 63], "KWS_ERROR_SLOT_SIZE": [8 * 11 + 7]}
    corrupt = [
        8 * 8 + 2,
        8 * 9,
        96,
        127,
        128,
        8 * 20,
        8 * 24,
        8 * 28,
        8 * 30,
        8 * 32,
        8 * 63 + 7,
        8 * 64,
        8 * len(blob) - 1,
    ]
    corrupt += [int(bit) for bit in rng.integers(8 * 64, 8 * len(blob), 6)]
    for error, bits in {**header, "KWS_ERROR_SLOT_CORRUPT": corrupt}.items():
        for bit in bits:
            damaged = bytearray(blob)
            damaged[bit // 8] ^= 1 << bit % 8
            assert refusal(program, bytes(damaged), pcm, tmp_path) == error, bit
            if error == "KWS_ERROR_SLOT_CORRUPT":
                with pytest.raises(KwsError, match=r"CRC is wrong|cut off"):
                    check(bytes(damaged))


def test_a_blob_written_in_part(program, slot, tmp_path, pcm):
    blob = slot.bin.read_bytes()
    for length in (64, len(blob) // 2, len(blob) - 4):
        assert refusal(program, blob[:length], pcm, tmp_path) == "KWS_ERROR_SLOT_CORRUPT"
        with pytest.raises(KwsError, match="cut off"):
            check(blob[:length])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"version": 2}, "KWS_ERROR_SLOT_VERSION"),
        ({"size": SLOT_LENGTH + 4}, "KWS_ERROR_SLOT_SIZE"),
        ({"size": 2**32 - 4}, "KWS_ERROR_SLOT_SIZE"),
        ({"size": 60}, "KWS_ERROR_SLOT_CORRUPT"),
        ({"size": 0}, "KWS_ERROR_SLOT_CORRUPT"),
        ({"arch": 9}, "KWS_ERROR_SLOT_ARCH"),
        ({"format": 1}, "KWS_ERROR_SLOT_FORMAT"),
        ({"address": 0x00300040}, "KWS_ERROR_SLOT_ADDRESS"),
        ({"model": 0x20000000}, "KWS_ERROR_SLOT_ADDRESS"),
        ({"model": 0x00300000}, "KWS_ERROR_SLOT_ADDRESS"),
        ({"model": 0xFFFFFFF0}, "KWS_ERROR_SLOT_ADDRESS"),
        ({"model": 0x00300042}, "KWS_ERROR_SLOT_ADDRESS"),
        ({"ram_bytes": RAM_BYTES + 4}, "KWS_ERROR_SLOT_MEMORY"),
    ],
)
def test_a_model_that_does_not_fit_the_program(program, slot, tmp_path, pcm, changes, error):
    """The CRC is right, what the header says is not: made for other programs, boards or versions."""
    blob = slot.bin.read_bytes()
    if "version" in changes:
        blob = blob[:4] + changes["version"].to_bytes(4, "little") + blob[8:]
    else:
        blob = signed(blob, **changes)
    assert refusal(program, blob, pcm, tmp_path) == error


def test_a_model_at_another_place(program, slot, tmp_path, pcm):
    """A whole blob, but not where it was linked for: its pointers would lead astray."""
    elsewhere = b"\xff" * 64 + slot.bin.read_bytes()
    assert refusal(program, elsewhere, pcm, tmp_path) == "KWS_ERROR_SLOT_ABSENT"


def test_a_hungry_model_says_how_much_it_needs(folder, program, tmp_path, pcm):
    many = tuple(f"word {i}" for i in range(240))
    hungry = spotting_model(3, units=(16,), words=many, detector=DetectorConfig(64, 0.25, 5))
    codegen.export(hungry, tmp_path / "hungry")
    blob = build_slot(tmp_path / "hungry", tmp_path / "build", BOARD)
    status, lines = boot(program, blob.bin.read_bytes(), pcm, tmp_path)
    assert status == 1
    assert lines == [{"error": "KWS_ERROR_SLOT_MEMORY", "needs": blob.header.ram_bytes, "has": RAM_BYTES}]


def test_the_blob(slot, one, folder, tmp_path):
    blob = slot.bin.read_bytes()
    header = check(blob + b"\xff" * 100)
    assert header == slot.header
    assert header.size == len(blob)
    assert header.address == 0x00300000
    assert header.address + 64 <= header.model < header.address + len(blob)
    assert header.crc == zlib.crc32(blob[16:])
    assert complete(blob) == blob
    subprocess.run(["arm-none-eabi-objcopy", "-I", "ihex", "-O", "binary", slot.hex, tmp_path / "back.bin"], check=True)
    assert (tmp_path / "back.bin").read_bytes() == blob
    again = build_slot(folder / "one", tmp_path / "again", BOARD)
    assert again.bin.read_bytes() == blob


@pytest.mark.slow
def test_what_cannot_be_built_is_refused(folder, bare_model, tmp_path):
    def slot_with(*settings: str) -> None:
        run_make("slot", folder / "one", tmp_path / "build", f"BOARD={BOARD}", *settings)

    with pytest.raises(KwsError, match=r"will not fit in region `SLOT'"):
        slot_with("SLOT_LENGTH=0x400")
    with pytest.raises(KwsError, match="has no model slot"):
        slot_with("SLOT_ORIGIN=")
    with pytest.raises(KwsError, match="the program reaches into the model slot"):
        run_make("image", folder / "one", tmp_path / "build", f"BOARD={BOARD}", "MODEL_SLOT=1", "SLOT_ORIGIN=0x800")
    with pytest.raises(KwsError, match="has its model built in"):
        make_image(folder / "one", tmp_path / "build", BOARD, "selftest", model_slot=True)
    codegen.export(bare_model, tmp_path / "bare")
    with pytest.raises(KwsError, match="bare network, which cannot hear"):
        build_slot(tmp_path / "bare", tmp_path / "build", BOARD)


def test_blobs_that_are_none():
    with pytest.raises(KwsError, match="no model for a model slot"):
        check(b"")
    with pytest.raises(KwsError, match="no model for a model slot"):
        check(b"\xff" * 200)
    with pytest.raises(KwsError, match="multiple of 4"):
        complete(b"KWSM" + bytes(63))
    with pytest.raises(KwsError, match="version 7, not 1"):
        check(b"KWSM\x07" + bytes(63))


@pytest.mark.parametrize("board", ["nrf52840", "mps2_an386", "stm32f407"])
def test_the_hex_file_carries_the_address(folder, tmp_path, board):
    """Below 1 MB it is written as a segment, above it as the upper 16 bits; nowhere as a place to start from."""
    slot = build_slot(folder / "one", tmp_path, board)
    memory = {at + i: byte for at, piece in read_image(slot.hex) for i, byte in enumerate(piece)}
    assert memory == {slot.header.address + i: byte for i, byte in enumerate(slot.bin.read_bytes())}
    kinds = {line[7:9] for line in slot.hex.read_text().split()}
    assert kinds == {"00", "02" if slot.header.address < 1 << 20 else "04", "01"}


@pytest.fixture(scope="module")
def library(folder):
    path = make_host_library(folder / "one", folder / "build-host")
    loaded = ctypes.CDLL(str(path))
    loaded.kws_crc32.argtypes = [ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t]
    loaded.kws_crc32.restype = ctypes.c_uint32
    loaded.kws_slot_error_name.restype = ctypes.c_char_p
    loaded.kws_slot_check.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
    return loaded


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_crc32_is_zlibs(library, first, second):
    assert library.kws_crc32(0, first, len(first)) == zlib.crc32(first)
    so_far = library.kws_crc32(0, first, len(first))
    assert library.kws_crc32(so_far, second, len(second)) == zlib.crc32(first + second)


def test_arguments_and_names(library):
    assert library.kws_crc32(0, b"123456789", 9) == 0xCBF43926
    memory = (ctypes.c_uint64 * 16)()
    found = ctypes.c_void_p(7)
    here = ctypes.addressof(memory)
    assert library.kws_slot_check(None, 128, 0, ctypes.byref(found)) == -1
    assert library.kws_slot_check(here, 128, 0, None) == -1
    assert library.kws_slot_check(here + 2, 126, 0, ctypes.byref(found)) == -3
    assert library.kws_slot_check(here, 16, 0, ctypes.byref(found)) == -20
    assert found.value == 7
    text = (firmware.sources_dir() / "include/kws/model_slot.h").read_text()
    codes = {name: int(value) for name, value in re.findall(r"(KWS_ERROR_SLOT_\w+) = (-\d+)", text)}
    assert len(codes) == 8
    for name, code in codes.items():
        assert library.kws_slot_error_name(code) == name.encode()
    assert library.kws_slot_error_name(-2) == b"KWS_ERROR_MEMORY"
    assert model_slot.MAGIC.to_bytes(4, "little") == b"KWSM"


BOARDS_WITH_A_SLOT = sorted(board.name for board in BOARDS.values() if board.model_slot)


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS_WITH_A_SLOT)
def test_boards_have_room(folder, tmp_path, board):
    """On every board that has a slot, program and blob fit and lie apart."""
    elf = make_image(folder / "one", tmp_path, board, "spotter", model_slot=True)
    blob = build_slot(folder / "one", tmp_path, board)
    text = subprocess.run(["arm-none-eabi-readelf", "-lW", elf], capture_output=True, text=True, check=True).stdout
    loads = re.findall(r"LOAD\s+\S+ \S+ (0x\w+) (0x\w+)", text)
    assert loads
    for start, size in ((int(a, 16), int(b, 16)) for a, b in loads):
        assert start + size <= blob.header.address or start >= blob.header.address + blob.header.size
    assert blob.header.address % 4096 == 0


def test_commands(one, other, tmp_path, pcm, capsys):
    """`kws build --model-slot`, then another model with `--model-slot-only`: the board changes its mind."""
    for name, model in (("one", one), ("other", other)):
        (tmp_path / f"{name}.tflite").write_bytes(model.content)
    command = ["build", BOARD, "--out", str(tmp_path / "out"), "--model"]
    assert cli.main([*command, str(tmp_path / "one.tflite"), "--model-slot"]) == 0
    out = tmp_path / "out"
    assert boot(out / "spotter-slot.elf", (out / "model-slot.bin").read_bytes(), pcm, tmp_path)[1][0]["model"] == one.id
    program = (out / "spotter-slot.elf").read_bytes()
    capsys.readouterr()
    assert cli.main([*command, str(tmp_path / "other.tflite"), "--model-slot-only", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["id"] == other.id
    assert said["address"] == 0x00300000
    assert said["bytes"] == (out / "model-slot.bin").stat().st_size
    assert (out / "spotter-slot.elf").read_bytes() == program
    status, lines = boot(out / "spotter-slot.elf", (out / "model-slot.bin").read_bytes(), pcm, tmp_path)
    assert status == 0
    assert words(lines) == expected(other, pcm)
