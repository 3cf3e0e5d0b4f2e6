"""Either scene: its pieces, and the whole of it as a WAV file."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path

from kws.config import SAMPLE_RATE
from kws.errors import KwsError
from kws.evaluation.stream import audio as desk
from kws.evaluation.stream import room_audio
from kws.evaluation.stream.audio import Piece
from kws.evaluation.stream.spec import CLEAN, StreamSpec
from kws.files import replacing, write_atomic

_WAV_BYTES = 2**32 - 64


def render(spec: StreamSpec, root: Path, piece: int) -> Piece:
    """Make the samples of one piece of a stream, on the desk or in the room.

    Args:
        spec: the stream.
        root: the data folder.
        piece: which piece, from 0.

    Raises:
        KwsError: a clip or a recording cannot be read.
    """
    return desk.render(spec, root, piece) if spec.room is None else room_audio.render(spec, root, piece)


def events_path(wav: Path) -> Path:
    """The JSON file beside a stream's WAV file that says what is said in it."""
    return wav.with_suffix(".json")


def write(spec: StreamSpec, root: Path, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Write a whole stream as a 16-bit WAV file, and what is said in it as a JSON file of the same name.

    Args:
        spec: the stream.
        root: the data folder.
        path: the WAV file; the JSON file is that of `events_path`.
        progress: called with (pieces done, in total).

    Raises:
        KwsError: a clip cannot be read, a file cannot be written, or the stream is too long for a WAV file.
    """
    if 2 * spec.samples >= _WAV_BYTES:
        raise KwsError(f"a WAV file holds {_WAV_BYTES / 2 / SAMPLE_RATE / 3600:.0f} hours; write a shorter stream")
    events = []
    with replacing(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for piece in range(spec.pieces):
            rendered, first = render(spec, root, piece), spec.bounds(piece)[0]
            file.writeframes(rendered.pcm.astype("<i2").tobytes())
            for e in rendered.events:
                source, snr = spec.conditions[e.condition]
                events.append(
                    {
                        "start": round((first + e.start) / SAMPLE_RATE, 4),
                        "end": round((first + e.end) / SAMPLE_RATE, 4),
                        "word": e.word,
                        "clip": e.path,
                        "snr_db": "clean" if snr == CLEAN else snr,
                        **({"in": source} if source else {}),
                    }
                )
            if progress is not None:
                progress(piece + 1, spec.pieces)
    write_atomic(events_path(path), json.dumps({"seed": spec.seed, "events": events}, indent=1) + "\n")
