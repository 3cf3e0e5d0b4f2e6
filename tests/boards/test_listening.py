"""A board's microphone over its serial line: the link app on the simulated nRF52840 and an emulated Cortex-M4."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from conftest import needs
from nrf52840_images import image, running, sound

from kws.boards.serial_port import SerialStream
from kws.cli.main import main
from kws.datasets.clips import index
from kws.decisions import DetectorConfig
from kws.engines.link_connection import BLOCK_SAMPLES, Connection
from kws.engines.link_message import SYNC
from kws.engines.qemu import QemuEngine
from kws.live.board_microphone import BoardMicrophone, open_board
from kws.model.file import Model, with_detector

FAST = 1_000_000
SAMPLES = SYNC + b"\x46"
"""How a message of samples begins."""
CHAIN = ("cc", "make", "arm-none-eabi-gcc")


@pytest.fixture(scope="module")
def model(tiny_model):
    """One that hears words everywhere."""
    return Model.from_bytes(with_detector(tiny_model, DetectorConfig(3, 0.2, 5)))


@pytest.fixture(scope="module")
def elf(model, tmp_path_factory):
    return image(model, tmp_path_factory.mktemp("listening"), "link", baud=FAST)


def place(within: np.ndarray, part: np.ndarray) -> int:
    """Where a part begins in a whole."""
    length = min(len(part), 400)
    windows = np.lib.stride_tricks.sliding_window_view(within, length)
    return int(np.flatnonzero((windows == part[:length]).all(axis=1))[0])


@pytest.mark.slow
@needs(*CHAIN)
def test_samples_and_detections_are_the_board_s(elf, model):
    pcm = sound()
    with running(elf, pcm=pcm) as port, open_board(f"{port}@{FAST}", 640, model) as opened:
        chunks, outputs = [], []
        for _ in range(60):
            chunks.append(next(opened))
            outputs.append(opened.output())
        assert opened.lost == 0
    heard = np.concatenate(chunks)
    assert len(heard) == 60 * 640
    start = place(pcm, heard)
    np.testing.assert_array_equal(heard[: len(pcm) - start], pcm[start : start + len(heard)])
    expected = model.spotter().process(heard[None])
    np.testing.assert_array_equal(np.concatenate([o.posteriors for o in outputs]), expected.posteriors[0])
    found = [d for o in outputs for d in o.detections]
    assert found
    assert found == expected.detections[0]


@needs(*CHAIN)
def test_lost_blocks_are_counted_and_times_stay_right(elf, model):
    """A line that swallows every seventh message of samples."""

    class Holes:
        def __init__(self, inner):
            self.inner, self.seen, self.dropped, self.buffer = inner, 0, 0, bytearray()

        def read(self, timeout):
            try:
                self.buffer += self.inner.read(timeout)
            except TimeoutError:
                if not self.buffer:
                    raise
                # What looked like the beginning of a message was the end of one.
                out = bytes(self.buffer)
                self.buffer.clear()
                return out
            out = bytearray()
            while (start := self.buffer.find(SAMPLES)) >= 0 and len(self.buffer) >= start + 336:
                self.seen += 1
                gone = self.seen % 7 == 3
                self.dropped += gone
                out += self.buffer[: start if gone else start + 336]
                del self.buffer[: start + 336]
            if start < 0:
                # However the line cuts what it carries, no message passes unseen.
                begun = next((n for n in (2, 1) if self.buffer.endswith(SAMPLES[:n])), 0)
                out += self.buffer[: len(self.buffer) - begun]
                del self.buffer[: len(self.buffer) - begun]
            return bytes(out) or self.read(timeout)

        def write(self, data):
            self.inner.write(data)

        def close(self):
            self.inner.close()

    pcm = sound()
    with running(elf, pcm=pcm) as port:
        line = Holes(SerialStream(port, FAST))
        with BoardMicrophone(line, BLOCK_SAMPLES, "a bad line", model) as opened:
            heard = np.concatenate([next(opened) for _ in range(100)])
            assert opened.missing >= 10
            assert opened.overruns == 0
    # The last block has arrived; the first may be one of the lost.
    start = place(pcm, heard[-BLOCK_SAMPLES:]) + BLOCK_SAMPLES - len(heard)
    whole = pcm[start : start + len(heard)]
    lost = ~np.any(heard[: len(whole)].reshape(-1, BLOCK_SAMPLES), axis=1)
    assert lost.sum() == opened.missing
    np.testing.assert_array_equal(heard.reshape(-1, BLOCK_SAMPLES)[~lost], whole.reshape(-1, BLOCK_SAMPLES)[~lost])


@needs(*CHAIN)
def test_listen_keeps_the_board_s_own_audio(elf, model, tmp_path, capsys, monkeypatch):
    file = tmp_path / "model.tflite"
    file.write_bytes(model.content)
    pcm = sound()

    def a_while(opened, count=[0]):  # noqa: B006 - the count goes on from call to call
        count[0] += 1
        if count[0] > 70:
            raise KeyboardInterrupt
        return original(opened)

    original = BoardMicrophone.__next__
    monkeypatch.setattr(BoardMicrophone, "__next__", a_while)
    kept = tmp_path / "kept"
    with running(elf, pcm=pcm) as port:
        command = ["listen", str(file), "--serial", f"{port}@{FAST}", "--dump", str(kept), "--lines", "--json"]
        assert main([*command, "--near", "0.5"]) == 0
    said = capsys.readouterr()
    entries = [json.loads(line) for line in said.out.splitlines()]
    assert entries
    assert "nothing dropped" in said.err
    clips = index(kept, model.require_info().data)
    words = {entry["word"] for entry in entries}
    assert {clip.word for clip in clips if clip.path} >= words
    for word in words:
        first = min((kept / word).glob("*.wav"))
        clip, rate = soundfile.read(first, dtype="int16")
        assert rate == 16000
        assert place(np.concatenate([np.zeros(16000, np.int16), pcm]), clip) >= 0 or not clip.any()


@pytest.mark.slow
@needs(*CHAIN)
def test_record_and_mic_check_take_the_board_s_microphone(elf, tmp_path, capsys):
    rng = np.random.default_rng(1)
    room = rng.normal(0, 20, 16000 * 4)
    room[22000:27000] += rng.normal(0, 1, 5000) * 4000 * np.hanning(5000)
    pcm = room.astype(np.int16)
    with running(elf, pcm=pcm) as port:
        command = ["record", "yes", "--out", str(tmp_path), "--takes", "1", "--serial", f"{port}@{FAST}", "--json"]
        assert main(command) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["lost_blocks"] == 0
    clip, rate = soundfile.read(said["saved"][0], dtype="int16")
    assert (rate, len(clip)) == (16000, 16000)
    assert place(pcm, clip) > 0
    with running(elf, pcm=pcm) as port:
        # The simulator's clock is its own, so the rate by the laptop's says nothing: exit code 1 tells of it alone.
        main(["mic-check", "--serial", f"{port}@{FAST}", "--seconds", "2", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert {fault["kind"] for fault in found["faults"]} <= {"wrong rate"}
    assert found["sound"]["sample_rate"] == 16000


@needs(*CHAIN)
def test_a_slow_line_is_refused(model, tmp_path, capsys):
    slow = image(model, tmp_path, "link")
    with running(slow) as port:
        command = ["record", "yes", "--out", str(tmp_path / "out"), "--serial"]
        assert main([*command, f"{port}@115200"]) == 3
        assert "take more than 400000 bits a second, and the serial line has 115200" in capsys.readouterr().err
        assert main([*command, port]) == 3
        assert "serial line is too slow for its microphone" in " ".join(capsys.readouterr().err.split())


@needs("make", "arm-none-eabi-gcc", "qemu-system-arm")
def test_an_emulated_board_listens(model):
    """On it the microphone is the input: as many blocks as were asked for follow the request."""
    pcm = sound()[: 60 * BLOCK_SAMPLES]
    with QemuEngine(model, trace=False) as engine:
        connection = engine._connection
        assert isinstance(connection, Connection)
        blocks = engine.listen(60)
        sent = connection._stream.write
        connection._stream.write = lambda data: sent(data + pcm.tobytes())
        heard = list(blocks)
        connection._stream.write = sent
        engine.reset()
    np.testing.assert_array_equal(np.concatenate([b.pcm for b in heard]), pcm)
    assert sum(b.missing + b.overruns for b in heard) == 0
    expected = model.spotter().process(pcm[None])
    assert [d for b in heard for d in b.detections] == expected.detections[0]
