"""What ``kws build``, ``kws flash`` and ``kws monitor`` do and print."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kws.boards import APPS, BOARDS, find
from kws.boards.serial_port import BAUD
from kws.cli import console
from kws.errors import KwsError
from kws.image.size import EXCEPTION_FRAME_BYTES
from kws.model.file import Model


def build_options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws build``."""
    _board(parser)
    parser.add_argument("--model", type=Path, required=True, metavar="MODEL", help="a .tflite file, or a run's folder")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write (default: build/BOARD)")
    parser.add_argument("--app", choices=APPS, default="spotter", help="spotter is the product; link is for kws verify")
    variants = "; ".join(f"{b.name}: {', '.join(b.variants)}" for b in BOARDS.values() if b.variants)
    parser.add_argument("--variant", metavar="V", help=f"which board with this microcontroller ({variants})")
    parser.add_argument("--baud", type=int, metavar="N", help="bits a second of the UART, where there is a choice")
    parser.add_argument(
        "--model-slot", action="store_true", help="program and model apart, so that the model can be replaced alone"
    )
    parser.add_argument(
        "--model-slot-only", action="store_true", help="the model alone, for a board with a program built so"
    )


def flash_options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws flash``."""
    _board(parser)
    parser.add_argument(
        "--image", type=Path, metavar="FILE", help=".uf2, .hex or .elf (default: the spotter in build/BOARD)"
    )
    parser.add_argument("--probe", metavar="ID", help="serial number of the debug probe, where several are plugged in")


def monitor_options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws monitor``."""
    parser.add_argument("port", metavar="PORT", help="serial port, such as /dev/ttyACM0 or COM3")
    parser.add_argument("--baud", type=int, default=BAUD, metavar="N", help="bits a second")


def _board(parser: argparse.ArgumentParser) -> None:
    what = "; ".join(f"{b.name}: {b.what}" for b in BOARDS.values())
    parser.add_argument("board", metavar="BOARD", choices=[*BOARDS], help=what)


def build(a: argparse.Namespace) -> int:
    """``kws build``."""
    from kws.boards.flash import find_image
    from kws.image.build import build as run

    out = a.out or Path("build") / a.board
    if a.model_slot_only:
        if a.app != "spotter" or a.variant is not None or a.baud is not None:
            raise KwsError("--model-slot-only builds no program; leave out --app, --variant and --baud")
        return _build_model(a, out)
    with console.stages() as report:
        report(f"building {a.app} for {a.board}", 0, 1)
        built = run(Model.load(a.model), find(a.board), a.app, out, a.variant, a.baud, a.model_slot)
    size = built.size
    if a.json:
        console.print_json(
            {
                "board": a.board,
                "app": a.app,
                "settings": built.settings,
                "files": [str(path) for path in built.files],
                "flash": size.flash,
                "ram": size.ram,
                "stack": size.stack,
                "stack_reserve": size.stack_reserve,
            }
        )
        return 0
    console.out.print(f"{out}: {', '.join(path.name for path in built.files)}", markup=False)
    for name, value in built.settings.items():
        console.out.print(f"{name.removeprefix('BOARD_').lower()}: {value}", markup=False)
    console.out.print(
        f"{size.flash:,} bytes of flash, {size.ram:,} of RAM without the stack; stack at most {size.stack:,}"
        f" of {size.stack_reserve:,} bytes, and {EXCEPTION_FRAME_BYTES} and the handler's own in an interrupt"
    )
    if a.model_slot:
        _say_next(a.board, find_image(find(a.board), out))
        _say_next(a.board, built.files[-1])
    return 0


def _say_next(board: str, image: Path) -> None:
    console.out.print(f"next: kws flash {board} --image {image}", markup=False)


def _build_model(a: argparse.Namespace, out: Path) -> int:
    from kws.image.build import build_model

    with console.stages() as report:
        report(f"building a model for {a.board}", 0, 1)
        files, header = build_model(Model.load(a.model), find(a.board), out)
    if a.json:
        values = {"address": header.address, "bytes": header.size, "ram": header.ram_bytes, "id": header.model_id}
        console.print_json({"board": a.board, "files": [str(path) for path in files], **values})
        return 0
    console.out.print(f"{out}: {', '.join(path.name for path in files)}", markup=False)
    console.out.print(
        f"model {header.model_id}: {header.size:,} bytes at 0x{header.address:08X}, {header.ram_bytes:,} bytes of RAM",
        markup=False,
    )
    _say_next(a.board, files[-1])
    return 0


def flash(a: argparse.Namespace) -> int:
    """``kws flash``."""
    from kws.boards.flash import find_image
    from kws.boards.flash import flash as run

    board = find(a.board)
    image = a.image or find_image(board, Path("build") / a.board)
    with console.progress(f"flashing {image.name}") as progress:
        where = run(board, image, a.probe, progress)
    if a.json:
        console.print_json({"board": a.board, "image": str(image), "to": where})
    else:
        console.out.print(f"{image}: written to {where}", markup=False)
    return 0


def monitor(a: argparse.Namespace) -> int:
    """``kws monitor``."""
    from kws.boards.monitor import Connected, Disconnected
    from kws.boards.monitor import monitor as run

    with contextlib.suppress(KeyboardInterrupt):
        for moment in run(a.port, a.baud):
            if isinstance(moment, Connected):
                console.messages.print(f"listening to {a.port}; Ctrl-C ends", markup=False)
            elif isinstance(moment, Disconnected):
                console.messages.print(f"{a.port} is gone ({moment.why}); waiting for it to come back", markup=False)
            elif not a.json:
                console.out.print(describe(moment.value) if moment.value else _harmless(moment.text), markup=False)
            elif moment.value is not None:
                console.print_json(moment.value)
    return 0


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
