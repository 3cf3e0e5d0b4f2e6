"""The verbs that measure a model: ``kws evaluate`` and ``kws report``."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np

from kws.cli import console
from kws.errors import KwsError
from kws.model.file import Model
from kws.quantize.noise import Noise

COMPARED = ("numpy", "c", "tflite")
_SPLITS = {"test": "testing", "train": "training"}
_SHOWN = 10


def evaluate(a: argparse.Namespace) -> int:
    """``kws evaluate``."""
    from kws.evaluation import plots
    from kws.evaluation.clip.accuracy import ClipOptions, Reference, evaluate_clips
    from kws.evaluation.clip.conditions import GAINS, SNRS
    from kws.files import require_place, write_atomic

    require_place(a.json if a.json != "-" else None)
    require_place(a.plot)
    model = Model.load(a.model)
    reference = Reference.of_run(model, a.model if a.model.is_dir() else a.model.parent)
    if a.compare and reference.network is None:
        raise KwsError(
            f"--compare needs the float network: {reference.missing}; give the folder of the model's training run"
        )
    options = ClipOptions(
        split=_SPLITS.get(a.split, a.split),
        engines=tuple(a.engine or (COMPARED if a.compare else ("c",))),
        conditions=(SNRS if a.snr or a.all else ()) + (GAINS if a.gain or a.all else ()),
        quantization=a.compare,
        skip_missing=a.compare and not a.engine,
        seed=a.seed,
    )
    with console.progress("evaluating") as progress:
        report = evaluate_clips(model, a.data, options, reference, progress)
    if a.json:
        text = json.dumps({"model": str(a.model), "id": model.id, **report.as_dict()}, indent=1) + "\n"
        if a.json == "-":
            sys.stdout.write(text)
        else:
            write_atomic(a.json, text)
    if a.json != "-":
        _print_report(report)
    if a.plot:
        shown = report.results[0]
        size = 2.5 + 0.5 * len(report.labels)
        figure = plots.figure(size, size)
        axes = figure.add_subplot()
        plots.confusion(axes, shown.confusion, report.labels)
        axes.set_title(f"{report.data} ({report.split}): {100 * shown.accuracy:.1f} % on {shown.engine}")
        plots.save(figure, a.plot)
    return 0


def report(a: argparse.Namespace) -> int:
    """``kws report``."""
    from kws.report import page

    with console.stages() as progress:
        made = page.write(a.run, a.out, data=a.data, progress=progress)
    if a.json:
        console.print_json({"report": str(made.path), "bytes": made.size, "missing": made.missing})
        return 0
    console.out.print(f"{made.path}: {made.size / 1e6:.1f} MB, one file; open it in a browser")
    for what in made.missing:
        console.out.print(f"not in it: {what}", markup=False)
    return 0


def print_noise(noise: Noise) -> None:
    """The table of what int8 does to each tensor, the worst one named."""
    console.table(
        ("tensor", "itself, dB", "alone, dB"),
        [(t.name, f"{t.own_db:.1f}", f"{t.alone_db:.1f}") for t in noise.tensors],
        f"signal to quantization noise, {noise.clips} clips; alone: the posteriors' when nothing else is int8",
    )
    worst = noise.worst
    console.out.print(
        f"int8 hurts {worst.name} most: it alone brings the posteriors to {worst.alone_db:.1f} dB,"
        f" everything together to {noise.posteriors_db:.1f} dB",
        markup=False,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _range(rate: Any) -> str:
    low, high = rate.interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def _print_report(report: Any) -> None:
    from kws.evaluation.clip.scoring import MIN_WORD_CLIPS

    kind = "synthetic speech" if report.synthetic else "recordings"
    _print_engines(report, f"{report.data}, {report.split} split, {kind}; from a reset, and carried: never reset")
    _print_confusion(report.results[0], report.labels)
    engine = report.results[0].engine
    wrong = [g for g in report.words if g.rate.correct < g.rate.total >= MIN_WORD_CLIPS][:_SHOWN]
    rows = [(g.name, f"{g.rate.correct} / {g.rate.total}", _percent(g.rate.share), _most(g.heard, 3)) for g in wrong]
    console.table(("word", "right", "accuracy", "heard most as"), rows, f"worst words, by folder, on {engine}")
    _print_speakers(report.speakers)
    _print_conditions(report, "snr", "SNR", "noise of _background_noise_" if report.background else "synthesised noise")
    _print_conditions(report, "gain", "gain", "too loud is clipped")
    if report.quantization is not None:
        print_noise(report.quantization)
    for name, why in report.engines_missing.items():
        console.messages.print(f"not compared: {name}: {why}", markup=False)
    if report.float_missing:
        console.messages.print(f"no float accuracy: {report.float_missing}", markup=False)


def _print_engines(report: Any, title: str) -> None:
    floats = next((r for r in report.results if r.engine == "float"), None)
    columns = ["engine", "accuracy", "95 % interval", "clips", "carried"]
    if floats is not None:
        columns += ["against float", "changed decisions", "posterior error, mean, max"]
    rows = []
    for r in report.results:
        row = [r.engine, _percent(r.accuracy), _range(r.rate), f"{r.rate.correct} / {r.rate.total}"]
        row.append("" if r.carried is None else _percent(r.carried.share))
        if floats is not None:
            own = r is floats
            row.append("" if own else f"{100 * (r.accuracy - floats.accuracy):+.2f} points")
            row.append("" if own else _percent(1 - r.agreement))
            row.append("" if own else f"{r.posterior_error[0]:.4f}, {r.posterior_error[1]:.2f}")
        rows.append(row)
    console.table(columns, rows, title)


def _print_speakers(speakers: Any) -> None:
    if speakers is None:
        console.out.print("no speaker has enough clips for figures by speaker")
        return
    worst = speakers.worst
    console.out.print(
        f"speakers: {len(speakers.groups)} with enough clips; worst tenth: {_percent(speakers.worst_decile)}"
        f" on average (if all were equally easy, chance alone would make it {_percent(speakers.by_chance)})"
    )
    if speakers.dispersion is not None:
        console.out.print(f"all speakers together scatter {speakers.dispersion:.1f} times as much as by chance alone")
    rows = [(g.name, f"{g.rate.correct} / {g.rate.total}", _percent(g.rate.share)) for g in worst[:_SHOWN]]
    console.table(("speaker", "right", "accuracy"), rows, f"worst {len(rows)} of the worst tenth ({len(worst)})")


def _print_conditions(report: Any, kind: str, name: str, note: str) -> None:
    sign = "+" if kind == "gain" else ""
    rows = [(f"{c.db:{sign}.0f} dB", rate) for c, rate in report.conditions.items() if c.kind == kind]
    if not rows:
        return
    clean = report.results[0].rate
    if kind == "snr":
        rows.insert(0, ("clean", clean))
    shown = [(label, _percent(r.share), _range(r), f"{100 * (r.share - clean.share):+.2f} points") for label, r in rows]
    console.table((name, "accuracy", "95 % interval", "against clean"), shown, f"by {name} ({note})")


def _most(heard: dict[str, int], count: int) -> str:
    return ", ".join(f"{label} {n}" for label, n in list(heard.items())[:count])


def _print_confusion(result: Any, labels: tuple[str, ...]) -> None:
    """The whole matrix where it fits the terminal; otherwise what each label is mistaken for most."""
    recall = ["-" if np.isnan(r) else f"{100 * r:.1f} %" for r in result.recall()]
    precision = ["-" if np.isnan(p) else f"{100 * p:.1f} %" for p in result.precision()]
    if sum(len(label) + 3 for label in labels) + 42 <= console.out.width:
        cells = [[str(n) if n else "·" for n in row] for row in result.confusion]
        rows = [(label, *row, r, p) for label, row, r, p in zip(labels, cells, recall, precision, strict=True)]
        columns = ("said \\ heard", *labels, "recall", "precision")
        console.table(columns, rows, f"confusion on {result.engine}")
        return
    rows = []
    for i, label in enumerate(labels):
        wrong = [(int(n), labels[j]) for j, n in enumerate(result.confusion[i]) if j != i and n]
        worst = {other: n for n, other in sorted(wrong, key=lambda w: (-w[0], w[1]))}
        rows.append((label, str(int(result.confusion[i].sum())), recall[i], precision[i], _most(worst, 3)))
    console.table(("label", "clips", "recall", "precision", "heard most as"), rows, f"labels on {result.engine}")
