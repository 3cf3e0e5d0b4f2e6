"""``kws why``: why a word in a recording is not heard, on one page."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws import engines
from kws.cli import console, exit_codes
from kws.cli.options import add_engine, add_json, add_model, seconds
from kws.errors import UsageError
from kws.live import sound
from kws.live.findings import training_levels
from kws.live.why import Diagnosis, Trial, diagnose, stretch
from kws.model.file import Model, ModelInfo

_UNITS = {"gain": "{:+.0f} dB", "as if the rate were": "{:.0f} Hz", "at the speed": "x {:g}", "channel alone": "{:.0f}"}


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws why``."""
    add_model(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="a recording in which the word is said")
    parser.add_argument("--word", metavar="W", help="the word; need not be given where the model has one only")
    parser.add_argument("--from", dest="start", type=seconds, metavar="S", help="look from this second on")
    parser.add_argument("--to", dest="end", type=seconds, metavar="S", help="and up to this one")
    add_engine(parser)
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws why``."""
    model = Model.load(a.model)
    info = model.require_info()
    if a.word is None and len(info.words) > 1:
        raise UsageError(f"say which word should be heard: --word, one of {', '.join(info.words)}")
    recording = stretch(sound.read(a.file), a.start, a.end)
    with engines.create(a.engine or engines.fastest(), model) as engine:
        chosen = (a.start is not None, a.end is not None)
        found = diagnose(model, engine, recording, a.word or info.words[0], chosen)
    if a.json:
        console.print_json({"model": str(a.model), "file": str(a.file), **found.as_dict()})
    else:
        _page(found, info, a.start or 0.0)
    return exit_codes.OK


def _page(d: Diagnosis, info: ModelInfo, start: float) -> None:
    for finding in d.findings:
        console.out.print(finding.text, style="bold" if finding is d.findings[0] else "", markup=False)
    as_is, s = d.trials[0], d.sound
    low, high = training_levels(info)
    heard = ", ".join(as_is.detected) or "no word"
    instead = f"{as_is.other} {as_is.other_score:.2f}"
    rows = [
        ("best mean", f"{as_is.score:.2f} at {start + d.start + as_is.seconds:.2f} s"),
        ("needed", f"a mean of {d.threshold:.2f} over {d.frames} frames ({d.mean_ms:.0f} ms), its threshold"),
        ("detected", heard),
        ("heard instead", instead),
        ("length", f"{s.seconds:.2f} s, {s.sample_rate} Hz, {s.channels} channels"),
        ("level", f"{s.level_db:.0f} dB in its loudest 20 ms; training heard {low:.0f} to {high:.0f} dB"),
        ("room", f"{s.room_db:.0f} dB in its quietest tenth, so the voice is {s.snr_db:.0f} dB over it"),
        ("clipped", f"{100 * s.clipped:.2f} % of the samples"),
        ("offset", f"{100 * s.offset:.2f} % of full scale"),
        ("holes", str(s.holes)),
        ("mains hum", f"{s.hum_db:.0f} dB"),
        ("above", f"nothing above {s.cutoff_hz} Hz" if s.cutoff_hz else "sound up to 8 kHz"),
        ("edges", _edges(d)),
    ]
    console.facts(rows)
    bands = [f"{low} to {high} Hz" for low, high in sound.BANDS]
    levels = zip(bands, s.band_db, s.room_band_db, strict=True)
    console.table(("band", "voice, dB", "room, dB"), [(b, f"{v:.0f}", f"{r:.0f}") for b, v, r in levels])
    console.table(
        ("what was tried", "mean", "", "heard instead"),
        [(_name(t), f"{t.score:.2f}", "heard" if t.heard else "", f"{t.other} {t.other_score:.2f}") for t in d.trials],
    )


def _edges(d: Diagnosis) -> str:
    inside = [name for name, flag in (("begins", d.sound.begins_inside), ("ends", d.sound.ends_inside)) if flag]
    return f"it {' and '.join(inside)} within sound" if inside else "quiet at both ends"


def _name(trial: Trial) -> str:
    value = _UNITS.get(trial.kind, "").format(trial.value)
    return f"{trial.kind} {value}".strip()
