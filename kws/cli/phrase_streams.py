"""What ``kws stream-test`` and ``kws tune --phrases`` say of phrases."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from kws.cli import console, exit_codes, streams
from kws.cli.options import model_place, on_cluster
from kws.cli.results import percent
from kws.decisions import GrammarConfig
from kws.decisions.grammar import require_grammar
from kws.errors import UsageError
from kws.evaluation.negatives import Heard, hear
from kws.evaluation.phrase_tuning import PhraseTuning, tune_phrases
from kws.evaluation.phrases import PhraseBench, PhraseRates
from kws.evaluation.poisson import most_per_hour
from kws.evaluation.stream.run import StreamOptions
from kws.evaluation.stream.spec import DESK, StreamSpec
from kws.evaluation.stream.tuned import enough_minutes
from kws.files import require_place
from kws.model.file import Model, save, with_decision
from kws.text import visible

COLUMNS = ("phrase", "found", "of", "share", "false accepts", "hours", "false/h", "at most/h", "in speech", "hours")


def rates(
    model: Model, spec: StreamSpec, root: Path, options: StreamOptions, speech: Sequence[Heard] = ()
) -> list[PhraseRates]:
    """How a model's phrases do with the thresholds that they have; none if it has no phrases."""
    grammar = GrammarConfig.of(model.require_info().decision)
    if grammar is None or not grammar.phrases:
        return []
    with console.progress("listening to phrases and words (streams)") as progress:
        return PhraseBench(model, spec, root, options, speech=speech, progress=progress).count(grammar)


def tune(a: argparse.Namespace) -> int:
    """``kws tune --phrases``."""
    if a.scene not in (None, DESK) or a.noise or a.rooms or len(a.speech) > 1:
        raise UsageError(
            "--phrases tunes on the desk: leave --scene, --noise and --rooms out, and give one --speech folder at most"
        )
    out = model_place(a)
    require_place(out)
    model = Model.load(a.model)
    require_grammar(model.require_info().decision)
    spec = streams.spec(a, model.require_info(), DESK, a.minutes or enough_minutes(a.budget))
    with on_cluster(a), console.progress("listening to phrases and words (streams)") as progress:
        # What comes with kws judges what was chosen, so it is no part of the choice.
        speech = [hear(model, folder) for folder in a.speech]
        heard = PhraseBench(model, spec, a.data, streams.run_options(a), speech=speech, progress=progress)
    with console.progress("trying thresholds") as progress:
        result = tune_phrases(heard, a.budget, progress)
    content = with_decision(
        model, result.grammar, {**model.require_info().provenance.get("tuned", {}), "phrases": result.provenance()}
    )
    save(content, out)
    judged = hear(model).count(result.grammar).total
    names = {phrase.title for phrase in result.grammar.phrases}
    falsely = sum(n for word, n in judged.words.items() if word in names)
    if a.json:
        on_negatives = {"false_accepts": falsely, "hours": judged.hours}
        console.print_json({"model": str(out), **result.as_dict(), "negatives": on_negatives})
        return exit_codes.OK
    _print(result)
    console.out.print(f"{falsely} phrases in {60 * judged.hours:.0f} minutes of the negatives that come with kws")
    console.out.print(visible(f"{out} is written"), markup=False)
    return exit_codes.OK


def _print(result: PhraseTuning) -> None:
    show(result.before, "before")
    show(result.tuned, f"tuned for {result.budget:g} false accepts per hour")
    if result.held_out:
        show(result.held_out, "chosen on half of the speakers, counted on the other: what to expect")
    else:
        console.out.print("too few recordings to tune on some speakers and try on others: expect less in life")
    for phrase in result.grammar.phrases:
        console.out.print(f"{phrase.title}: {', '.join(f'{t:g}' for t in phrase.thresholds)}", markup=False)


def show(rates: Sequence[PhraseRates], title: str) -> None:
    """A table of phrases, a row each."""
    console.table(COLUMNS, [_row(r) for r in rates], title)


def _row(r: PhraseRates) -> tuple[str, ...]:
    most = most_per_hour(r.false_accepts, r.hours) or 0.0
    spoken = (str(r.speech_false_accepts), f"{r.speech_hours:.2f}") if r.speech_hours else ("-", "-")
    counts = (str(r.found), str(r.said), percent(r.found_rate, 1), str(r.false_accepts))
    return (r.name, *counts, f"{r.hours:.1f}", f"{r.false_accepts_per_hour:.2f}", f"{most:.2f}", *spoken)
