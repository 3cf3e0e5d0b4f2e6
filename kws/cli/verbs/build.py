"""``kws build``: the firmware with a model for a board."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws.boards import APPS, BOARDS, find
from kws.boards.flash import find_image
from kws.cli import console, exit_codes
from kws.cli.options import A_MODEL, add_board, add_json, baud
from kws.errors import UsageError
from kws.image.build import build, build_model
from kws.image.size import EXCEPTION_FRAME_BYTES
from kws.model.file import Model


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws build``."""
    add_board(parser)
    parser.add_argument("--model", type=Path, required=True, metavar="MODEL", help=A_MODEL)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write (default: build/BOARD)")
    parser.add_argument("--app", choices=APPS, default="spotter", help="spotter is the product; link is for kws verify")
    variants = "; ".join(f"{b.name}: {', '.join(b.variants)}" for b in BOARDS.values() if b.variants)
    parser.add_argument("--variant", metavar="V", help=f"which board with this microcontroller ({variants})")
    parser.add_argument("--baud", type=baud, metavar="N", help="bits a second of the UART, where there is a choice")
    parser.add_argument(
        "--model-slot", action="store_true", help="program and model apart, so that the model can be replaced alone"
    )
    parser.add_argument(
        "--model-slot-only", action="store_true", help="the model alone, for a board with a program built so"
    )
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws build``."""
    out = a.out or Path("build") / a.board
    if a.model_slot_only:
        if a.app != "spotter" or a.variant is not None or a.baud is not None:
            raise UsageError("--model-slot-only builds no program; leave out --app, --variant and --baud")
        return _build_model(a, out)
    with console.stages() as report:
        report(f"building {a.app} for {a.board}", 0, 1)
        built = build(Model.load(a.model), find(a.board), a.app, out, a.variant, a.baud, a.model_slot)
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
        return exit_codes.OK
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
    return exit_codes.OK


def _say_next(board: str, image: Path) -> None:
    console.out.print(f"next: kws flash {board} --image {image}", markup=False)


def _build_model(a: argparse.Namespace, out: Path) -> int:
    with console.stages() as report:
        report(f"building a model for {a.board}", 0, 1)
        files, header = build_model(Model.load(a.model), find(a.board), out)
    if a.json:
        values = {"address": header.address, "bytes": header.size, "ram": header.ram_bytes, "id": header.model_id}
        console.print_json({"board": a.board, "files": [str(path) for path in files], **values})
        return exit_codes.OK
    console.out.print(f"{out}: {', '.join(path.name for path in files)}", markup=False)
    console.out.print(
        f"model {header.model_id}: {header.size:,} bytes at 0x{header.address:08X}, {header.ram_bytes:,} bytes of RAM",
        markup=False,
    )
    _say_next(a.board, files[-1])
    return exit_codes.OK
