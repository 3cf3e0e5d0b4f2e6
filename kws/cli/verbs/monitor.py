"""``kws monitor``: what a board says, for a person."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from typing import Any

from kws.boards.monitor import Connected, Disconnected, monitor
from kws.boards.serial_port import BAUD
from kws.cli import console, exit_codes
from kws.cli.options import add_json, baud


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws monitor``."""
    parser.add_argument("port", metavar="PORT", help="serial port, such as /dev/ttyACM0 or COM3")
    parser.add_argument("--baud", type=baud, default=BAUD, metavar="N", help="bits a second of the UART")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws monitor``."""
    with contextlib.suppress(KeyboardInterrupt):
        for moment in monitor(a.port, a.baud):
            if isinstance(moment, Connected):
                console.messages.print(f"listening to {a.port}; Ctrl-C ends", markup=False)
            elif isinstance(moment, Disconnected):
                console.messages.print(f"{a.port} is gone ({moment.why}); waiting for it to come back", markup=False)
            elif not a.json:
                console.out.print(describe(moment.value) if moment.value else _harmless(moment.text), markup=False)
            elif moment.value is not None:
                console.print_json(moment.value)
    return exit_codes.OK


_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "word": lambda v: f"{v['word']}  score {v.get('score', 0):.2f}",
    "error": lambda v: f"the board stopped: {v['error']}",
    "restart": lambda v: f"the board was restarted by its {v['restart']}",
    "kws": lambda v: f"kws {v['kws']} with model {v.get('model')}",
    "frames": lambda v: f"end of the input: {v['frames']} frames",
    "overruns": lambda v: f"{v['overruns']} blocks of samples lost since the start: the core is too slow",
}
"""What a line of the spotter app means, by the first of its keys that is here."""


def describe(value: dict[str, Any]) -> str:
    """A line of the spotter app for a person."""
    at = f"{value['t']:8.2f} s  " if isinstance(value.get("t"), (int, float)) else ""
    kind = next((key for key in _SENTENCES if key in value), None)
    try:
        return _harmless(at + _SENTENCES[kind](value) if kind else str(value))
    except (TypeError, ValueError):
        # Another program, or a line that was damaged on its way.
        return _harmless(str(value))


def _harmless(text: str) -> str:
    """Without control characters: whatever is on the line must not command the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
