"""``kws serve``: models as a wake-word service of the Wyoming protocol, as Home Assistant wants one."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import signal
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from kws import interrupts
from kws.cli import console, exit_codes
from kws.cli.options import A_MODEL, add_engine
from kws.errors import KwsError, MissingError, UsageError
from kws.extras import how_to_install
from kws.serve.service import Service, Settings

URI = "tcp://127.0.0.1:10400"
# At a threshold of 0 everything would be a word.
_LEAST = 0.001
OPEN = (
    "anybody who reaches {} can use this service and send it audio: the Wyoming protocol knows no passwords and no"
    " encryption; keep it within a network that you trust, or behind a firewall"
)


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws serve``."""
    parser.add_argument("models", nargs="+", metavar="MODEL", type=Path, help=A_MODEL)
    parser.add_argument(
        "--uri",
        default=URI,
        help="where to listen: tcp://HOST:PORT or unix://PATH. Only this machine reaches 127.0.0.1, the default: the"
        " protocol has no authentication",
    )
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="[MODEL:][WORD=]P",
        help="probability from which on a word is detected, in place of the model's own; may be given several times",
    )
    parser.add_argument(
        "--cooldown",
        action="append",
        default=[],
        metavar="[MODEL:]S",
        help="seconds after a detection in which its model reports no other; may be given several times",
    )
    parser.add_argument("--language", default="en", metavar="L", help="of the words, for Home Assistant")
    add_engine(parser)


def run(a: argparse.Namespace) -> int:
    """``kws serve``."""
    try:
        import wyoming
    except ImportError as error:
        raise MissingError(f"this needs the package wyoming; install it with `{how_to_install('serve')}`") from error
    del wyoming
    check_uri(a.uri)
    with (
        Service(a.models, a.engine, settings(a.threshold, a.cooldown)) as service,
        contextlib.suppress(KeyboardInterrupt),
    ):
        signal.raise_signal(asyncio.run(serve_forever(service, a.uri, a.language)))
    return exit_codes.OK


def settings(thresholds: Sequence[str], cooldowns: Sequence[str]) -> dict[str, Settings]:
    """The settings of each model by its name, ``""`` for those of all, from the command line's texts.

    Raises:
        UsageError: a text that says no number.
    """
    found: dict[str, Settings] = {}
    for text in thresholds:
        model, rest = _split(text, ":")
        word, number = _split(rest, "=")
        value = _number(number, f"--threshold {text}", _LEAST, 1.0)
        own = found.get(model, Settings())
        changes: dict[str, Any] = {"thresholds": {**own.thresholds, word: value}} if word else {"threshold": value}
        found[model] = replace(own, **changes)
    for text in cooldowns:
        model, number = _split(text, ":")
        value = _number(number, f"--cooldown {text}", 0.0, 3600.0)
        found[model] = replace(found.get(model, Settings()), cooldown=value)
    return found


def _split(text: str, mark: str) -> tuple[str, str]:
    """What stands before the last mark and behind it."""
    before, _, behind = text.rpartition(mark)
    return before, behind


def _number(text: str, what: str, lowest: float, highest: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not lowest <= value <= highest:
        raise UsageError(f"{what!r} must end in a number from {lowest:g} to {highest:g}")
    return value


def check_uri(uri: str) -> None:
    """Refuse a place where no service can listen.

    Raises:
        UsageError: it is none.
        KwsError: a file is in the way.
    """
    try:
        parts = urlparse(uri)
        # Clients are told the address before the service starts, so no port that the system picks.
        good = (parts.scheme == "tcp" and parts.hostname and parts.port) or (parts.scheme == "unix" and parts.path)
    except ValueError:
        good = False
    if not good:
        raise UsageError(f"--uri must be tcp://HOST:PORT or unix:///PATH, not {uri!r}")
    if parts.scheme == "unix":
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISSOCK(Path(parts.path).stat().st_mode):
                raise KwsError(f"{parts.path} is there and is no socket; choose another path")


def is_local(uri: str) -> bool:
    """Whether only this machine reaches the service."""
    parts = urlparse(uri)
    if parts.scheme == "unix":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    return parts.hostname == "localhost"


async def serve_forever(service: Service, uri: str, language: str) -> int:
    """Listen and answer until the process is told to end.

    Returns:
        The signal that told so; nothing but this has become of it.

    Raises:
        KwsError: the place is taken, or not this machine's.
    """
    from wyoming.server import AsyncServer

    from kws.serve.wyoming import Client

    connected: set[Client] = set()
    server = AsyncServer.from_uri(uri)
    try:
        await server.start(lambda r, w: Client(service, language, connected, _say, r, w))
    except OSError as error:
        raise KwsError(f"cannot listen at {uri}: {error.strerror or error}; is another service there?") from error
    loop = asyncio.get_running_loop()
    told: asyncio.Future[int] = loop.create_future()

    def tell(number: int) -> None:
        if not told.done():
            told.set_result(number)

    # Raised, a signal would end whichever client's task it meets.
    with interrupts.handled(lambda number: loop.call_soon_threadsafe(tell, number)):
        try:
            words = ", ".join(w.name for w in service.words)
            _say(f"listening at {uri} for {words} with engine {service.engine}; Ctrl-C ends")
            if not is_local(uri):
                _say(OPEN.format(uri))
            return await told
        finally:
            await server.stop()


def _say(text: str) -> None:
    console.messages.print(text, markup=False)
