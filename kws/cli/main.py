"""The ``kws`` command: parses, lets the verb do its work, says what went wrong."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from kws import __version__
from kws.cli import exit_codes
from kws.cli.parser import VerbParser
from kws.cli.registry import VERBS
from kws.errors import KwsError

_EPILOG = f"""\
from nothing to a board:
  kws data make --words yes,stop,left,right --out data   synthetic speech, or use recordings of your own
  kws train demo --data data --out run                   TensorFlow; goes on after an interruption
  kws convert run                                        run/model.tflite, fully int8
  kws evaluate run --data data                           what it hears, and what quantization cost
  kws tune run --data data                               thresholds for a budget of false accepts per hour
  kws report run --data data                             one HTML page of all that
  kws verify run                                         every engine against the harness, bit for bit
  kws export run --out model                             C arrays for the board
  kws listen run                                         the laptop's microphone
  kws build nrf52840 --model run                         an image for a board
  kws flash nrf52840                                     onto the board
  kws monitor /dev/ttyACM0                               what the board hears

exit codes:
{exit_codes.table()}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ``kws`` command; returns the exit code."""
    try:
        options = _parse(arguments)
        code = int(options.handler(options))
        # A full disk under standard output must not go unnoticed until the interpreter ends.
        sys.stdout.flush()
        return code
    except KwsError as error:
        _say(error)
        return exit_codes.of(error)
    except KeyboardInterrupt:
        # By hand: a second Ctrl-C would meet the import of the console.
        sys.stderr.write("kws: interrupted\n")
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe went away; nothing more can be said to it.
        _drop_output()
        return exit_codes.UNREAD
    except UnicodeEncodeError as error:
        _say(
            f"cannot use the name {error.object!a}: it cannot be written in {error.encoding};"
            " rename it, or run in a UTF-8 locale (LC_ALL=C.UTF-8)"
        )
        return exit_codes.BAD_INPUT
    except OSError as error:
        _drop_output()
        where = f" with {error.filename}" if isinstance(error.filename, str) else ""
        _say(f"cannot go on{where}: {error.strerror or error}")
        return exit_codes.BAD_INPUT


def _say(text: object) -> None:
    # rich takes longer to import than `kws --help` does in all.
    from kws.cli import console

    console.say_error(text)


def _drop_output() -> None:
    """Keep the interpreter from writing what is left of standard output when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse, taking files after options too: argparse gives up on an optional list before the first option."""
    parser = VerbParser(
        prog="kws",
        description="Keyword spotting from recordings to a flashed microcontroller, checked bit for bit.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"kws {__version__}")
    parser.add_verbs(VERBS)
    options: argparse.Namespace
    options, rest = parser.parse_known_args(arguments)
    takes_files = isinstance(getattr(options, "files", None), list)
    if rest and (not takes_files or any(r.startswith("-") and r != "-" for r in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.files += [type(options.files[0])(r) if options.files else Path(r) for r in rest]
    return options


if __name__ == "__main__":
    sys.exit(main())
