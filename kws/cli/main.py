"""The ``kws`` command: parses, calls one module, prints."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kws import __version__
from kws.cli import board_commands, commands, console, evaluation_commands, recording_commands, stream_commands
from kws.codegen.packages import KINDS as PACKAGES
from kws.engines import NAMES, SERIAL, check_name
from kws.errors import KwsError

_EPILOG = """\
from nothing to a board:
  kws data make --words yes,stop,left,right --out data   synthetic speech, or use recordings of your own
  kws train configs/demo.toml --data data --out run      TensorFlow; goes on after an interruption
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
"""


if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]


class _HelpFormatter(argparse.HelpFormatter):
    """Names the defaults that say something: neither "None" nor "False"."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if action.default in (None, False, [], argparse.SUPPRESS) or not action.option_strings:
            return text
        shown = ",".join(action.default) if isinstance(action.default, list) else action.default
        return f"{text} (default: {shown})"


def _engines(text: str) -> list[str]:
    names = [n.strip() for n in text.split(",") if n.strip()]
    unknown = [n for n in names if n not in NAMES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"choose engines from {','.join(NAMES)}, not {text!r}")
    return list(dict.fromkeys(names))


def _board_engines(text: str) -> list[str]:
    names = [n.strip() for n in text.split(",") if n.strip()]
    for name in names:
        _one_engine(name)
    return list(dict.fromkeys(names)) or _engines(text)


def _one_engine(text: str) -> str:
    try:
        check_name(text)
    except KwsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _whole(text: str, lowest: int) -> int:
    if not text.lstrip("+-").isdecimal() or int(text) < lowest:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least {lowest}, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    return _whole(text, 0)


def _positive(text: str) -> int:
    return _whole(text, 1)


def _plot(text: str) -> Path:
    if Path(text).suffix not in (".png", ".svg", ".pdf"):
        raise argparse.ArgumentTypeError(f"must end in .png, .svg or .pdf, not be {text!r}")
    return Path(text)


def _wav(text: str) -> Path:
    if Path(text).suffix != ".wav":
        raise argparse.ArgumentTypeError(f"must end in .wav, not be {text!r}")
    return Path(text)


def _report(text: str) -> str:
    if text.endswith(".tflite") or Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no place for a report; give --json a file, or put it last")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kws",
        description="Keyword spotting from recordings to a flashed microcontroller, checked bit for bit.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kws {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _data_parser(verbs)
    _recording_parser(verbs)
    _training_parsers(verbs)
    _evaluation_parsers(verbs)
    _stream_parsers(verbs)
    _running_parsers(verbs)
    _board_parsers(verbs)
    return parser


def _verb(verbs: Verbs, name: str, run: object, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        formatter_class=_HelpFormatter,
    )
    parser.set_defaults(handler=run)
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON value instead of text")


def _model(parser: argparse.ArgumentParser, **more: str) -> None:
    parser.add_argument("model", metavar="MODEL", type=Path, help="a .tflite file, or a run's folder", **more)  # type: ignore[arg-type]


def _engine(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--engine", choices=NAMES, default=default, help="what runs the model")


def _synthetic_options(parser: argparse.ArgumentParser, out: str) -> None:
    parser.add_argument("--words", type=commands.words, required=True, metavar="W,W,...", help="the words to spot")
    parser.add_argument("--out", type=Path, required=True, metavar=out, help="what to write")
    parser.add_argument("--voices", type=_positive, default=60, help="accent and voice combinations")
    parser.add_argument("--seed", type=_count, default=1, help="of every draw")
    _json(parser)


def _data_parser(verbs: Verbs) -> None:
    data = verbs.add_parser("data", help="make, get and check data sets", description="Make, get and check data sets.")
    sub = data.add_subparsers(title="verbs", metavar="VERB", required=True)
    p = _verb(sub, "make", commands.data_make, "make synthetic speech with espeak-ng, near-miss words included")
    _synthetic_options(p, "DIR")
    p.add_argument("--takes", type=_positive, default=3, help="clips of a word by each voice")
    p.add_argument("--no-near-misses", action="store_true", help="leave out similar words for _unknown_")
    p = _verb(sub, "recording", commands.data_recording, "make one continuous synthetic recording, by held-out voices")
    _synthetic_options(p, "FILE.wav")
    p.add_argument("--repeats", type=_positive, default=3, help="times each word is said")
    p = _verb(sub, "get", commands.data_get, "download a public data set, with checksum and resume")
    p.add_argument("name", choices=["speech-commands"], help="the data set")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    p.add_argument("--version", choices=["0.01", "0.02"], default="0.02", help="of the data set")
    _json(p)
    p = _verb(sub, "check", commands.data_check, "report what is wrong with a data set; exit code 1 on errors")
    p.add_argument("dir", type=Path, metavar="DIR", help="a folder of word folders")
    p.add_argument("--config", type=Path, metavar="FILE.toml", help="settings of a training, to check its split")
    p.add_argument("--all", action="store_true", help="show every warning")
    _json(p)


def _recording_parser(verbs: Verbs) -> None:
    p = _verb(verbs, "record", recording_commands.record, "record takes of a word with the microphone, one by one")
    p.add_argument("word", metavar="WORD", help="what is said; the name of its folder in DIR")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of word folders to add to")
    p.add_argument("--takes", type=_positive, default=30, metavar="N", help="takes to record")
    p.add_argument("--speaker", default="me", metavar="NAME", help="who speaks; the files' names begin with it")
    p.add_argument("--device", metavar="D", help="microphone, as `kws listen --list-devices` names it")
    _json(p)


def _training_parsers(verbs: Verbs) -> None:
    p = _verb(verbs, "train", commands.train, "train a classifier; run it again to go on after an interruption")
    p.add_argument("config", type=Path, metavar="CONFIG.toml", help="the experiment's settings")
    p.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help="a folder of word folders; may be given several times: recordings and synthetic speech, say",
    )
    p.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    p.add_argument(
        "--from",
        type=Path,
        dest="start",
        metavar="MODEL",
        help="start from the weights of this .tflite file or run, whose words may be others",
    )
    p.add_argument(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help='run of a teacher (network.kind = "teacher") to learn from; may be given several times',
    )
    p.add_argument("--cache", type=Path, metavar="DIR", help="keep features here, for several runs, instead of in RUN")
    p.add_argument("--restart", action="store_true", help="start afresh even if RUN holds another run")
    _json(p)
    p = _verb(verbs, "convert", commands.convert, "quantize a run to RUN/model.tflite, fully int8, single-step")
    p.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    _json(p)


def _evaluation_parsers(verbs: Verbs) -> None:
    p = _verb(verbs, "evaluate", evaluation_commands.evaluate, "measure clip accuracy and what quantization cost")
    _model(p)
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="a folder of word folders")
    p.add_argument(
        "--split",
        choices=["validation", "test", "train", "all"],
        default="validation",
        help="all: every clip, words that are not labels counting as _unknown_",
    )
    p.add_argument("--engine", type=_engines, metavar="E[,E...]", help=f"of {','.join(NAMES)} (default: c)")
    p.add_argument("--snr", action="store_true", help="also in noise, from 20 dB down to 0 dB")
    p.add_argument("--gain", action="store_true", help="also softer and louder, from -30 dB to +12 dB with clipping")
    p.add_argument("--all", action="store_true", help="both")
    p.add_argument(
        "--compare",
        action="store_true",
        help=f"float and {', '.join(evaluation_commands.COMPARED)} side by side, and what int8 does to each tensor",
    )
    p.add_argument("--seed", type=_count, default=1, help="of the draw of unknown words, silence, noise and order")
    p.add_argument("--plot", type=_plot, metavar="FILE", help="draw the confusion matrix (.png, .svg or .pdf)")
    p.add_argument(
        "--json",
        nargs="?",
        const="-",
        type=_report,
        metavar="FILE",
        help="write the report as JSON; without FILE (then put it last) to standard output, instead of text",
    )
    p = _verb(verbs, "report", evaluation_commands.report, "write one HTML page of everything known about a run")
    p.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    p.add_argument("--data", type=Path, metavar="DIR", help="a folder of word folders, to measure what is not known")
    p.add_argument("--out", type=Path, metavar="FILE.html", help="the page (default: RUN/report.html)")
    _json(p)


def _stream_parsers(verbs: Verbs) -> None:
    p = _verb(verbs, "stream-test", stream_commands.stream_test, "measure false accepts per hour, misses and latency")
    _model(p)
    stream_commands.options(p, "60")
    stream_commands.soak_options(p)
    p.add_argument("--save-spec", type=Path, metavar="FILE.json", help="write the specification of the stream")
    p.add_argument("--wav", type=_wav, metavar="FILE.wav", help="write the stream, and what is said when beside it")
    p.add_argument("--plot", type=_plot, metavar="FILE", help="draw the DET curve (.png, .svg or .pdf)")
    _engine(p, "c")
    p.add_argument("--json", nargs="?", const="-", type=_report, metavar="FILE", help="write JSON, as in kws evaluate")
    p = _verb(verbs, "tune", stream_commands.tune, "choose detector settings for a budget of false accepts per hour")
    _model(p)
    stream_commands.options(p, "enough for ten false accepts")
    stream_commands.budget_options(p)
    p.add_argument("--out", type=Path, metavar="FILE.tflite", help="the tuned model (default: MODEL itself)")
    _engine(p, "c")
    _json(p)


def _running_parsers(verbs: Verbs) -> None:
    p = _verb(verbs, "spot", commands.spot, "detect words in recordings of any length")
    _model(p)
    p.add_argument("files", nargs="+", metavar="FILE", help="WAV or FLAC; - is raw 16 kHz int16 PCM on standard input")
    _engine(p, "c")
    _json(p)
    p = _verb(verbs, "export", commands.export, "write a model as C arrays, with test vectors")
    _model(p)
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    p.add_argument("--with-library", action="store_true", help="add the C library's sources, so that DIR is complete")
    p.add_argument(
        "--package",
        choices=PACKAGES,
        help="write library, model and examples with a microphone as a package for this way of building instead",
    )
    _json(p)
    p = _verb(verbs, "verify", commands.verify, "compare engines bit for bit; exit code 1 on any difference")
    _model(p)
    p.add_argument("files", nargs="*", type=Path, metavar="FILE", help="recordings (bare network: int8 .npy) to add")
    p.add_argument(
        "--engines",
        type=_board_engines,
        default=["numpy", "tflm", "c"],
        metavar="E,E...",
        help=f"of {','.join(NAMES)},{SERIAL}",
    )
    p.add_argument("--random", type=_count, default=20, metavar="N", help="random streams of one second")
    p.add_argument("--seed", type=_count, default=1, help="of the random streams and chunk sizes")
    _json(p)
    p = _verb(verbs, "listen", commands.listen, "detect words live, from the microphone")
    _model(p, nargs="?")
    p.add_argument("--device", metavar="D", help="microphone, by number or part of its name")
    p.add_argument("--list-devices", action="store_true", help="list the microphones and stop")
    p.add_argument("--input", metavar="FILE", help="listen to a recording instead; - is raw 16 kHz int16 PCM")
    p.add_argument("--realtime", action="store_true", help="feed a recording no faster than it was spoken")
    _engine(p, "numpy")
    _json(p)


def _board_parsers(verbs: Verbs) -> None:
    p = _verb(verbs, "build", board_commands.build, "compile the firmware with a model for a board")
    board_commands.build_options(p)
    _json(p)
    p = _verb(verbs, "flash", board_commands.flash, "write an image to a board that is plugged in")
    board_commands.flash_options(p)
    _json(p)
    p = _verb(verbs, "monitor", board_commands.monitor, "show what a board hears, over its serial port")
    board_commands.monitor_options(p)
    _json(p)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ``kws`` command; returns the exit code."""
    if arguments is None:
        # A file's name may be anything; saying it must not be what fails.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
    try:
        options = _parse(arguments)
        code = int(options.handler(options))
        # A full disk under standard output must not go unnoticed until the interpreter ends.
        sys.stdout.flush()
        return code
    except KwsError as error:
        console.messages.print(f"kws: error: {error}", markup=False)
        return 1
    except KeyboardInterrupt:
        console.messages.print("kws: interrupted")
        return 130
    except BrokenPipeError:
        # The reader of a pipe went away; nothing more can be said to it.
        _drop_output()
        return 1
    except OSError as error:
        _drop_output()
        console.messages.print(f"kws: error: cannot go on: {error.strerror or error}", markup=False)
        return 1


def _drop_output() -> None:
    """Keep the interpreter from writing what is left of standard output when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse, taking files after options too: argparse gives up on an optional list before the first option."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    takes_files = isinstance(getattr(options, "files", None), list)
    if rest and (not takes_files or any(r.startswith("-") and r != "-" for r in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.files += [type(options.files[0])(r) if options.files else Path(r) for r in rest]
    return options


if __name__ == "__main__":
    sys.exit(main())
