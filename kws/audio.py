"""Audio in and out: everything inside kws is int16, mono, 16 kHz.

Files go through libsndfile (soundfile), resampling through soxr; the microphone is `kws.microphone`.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from kws import wav
from kws.config import SAMPLE_RATE
from kws.errors import KwsError
from kws.files import is_endless, write_atomic
from kws.types import Pcm

FORMATS = {".wav": "WAV", ".flac": "FLAC"}
CANCELLING = (
    "its channels have opposite signs, and their mean, which is heard, is next to nothing: keep one channel alone"
)
NARROW_BAND_POINTS = 18
"""What a source of 8 kHz costs in points of accuracy, measured on the shipped models."""
_CHUNK = 1 << 16
# Channels cancel where their mean has less than this share of the loudest one's power, 15 dB ...
_CANCELLED = 10**-1.5
# ... and that one is no noise of the last bits: -70 dB of full scale.
_LEAST_POWER = 1e-7
_WAV = b"RIFF"
_ENDLESS = 1 << 48
"""More frames than any file has: a FLAC stream whose header leaves the length open."""


@dataclass(frozen=True)
class Info:
    """What an audio file's header says.

    Attributes:
        sample_rate: in Hz.
        channels: number of channels.
        seconds: duration in seconds.
        subtype: libsndfile's name of the sample format, such as ``PCM_16`` or ``FLOAT``.
        note: what is odd about the header though every sample is there; empty if nothing is.
    """

    sample_rate: int
    channels: int
    seconds: float
    subtype: str
    note: str = ""


def is_narrow(sample_rate: float) -> bool:
    """Whether the upper half of what models hear, 4 to 8 kHz, is missing at a rate in Hz, or most of it."""
    return sample_rate < 0.75 * SAMPLE_RATE


def narrow(sample_rate: int) -> str:
    """What a rate in Hz below 16,000 means."""
    return (
        f"its rate is {sample_rate} Hz, so nothing above {sample_rate // 2} Hz is in it; at 8000 Hz models lost"
        f" {NARROW_BAND_POINTS} points of accuracy on Speech Commands"
    )


def to_int16(x: npt.NDArray[Any]) -> Pcm:
    """Round ``x`` (any shape, full scale 32,768) to the nearest int16, halves to even, saturating."""
    rounded = np.rint(x)
    np.clip(rounded, -32768, 32767, out=rounded)
    pcm: Pcm = rounded.astype(np.int16)
    return pcm


def read(path: str | Path) -> Pcm:
    """Read a WAV, FLAC, Ogg, Opus or MP3 file as int16 ``[samples]``, mono, 16 kHz.

    Whatever else libsndfile knows is read too, and pipes are (``/dev/stdin``, ``<(command)``). A
    header that was never filled in does not matter as long as the samples are there. A 16-bit mono
    file at 16 kHz comes back bit for bit. Other rates are resampled (soxr, HQ), channels are
    averaged, other sample formats are rounded to the nearest and saturate.

    Raises:
        KwsError: the file is missing, truncated, corrupt, not audio, or holds no samples.
    """
    return np.concatenate(list(_converted(Path(path))))


def blocks(path: str | Path, samples: int, note: Callable[[str], None] | None = None) -> Iterator[Pcm]:
    """Read a file of any length in bounded memory, as int16 arrays of ``samples`` samples.

    The last array may be shorter. Joined, the arrays are exactly what `read` returns.

    Args:
        path: the file, or a pipe.
        samples: samples an array.
        note: called before the first array with what is odd about the header (`Info.note`), if
            anything is, since a pipe cannot be asked beforehand, and with :func:`narrow` where its rate
            is; and once with :data:`CANCELLING` where channels cancel each other.

    Raises:
        KwsError: as for `read`; damage is found when the stream gets there.
    """
    if samples < 1:
        raise KwsError(f"the block length must be at least 1 sample, not {samples}")
    return reblocked(_converted(Path(path), note), samples)


def cut(path: str | Path, start: int, stop: int) -> Pcm:
    """Read samples ``start`` to ``stop`` of what `read` returns, holding no more: int16 ``[stop - start]``, or fewer.

    In an uncompressed or FLAC file at 16 kHz only that part is read.

    Raises:
        KwsError: as for `read`.
    """
    path = Path(path)
    with _open(path) as opened:
        file = opened.file
        if file.frames == 0:
            raise _empty(path)
        if file.subtype == "PCM_16" and file.channels == 1 and file.samplerate == SAMPLE_RATE and not opened.endless:
            file.seek(min(start, file.frames))
            found: Pcm = file.read(min(stop, file.frames) - min(start, file.frames), dtype="int16")
            return found
    parts, at = [np.zeros(0, np.int16)], 0
    for block in _converted(path):
        parts.append(block[max(start - at, 0) : max(stop - at, 0)])
        at += len(block)
        if at >= stop:
            break
    return np.concatenate(parts)


def channels(path: str | Path, seconds: float) -> tuple[npt.NDArray[np.float64], int]:
    """Read a file, or a pipe, at its own rate: float64 ``[samples, channels]`` of full scale 1, and the rate in Hz.

    Raises:
        KwsError: as for `read`, or it is longer than ``seconds``.
    """
    path = Path(path)
    with _open(path) as opened:
        rate = opened.file.samplerate
        longest = seconds * rate
        promised = 0 if opened.endless else opened.file.frames
        parts: list[npt.NDArray[np.float64]] = []
        total = 0
        for chunk in _checked(path, opened, "float64"):
            parts.append(chunk)
            total += len(chunk)
            if max(promised, total) > longest:
                raise KwsError(f"{path} is longer than {seconds / 60:g} minutes; cut out what is to be looked at")
    if not parts:
        raise _empty(path)
    return np.concatenate(parts), rate


def info(path: str | Path) -> Info:
    """Read a file's header; where it does not say how long the file is, read all of it.

    Raises:
        KwsError: the file is missing or is not audio.
    """
    path = Path(path)
    with _open(path) as opened:
        file, frames = opened.file, opened.file.frames
        if opened.endless:
            frames = sum(len(chunk) for chunk in _checked(path, opened, "float32"))
        return Info(file.samplerate, file.channels, frames / file.samplerate, file.subtype, opened.note)


def write(path: str | Path, pcm: Pcm) -> None:
    """Write int16 ``[samples]`` as 16-bit mono 16 kHz WAV or FLAC, chosen by the suffix.

    The file appears whole or not at all; missing folders are made.

    Raises:
        KwsError: another suffix, another dtype or shape, no samples, or a folder that cannot be written.
    """
    path = Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise KwsError(f"cannot write {path}: the name must end in .wav or .flac")
    if pcm.dtype != np.int16 or pcm.ndim != 1:
        raise KwsError(f"cannot write {path}: the audio must be int16 [samples], not {pcm.dtype} {list(pcm.shape)}")
    if len(pcm) == 0:
        raise KwsError(f"cannot write {path}: there are no samples to write; record something first")
    # Encoded in memory: libsndfile calls a full disk a "System error".
    encoded = io.BytesIO()
    soundfile.write(encoded, pcm, SAMPLE_RATE, subtype="PCM_16", format=kind)
    write_atomic(path, encoded.getvalue())


def raw_blocks(stream: BinaryIO, samples: int) -> Iterator[Pcm]:
    """Read raw little-endian int16 mono 16 kHz, as from ``sys.stdin.buffer``.

    Yields int16 arrays of 1 to ``samples`` samples as soon as they are there, without waiting
    for a full block where the stream can do a partial read (``read1``).

    Raises:
        KwsError: the stream ends in the middle of a sample, or begins with a WAV file's header.
    """
    if samples < 1:
        raise KwsError(f"the block length must be at least 1 sample, not {samples}")
    take = getattr(stream, "read1", stream.read)
    rest = begin = b""
    while data := take(2 * samples - len(rest)):
        if len(begin) < len(_WAV):
            begin = (begin + data)[: len(_WAV)]
            if begin == _WAV:
                # Its rate and format would be guessed, and a file that is heard at the wrong one only hears nothing.
                raise KwsError(
                    "standard input begins with the header of a WAV file, and - takes raw samples: name the file, say"
                    " /dev/stdin in place of -, or have the samples alone sent (arecord -t raw, sox -t raw)"
                )
        data = rest + data
        whole = len(data) & ~1
        rest = data[whole:]
        if whole:
            yield np.frombuffer(data[:whole], "<i2").astype(np.int16)
    if rest:
        raise KwsError("the raw audio ends in the middle of a sample; send 16-bit little-endian samples")


@dataclass(frozen=True)
class _Opened:
    """A file being read: by libsndfile, whether its header leaves the length open, and what is odd about it."""

    file: Any
    endless: bool
    note: str


@contextlib.contextmanager
def _open(path: Path) -> Iterator[_Opened]:
    if path.is_dir() or not path.exists():
        raise KwsError(f"there is no file {path}; check the name")
    try:
        with _seekable(path) as raw:
            data = wav.find(raw)
            if data is not None and data.truncated:
                raise KwsError(
                    f"{path} is truncated: its header promises {data.promised} bytes of audio and {data.missing} are"
                    " missing; copy or record it again"
                )
            source = raw if data is None or data.promised else data.mended(raw)
            source.seek(0)
            with soundfile.SoundFile(source) as file:
                endless = file.frames >= _ENDLESS
                if endless:
                    # soundfile seeks after each read where it may, and libsndfile cannot seek to such a file's end.
                    file.seekable = lambda: False
                note = wav.OPEN_LENGTH if endless else data.note if data is not None else ""
                yield _Opened(file, endless, note)
    except (soundfile.LibsndfileError, TypeError) as error:
        reason = getattr(error, "error_string", str(error)).rstrip(".")
        raise KwsError(
            f"cannot read {path} as audio: {reason}; give a whole WAV, FLAC, Ogg, Opus or MP3 file"
        ) from error
    except OSError as error:
        raise KwsError(f"cannot read {path}: {error.strerror or error}; check its permissions") from error


@contextlib.contextmanager
def _seekable(path: Path) -> Iterator[BinaryIO]:
    """The file, or a copy of a pipe's contents on the disk: libsndfile seeks."""
    with path.open("rb") as raw:
        if stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
            yield raw
            return
        if is_endless(raw):
            raise KwsError(f"{path} is a device that may never end; give a file or a pipe, or use kws listen")
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(raw, copy)
            if copy.tell() == 0:
                raise KwsError(f"{path} holds no samples; is anything written to it?")
            yield copy


def _converted(path: Path, note: Callable[[str], None] | None = None) -> Iterator[Pcm]:
    with _open(path) as opened:
        file = opened.file
        if note is not None and opened.note:
            note(opened.note)
        if note is not None and is_narrow(file.samplerate):
            note(narrow(file.samplerate))
        if file.subtype == "PCM_16" and file.channels == 1:
            chunks: Iterator[Pcm] = _checked(path, opened, "int16")
            if file.samplerate != SAMPLE_RATE:
                chunks = resampled((x.astype(np.float32) for x in chunks), file.samplerate)
        else:
            # float64 holds every 32-bit sample, so that rounding happens once, at the end.
            mono = _mean(_checked(path, opened, "float64"), note)
            if file.samplerate == SAMPLE_RATE:
                chunks = (to_int16(x) for x in mono)
            else:
                chunks = resampled((x.astype(np.float32) for x in mono), file.samplerate)
        any_samples = False
        for chunk in chunks:
            any_samples |= len(chunk) > 0
            yield chunk
        if not any_samples:
            raise _empty(path)


def _empty(path: Path) -> KwsError:
    return KwsError(f"{path} holds no samples; record it again or delete it")


def _mean(
    chunks: Iterator[npt.NDArray[np.float64]], note: Callable[[str], None] | None
) -> Iterator[npt.NDArray[np.float64]]:
    """Float64 ``[samples, channels]`` of full scale 1 as their means ``[samples]`` of full scale 32,768."""
    for x in chunks:
        mean = x.mean(axis=1)
        if note is not None and x.shape[1] > 1:
            loudest = float(x.var(axis=0).max())
            if loudest > _LEAST_POWER and mean.var() < _CANCELLED * loudest:
                note(CANCELLING)
                note = None
        yield mean * 32768


def _checked(path: Path, opened: _Opened, dtype: str) -> Iterator[npt.NDArray[Any]]:
    total = 0
    file = opened.file
    while len(chunk := file.read(_CHUNK, dtype=dtype, always_2d=dtype != "int16")):
        if dtype != "int16" and not np.isfinite(chunk).all():
            raise KwsError(f"{path} holds samples that are not numbers (NaN or infinity); export it again")
        total += len(chunk)
        yield chunk
    if total < file.frames and not opened.endless:
        raise KwsError(f"{path} is truncated: it holds {total} of {file.frames} samples; copy or record it again")


def resampled(chunks: Iterable[npt.NDArray[np.float32]], rate: int) -> Iterator[Pcm]:
    """A stream of mono float32 ``[samples]`` of full scale 32,768 at ``rate`` Hz as int16 at 16 kHz (soxr, HQ)."""
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for chunk in chunks:
        yield to_int16(stream.resample_chunk(chunk))
    yield to_int16(stream.resample_chunk(np.zeros(0, np.float32), last=True))


def reblocked(chunks: Iterable[Pcm], samples: int) -> Iterator[Pcm]:
    """A stream cut anew into arrays of ``samples`` samples; the last may be shorter."""
    parts: list[Pcm] = []
    total = 0
    for chunk in chunks:
        parts.append(chunk)
        total += len(chunk)
        # Joined only where an array is full, or long ones would be copied with each chunk.
        if total >= samples:
            joined = np.concatenate(parts)
            whole = total // samples * samples
            yield from joined[:whole].reshape(-1, samples)
            parts, total = [joined[whole:]], total - whole
    if total:
        yield np.concatenate(parts)
