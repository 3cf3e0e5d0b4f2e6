from __future__ import annotations

import io
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws import audio
from kws.errors import KwsError


@pytest.fixture
def noise() -> np.ndarray:
    x = np.random.default_rng(1).integers(-32768, 32768, 50_000).astype(np.int16)
    x[:2] = -32768, 32767
    return x


def tone(rate: int, hz: float = 440, seconds: float = 1.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "A.WAV"])
def test_16_bit_16_khz_mono_is_bit_exact(tmp_path: Path, noise: np.ndarray, name: str) -> None:
    audio.write(tmp_path / name, noise)
    np.testing.assert_array_equal(audio.read(tmp_path / name), noise)
    assert audio.read(tmp_path / name).dtype == np.int16
    assert audio.info(tmp_path / name) == audio.Info(16000, 1, 3.125, "PCM_16")
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_other_rates_are_resampled(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate), rate, subtype="PCM_16")
    got = audio.read(tmp_path / "a.wav")
    assert abs(len(got) - 16000) <= 1
    wanted = 32768 * tone(16000)[1000:15000]
    error = got[1000:15000] - wanted
    assert 10 * np.log10(np.mean(wanted**2) / np.mean(error**2)) > 80


def test_channels_are_averaged(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([[100, 300], [-32768, 32767], [1, 2]], np.int16), 16000)
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav"), [200, 0, 2])


@pytest.mark.parametrize(("left", "right", "told"), [(1.0, -0.9, True), (1.0, -0.5, False), (1e-5, -1e-5, False)])
def test_channels_that_cancel_are_told_once(tmp_path: Path, left: float, right: float, told: bool) -> None:
    channels = np.stack([left * tone(48000, seconds=3), right * tone(48000, seconds=3)], axis=1)
    soundfile.write(tmp_path / "a.wav", channels, 48000, subtype="FLOAT")
    said: list[str] = []
    assert sum(map(len, audio.blocks(tmp_path / "a.wav", 1000, said.append))) == 48000
    assert said == [audio.CANCELLING] * told


def test_24_and_32_bit_round_to_nearest_and_saturate(tmp_path: Path) -> None:
    for subtype in ("PCM_24", "PCM_32"):
        x = (np.array([1.4, 1.6, -1.6, -0.4, 32767.9, -32768]) * 65536).astype(np.int32)
        soundfile.write(tmp_path / "a.wav", x, 16000, subtype=subtype)
        np.testing.assert_array_equal(audio.read(tmp_path / "a.wav"), [1, 2, -2, 0, 32767, -32768])


def test_8_bit(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([-32768, 0, 256, 32512], np.int16), 16000, subtype="PCM_U8")
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav"), [-32768, 0, 256, 32512])


def test_float_is_scaled_and_saturates(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.5, 1.5, -1.5, 0.6 / 32768]), 16000, subtype="FLOAT")
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav"), [16384, 32767, -32768, 1])


def test_not_a_number_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.5, np.nan]), 16000, subtype="FLOAT")
    with pytest.raises(KwsError, match="not numbers"):
        audio.read(tmp_path / "a.wav")


@pytest.mark.parametrize("lost", [1, 66, 5000, 99_000])
def test_truncated_wav(tmp_path: Path, noise: np.ndarray, lost: int) -> None:
    audio.write(tmp_path / "a.wav", noise)
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[:-lost])
    with pytest.raises(KwsError, match="truncated"):
        audio.read(tmp_path / "a.wav")


def test_chunks_around_the_audio_do_not_look_truncated(tmp_path: Path, noise: np.ndarray) -> None:
    audio.write(tmp_path / "a.wav", noise)
    whole = (tmp_path / "a.wav").read_bytes()
    extra = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    body = whole[12:36] + extra + whole[36:] + extra
    (tmp_path / "b.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)
    np.testing.assert_array_equal(audio.read(tmp_path / "b.wav"), noise)


def test_wav_from_a_pipe_has_unknown_length(tmp_path: Path, noise: np.ndarray) -> None:
    audio.write(tmp_path / "a.wav", noise)
    whole = bytearray((tmp_path / "a.wav").read_bytes())
    whole[4:8] = whole[40:44] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(whole)
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav"), noise)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0x7FFFFFFE, 0x7FFFF000, 0x80000000, 0xFFFFFFFF, 0xFFFFFFDA])
def test_a_recorder_that_never_filled_in_the_length(tmp_path: Path, noise: np.ndarray, size: int) -> None:
    audio.write(tmp_path / "a.wav", noise)
    whole = bytearray((tmp_path / "a.wav").read_bytes())
    whole[40:44] = struct.pack("<I", size)
    (tmp_path / "a.wav").write_bytes(whole)
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav"), noise)
    got = audio.info(tmp_path / "a.wav")
    assert (got.seconds, "does not say how long" in got.note) == (3.125, True)


def test_a_length_that_is_too_small_is_told(tmp_path: Path, noise: np.ndarray) -> None:
    audio.write(tmp_path / "a.wav", noise)
    whole = bytearray((tmp_path / "a.wav").read_bytes())
    whole[40:44] = struct.pack("<I", 20_000)
    (tmp_path / "a.wav").write_bytes(whole)
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav"), noise[:10_000])
    assert f"{2 * len(noise) - 20_000} more follow" in audio.info(tmp_path / "a.wav").note
    for behind in (b"LIST" + struct.pack("<I", 4001) + bytes(4001), b"TAG" + bytes(125)):
        (tmp_path / "a.wav").write_bytes(whole[:20_044] + behind)
        assert audio.info(tmp_path / "a.wav").note == ""


@pytest.mark.parametrize("surplus", [2, 8, 36, 44, 64])
def test_a_header_that_counts_itself(tmp_path: Path, noise: np.ndarray, surplus: int) -> None:
    audio.write(tmp_path / "a.wav", noise)
    whole = bytearray((tmp_path / "a.wav").read_bytes())
    whole[40:44] = struct.pack("<I", 2 * len(noise) + surplus)
    (tmp_path / "a.wav").write_bytes(whole)
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav"), noise)
    assert f"{surplus} bytes more" in audio.info(tmp_path / "a.wav").note


def long_format(path: Path, noise: np.ndarray, size: int) -> Path:
    """An RF64 file whose header promises so many bytes of samples."""
    soundfile.write(path, noise, 16000, subtype="PCM_16", format="RF64")
    changed = bytearray(path.read_bytes())
    at = changed.index(b"ds64") + 16
    changed[at : at + 8] = size.to_bytes(8, "little")
    path.write_bytes(changed)
    return path


@pytest.mark.parametrize("size", [0, 2**64 - 1])
def test_a_long_format_whose_length_was_never_filled_in(tmp_path: Path, noise: np.ndarray, size: int) -> None:
    path = long_format(tmp_path / "long.wav", noise, size)
    np.testing.assert_array_equal(audio.read(path), noise)
    assert "does not say how long it is" in audio.info(path).note


@pytest.mark.parametrize(("promised", "told"), [(20_000, True), (100_000, False)])
def test_a_long_format_whose_length_is_too_small_is_told(
    tmp_path: Path, noise: np.ndarray, promised: int, told: bool
) -> None:
    path = long_format(tmp_path / "long.wav", noise, promised)
    np.testing.assert_array_equal(audio.read(path), noise[: promised // 2])
    assert (f"{2 * len(noise) - promised} more follow" in audio.info(path).note) is told


@pytest.mark.parametrize("size", [0, 2**64 - 1])
def test_a_long_format_without_samples_takes_no_chunk_for_them(tmp_path: Path, noise: np.ndarray, size: int) -> None:
    path = long_format(tmp_path / "long.wav", noise, size)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"data") + 8] + b"LIST" + struct.pack("<I", 4) + b"INFO")
    with pytest.raises(KwsError, match="holds no samples"):
        audio.read(path)


def test_a_length_beyond_any_file_is_truncated(tmp_path: Path, noise: np.ndarray) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, noise, 16000, subtype="PCM_16", format="RF64")
    damaged = bytearray(path.read_bytes())
    at = damaged.index(b"ds64") + 16
    damaged[at : at + 8] = (2**64 - 100).to_bytes(8, "little")
    path.write_bytes(damaged)
    with pytest.raises(KwsError, match="truncated"):
        audio.read(path)


def test_a_header_that_says_zero_and_means_it(tmp_path: Path, noise: np.ndarray) -> None:
    audio.write(tmp_path / "a.wav", noise)
    head = bytearray((tmp_path / "a.wav").read_bytes()[:44])
    head[40:44] = bytes(4)
    (tmp_path / "a.wav").write_bytes(head + b"LIST" + struct.pack("<I", 4) + b"INFO")
    with pytest.raises(KwsError, match="holds no samples"):
        audio.read(tmp_path / "a.wav")


def test_flac_of_unknown_length(tmp_path: Path, noise: np.ndarray) -> None:
    audio.write(tmp_path / "a.flac", noise)
    whole = bytearray((tmp_path / "a.flac").read_bytes())
    whole[21] &= 0xF0
    whole[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(whole)
    np.testing.assert_array_equal(audio.read(tmp_path / "a.flac"), noise)
    got = audio.info(tmp_path / "a.flac")
    assert (got.seconds, "does not say how long" in got.note) == (3.125, True)


@pytest.mark.parametrize(
    ("suffix", "format", "subtype"),
    [(".ogg", "OGG", "VORBIS"), (".opus", "OGG", "OPUS"), (".mp3", "MP3", "MPEG_LAYER_III")],
)
def test_lossy_formats(tmp_path: Path, suffix: str, format: str, subtype: str) -> None:
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, tone(16000), 16000, format=format, subtype=subtype)
    got, info = audio.read(path).astype(float), audio.info(path)
    wanted = 32768 * tone(16000)[1000:15000]
    assert len(got) == 16000 == round(16000 * info.seconds)
    assert info.subtype == subtype
    assert np.corrcoef(got[1000:15000], wanted)[0, 1] > 0.99


def test_mp3_in_wav(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", tone(16000), 16000, format="MP3", subtype="MPEG_LAYER_III")
    data = (tmp_path / "a.mp3").read_bytes()
    head = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 16000, 4000, 1, 0, 12, 1, 0, 417, 1, 1393)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"fact" + struct.pack("<II", 4, 16000)
    body += b"data" + struct.pack("<I", len(data)) + data
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav"), audio.read(tmp_path / "a.mp3"))


def test_a_pipe_is_read(tmp_path: Path, noise: np.ndarray) -> None:
    audio.write(tmp_path / "a.wav", noise)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes((tmp_path / "a.wav").read_bytes()))
    writer.start()
    np.testing.assert_array_equal(audio.read(tmp_path / "pipe"), noise)
    writer.join()


@pytest.mark.parametrize("promised", [0, 1 << 31])
def test_all_channels_of_a_file_whose_header_was_never_filled_in(tmp_path: Path, promised: int) -> None:
    both = np.random.default_rng(1).integers(-9000, 9000, (4000, 2)).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", both, 8000)
    whole = (tmp_path / "a.wav").read_bytes()
    at = whole.index(b"data") + 4
    content = whole[:at] + struct.pack("<I", promised) + whole[at + 4 :]
    (tmp_path / "open.wav").write_bytes(content)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(content))
    writer.start()
    for name in ("open.wav", "pipe"):
        found, rate = audio.channels(tmp_path / name, 60)
        assert rate == 8000
        np.testing.assert_array_equal(found * 32768, both)
    writer.join()
    with pytest.raises(KwsError, match=r"longer than 0\.005 minutes"):
        audio.channels(tmp_path / "open.wav", 0.3)


def test_dev_null_holds_no_samples() -> None:
    with pytest.raises(KwsError, match="holds no samples"):
        audio.read("/dev/null")


def test_truncated_and_corrupt_flac(tmp_path: Path, noise: np.ndarray) -> None:
    audio.write(tmp_path / "a.flac", noise)
    whole = (tmp_path / "a.flac").read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:5000] + b"\x55" * 64 + whole[5064:]):
        (tmp_path / "b.flac").write_bytes(damaged)
        with pytest.raises(KwsError, match=r"b\.flac"):
            audio.read(tmp_path / "b.flac")


@pytest.mark.parametrize("content", [b"", b"these are not the samples you are looking for", b"RIFF\0\0\0\0WAVE"])
def test_not_audio(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    for reader in (audio.read, audio.info, lambda p: next(audio.blocks(p, 10))):
        with pytest.raises(KwsError, match=r"cannot read .*a\.wav"):
            reader(tmp_path / "a.wav")


def test_missing_and_empty(tmp_path: Path) -> None:
    with pytest.raises(KwsError, match="there is no file"):
        audio.read(tmp_path / "a.wav")
    soundfile.write(tmp_path / "b.wav", np.zeros(0, np.int16), 16000)
    with pytest.raises(KwsError, match="no samples"):
        audio.read(tmp_path / "b.wav")
    with pytest.raises(KwsError, match="no samples"):
        audio.cut(tmp_path / "b.wav", 0, 100)
    (tmp_path / "c.raw").write_bytes(b"1234")
    with pytest.raises(KwsError, match="cannot read"):
        audio.read(tmp_path / "c.raw")


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("samples", [1, 333, 70_000])
def test_blocks_join_to_what_read_gives(tmp_path: Path, rate: int, samples: int) -> None:
    x = np.random.default_rng(2).integers(-9999, 9999, 500 if samples == 1 else 150_000).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", x, rate)
    blocks = list(audio.blocks(tmp_path / "a.wav", samples))
    assert {len(b) for b in blocks[:-1]} <= {samples}
    np.testing.assert_array_equal(np.concatenate(blocks), audio.read(tmp_path / "a.wav"))


def test_write_refuses(tmp_path: Path, noise: np.ndarray) -> None:
    for path, x, why in (
        (tmp_path / "a.mp3", noise, "must end in"),
        (tmp_path / "a.wav", noise.astype(np.float32), "must be int16"),
        (tmp_path / "a.wav", noise.reshape(2, -1), "must be int16"),
        (tmp_path / "a.wav", noise[:0], "no samples"),
    ):
        with pytest.raises(KwsError, match=why):
            audio.write(path, x)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(KwsError, match="cannot write"):
        audio.write(tmp_path / "file" / "a.wav", noise)
    audio.write(tmp_path / "new" / "folder" / "a.wav", noise)
    np.testing.assert_array_equal(audio.read(tmp_path / "new" / "folder" / "a.wav"), noise)


def test_failed_write_keeps_the_old_file(tmp_path: Path, noise: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    audio.write(tmp_path / "a.wav", noise)

    def fail(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(KwsError, match="No space left"):
        audio.write(tmp_path / "a.wav", noise[::2].copy())
    monkeypatch.undo()
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav"), noise)
    assert len(list(tmp_path.iterdir())) == 1


class Trickle(io.RawIOBase):
    """A pipe that delivers ``pieces`` one at a time."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        if not self.pieces:
            return 0
        piece = self.pieces.pop(0)
        buffer[: len(piece)] = piece
        return len(piece)


def test_raw_blocks_deliver_what_is_there() -> None:
    data = np.arange(-5, 5, dtype="<i2").tobytes()
    stream = io.BufferedReader(Trickle([data[:3], data[3:4], data[4:16], data[16:]]))
    got = list(audio.raw_blocks(stream, 100))
    assert [len(g) for g in got] == [1, 1, 6, 2]
    np.testing.assert_array_equal(np.concatenate(got), np.arange(-5, 5))
    assert [len(g) for g in audio.raw_blocks(io.BytesIO(data), 4)] == [4, 4, 2]


def test_raw_blocks_refuse_half_a_sample() -> None:
    with pytest.raises(KwsError, match="middle of a sample"):
        list(audio.raw_blocks(io.BytesIO(b"123"), 4))


@pytest.mark.parametrize("pieces", [[b"RIFF$\0\0\0WAVE"], [b"RI", b"F", b"F$", b"\0" * 50]])
def test_raw_blocks_refuse_a_wav_file(pieces) -> None:
    """Whatever rate it says, it would be heard at 16 kHz."""
    with pytest.raises(KwsError, match=r"header of a WAV file.*/dev/stdin"):
        list(audio.raw_blocks(io.BufferedReader(Trickle(pieces)), 100))
    assert len(next(audio.raw_blocks(io.BytesIO(b"RIFE" * 10), 100))) == 20


@pytest.mark.parametrize(("rate", "narrow"), [(8000, True), (11025, True), (16000, False), (44100, False)])
def test_a_rate_that_leaves_out_the_upper_half_is_said(rate, narrow, tmp_path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(rate), rate)
    said: list[str] = []
    list(audio.blocks(tmp_path / "a.wav", 1600, said.append))
    assert [audio.narrow(rate)] * narrow == said
