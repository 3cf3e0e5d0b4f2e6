"""``kws mic-check``: whether a microphone is fit, in ten seconds."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

import numpy as np
from rich.live import Live
from rich.text import Text

from kws import microphone
from kws.cli import console, exit_codes
from kws.cli.hearing import hearing
from kws.cli.options import add_json, add_microphone, positive_number
from kws.errors import CheckError, KwsError, UsageError
from kws.live import sound
from kws.live.listen import FLOOR_DB, decibels
from kws.live.mic_check import MicCheck, check, hear, table_of
from kws.live.reconnecting import AnyMicrophone

_WIDTH = 40
_BLOCK = 640
_LONGEST = 3600.0


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws mic-check``."""
    parser.add_argument("--input", type=Path, metavar="FILE", help="judge a recording in place of the microphone")
    parser.add_argument(
        "--model", type=Path, metavar="MODEL", help="say what the noise costs, by the table of this model's card"
    )
    parser.add_argument("--seconds", type=positive_number, default=10.0, metavar="S", help="how long to listen")
    add_microphone(parser)
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws mic-check``."""
    if a.seconds > _LONGEST:
        raise KwsError(f"a check takes seconds, not {a.seconds:g}; {_LONGEST:g} at most")
    if a.input is not None and (a.device is not None or a.serial is not None):
        raise UsageError("--input is judged in place of a microphone; leave out --device and --serial")
    if a.model is not None and not a.model.exists():
        raise KwsError(f"there is no model {a.model}; check the name")
    table = table_of(a.model) if a.model is not None else None
    if a.model is not None and table is None:
        raise KwsError(
            f"nothing beside {a.model} says what noise costs: no card with a row `noise at`, no evaluation.json;"
            " leave out --model, or measure it: kws evaluate RUN --data DIR --snr --json RUN/evaluation.json"
        )
    if a.input is not None:
        found, name = check(sound.read(a.input), table), str(a.input)
    else:
        with _opened(a) as opened:
            name = opened.name
            recording, rate = _listen(opened, a.seconds)
            lost = opened.overflows if a.serial is not None else 0
        found = check(recording, table, rate, lost)
    if a.json:
        console.print_json({"microphone": name, **found.as_dict()})
    else:
        _page(found, name)
    if found.faults:
        raise CheckError(f"{len(found.faults)} faults: {', '.join(f.kind for f in found.faults)}")
    return exit_codes.OK


def _opened(a: argparse.Namespace) -> contextlib.AbstractContextManager[AnyMicrophone]:
    """The board's microphone, or this machine's with every channel that it has."""
    if a.serial is not None:
        return hearing(a, _BLOCK)
    return microphone.Microphone(a.device, _BLOCK, every_channel=True)


def _listen(opened: AnyMicrophone, seconds: float) -> tuple[sound.Recording, float]:
    console.messages.print(
        f"{opened.name}: be silent for some seconds, then speak as you will; Ctrl-C ends", markup=False
    )
    with Live(console=console.messages, refresh_per_second=15, transient=True) as meter:
        recording, rate = sound.Recording(np.zeros((1, 1)), opened.sample_rate), 0.0
        for done, heard, clock in hear(opened, seconds):
            recording, rate = heard, clock
            level = decibels(32768 * float(np.sqrt(np.mean(heard.samples[-_BLOCK:] ** 2))))
            filled = round(_WIDTH * (1 - level / FLOOR_DB))
            meter.update(Text(f"{seconds - done:5.1f} s  {'█' * filled}{'·' * (_WIDTH - filled)} {level:6.1f} dB"))
    return recording, rate


def _page(found: MicCheck, name: str) -> None:
    s = found.sound
    console.out.print(f"{name}: {'not fit' if found.faults else 'fit'}", style="bold", markup=False)
    for fault in found.faults:
        console.out.print(f"  {fault.text}", markup=False)
    if found.cost:
        console.out.print(f"  {found.cost}", markup=False)
    clock = "" if found.measured_rate is None else f", {found.measured_rate:.0f} by the clock"
    rows = [
        ("heard", f"{s.seconds:.1f} s at {s.sample_rate} Hz{clock}"),
        ("channels", ", ".join(f"{db:.0f} dB" for db in s.channel_db)),
        ("voice", f"{s.level_db:.0f} dB in its loudest 20 ms" if found.speech else "nobody spoke"),
        ("noise floor", f"{s.room_db:.0f} dB, {s.snr_db:.0f} dB below the loudest"),
        ("clipped", f"{100 * s.clipped:.2f} % of the samples"),
        ("offset", f"{100 * s.offset:.2f} % of full scale"),
        ("upper half", f"empty above {s.cutoff_hz} Hz" if s.cutoff_hz else "there"),
        ("holes", str(s.holes)),
        ("mains hum", f"{s.hum_db:.0f} dB"),
    ]
    console.facts(rows)
    bands = [f"{low} to {high} Hz" for low, high in sound.BANDS]
    console.table(("band", "noise floor, dB"), [(b, f"{v:.0f}") for b, v in zip(bands, s.room_band_db, strict=True)])
