"""The emulated Cortex-M4 against the NumPy harness, and the images by themselves."""

from __future__ import annotations

import binascii
import json
import re
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import random_models as models
from conftest import check_states, needs

from kws import __version__, codegen
from kws.boards.emulator import DEFAULT_BOARD, run_image
from kws.engines.link_message import Message, Type, encode
from kws.engines.qemu import QemuEngine
from kws.errors import KwsError
from kws.image.make import make_image

pytestmark = needs("make", "arm-none-eabi-gcc", "qemu-system-arm")

SILENCE = np.zeros(0, np.int16)


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    """Noise that swells, a full-scale square wave, silence."""
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 1, 16000) * 9000 * np.sin(np.arange(16000) / 2500) ** 2
    square = np.where(np.arange(4000) // 20 % 2, 32767, -32768)
    return np.concatenate([noise.clip(-32768, 32767), square, np.zeros(4000)]).astype(np.int16)


@pytest.fixture(scope="module")
def engine(tiny_model):
    with QemuEngine(tiny_model, icount=True) as qemu:
        yield qemu


@pytest.fixture
def expected(tiny_model, pcm):
    return tiny_model.spotter().process(pcm[None])


def built(model, tmp_path: Path, app: str) -> Path:
    codegen.export(model, tmp_path / "model")
    return make_image(tmp_path / "model", tmp_path / "build", DEFAULT_BOARD, app)


def test_every_byte_is_the_harness_s(engine, tiny_model, pcm, expected):
    engine.reset()
    got = engine.process(pcm)
    np.testing.assert_array_equal(got.features, expected.features[0])
    for index, layer in got.layers.items():
        np.testing.assert_array_equal(layer, expected.trace.outputs[index][0].reshape(layer.shape))
    check_states(got, tiny_model.network, expected.trace)
    np.testing.assert_array_equal(got.posteriors, expected.posteriors[0])
    assert got.detections == expected.detections[0]
    assert got.detections


def test_cutting_the_stream_changes_nothing(engine, pcm, expected):
    engine.reset()
    rows, at, rng = [], 0, np.random.default_rng(1)
    while at < len(pcm):
        size = int(rng.choice([1, 2, 159, 320, 777]))
        rows.append(engine.process(pcm[at : at + size]).posteriors)
        at += size
    np.testing.assert_array_equal(np.concatenate(rows), expected.posteriors[0])


def test_network_shares_its_state_with_the_stream(engine, tiny_model, pcm):
    engine.reset()
    first = engine.process(pcm[:4000])
    x = np.random.default_rng(2).integers(-128, 128, (4, 40)).astype(np.int8)
    got = engine.run_network(x)
    state = tiny_model.network.initial_state()
    tiny_model.network.run(first.features[None], state)
    expected = tiny_model.network.run(x[None], state)
    np.testing.assert_array_equal(got.posteriors, expected.outputs[-1][0].reshape(4, -1))


def test_classify_resets_between_clips(engine, pcm):
    clips = np.stack([pcm[:8000], pcm[8000:16000], pcm[:8000]])
    rows = engine.classify(clips)
    np.testing.assert_array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], rows[1])


@pytest.mark.parametrize(
    "options",
    [
        {"units": (16,), "steps": 5, "head": "last"},
        # Input and layers take several messages, and so do an LSTM's rows.
        pytest.param({"units": (20, 300), "steps": 49, "head": "flatten"}, marks=pytest.mark.slow),
    ],
)
def test_bare_network(options):
    bare_model = models.bare_model(3, **options)
    x = np.random.default_rng(0).integers(-128, 128, (6, bare_model.network.input_size)).astype(np.int8)
    expected = bare_model.network.run(x[None], bare_model.network.initial_state())
    with QemuEngine(bare_model) as qemu:
        for _ in range(2):
            qemu.reset()
            got = qemu.run_network(x)
            for index, layer in got.layers.items():
                np.testing.assert_array_equal(layer, expected.outputs[index][0].reshape(layer.shape))
            check_states(got, bare_model.network, expected)
        with pytest.raises(KwsError, match="bare network"):
            qemu.process(np.zeros(1000, np.int16))
        with pytest.raises(KwsError, match="refused PROCESS: its model is a bare network"):
            qemu._request(Type.PROCESS, b"\0\0")


def test_instructions_are_counted_and_the_same_every_time(engine, tiny_model, pcm):
    engine.reset()
    engine.clear_ticks()
    engine.process(pcm)
    counted = engine.instructions_per_frame
    macs = sum(g.input_weights.size + g.recurrent_weights.size for k in (0, 1) for g in _gates(tiny_model, k))
    assert 3 * macs < counted < 1e6
    with QemuEngine(tiny_model, icount=True, trace=False) as untraced:
        results = []
        for _ in range(2):
            untraced.reset()
            untraced.clear_ticks()
            untraced.process(pcm)
            results.append(untraced.ticks)
        # A reading's phase within a tick of 40 instructions may differ, and each frame is read.
        assert results[0] == pytest.approx(results[1], rel=0, abs=tiny_model.require_info().frontend.frames(len(pcm)))
        assert untraced.instructions_per_frame == pytest.approx(counted, rel=0.01)


def _gates(model, layer: int):
    return model.network.layers[layer].kernel.gates


def test_without_icount_there_is_no_count(tiny_model):
    with QemuEngine(tiny_model) as qemu, pytest.raises(KwsError, match="icount=True"):
        _ = qemu.instructions_per_frame


def test_the_board_s_parser_survives_rubbish(engine):
    def answer(data: bytes) -> Message:
        engine._connection._stream.write(data)
        return engine._connection._reader.next(10.0)

    good = encode(Message(Type.RESET, 77, b""))
    damaged = good[:-1] + bytes([good[-1] ^ 0x10])
    long = b"KW" + struct.pack("<BBH", Type.PROCESS, 78, 517)
    body = struct.pack("<BBH", Type.PROCESS, 79, 3) + b"abc"
    odd = b"KW" + body + struct.pack("<H", binascii.crc_hqx(body, 0xFFFF))
    beyond = encode(Message(Type.LOAD_INPUT, 80, struct.pack("<I", 39) + b"ab"))
    far = encode(Message(Type.LOAD_INPUT, 81, struct.pack("<I", 2**32 - 1) + b"ab"))
    short = encode(Message(Type.LOAD_INPUT, 82, b"ab"))
    unknown = encode(Message(0x33, 83, b"abc"))
    assert answer(b"KKK\0\xff" + damaged) == Message(Type.ERROR, 77, b"\x01")
    assert answer(long) == Message(Type.ERROR, 78, b"\x02")
    assert answer(odd) == Message(Type.ERROR, 79, b"\x02")
    assert answer(beyond) == Message(Type.ERROR, 80, b"\x02")
    assert answer(far) == Message(Type.ERROR, 81, b"\x02")
    assert answer(short) == Message(Type.ERROR, 82, b"\x02")
    assert answer(unknown) == Message(Type.ERROR, 83, b"\x03")
    assert answer(b"KKKW"[:2] + good) == Message(0x82, 77, b"")


def test_the_end_of_the_emulator_is_told(tiny_model, pcm):
    with QemuEngine(tiny_model) as qemu:
        qemu._process.kill()
        qemu._process.wait()
        with pytest.raises(KwsError, match=r"closed the connection|cannot send to the board"):
            qemu.process(pcm)


def test_close_leaves_nothing(tiny_model):
    qemu = QemuEngine(tiny_model)
    folder, process = Path(qemu._folder.name), qemu._process
    qemu.close()
    qemu.close()
    assert process.poll() is not None
    assert not folder.exists()


def test_nothing_is_built_twice(tiny_model, tmp_path):
    with QemuEngine(tiny_model, build_dir=tmp_path) as qemu:
        elf = qemu.elf
    built_at = elf.stat().st_mtime_ns
    with QemuEngine(tiny_model, build_dir=tmp_path) as qemu:
        assert qemu.elf == elf
    assert elf.stat().st_mtime_ns == built_at


def test_missing_emulator_is_named(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KwsError, match=r"qemu-system-arm .*apt install qemu-system-arm"):
        QemuEngine(tiny_model)


def test_spotter_image_says_what_it_heard(tiny_model, pcm, expected, tmp_path):
    text = run_image(built(tiny_model, tmp_path, "spotter"), pcm)
    info = tiny_model.info
    first, *heard, last = [json.loads(line) for line in text.splitlines()]
    assert first == {"kws": __version__, "model": tiny_model.id}
    assert len(heard) == len(expected.detections[0])
    for line, detection in zip(heard, expected.detections[0], strict=True):
        assert line["word"] == info.labels[detection.label]
        # The time is cut to hundredths, the score rounded.
        assert 0 <= info.seconds(detection.frame) - line["t"] < 0.01
        assert abs(line["score"] - info.score(detection.score)) <= 0.005 + 1e-9
    assert last.pop("ticks") > 0
    assert last == {
        "t": len(pcm) / 16000,
        "frames": expected.posteriors.shape[1],
        "ticks_per_second": 25000000,
        "overruns": 0,
    }


def test_names_are_quoted_and_cut(pcm, tmp_path):
    words = ('say "no"', "back\\slash", "été", "x" * 300)
    model = models.spotting_model(1, words=words, units=(24, 16))
    said = [json.loads(line) for line in run_image(built(model, tmp_path, "spotter"), pcm).splitlines()]
    heard = {line["word"] for line in said if "word" in line}
    assert heard
    assert heard <= {*words[:3], *("x" * n for n in range(100, 300))}


def test_spotter_image_takes_halves_of_samples(tiny_model, pcm, tmp_path):
    elf = built(tiny_model, tmp_path, "spotter")
    command = ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "none"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(elf)]
    content = pcm[:8000].tobytes() + b"\x01"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        for start in range(0, len(content), 101):
            process.stdin.write(content[start : start + 101])
            time.sleep(0.001)
        process.stdin.close()
        said = process.stdout.read().decode()
    whole = run_image(elf, pcm[:8000])
    assert re.sub(r'"ticks":\d+', "", said) == re.sub(r'"ticks":\d+', "", whole)


@pytest.mark.parametrize("name", ["tiny_model", "bare_model"])
def test_selftest_passes_and_notices_a_changed_byte(request, tmp_path, name):
    model = request.getfixturevalue(name)
    elf = built(model, tmp_path, "selftest")
    assert re.fullmatch(r"selftest: \d+ (frames|calls), 0 differences: PASS\n", run_image(elf, SILENCE))
    vectors = tmp_path / "model" / "kws_vectors.c"
    head, last, tail = re.fullmatch(r"(.*?)(-?\d+)([^-\d]*)", vectors.read_text(), re.DOTALL).groups()
    changed = int(last) ^ 1
    vectors.write_text(f"{head}{changed}{tail}")
    elf = make_image(tmp_path / "model", tmp_path / "build", DEFAULT_BOARD, "selftest")
    where = "(posteriors of frame 23|output of call 15)"
    with pytest.raises(
        KwsError, match=rf"status 1 .*first difference: {where}, element \d+: board {last}, host {changed}"
    ):
        run_image(elf, SILENCE)


def test_a_fault_is_told(tiny_model, tmp_path):
    elf = built(tiny_model, tmp_path, "spotter")
    content = bytearray(elf.read_bytes())
    table = subprocess.run(["arm-none-eabi-nm", str(elf)], capture_output=True, text=True, check=True).stdout
    main = next(int(line.split()[0], 16) for line in table.splitlines() if line.endswith(" main"))
    sections = subprocess.run(
        ["arm-none-eabi-readelf", "-S", "-W", str(elf)], capture_output=True, text=True, check=True
    ).stdout
    offset = int(re.search(r"\.text\s+PROGBITS\s+0+ (\S+)", sections)[1], 16)
    # Make main's first instruction an undefined one.
    content[offset + main : offset + main + 2] = bytes.fromhex("00de")
    elf.write_bytes(content)
    with pytest.raises(KwsError, match=rf"status 255 .*fault at pc {main:08x}, exception 00000003"):
        run_image(elf, SILENCE)


def test_an_image_that_does_not_end_is_stopped(tiny_model, tmp_path):
    elf = built(tiny_model, tmp_path, "spotter")
    with pytest.raises(KwsError, match=r"did not end within 0.01 s"):
        run_image(elf, np.zeros(1600000, np.int16), timeout=0.01)
