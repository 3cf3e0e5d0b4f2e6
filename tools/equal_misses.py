"""False accepts per hour of speech, music and noise where models miss equally many words: how EXPERIMENTS compares.

One threshold for all words, at which a given share of the validation words is missed: each as recorded and with noise
at 20 and 10 dB, in quiet noise, from a reset. With it the recordings are heard in one go each, by the exported C.

    python tools/equal_misses.py MODEL... --data WORDS --speech DIR --noise DIR
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import workers
from kws.config import SAMPLE_RATE
from kws.datasets import clips, roles
from kws.datasets.augment import NoiseSource
from kws.datasets.clips import Example
from kws.datasets.roles import Folders, Recording
from kws.datasets.splits import VALIDATION
from kws.engines import create
from kws.evaluation import long
from kws.evaluation.clip.conditions import CLEAN, Condition, apply, pause
from kws.evaluation.poisson import most_per_hour
from kws.evaluation.stream import room_list
from kws.fixedpoint.decisions.detector import DetectorParameters, detect, moving_sums
from kws.fixedpoint.posterior import POSTERIOR_SCALE
from kws.model.file import Model
from kws.types import Int8

CONDITIONS = (CLEAN, Condition("snr", 20.0), Condition("snr", 10.0))
# Lengths of the mean, and the share of the words, that docs/EXPERIMENTS.md compares at.
AVERAGES_MS = (200.0, 500.0, 700.0)
MISSED = 0.15
_BATCH = 128
_COOLDOWN_MS = 700.0


@dataclass(frozen=True)
class Hearing:
    """What a model says of a recording, or of words (`kws.workers`).

    Attributes:
        model: what to run.
        noise: recordings that go under words.
        conditions: how words are heard.
    """

    model: Model
    noise: tuple[Path, ...]
    conditions: tuple[Condition, ...] = CONDITIONS

    def __call__(self, job: Recording | tuple[Example, ...]) -> tuple[float, Int8]:
        """Hours, and posteriors: int8 [frames, labels], of words [conditions, words, frames, labels]."""
        with create("c", self.model) as engine:
            info = self.model.require_info()
            if isinstance(job, Recording):
                samples, posteriors = long.hear(engine, job, len(info.labels))
                return samples / SAMPLE_RATE / 3600, posteriors
            data = info.data
            source = NoiseSource(self.noise, data.clip_samples, 1)
            pcm, _ = clips.load(job, data, source)
            rng = np.random.default_rng([1, len(job), job[0].label])
            around, under = source.draw(rng, len(pcm)), source.draw(rng, len(pcm))
            spoken = np.ones(len(pcm), np.bool_)
            heard = []
            for condition in self.conditions:
                changed = apply(condition, pcm, spoken, under)
                quiet = pause(changed, around)
                heard.append(engine.classify(np.concatenate([quiet, changed, quiet], axis=1)))
            return 0.0, np.stack(heard)

    def close(self) -> None:
        """Nothing stays open."""


@dataclass(frozen=True)
class Heard:
    """What a model says of the validation words and recordings.

    Attributes:
        first: the first label that is a word.
        words: batches of words with their posteriors, int8 [conditions, words, frames, labels].
        recordings: each with its hours and posteriors, int8 [frames, labels].
    """

    first: int
    words: list[tuple[tuple[Example, ...], Int8]]
    recordings: list[tuple[Recording, float, Int8]]

    @property
    def hours(self) -> dict[str, float]:
        """Hours by source."""
        hours: dict[str, float] = {}
        for recording, duration, _ in self.recordings:
            source = room_list.source_of(recording)
            hours[source] = hours.get(source, 0.0) + duration
        return hours

    def scores(self, frames: int, condition: int) -> list[int]:
        """Of each word in a condition the highest sum over ``frames`` frames of its own label."""
        return [
            int(moving_sums(word, frames, self.first)[example.label - self.first].max())
            for batch, posteriors in self.words
            for word, example in zip(posteriors[condition], batch, strict=True)
        ]


def listen(model: Model, data: Path, folders: Folders, conditions: tuple[Condition, ...] = CONDITIONS) -> Heard:
    """Hear the validation words in each condition, and the validation recordings in one go each.

    Args:
        model: with its metadata.
        data: folder of word folders.
        folders: other speech and noise.
        conditions: how words are heard.

    Raises:
        KwsError: a bare network, or there is no such data.
    """
    info = model.require_info()
    chosen = clips.examples(clips.index(data, info.data), info.data, VALIDATION, 1)
    first = info.first_word
    words = [e for e in chosen if e.clip is not None and e.label >= first]
    recordings = room_list.recordings(folders, info.data, VALIDATION)
    noise = tuple(r.path for r in recordings if r.role != roles.SPEECH and not room_list.is_music(r))
    hearing = Hearing(model, noise, conditions)
    said = workers.run(hearing, [tuple(words[i : i + _BATCH]) for i in range(0, len(words), _BATCH)])
    heard = workers.run(hearing, recordings)
    return Heard(first, [(batch, p) for batch, (_, p) in said], [(r, hours, p) for r, (hours, p) in heard])


def detector_at(model: Model, frames: int, least: int) -> DetectorParameters:
    """Means over ``frames`` frames with one threshold for all words, as their sum."""
    info = model.require_info()
    cooldown = info.frontend.frames_in(_COOLDOWN_MS)
    return DetectorParameters(frames, (least,) * len(info.words), cooldown, info.first_word)


@dataclass(frozen=True)
class Row:
    """What fires with means of one length.

    Attributes:
        detector: the settings.
        found: false accepts by source.
        words: false accepts by the word that was heard.
    """

    detector: DetectorParameters
    found: dict[str, int]
    words: dict[str, int]


def measure(
    model: Model, data: Path, folders: Folders, averages: Sequence[float], missed: float
) -> tuple[dict[str, float], list[Row]]:
    """Hours by source, and a row for each length of the mean.

    Args:
        model: with its metadata.
        data: folder of word folders.
        folders: other speech and noise.
        averages: lengths of the mean in milliseconds.
        missed: share of the words.

    Raises:
        KwsError: a bare network, or there is no such data.
    """
    heard, info = listen(model, data, folders), model.require_info()
    rows = []
    for frames in map(info.frontend.frames_in, averages):
        scores = [score for condition in range(len(CONDITIONS)) for score in heard.scores(frames, condition)]
        detector = detector_at(model, frames, max(1, int(np.quantile(scores, missed, method="higher"))))
        found, by_word = Counter[str](), Counter[str]()
        for recording, _, posteriors in heard.recordings:
            detections = detect(moving_sums(posteriors, frames, heard.first), detector)
            found[room_list.source_of(recording)] += len(detections)
            by_word.update(info.labels[d.label] for d in detections)
        rows.append(Row(detector, dict(found), dict(by_word.most_common())))
    return heard.hours, rows


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser of the models and of what they hear."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    parser.add_argument("--data", type=Path, required=True, help="folder of word folders")
    parser.add_argument("--speech", type=Path, action="append", default=[], help="folder of other speech")
    parser.add_argument("--noise", type=Path, action="append", default=[], help="folder of noise and music")
    return parser


def add_comparison(parser: argparse.ArgumentParser) -> None:
    """Add what `measure` compares at."""
    parser.add_argument("--averages-ms", type=float, nargs="+", default=AVERAGES_MS)
    parser.add_argument("--missed", type=float, default=MISSED, help="share of the words")


def main() -> None:
    """Print the counts of each model."""
    parser = parser_of(__doc__)
    add_comparison(parser)
    a = parser.parse_args()
    folders = Folders(speech=tuple(a.speech), noise=tuple(a.noise))
    for path in a.models:
        print(path, flush=True)
        hours, rows = measure(Model.load(path), a.data, folders, a.averages_ms, a.missed)
        for milliseconds, row in zip(a.averages_ms, rows, strict=True):
            rates = (
                f"{source} {n} in {hours[source]:.2f} h: {n / hours[source]:.1f} an hour,"
                f" at most {most_per_hour(n, hours[source]):.1f}"
                for source, n in row.found.items()
            )
            words = ", ".join(f"{word} {n}" for word, n in row.words.items())
            frames, least = row.detector.average_frames, row.detector.threshold_sums[0]
            mean = f"{milliseconds:g} ms ({frames} frames), threshold {least * POSTERIOR_SCALE / frames:.3f}"
            print(f"  {mean}: {'; '.join(rates)} ({words})", flush=True)


if __name__ == "__main__":
    main()
