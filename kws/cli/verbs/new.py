"""``kws new``: three questions, and a folder in which words of one's own are trained."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kws.cli import console, exit_codes
from kws.cli.options import add_json
from kws.errors import UsageError
from kws.project import MICROPHONE, SYNTHETIC, Project, boards, parse_words
from kws.text import visible

_NONE = "none"


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws new``."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to make")
    parser.add_argument("--words", metavar="W,W,...", help="the words to spot")
    parser.add_argument(
        "--source", metavar="S", help=f"{MICROPHONE}, {SYNTHETIC} (speech by espeak-ng), or a folder of word folders"
    )
    parser.add_argument("--board", metavar="BOARD", help=f"{_NONE}, or one of {', '.join(boards())}")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws new``; what is not given is asked."""
    words = parse_words(_answer(a.words, "--words", "Which words should it hear? (such as: lights, music)"))
    if not words:
        raise UsageError("name at least one word to spot")
    question = f"Where do recordings come from? ({MICROPHONE}, {SYNTHETIC}, or a folder)"
    source = _answer(a.source, "--source", question, MICROPHONE)
    board = _answer(a.board, "--board", f"For which board? ({_NONE}, {', '.join(boards())})", _NONE)
    project = Project(a.folder, words, source, None if board == _NONE else board)
    files = project.write()
    if a.json:
        commands = [["kws", *command] for _, group in project.commands() for command in group]
        console.print_json({"files": [str(path) for path in files], "commands": commands})
        return exit_codes.OK
    names = " and ".join(visible(str(path)) for path in files)
    console.out.print(f"{names} are written. Next, one by one:", markup=False)
    console.out.print(visible(project.script().split("set -eu\n", 1)[1], "\n"), end="", markup=False)
    return exit_codes.OK


def _answer(given: str | None, option: str, question: str, default: str = "") -> str:
    if given is not None:
        return given.strip()
    if not sys.stdin or not sys.stdin.isatty():
        raise UsageError(f"say {option}: there is no terminal to ask on")
    text = f"{question} [{default}] " if default else f"{question} "
    try:
        return input(text).strip() or default
    except EOFError:
        raise UsageError(f"no answer; say {option}") from None
