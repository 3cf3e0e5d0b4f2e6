"""Sound that the page sends as it is recorded: takes that cut themselves, and a model that listens."""

from __future__ import annotations

import base64
import queue
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from kws import audio, engines
from kws.config import SAMPLE_RATE
from kws.datasets.clips import BACKGROUND
from kws.errors import KwsError
from kws.files import parse_json
from kws.live.condition import Condition
from kws.live.dump import Dump
from kws.live.listen import Heard, listen
from kws.live.takes import TakeCutter
from kws.model.file import Model, ModelInfo
from kws.spotter import Resampler
from kws.studio import clips, safe, shipped
from kws.studio.safe import Refused
from kws.types import Pcm

_WAITING = 250
_ROOM_SECONDS = 60


async def record(root: Path, socket: WebSocket) -> None:
    """Takes of a word: int16 at 16 kHz comes in, each take that was kept or refused goes out, and what is odd.

    A take is a file before it is told, so that nothing is lost with the page. The word ``_background_noise_``
    is the room: what was heard is kept as one recording at the end, or after a minute.
    """
    await socket.accept()
    try:
        word = safe.word(socket.query_params.get("word"))
        speaker = safe.name(socket.query_params.get("speaker"), "speaker")
        safe.folder(root, clips.RECORDINGS, word)
        if word == BACKGROUND:
            await _room(root, socket, speaker)
            return
        cutter, condition, resampler = TakeCutter(), Condition(), _resampler(socket)
        try:
            while True:
                heard = resampler.process(_pcm(await socket.receive_bytes()))
                for sentence in condition.hear(heard):
                    await socket.send_json({"odd": sentence})
                for cut in cutter.hear(heard):
                    if cut.fault:
                        await socket.send_json({"refused": cut.fault})
                        continue
                    path = await anyio.to_thread.run_sync(clips.keep, root, word, speaker, cut.pcm)
                    await socket.send_json({"take": path, "level": cut.level_db, "room": cut.room_db})
        except (WebSocketDisconnect, KeyError):
            for cut in cutter.finish():
                if not cut.fault:
                    clips.keep(root, word, speaker, cut.pcm)
    except (Refused, KwsError) as error:
        await _fail(socket, error)


async def _room(root: Path, socket: WebSocket, speaker: str) -> None:
    heard: list[Pcm] = []
    total, condition, resampler = 0, Condition(), _resampler(socket)
    try:
        while total < _ROOM_SECONDS * SAMPLE_RATE:
            heard.append(resampler.process(_pcm(await socket.receive_bytes())))
            total += len(heard[-1])
            for sentence in condition.hear(heard[-1]):
                await socket.send_json({"odd": sentence})
    except (WebSocketDisconnect, KeyError):
        if total >= SAMPLE_RATE:
            clips.keep(root, BACKGROUND, speaker, np.concatenate(heard))
        return
    await socket.send_json({"take": clips.keep(root, BACKGROUND, speaker, np.concatenate(heard)), "done": True})
    await socket.close()


async def live(root: Path, socket: WebSocket) -> None:
    """A model hears int16 at 16 kHz; features, scores and detections go out.

    Texts that come in are JSON: ``{"do": "false"}`` keeps the last detection as what is not its word,
    ``{"do": "missed", "word": W}`` the last three seconds as the word.
    """
    await socket.accept()
    chunks: queue.Queue[Pcm | dict[str, Any] | None] = queue.Queue(_WAITING)
    # The C library is compiled at a model's first use. What is said meanwhile is not heard: it would be too late.
    ready = threading.Event()
    try:
        path = shipped.find(root, socket.query_params.get("model"))
        speaker = safe.name(socket.query_params.get("speaker", "me"), "speaker")
        resampler = _resampler(socket)
    except (Refused, KwsError) as error:
        await _fail(socket, error)
        return

    def send(value: dict[str, Any]) -> None:
        anyio.from_thread.run(socket.send_json, value)

    async with anyio.create_task_group() as group:

        async def hear() -> None:
            try:
                await anyio.to_thread.run_sync(_hear, root, path, speaker, chunks, ready, send)
            except (KwsError, Refused) as error:
                await _fail(socket, error)
            except (WebSocketDisconnect, RuntimeError):
                pass
            group.cancel_scope.cancel()

        group.start_soon(hear)
        try:
            while True:
                message = await socket.receive()
                if message["type"] != "websocket.receive":
                    break
                if message.get("bytes") is not None:
                    pcm = resampler.process(_pcm(message["bytes"]))
                    if ready.is_set():
                        _put(chunks, pcm)
                else:
                    _put(chunks, _text(message["text"]))
        except Refused as error:
            await _fail(socket, error)
        finally:
            while chunks.full():
                chunks.get_nowait()
            chunks.put_nowait(None)


def _put(chunks: queue.Queue[Any], value: Pcm | dict[str, Any]) -> None:
    if chunks.full():
        raise Refused(503, "the engine does not keep up with the microphone; close what else runs on this machine")
    chunks.put_nowait(value)


def _hear(
    root: Path,
    path: Path,
    speaker: str,
    chunks: queue.Queue[Any],
    ready: threading.Event,
    send: Callable[[dict[str, Any]], None],
) -> None:
    model = Model.load(path)
    info = model.require_info()
    name = engines.fastest()
    with engines.create(name, model) as engine, tempfile.TemporaryDirectory(prefix="kws-live-") as folder:
        dump = Dump(Path(folder), speaker, info.data.clip_ms)
        detector = info.detector
        thresholds = detector.word_thresholds or (detector.threshold,) * len(info.words)
        ready.set()
        told = {"words": list(info.words), "labels": list(info.labels), "thresholds": list(thresholds)}
        send(
            {"model": path.stem if path.is_file() else path.name, "engine": name, **told, "bands": info.frontend.bands}
        )

        def sound() -> Iterator[Pcm]:
            while (item := chunks.get()) is not None:
                if isinstance(item, dict):
                    send(_keep(root, dump, item, info, speaker))
                else:
                    yield item

        for heard in listen(model, engine, sound()):
            words = [info.names[d.label] for d in heard.detections]
            dump.hear(heard.pcm, words)
            send(_told(heard, info))


def _told(heard: Heard, info: ModelInfo) -> dict[str, Any]:
    found = [
        {
            "word": info.names[d.label],
            "score": round(info.score(d.score), 3),
            "seconds": round(info.seconds(d.frame), 2),
        }
        for d in heard.detections
    ]
    return {
        "seconds": round(heard.seconds, 3),
        "level": round(heard.level_db, 1),
        "peak": round(heard.peak_db, 1),
        "features": base64.b64encode(heard.features.tobytes()).decode("ascii"),
        "scores": [round(float(s), 4) for s in heard.scores],
        "factor": round(heard.factor, 4),
        "detections": found,
        "odd": list(heard.odd),
    }


def _keep(root: Path, dump: Dump, asked: dict[str, Any], info: ModelInfo, speaker: str) -> dict[str, Any]:
    """Move what was labelled from the scratch folder to the project's recordings."""
    if asked.get("do") == "false":
        kept = dump.false_accept()
        if kept is None:
            return {"note": "nothing was detected that could be false"}
    elif asked.get("do") == "missed" and asked.get("word") in info.words:
        kept = dump.missed(str(asked["word"]))
    else:
        return {"note": "that is no request"}
    path = clips.keep(root, safe.name(kept.parent.name, "word"), speaker, audio.read(kept))
    kept.unlink()
    return {"kept": path, "note": f"kept as {path}; train again to learn from it"}


def _resampler(socket: WebSocket) -> Resampler:
    """For a browser that gives the microphone's own rate only.

    Raises:
        Refused: the rate is no number.
        KwsError: it is no rate of sound.
    """
    rate = socket.query_params.get("rate", str(SAMPLE_RATE))
    if not (rate.isascii() and rate.isdecimal() and len(rate) < 8):
        raise Refused(400, "rate must be a number of samples a second")
    return Resampler(int(rate))


def _pcm(data: bytes) -> Pcm:
    if len(data) % 2:
        raise Refused(400, "sound must be int16 samples")
    return np.frombuffer(data, "<i2").astype(np.int16)


def _text(text: str) -> dict[str, Any]:
    try:
        value = parse_json(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Refused(400, "a message must be a JSON object")
    return value


async def _fail(socket: WebSocket, error: Refused | KwsError) -> None:
    try:
        await socket.send_json({"error": error.text if isinstance(error, Refused) else str(error)})
        await socket.close()
    except (RuntimeError, WebSocketDisconnect):
        # The page has gone.
        return
