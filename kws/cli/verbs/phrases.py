"""``kws phrases``: phrases of a model's words, and a window after a wake word."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from kws.cli import console, exit_codes
from kws.cli.options import add_json, add_model, model_place, over_zero
from kws.decisions import DecisionConfig, DetectorConfig, GrammarConfig, Phrase
from kws.decisions.grammar import thresholds_of
from kws.decisions.grammar_values import GREATEST_MS, GREATEST_WINDOW_MS, Listening, PhraseText
from kws.errors import KwsError, UsageError
from kws.files import require_place
from kws.frontends import FrontendConfig
from kws.model.file import Model, ModelInfo, save, with_decision
from kws.text import visible

_WITHIN_MS = 1800.0
_ALL, _NONE, _OUTSIDE = "all", "none", "outside"


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws phrases``."""
    add_model(parser)
    parser.add_argument("--list", action="store_true", help="list them, as is done without other options")
    parser.add_argument("--add", metavar='"WORD WORD ..."', help="add a phrase of the model's words")
    parser.add_argument("--name", metavar="NAME", help="what the added phrase is reported as (default: its words)")
    parser.add_argument(
        "--within-ms",
        type=over_zero(GREATEST_MS),
        metavar="MS",
        help="longest time from one word's detection to the next one's, up to"
        f" {GREATEST_MS:.0f} (default: {_WITHIN_MS:g})",
    )
    parser.add_argument("--remove", metavar="NAME", help="remove the phrase of this name; all: all of them")
    parser.add_argument(
        "--wake",
        metavar="NAME",
        help="the word or phrase after which the others count; none: they always do; outside: after whatever a "
        "program takes for one",
    )
    parser.add_argument(
        "--window-ms",
        type=over_zero(GREATEST_WINDOW_MS),
        metavar="MS",
        help=f"how long they count after it, up to {GREATEST_WINDOW_MS:.0f} (default: 5000)",
    )
    parser.add_argument(
        "--words", choices=("yes", "no"), help="whether single words are reported, or phrases and the wake word alone"
    )
    parser.add_argument("--out", type=Path, metavar="FILE.tflite", help="the model to write (default: MODEL itself)")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws phrases``."""
    changes = any(v is not None for v in (a.add, a.remove, a.wake, a.window_ms, a.words))
    if a.list and changes:
        raise UsageError("--list goes with no change")
    if a.add is None and (a.name is not None or a.within_ms is not None):
        raise UsageError("--name and --within-ms say more of a phrase that is added: --add")
    out = model_place(a)
    if changes:
        require_place(out)
    model = Model.load(a.model)
    info = model.require_info()
    decision = info.decision
    if changes:
        decision = _changed(info, a)
        content = with_decision(model, decision)
        save(content, out)
        info = Model.from_bytes(content, str(out)).require_info()
    grammar = GrammarConfig.of(decision)
    if a.json:
        console.print_json({"model": str(out if changes else a.model), **_values(info, grammar)})
    else:
        _print(info, grammar)
        if changes:
            console.out.print(visible(f"{out} is written"), markup=False)
            if a.add is not None:
                console.out.print("its thresholds are a guess: kws tune MODEL --phrases --data DIR chooses better ones")
    return exit_codes.OK


def _changed(info: ModelInfo, a: argparse.Namespace) -> DecisionConfig:
    """The decision that the options ask for."""
    old = GrammarConfig.of(info.decision)
    words = old.detector if old else _detector(info.decision)
    phrases = old.phrases if old else ()
    if a.remove is not None:
        phrases = _without(phrases, a.remove)
    if a.add is not None:
        phrases = _with(phrases, _phrase(a, info.frontend))
    wake, window = _window(a, info.frontend, old)
    reported = a.words != "no" if a.words is not None else old.report_words if old else True
    if not phrases and window == 0:
        if a.words == "no":
            raise UsageError("--words no leaves nothing to report without a phrase or a wake word")
        return words
    return GrammarConfig(
        **dataclasses.asdict(words), phrases=phrases, report_words=reported, wake=wake, window_frames=window
    )


def _detector(decision: DecisionConfig) -> DetectorConfig:
    """The detector that phrases and a window are to stand on."""
    if isinstance(decision, DetectorConfig):
        return decision
    # What a sliding mean is counted with as a detector would stay when the phrases are gone.
    has = "phrases and a listening window stand on a detector, and this model decides by"
    if decision.transcribes:
        raise KwsError(
            f"{has} {decision.kind}, which reports words in order without them; for phrases with a name or a window"
            " take a model that is not trained by CTC, such as commands12-crnn"
        )
    raise KwsError(f'{has} {decision.kind}; train with [detector] kind = "{DetectorConfig.kind}"')


def _phrase(a: argparse.Namespace, frontend: FrontendConfig) -> Phrase:
    if a.name in (_ALL, _NONE, _OUTSIDE):
        raise UsageError(
            f"a phrase called {a.name!r} could not be told from `--remove {_ALL}`, `--wake {_NONE}` or"
            f" `--wake {_OUTSIDE}`"
        )
    text = PhraseText(a.add, a.within_ms if a.within_ms is not None else _WITHIN_MS, a.name or "")
    values = text.values(frontend.frames_in)
    return Phrase(tuple(values["words"]), values["within_frames"], text.name)


def _with(phrases: tuple[Phrase, ...], new: Phrase) -> tuple[Phrase, ...]:
    """One phrase more, before those that would be complete with it: of all complete in a frame the first is reported.

    These are shorter ones that it ends with, and one of the same words that waits longer.
    """
    later = (
        i
        for i, p in enumerate(phrases)
        if (len(p.words) < len(new.words) and new.words[-len(p.words) :] == p.words)
        or (p.words == new.words and p.within_frames > new.within_frames)
    )
    place = next(later, len(phrases))
    return (*phrases[:place], new, *phrases[place:])


def _without(phrases: tuple[Phrase, ...], name: str) -> tuple[Phrase, ...]:
    if name == _ALL:
        return ()
    left = tuple(p for p in phrases if p.title != name)
    if len(left) == len(phrases):
        known = ", ".join(p.title for p in phrases) or "it has none"
        raise KwsError(f"the model has no phrase {name!r}: {known}")
    return left


def _window(a: argparse.Namespace, frontend: FrontendConfig, old: GrammarConfig | None) -> tuple[str, int]:
    wake, window = (old.wake, old.window_frames) if old else ("", 0)
    if a.wake == "":
        raise UsageError(f"--wake needs the name of a word or a phrase, {_NONE} or {_OUTSIDE}")
    if a.wake == _NONE:
        if a.window_ms is not None:
            raise UsageError("--wake none leaves no window for --window-ms")
        return "", 0
    if a.wake is not None:
        wake, window = ("" if a.wake == _OUTSIDE else a.wake), window or frontend.frames_in(5000)
    elif a.window_ms is not None and window == 0:
        raise UsageError("--window-ms needs --wake: a word, or outside")
    if a.window_ms is not None:
        window = Listening(wake, a.window_ms).values(frontend.frames_in)["window_frames"]
    return wake, window


def _values(info: ModelInfo, grammar: GrammarConfig | None) -> dict[str, Any]:
    ms = 1000 * info.frontend.hop / 16000
    own = dict(zip(info.words, info.thresholds, strict=True)) if grammar else {}
    phrases = grammar.phrases if grammar else ()
    return {
        "phrases": [
            {
                "name": p.title,
                "words": list(p.words),
                "within_ms": p.within_frames * ms,
                "thresholds": list(thresholds_of(p, own)),
                "tuned": bool(p.thresholds),
            }
            for p in phrases
        ],
        "wake": grammar.wake if grammar else "",
        "window_ms": grammar.window_frames * ms if grammar else 0,
        "report_words": grammar.report_words if grammar else True,
    }


def _print(info: ModelInfo, grammar: GrammarConfig | None) -> None:
    values = _values(info, grammar)
    if values["phrases"]:
        own = dict(zip(info.words, info.thresholds, strict=True))
        rows = [
            (
                p["name"],
                " ".join(p["words"]),
                f"{p['within_ms']:.0f} ms",
                ", ".join(f"{t:.3f}" for t in p["thresholds"]),
                ", ".join(f"{own[w]:.3f}" for w in p["words"]),
            )
            for p in values["phrases"]
        ]
        console.table(("phrase", "words", "within", "thresholds in it", "thresholds alone"), rows)
    else:
        console.out.print("no phrases")
    if info.decision.transcribes:
        console.out.print("all words are reported, in order, as they come")
    if not values["report_words"]:
        console.out.print("single words are not reported")
    if values["window_ms"]:
        by = repr(values["wake"]) if values["wake"] else "the program opens the window (kws_spotter_open)"
        what = f"words and phrases count for {values['window_ms']:.0f} ms after {by}"
        console.out.print(what, markup=False)
