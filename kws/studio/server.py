"""Serving one project's folder on this machine until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from kws import locks
from kws.errors import KwsError, MissingError
from kws.files import write_atomic
from kws.studio.app import application
from kws.studio.guard import Guard
from kws.studio.jobs import HIDDEN

HOST = "127.0.0.1"
_GRACE_SECONDS = 5


def serve(root: Path, port: int | None, browser: bool, say: Callable[[str], None]) -> None:
    """Serve a folder until Ctrl-C; jobs that run go on.

    Args:
        root: the project's folder, made if missing.
        port: of 127.0.0.1; None for that of last time if it is free, else any.
        browser: whether to open one.
        say: called with the address and what else is worth saying.

    Raises:
        KwsError: the folder cannot be written, is served already, or the port is taken.
        MissingError: this is no POSIX system.
    """
    if not hasattr(os, "killpg"):
        raise MissingError("kws studio needs Linux or macOS; on Windows use the Linux subsystem (WSL)")
    root = root.absolute()
    hidden = root / HIDDEN
    try:
        hidden.mkdir(parents=True, exist_ok=True)
        hidden.chmod(0o700)
        (hidden / "lock").touch()
    except OSError as error:
        raise KwsError(f"cannot write {hidden}: {error.strerror or error}") from error
    with locks.if_free(hidden / "lock") as free:
        if not free:
            raise KwsError(f"{root} is open in a studio already: {_read(hidden / 'address')}")
        token = _token(hidden / "token")
        with _socket(port, _read(hidden / "port")) as listener:
            bound = listener.getsockname()[1]
            address = f"http://{HOST}:{bound}/?token={token}"
            write_atomic(hidden / "port", str(bound))
            _write_private(hidden / "address", address)
            say(f"{root} is at {address}\nCtrl-C ends the page; what it started goes on")
            if browser:
                _show(address)
            _run(root, token, bound, listener)


def _show(address: str) -> None:
    # A browser of the terminal returns only when it is closed.
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


class _Server(uvicorn.Server):
    """Tells the answers that never end by themselves to end: cut off, they would leave a traceback in the terminal."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.set()
        await super().shutdown(sockets)


def _run(root: Path, token: str, port: int, listener: socket.socket) -> None:
    closing = asyncio.Event()
    server = _Server(
        uvicorn.Config(
            Guard(application(root, closing), token, port),
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=1 << 20,
            h11_max_incomplete_event_size=16 << 10,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        ),
        closing,
    )
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def _socket(port: int | None, last: str) -> socket.socket:
    wanted = [port] if port is not None else [*([int(last)] if last.isdecimal() else []), 0]
    for number in wanted:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
            # From here on a browser that comes early waits.
            listener.listen()
        except (OSError, OverflowError) as error:
            listener.close()
            refused = error
            continue
        return listener
    raise KwsError(f"cannot listen at port {wanted[-1]} ({refused}); choose another --port")


def _token(path: Path) -> str:
    """The same one after a restart, so that an open page goes on."""
    kept = _read(path)
    if len(kept) < 32:
        kept = secrets.token_urlsafe(32)
        _write_private(path, kept)
    return kept


def _write_private(path: Path, text: str) -> None:
    write_atomic(path, text)
    path.chmod(0o600)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
