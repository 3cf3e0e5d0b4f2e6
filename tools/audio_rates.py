"""How many hours of audio a minute one core handles: features of clips and of other speech, mining, stream tests.

    python tools/audio_rates.py configs/commands12.toml models/commands12.tflite --data data/speech_commands \
        --speech data/librispeech

Counts processor time, so that other work on the computer does not matter much. A rate of features is of
audio as the network hears it: a clip of a second in twenty variants is twenty seconds.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kws import audio, config, workers
from kws.cli import console
from kws.config import SAMPLE_RATE
from kws.datasets import roles
from kws.datasets.splits import TRAINING
from kws.evaluation.stream.run import StreamOptions, evaluate_stream
from kws.evaluation.stream.spec import StreamSettings, specify
from kws.mining.folder import find
from kws.mining.hearing import Hearing, Listener
from kws.model.file import Model
from kws.training import features as clip_features
from kws.training import negative_features, sources


def _timed(work: Iterator[float], enough: float) -> tuple[float, float]:
    """Seconds of audio, and of the processor until these are enough; the first step is not counted."""
    next(work)
    began = time.process_time()
    done = 0.0
    for seconds in work:
        done += seconds
        if time.process_time() - began > enough:
            break
    return done, time.process_time() - began


def _clips(recipe: clip_features.Recipe) -> Iterator[float]:
    for _, made in workers.run(clip_features._Maker(recipe), clip_features._jobs(recipe), 1):
        yield made.ends.size * recipe.experiment.data.clip_ms / 1000


def _speech(recipe: negative_features.Recipe) -> Iterator[float]:
    frontend = recipe.experiment.frontend
    for _, heard in workers.run(negative_features._Maker(recipe), range(recipe.jobs), 1):
        yield sum(frontend.samples(frames - 1) for frames in heard.lengths) / SAMPLE_RATE


def _mined(model: Model, folder: Path) -> Iterator[float]:
    found = find([folder], model, "all")
    listener = Listener(model, found, Hearing())
    for _, heard in workers.run(listener, [(i,) for i in range(len(found))], 1):
        yield heard.seconds


def _decoded(folder: Path, model: Model) -> Iterator[float]:
    for source in find([folder], model, "all"):
        yield sum(map(len, audio.blocks(source.recording.path, 10 * SAMPLE_RATE))) / SAMPLE_RATE


def _streams(model: Model, data: Path) -> Iterator[float]:
    info = model.require_info()
    for seed in range(1, 1000):
        spec = specify(data, info.data, StreamSettings(minutes=10, split="validation", seed=seed))
        evaluate_stream(model, spec, data, StreamOptions(processes=1))
        yield 600.0


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="of a training")
    parser.add_argument("model", type=Path, help="to mine and to stream with")
    parser.add_argument("--data", type=Path, required=True, help="a folder of word folders")
    parser.add_argument("--speech", type=Path, required=True, help="a folder of other speech")
    parser.add_argument("--noise", type=Path, action="append", default=[], help="a folder of noise")
    parser.add_argument("--rooms", type=Path, action="append", default=[], help="a folder of impulse responses")
    parser.add_argument("--seconds", type=float, default=30.0, help="of the processor, for each")
    options = parser.parse_args()
    experiment, model = config.load(options.config), Model.load(options.model)
    others = roles.Folders((options.speech,), tuple(options.noise), tuple(options.rooms))
    found = sources.find(experiment, [options.data], others)
    speech = next(r for r in found.negatives if (r.kind, r.split, r.name) == (roles.SPEECH, TRAINING, ""))
    work: dict[str, Callable[[], Iterator[float]]] = {
        "features of clips, augmented": lambda: _clips(found.clips[TRAINING]),
        "features of other speech, augmented": lambda: _speech(speech),
        "mining": lambda: _mined(model, options.speech),
        "of it, decoding the files": lambda: _decoded(options.speech, model),
        "stream test": lambda: _streams(model, options.data),
    }
    rows = []
    for name, start in work.items():
        audio_seconds, processor = _timed(start(), options.seconds)
        rate = audio_seconds / 3600 / (processor / 60)
        rows.append((name, f"{audio_seconds / 3600:.2f}", f"{processor:.1f}", f"{rate:.1f}"))
    console.table(("", "hours", "processor seconds", "hours a minute"), rows, f"one of {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
