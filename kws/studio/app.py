"""What the page asks for: the project's state as it changes, jobs, recordings, files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from kws import audio, web
from kws.errors import KwsError
from kws.files import parse_json, replacing, scratch
from kws.studio import clips, commands, guard, safe, shipped, sound
from kws.studio.jobs import Jobs
from kws.studio.safe import Refused
from kws.studio.state import state

_ASSETS = Path(__file__).parent / "assets"
_POLL_SECONDS = 0.4
_SILENCE_SECONDS = 15.0
_MOST_CLIPS = 500
_IMAGES = (".uf2", ".hex", ".bin", ".elf")
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

Answer = Callable[[Request], Awaitable[Response]]


def application(root: Path, closing: asyncio.Event) -> Starlette:
    """The application of a project's folder, to be put behind `kws.studio.guard.Guard`."""
    page = _Page(root, closing)
    routes = [
        Route("/", page.index),
        Route("/assets/web/{name:path}", partial(_asset, web.ASSETS)),
        Route("/assets/{name:path}", partial(_asset, _ASSETS)),
        Route("/api/state", page.state),
        Route("/api/events", page.events),
        Route("/api/jobs", page.start, methods=["POST"]),
        Route("/api/jobs/{id}", page.job),
        Route("/api/jobs/{id}/stop", page.stop, methods=["POST"]),
        Route("/api/clips", page.clips),
        Route("/api/clips/picture", page.picture),
        Route("/api/clips/audio", page.audio),
        Route("/api/clips/delete", page.delete, methods=["POST"]),
        Route("/api/clips/move", page.move, methods=["POST"]),
        Route("/api/clips/undo", page.undo, methods=["POST"]),
        Route("/api/module", page.module),
        Route("/api/upload/clip", page.upload, methods=["POST"]),
        Route("/api/upload/mic-check", page.mic_check, methods=["POST"]),
        Route("/api/runs/{run}/{name}", page.run_file),
        Route("/api/images/{board}/{name}", page.image),
        WebSocketRoute("/ws/record", partial(sound.record, root)),
        WebSocketRoute("/ws/live", partial(sound.live, root)),
    ]
    handlers: dict[Any, Any] = {
        Refused: lambda _, e: JSONResponse({"error": e.text}, e.status),
        guard.TooLarge: lambda _, e: JSONResponse({"error": str(e)}, 413),
        KwsError: lambda _, e: JSONResponse({"error": str(e)}, 422),
        OSError: lambda _, e: JSONResponse({"error": f"cannot go on: {e.strerror or e}"}, 507),
        HTTPException: lambda _, e: JSONResponse({"error": e.detail}, e.status_code),
    }
    return Starlette(routes=routes, exception_handlers=handlers)


async def _asset(folder: Path, request: Request) -> Response:
    path = safe.inside(folder, request.path_params["name"])
    return FileResponse(path, media_type=_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0])


def _module(path: Path) -> bytes:
    from kws.model.file import Model
    from kws.web.page import web_model

    return web_model(Model.load(path)).module


class _Page:
    """The answers, for one folder."""

    def __init__(self, root: Path, closing: asyncio.Event) -> None:
        self._root, self._closing = root, closing
        self._jobs = Jobs(root)

    async def index(self, _: Request) -> Response:
        return FileResponse(_ASSETS / "index.html", media_type="text/html; charset=utf-8")

    async def state(self, _: Request) -> Response:
        return JSONResponse(await run_in_threadpool(state, self._root, self._jobs))

    async def events(self, _: Request) -> Response:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers=headers)

    async def _stream(self) -> AsyncIterator[str]:
        last, quiet = "", 0.0
        while not self._closing.is_set():
            # A file may go while it is looked at; the next look is soon.
            now = last
            with contextlib.suppress(OSError):
                now = json.dumps(await run_in_threadpool(state, self._root, self._jobs))
            quiet += _POLL_SECONDS
            if now != last:
                last, quiet = now, 0.0
                yield f"event: state\ndata: {now}\n\n"
            elif quiet > _SILENCE_SECONDS:
                quiet = 0.0
                yield ": still here\n\n"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _POLL_SECONDS)

    async def start(self, request: Request) -> Response:
        job = await run_in_threadpool(commands.make, self._root, await _body(request))
        name = await run_in_threadpool(self._jobs.start, job.kind, job.about, job.commands)
        return JSONResponse({"id": name}, 201)

    async def job(self, request: Request) -> Response:
        name = request.path_params["id"]
        job = self._jobs.find(name)
        output = await run_in_threadpool(self._jobs.output, name)
        return JSONResponse({**job.as_dict(), "output": output})

    async def stop(self, request: Request) -> Response:
        await _body(request)
        self._jobs.stop(request.path_params["id"])
        return JSONResponse({"stopped": True})

    async def clips(self, request: Request) -> Response:
        kind, word = request.query_params.get("folder"), safe.word(request.query_params.get("word"))
        if kind not in clips.FOLDERS:
            raise Refused(400, f"folder must be one of {', '.join(clips.FOLDERS)}")
        return JSONResponse({"clips": await run_in_threadpool(clips.listing, self._root, kind, word)})

    def _clip(self, value: object) -> Path:
        return safe.clip(self._root, value, clips.FOLDERS)

    async def picture(self, request: Request) -> Response:
        path = self._clip(request.query_params.get("path"))
        return JSONResponse(await run_in_threadpool(clips.picture, path))

    async def audio(self, request: Request) -> Response:
        path = self._clip(request.query_params.get("path"))
        return FileResponse(path, media_type=mimetypes.guess_type(path.name)[0] or "audio/wav")

    async def delete(self, request: Request) -> Response:
        paths = self._paths(await _body(request))
        return JSONResponse({"undo": await run_in_threadpool(clips.delete, self._root, paths)})

    async def move(self, request: Request) -> Response:
        body = await _body(request)
        word = safe.name(body.get("word"), "word")
        paths, name = await run_in_threadpool(clips.move, self._root, self._paths(body), word)
        return JSONResponse({"paths": paths, "undo": name})

    async def undo(self, request: Request) -> Response:
        name = (await _body(request)).get("undo")
        if not isinstance(name, str):
            raise Refused(400, "undo must be what the deletion or the relabelling returned")
        return JSONResponse({"paths": await run_in_threadpool(clips.undo, self._root, name)})

    def _paths(self, body: dict[str, Any]) -> list[Path]:
        given = body.get("paths")
        if not isinstance(given, list) or not 1 <= len(given) <= _MOST_CLIPS:
            raise Refused(400, f"paths must name 1 to {_MOST_CLIPS} recordings")
        return [self._clip(path) for path in dict.fromkeys(given if all(isinstance(p, str) for p in given) else [None])]

    async def upload(self, request: Request) -> Response:
        query = request.query_params
        word, speaker = safe.word(query.get("word")), safe.name(query.get("speaker"), "speaker")
        pcm = await self._heard(request)
        return JSONResponse(await run_in_threadpool(clips.take_in, self._root, word, speaker, pcm), 201)

    async def mic_check(self, request: Request) -> Response:
        target = self._root / commands.MIC_CHECK
        content = await request.body()
        with replacing(target) as temporary:
            temporary.write_bytes(content)
            await run_in_threadpool(clips.read, temporary)
        return JSONResponse({"bytes": len(content)}, 201)

    async def _heard(self, request: Request) -> Any:
        if not (content := await request.body()):
            raise Refused(400, "there is nothing in it; send a WAV, FLAC, Ogg, Opus or MP3 file")
        # A recording stays where its takes are, and no second time beside them.
        with scratch("upload") as folder:
            temporary = folder / "upload"
            temporary.write_bytes(content)
            odd: list[str] = []
            try:
                pcm = await run_in_threadpool(clips.read, temporary, odd.append)
            except Refused as refused:
                text = "it cannot be read as a WAV, FLAC, Ogg, Opus or MP3 file; is it damaged?"
                raise (Refused(422, text) if refused.status == 422 else refused) from None
        if audio.CANCELLING in odd:
            raise Refused(422, audio.CANCELLING)
        return pcm

    async def module(self, request: Request) -> Response:
        path = shipped.find(self._root, request.query_params.get("model"))
        return Response(await run_in_threadpool(_module, path), media_type="application/wasm")

    async def run_file(self, request: Request) -> Response:
        run, name = safe.run_name(request.path_params["run"]), request.path_params["name"]
        if name not in ("report.html", "clips.json", "stream-test.json", "room.json", "test.json", "history.json"):
            raise Refused(404, "there is no such file of a run")
        path = safe.inside(self._root, f"{commands.RUNS}/{run}/{name}")
        headers = {"content-security-policy": guard.REPORT_POLICY} if name == "report.html" else {}
        return FileResponse(path, headers=headers)

    async def image(self, request: Request) -> Response:
        board, name = request.path_params["board"], request.path_params["name"]
        path = safe.inside(self._root, f"build/{board}/{name}")
        if path.suffix not in _IMAGES:
            raise Refused(403, "that is no image of a board")
        return FileResponse(path, media_type="application/octet-stream", filename=f"{board}-{path.name}")


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object that a request brings.

    Raises:
        Refused: it is none.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, "send application/json")
    try:
        value = parse_json(await request.body())
    except ValueError:
        raise Refused(400, "the body is no JSON") from None
    if not isinstance(value, dict):
        raise Refused(400, "the body must be a JSON object")
    return value
