"""How often phrases are found by a transcription and by a grammar, at which false accepts.

    python tools/ctc_phrases.py MODEL --data data/speech_commands --speech FOLDER --phrase "left right" --greedy
    python tools/ctc_phrases.py MODEL --data data/speech_commands --speech FOLDER --phrase "left right"

The first tells phrases by the words that the greedy transcription reports, one after the other within a time; the
second by a grammar. Streams and rules are those of `kws tune --phrases`. One line a threshold: of 0 to 1 that a frame
must reach, or that both words' averages must.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws.decisions import CtcConfig, GrammarConfig, Phrase
from kws.evaluation.negatives import hear
from kws.evaluation.phrases import PhraseBench, PhraseRates
from kws.evaluation.stream.run import StreamOptions
from kws.evaluation.stream.spec import StreamSettings, specify
from kws.model.file import Model, ModelInfo, with_decision

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)


def transcribed(rows: npt.NDArray[np.int8], info: ModelInfo, phrase: Phrase, threshold: float) -> Iterator[int]:
    """The frames in which a phrase's last word is reported, its words having come one right after the other."""
    words = [info.labels.index(word) for word in phrase.words]
    said = CtcConfig(threshold).twin(info.labels).process(rows)
    for end in range(len(words), len(said) + 1):
        last = said[end - len(words) : end]
        gaps = [b.frame - a.frame for a, b in itertools.pairwise(last)]
        if [d.label for d in last] == words and max(gaps) <= phrase.within_frames:
            yield last[-1].frame


def line(threshold: float, rates: PhraseRates) -> str:
    """One row of the table."""
    return (
        f"{rates.name:14} {threshold:5.2f}  found {rates.found:3} of {rates.said} ({rates.found_rate or 0:6.1%})"
        f"  {rates.false_accepts_per_hour:6.2f} an hour of {rates.hours:.1f}"
        f"  {rates.speech_false_accepts} in {rates.speech_hours:.2f} h of speech"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--speech", type=Path)
    parser.add_argument("--phrase", action="append", required=True, help="words with spaces between them")
    parser.add_argument("--greedy", action="store_true", help="by the transcription, not by a grammar")
    parser.add_argument("--average-ms", type=float, default=200.0, help="of a grammar (default 200)")
    parser.add_argument("--within-ms", type=float, default=1800.0)
    parser.add_argument("--minutes", type=float, default=240.0)
    parser.add_argument("--jobs", type=int)
    a = parser.parse_args()
    model = Model.load(a.model)
    frames = model.require_info().frontend.frames_in
    phrases = tuple(Phrase(tuple(words.split()), frames(a.within_ms)) for words in a.phrase)
    grammar = GrammarConfig(frames(a.average_ms), 0.5, 1, phrases=phrases)
    model = Model.from_bytes(with_decision(model, grammar))
    info = model.require_info()
    spec = specify(a.data, info.data, StreamSettings(minutes=a.minutes))
    speech = [hear(model, a.speech)] if a.speech else []
    bench = PhraseBench(model, spec, a.data, StreamOptions(processes=a.jobs), said=400, speech=speech)
    for number, phrase in enumerate(phrases):
        for threshold in THRESHOLDS:
            if a.greedy:
                ends = functools.partial(transcribed, info=info, phrase=phrase, threshold=threshold)
                rates = bench.rates_by(number, phrase, ends)
            else:
                both = Phrase(phrase.words, phrase.within_frames, thresholds=(threshold,) * len(phrase.words))
                tried = [*phrases[:number], both, *phrases[number + 1 :]]
                rates = bench.rates(dataclasses.replace(grammar, phrases=tuple(tried)), number)
            print(line(threshold, rates), flush=True)


if __name__ == "__main__":
    main()
