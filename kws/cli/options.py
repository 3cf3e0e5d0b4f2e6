"""What several verbs take: the types of arguments, and the options that mean the same everywhere."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kws.text import decoded, is_text

if TYPE_CHECKING:
    from kws.datasets.roles import Folders

SPLITS = {"validation": "validation", "test": "testing", "train": "training", "all": "all"}
"""The splits of a data set: as a user names them, and as `kws.datasets` does."""

A_MODEL = "a .tflite file, or a run's folder"
A_DATA_FOLDER = "a folder of word folders"
A_CONFIGURATION = "a .toml file, or the name of one that kws configs lists"
FASTEST = " (default: c where a compiler and make are, else numpy)"
RAW_PCM = "- is raw 16 kHz int16 PCM on standard input"
_SHOWN = 60
_FIGURES = (".png", ".svg", ".pdf")


def words(text: str) -> list[str]:
    """Words, separated by commas; at least one."""
    found = [decoded(word) for word in _listed(text)]
    if not found or not all(map(is_text, found)):
        raise argparse.ArgumentTypeError("name at least one word, in UTF-8, separated by commas")
    return found


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """A whole number from ``lowest``, which is not negative, to ``highest``."""

    def parse(text: str) -> int:
        digits = text.removeprefix("+")
        # Twenty digits are more than any bound, and int() refuses thousands of them.
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 20 and lowest <= int(digits) <= highest):
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {lowest} to {highest}, not {shortened(text)}"
            )
        return int(digits)

    return parse


seed = whole(0, 2**32 - 1)
"""Of random draws."""
jobs = whole(1, 256)
"""A number of processes."""
baud = whole(1, 10_000_000)
"""Bits a second of a serial line."""


def over_zero(highest: float) -> Callable[[str], float]:
    """A parser of numbers over 0, up to ``highest``."""

    def parse(text: str) -> float:
        return _number(text, 0.001, f"must be a number from 0.001 to {highest:.0f}", highest)

    return parse


positive_number = over_zero(1e6)
"""A number of any sane size over 0."""


def probability(text: str) -> float:
    """A probability that a posterior can reach."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.01 <= value <= 0.99:
        raise argparse.ArgumentTypeError(f"must be a probability from 0.01 to 0.99, not {shortened(text)}")
    return value


def size(text: str) -> int:
    """A number of bytes, with or without a unit."""
    units = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
    number = text.upper().rstrip("KMGIB")
    unit = text.upper()[len(number) :]
    try:
        value = float(number) * units[unit if unit in ("", "B") or unit.endswith("B") else f"{unit}B"]
    except (ValueError, KeyError):
        value = -1.0
    if not 0 <= value <= 1e15:
        raise argparse.ArgumentTypeError(f"must be a size such as 500MB or 2GB, not {text!r}")
    return round(value)


def seconds(text: str) -> float:
    """A time from the beginning, in seconds."""
    return _number(text, 0.0, "must be seconds, 0 or more")


def minutes(text: str) -> float:
    """A length in minutes."""
    return _number(text, 0.5, "must be minutes, 0.5 or more")


def decibels(text: str) -> tuple[float, ...]:
    """Ratios in dB, separated by commas; ``clean`` is one, infinite."""
    try:
        return tuple(float("inf") if s.strip() == "clean" else float(s) for s in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be ratios in dB like clean,20,10, not {text!r}") from None


def microphone(text: str) -> int | str:
    """A microphone: its number, or part of its name."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text


def figure(text: str) -> Path:
    """The file of a figure."""
    if Path(text).suffix not in _FIGURES:
        raise argparse.ArgumentTypeError(f"must end in .png, .svg or .pdf, not be {text!r}")
    return Path(text)


def wav(text: str) -> Path:
    """The file of a recording to write."""
    if Path(text).suffix != ".wav":
        raise argparse.ArgumentTypeError(f"must end in .wav, not be {text!r}")
    return Path(text)


def report_place(text: str) -> str:
    """Where a report goes: a file, ``-`` is standard output; no model that followed ``--json`` by mistake."""
    if text.endswith(".tflite") or Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no place for a report; give --json a file, or put it last")
    return text


def engines(text: str) -> list[str]:
    """Engines that need no board, separated by commas, each once."""
    from kws.engines import NAMES
    from kws.errors import no_such

    names = _listed(text)
    for name in names or [text]:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(str(no_such("there is no engine", name, NAMES)))
    return list(dict.fromkeys(names))


def engines_and_boards(text: str) -> list[str]:
    """Engines of any kind, separated by commas, each once."""
    from kws.engines import check_name
    from kws.errors import KwsError

    names = _listed(text)
    for name in names:
        try:
            check_name(name)
        except KwsError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return list(dict.fromkeys(names)) or engines(text)


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``: a value instead of text."""
    parser.add_argument("--json", action="store_true", help="print one JSON value instead of text")


def add_json_report(parser: argparse.ArgumentParser) -> None:
    """``--json [FILE]``: a report that may go to a file beside the text."""
    parser.add_argument(
        "--json",
        nargs="?",
        const="-",
        type=report_place,
        metavar="FILE",
        help="write the report as JSON; without FILE (then put it last) to standard output, instead of text",
    )


def add_model(parser: argparse.ArgumentParser, **more: Any) -> None:
    """The model to work with; ``more`` is argparse's."""
    parser.add_argument("model", metavar="MODEL", type=Path, help=A_MODEL, **more)


def model_place(a: argparse.Namespace) -> Path:
    """The file that a changed model goes to: ``--out``, or else where the model of :func:`add_model` lies."""
    from kws.runs import MODEL

    named: Path = a.out or (a.model / MODEL if a.model.is_dir() else a.model)
    return named


def add_run(parser: argparse.ArgumentParser) -> None:
    """The run to work with."""
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")


def add_data(parser: argparse.ArgumentParser) -> None:
    """``--data``: the data set to work with."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help=A_DATA_FOLDER)


def add_roles(parser: argparse.ArgumentParser) -> None:
    """``--speech``, ``--noise`` and ``--rooms``: what else is heard than the words, and where."""
    group = parser.add_argument_group("what else is heard, and where; each may be given several times")
    for name, what in (
        ("speech", "other speech, continuous, with or without transcripts; a word really said in it is left out"),
        ("noise", "noise and music"),
        ("rooms", "room impulse responses"),
    ):
        group.add_argument(
            f"--{name}", type=Path, action="append", default=[], metavar="DIR", help=f"a folder of {what}"
        )


def roles_of(a: argparse.Namespace) -> Folders:
    """The folders that :func:`add_roles` asked for."""
    from kws.datasets.roles import Folders

    return Folders(tuple(a.speech), tuple(a.noise), tuple(a.rooms))


def add_out_folder(parser: argparse.ArgumentParser) -> None:
    """``--out``: the folder to write."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")


def add_engine(parser: argparse.ArgumentParser) -> None:
    """``--engine``: one that needs no board; None stands for `kws.engines.fastest`."""
    from kws.engines import NAMES

    parser.add_argument("--engine", choices=NAMES, help=f"what runs the model{FASTEST}")


def cluster(text: str) -> str:
    """The address of a Dask scheduler."""
    scheme, found, place = text.partition("://")
    if not (found and scheme.isalpha() and place and is_text(text)):
        raise argparse.ArgumentTypeError(f"must be an address like tcp://host:8786, not {shortened(text)}")
    return text


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """``--cluster``: where the jobs run, if not on this computer's cores; `on_cluster` enters it."""
    parser.add_argument(
        "--cluster",
        type=cluster,
        metavar="tcp://HOST:PORT",
        help="hand the work to this Dask scheduler, whose workers see the recordings at the same place",
    )


@contextlib.contextmanager
def on_cluster(a: argparse.Namespace) -> Iterator[None]:
    """Run the jobs of the block where ``--cluster`` says.

    Relative paths of what is there become absolute: workers have folders of their own to start from.

    Raises:
        MissingError: ``distributed`` is not installed.
        KwsError: no scheduler answers.
    """
    if a.cluster is not None:
        for name, value in vars(a).items():
            setattr(a, name, [_absolute(v) for v in value] if isinstance(value, list) else _absolute(value))
    from kws import workers  # not for a help text

    with workers.on(a.cluster):
        yield


def _absolute(value: Any) -> Any:
    return value.absolute() if isinstance(value, Path) and value.exists() else value


def add_board(parser: argparse.ArgumentParser) -> None:
    """The board to work for."""
    from kws.boards import BOARDS

    what = "; ".join(f"{b.name}: {b.what}" for b in BOARDS.values())
    parser.add_argument("board", metavar="BOARD", choices=[*BOARDS], help=what)


def add_microphone(parser: argparse.ArgumentParser) -> None:
    """``--device``: the microphone to listen with."""
    parser.add_argument(
        "--device",
        type=microphone,
        metavar="D",
        help="microphone, by number or part of its name; kws listen --list-devices lists them",
    )
    parser.add_argument(
        "--serial",
        metavar="PORT[@BAUD]",
        help="the microphone of the board at this port, which runs the link app, built with --baud 1000000",
    )


def add_synthesis(parser: argparse.ArgumentParser, voices: int | None = 60) -> None:
    """What is spoken, and by how many; without a default here, by as many as suits what is made."""
    parser.add_argument("--words", type=words, required=True, metavar="W,W,...", help="the words to spot")
    number = "speakers" if voices else "speakers (default: 60, for sentences 200, or as many as the engine has)"
    parser.add_argument("--voices", type=whole(1, 10_000), default=voices, metavar="N", help=number)
    add_seed(parser, "of every draw")


def add_seed(parser: argparse.ArgumentParser, of_what: str, default: int | None = 1) -> None:
    """``--seed``; without a default here, the help names the one that applies."""
    text = of_what if default is not None else f"{of_what} (default: 1)"
    parser.add_argument("--seed", type=seed, default=default, metavar="N", help=text)


def shortened(text: str) -> str:
    """An argument as an error quotes it."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str, lowest: float, what: str, highest: float = 1e6) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not lowest <= value <= highest:
        raise argparse.ArgumentTypeError(f"{what}, not {shortened(text)}")
    return value
