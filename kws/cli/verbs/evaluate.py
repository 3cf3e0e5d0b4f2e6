"""``kws evaluate``: clip accuracy, by engine, word, speaker and condition."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import numpy as np

from kws.cli import console, exit_codes, negatives
from kws.cli.options import (
    FASTEST,
    SPLITS,
    add_data,
    add_json_report,
    add_model,
    add_roles,
    add_seed,
    engines,
    figure,
    roles_of,
    whole,
)
from kws.cli.results import percent, print_noise
from kws.config import SAMPLE_RATE
from kws.datasets import roles
from kws.datasets.roles import Recording
from kws.engines import NAMES, fastest
from kws.errors import KwsError
from kws.evaluation import limits, long, plots, probes
from kws.evaluation.clip.accuracy import ClipOptions, Reference, evaluate_clips
from kws.evaluation.clip.conditions import GAINS, SNRS
from kws.evaluation.clip.report import ClipReport
from kws.evaluation.clip.scoring import MIN_WORD_CLIPS, Accuracy, Rate, Speakers
from kws.evaluation.long import LongReport
from kws.evaluation.negatives import hear
from kws.evaluation.probes import Probe
from kws.evaluation.sentence_errors import SentenceErrors, sentence_errors
from kws.evaluation.stream import room_list
from kws.evaluation.stream.room import SPEECH
from kws.evaluation.word_errors import WordErrors, word_errors
from kws.files import require_place
from kws.model.file import Model
from kws.text import caption

_COMPARED = ("numpy", "c", "tflite")
_SHOWN = 10


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws evaluate``."""
    add_model(parser)
    add_data(parser)
    add_roles(parser)
    parser.add_argument(
        "--split",
        choices=SPLITS,
        default="validation",
        help="whose clips; all: every clip, words that are not labels counting as _unknown_",
    )
    parser.add_argument("--engine", type=engines, metavar="E,E...", help=f"of {','.join(NAMES)}{FASTEST}")
    parser.add_argument("--snr", action="store_true", help="also in noise, from 20 dB down to 0 dB")
    parser.add_argument(
        "--gain", action="store_true", help="also softer and louder, from -30 dB to +12 dB with clipping"
    )
    parser.add_argument(
        "--probes",
        action="store_true",
        help="also beeps, words played backwards and other words: how many are heard as a word; so too where --speech,"
        " --noise or --rooms is given",
    )
    parser.add_argument("--all", action="store_true", help="--snr, --gain and --probes")
    parser.add_argument(
        "--compare",
        action="store_true",
        help=f"float and {', '.join(_COMPARED)} side by side, and what int8 does to each tensor",
    )
    parser.add_argument(
        "--sequences",
        type=whole(1, 100_000),
        metavar="N",
        help="also the word error rate of sequences of 1 to 5 words, N of each length; of a model that spells, with"
        " --speech, the token error rate of transcribed sentences, too",
    )
    add_seed(parser, "of the draw of unknown words, silence, noise and order")
    parser.add_argument("--plot", type=figure, metavar="FILE", help="draw the confusion matrix (.png, .svg or .pdf)")
    add_json_report(parser)


def run(a: argparse.Namespace) -> int:
    """``kws evaluate``."""
    require_place(a.json if a.json != "-" else None)
    require_place(a.plot)
    model = Model.load(a.model)
    reference = Reference.of_run(model, a.model if a.model.is_dir() else a.model.parent)
    if a.compare and reference.network is None:
        raise KwsError(
            f"--compare needs the float network: {reference.missing}; give the folder of the model's training run"
        )
    settings = ClipOptions(
        split=SPLITS[a.split],
        engines=tuple(a.engine or (_COMPARED if a.compare else (fastest(),))),
        conditions=(SNRS if a.snr or a.all else ()) + (GAINS if a.gain or a.all else ()),
        quantization=a.compare,
        skip_missing=a.compare and not a.engine,
        seed=a.seed,
    )
    # Folders that will not do are told before minutes of clips.
    recordings, responses = _listed(a, model, settings)
    with console.progress("evaluating") as progress:
        report = evaluate_clips(model, a.data, settings, reference, progress)
    long_ones, probed = _roles(a, model, settings, recordings, responses)
    heard = hear(model).count()
    unknown = limits.sentences(report.scope, heard, *_heard(long_ones))
    errors: list[WordErrors] = []
    spelled: SentenceErrors | None = None
    if a.sequences is not None:
        with console.progress("hearing sequences (streams)") as progress:
            errors = word_errors(model, a.data, a.sequences, engine=settings.engines[0], seed=a.seed, progress=progress)
        if a.speech:
            with console.progress("hearing sentences") as progress:
                spelled = sentence_errors(model, a.speech, engine=settings.engines[0], progress=progress)
    if a.json:
        values = {"model": str(a.model), "id": model.id, **report.as_dict(), **negatives.values(heard, unknown)}
        values["recordings"] = None if long_ones is None else long_ones.as_dict()
        values["probes"] = [p.as_dict() for p in probed]
        values |= {"sequences": [e.as_dict() for e in errors]} if errors else {}
        values |= {"sentences": spelled.as_dict()} if spelled is not None else {}
        console.write_report(json.dumps(values, indent=1) + "\n", a.json)
    if a.json != "-":
        _print_report(report)
        if errors:
            _print_errors(errors)
        if spelled is not None:
            _print_sentences(spelled)
        _print_roles(long_ones, probed)
        negatives.show(heard)
        negatives.show_limits(unknown)
    if a.plot:
        shown = report.results[0]
        size = 2.5 + 0.5 * len(report.labels)
        matrix = plots.figure(size, size)
        axes = matrix.add_subplot()
        plots.confusion(axes, shown.confusion, report.labels)
        axes.set_title(f"{caption(report.data)} ({report.split}): {100 * shown.accuracy:.1f} % on {shown.engine}")
        plots.save(matrix, a.plot)
    return exit_codes.OK


def _print_errors(errors: list[WordErrors]) -> None:
    rows = []
    for e in errors:
        low, high = e.interval
        kinds = [str(sum(c[i] for c in e.counts)) for i in range(4)]
        interval = f"{100 * low:.1f} to {100 * high:.1f} %"
        row = [str(e.length or "all"), *kinds, percent(e.rate, 1), interval, percent(e.right, 1)]
        rows.append(row if e.token_rate is None else [*row, percent(e.token_rate, 1)])
    columns = ["words", "said", "substituted", "deleted", "inserted", "word errors", "95 % interval", "all right"]
    columns += ["token errors"] if errors[0].tokens else []
    console.table(columns, rows, "sequences of words, pauses of 0 to 0.3 s, clean and down to 5 dB")


def _print_sentences(found: SentenceErrors) -> None:
    low, high = found.interval
    row = [str(len(found.counts)), *map(str, found.total), percent(found.rate, 1)]
    columns = ("sentences", "tokens said", "substituted", "deleted", "inserted", "token errors", "95 % interval")
    left_out = ", ".join(f"{count} {reason}" for reason, count in found.left_out.items())
    title = "transcribed sentences, as recorded, tokens read greedily" + (f"; left out: {left_out}" if left_out else "")
    console.table(columns, [[*row, f"{100 * low:.1f} to {100 * high:.1f} %"]], title)


def _listed(
    a: argparse.Namespace, model: Model, settings: ClipOptions
) -> tuple[list[Recording], list[np.ndarray[tuple[int], np.dtype[np.float32]]]]:
    """The recordings of speech and noise to hear, and the responses of the rooms."""
    folders, data = roles_of(a), model.require_info().data
    listed = roles.everything(folders, data)
    recordings = room_list.measurable(listed, folders, settings.split)
    return recordings, roles.impulse_responses(r for r in listed if r.role == roles.ROOMS)


def _roles(
    a: argparse.Namespace,
    model: Model,
    settings: ClipOptions,
    recordings: Sequence[Recording],
    responses: Sequence[np.ndarray[tuple[int], np.dtype[np.float32]]],
) -> tuple[LongReport | None, list[Probe]]:
    """What the model hears in long recordings, and what fools it, as far as that is asked for."""
    engine = settings.engines[0]
    found = None
    if recordings:
        with console.progress("listening to recordings") as progress:
            found = long.listen(model, recordings, engine, progress=progress)
    if not (a.probes or a.all or found is not None or responses):
        return found, []
    return found, probes.run(model, a.data, settings.split, engine, responses, a.seed)


def _heard(found: LongReport | None) -> tuple[tuple[float, int] | None, tuple[str, ...]]:
    """Hours and recordings of speech, if there is any, and the collections that were trained on."""
    speech = next((s for s in ([] if found is None else found.by_source()) if s.name == SPEECH), None)
    return None if speech is None else (speech.hours, speech.recordings), () if found is None else found.familiar


def _print_roles(found: LongReport | None, probed: list[Probe]) -> None:
    if found is not None:
        negatives.show_sources(found.by_source(), "false accepts on long recordings, each heard in one go")
        negatives.show_sources(found.by_collection()[:_SHOWN], "by where they come from")
        worst = [
            (h.recording.name, str(sum(h.words.values())), _most(h.words, 3), f"{h.samples / SAMPLE_RATE:.0f} s")
            for h in found.worst()[:_SHOWN]
        ]
        if worst:
            console.table(("recording", "false accepts", "heard as", "of"), worst, "recordings to listen to first")
    if probed:
        rows = [(p.name, str(p.heard), str(p.total), percent(p.share, 1), _most(p.words, 3)) for p in probed]
        console.table(("probe", "heard as a word", "of", "share", "heard most as"), rows, "what fools models")


def _range(rate: Rate) -> str:
    low, high = rate.interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def _print_report(report: ClipReport) -> None:
    kind = "synthetic speech" if report.synthetic else "recordings"
    _print_engines(report, f"{report.data}, {report.split} split, {kind}; from a reset, and carried: never reset")
    _print_confusion(report.results[0], report.labels)
    engine = report.results[0].engine
    wrong = [g for g in report.words if g.rate.correct < g.rate.total >= MIN_WORD_CLIPS][:_SHOWN]
    rows = [(g.name, f"{g.rate.correct} / {g.rate.total}", percent(g.rate.share), _most(g.heard, 3)) for g in wrong]
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


def _print_engines(report: ClipReport, title: str) -> None:
    floats = next((r for r in report.results if r.engine == "float"), None)
    columns = ["engine", "accuracy", "95 % interval", "clips", "carried"]
    if floats is not None:
        columns += ["against float", "changed decisions", "posterior error, mean, max"]
    rows = []
    for r in report.results:
        row = [r.engine, percent(r.accuracy), _range(r.rate), f"{r.rate.correct} / {r.rate.total}"]
        row.append("" if r.carried is None else percent(r.carried.share))
        if floats is not None:
            own = r is floats
            row.append("" if own else f"{100 * (r.accuracy - floats.accuracy):+.2f} points")
            row.append("" if own or r.agreement is None else percent(1 - r.agreement))
            row.append(
                "" if own or r.posterior_error is None else f"{r.posterior_error[0]:.4f}, {r.posterior_error[1]:.2f}"
            )
        rows.append(row)
    console.table(columns, rows, title)


def _print_speakers(speakers: Speakers | None) -> None:
    if speakers is None:
        console.out.print("no speaker has enough clips for figures by speaker")
        return
    worst = speakers.worst
    console.out.print(
        f"speakers: {len(speakers.groups)} with enough clips; worst tenth: {percent(speakers.worst_decile)}"
        f" on average (if all were equally easy, chance alone would make it {percent(speakers.by_chance)})"
    )
    if speakers.dispersion is not None:
        console.out.print(f"all speakers together scatter {speakers.dispersion:.1f} times as much as by chance alone")
    rows = [(g.name, f"{g.rate.correct} / {g.rate.total}", percent(g.rate.share)) for g in worst[:_SHOWN]]
    console.table(("speaker", "right", "accuracy"), rows, f"worst {len(rows)} of the worst tenth ({len(worst)})")


def _print_conditions(report: ClipReport, kind: str, name: str, note: str) -> None:
    sign = "+" if kind == "gain" else ""
    rows = [(f"{c.db:{sign}.0f} dB", rate) for c, rate in report.conditions.items() if c.kind == kind]
    if not rows:
        return
    clean = report.results[0].rate
    if kind == "snr":
        rows.insert(0, ("clean", clean))
    shown = [(label, percent(r.share), _range(r), f"{100 * (r.share - clean.share):+.2f} points") for label, r in rows]
    console.table((name, "accuracy", "95 % interval", "against clean"), shown, f"by {name} ({note})")


def _most(heard: dict[str, int], count: int) -> str:
    return ", ".join(f"{label} {n}" for label, n in list(heard.items())[:count])


def _print_confusion(result: Accuracy, labels: tuple[str, ...]) -> None:
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
