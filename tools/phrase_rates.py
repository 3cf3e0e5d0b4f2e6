"""How often a model's phrases are found, what they falsely accept, and what a listening window saves.

    python tools/phrase_rates.py MODEL --data data/speech_commands --speech FOLDER --wake go --window-ms 3000

Phrases are said by validation speakers with 0 to 0.3 s between the words, clean and at 20 and 10 dB, and false
accepts are counted in streams of single words. FOLDER has continuous speech and a `transcripts.tsv`; what says a
word of the model is left out. Without it, the recordings that come with kws are heard.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from kws.datasets.negatives import EVALUATION_PACK
from kws.decisions import DecisionConfig, GrammarConfig
from kws.evaluation.negatives import Heard, hear
from kws.evaluation.phrases import PhraseBench
from kws.evaluation.stream.run import StreamOptions
from kws.evaluation.stream.spec import StreamSettings, specify
from kws.model.file import Model


def measure(model: Model, data: Path, minutes: float, speech: Heard, jobs: int | None) -> list[dict[str, Any]]:
    """Each phrase of a model, as plain values."""
    info = model.require_info()
    grammar = GrammarConfig.of(info.decision)
    if grammar is None or not grammar.phrases:
        return []
    spec = specify(data, info.data, StreamSettings(minutes=minutes))
    bench = PhraseBench(model, spec, data, StreamOptions(processes=jobs), speech=[speech])
    return [rates.as_dict() for rates in bench.count(grammar)]


def windows(model: Model, speech: Heard, wakes: list[str], window_ms: float) -> list[dict[str, Any]]:
    """False accepts in continuous speech: words always, and words after each of some wake words or phrases."""
    info = model.require_info()
    grammar = GrammarConfig.of(info.decision)
    phrases = grammar.phrases if grammar else ()
    words = dataclasses.asdict(info.detector)
    tried: list[tuple[str, DecisionConfig]] = [("", info.detector)]
    frames = info.frontend.frames_in(window_ms)
    tried += [(w, GrammarConfig(**words, phrases=phrases, wake=w, window_frames=frames)) for w in wakes]
    rows = []
    for wake, decision in tried:
        total = speech.count(decision).total
        woken = total.words.get(wake, 0)
        counts = {"woken": woken, "words": total.false_accepts - woken}
        rates = {f"{name}_per_hour": n / total.hours for name, n in counts.items()} if total.hours else {}
        rows.append({"wake": wake, "hours": total.hours, **counts, **rates})
    return rows


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, help="Speech Commands, or a folder of word folders")
    parser.add_argument("--speech", type=Path, default=EVALUATION_PACK)
    parser.add_argument("--minutes", type=float, default=240.0)
    parser.add_argument("--wake", action="append", default=[])
    parser.add_argument("--window-ms", type=float, default=3000.0)
    parser.add_argument("--jobs", type=int)
    a = parser.parse_args()
    model = Model.load(a.model)
    speech = hear(model, a.speech)
    found = measure(model, a.data, a.minutes, speech, a.jobs) if a.data else []
    print(json.dumps({"phrases": found, "windows": windows(model, speech, a.wake, a.window_ms)}, indent=1))


if __name__ == "__main__":
    main()
