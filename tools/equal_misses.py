"""False accepts per hour of speech, music and noise where models miss equally many words: how EXPERIMENTS compares them.

One threshold for all words, at which a given share of the validation words is missed: each as recorded and with noise
at 20 and 10 dB, in quiet noise, from a reset. With it the recordings are heard in one go each, by the exported C.

    python tools/equal_misses.py MODEL... --data WORDS --speech DIR --noise DIR
"""

from __future__ import annotations

import argparse
import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
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
from kws.decisions.detector import DetectorConfig
from kws.engines import create
from kws.evaluation.clip.conditions import CLEAN, Condition, apply, pause
from kws.evaluation.poisson import upper_limit
from kws.evaluation.stream import room_list
from kws.fixedpoint.posterior import POSTERIOR_SCALE
from kws.model.file import Model
from kws.types import Int8, Int64

_CONDITIONS = (CLEAN, Condition("snr", 20.0), Condition("snr", 10.0))
_BLOCK = 60 * SAMPLE_RATE
_BATCH = 128
_COOLDOWN_MS = 700.0


@dataclass(frozen=True)
class Hearing:
    """What a model says of a recording, or of words (`kws.workers`).

    Attributes:
        model: what to run.
        noise: recordings that go under words.
    """

    model: Model
    noise: tuple[Path, ...]

    def __call__(self, job: Recording | tuple[Example, ...]) -> tuple[float, Int8]:
        """Hours, and posteriors: int8 [frames, labels], of words [conditions, words, frames, labels]."""
        with create("c", self.model) as engine:
            if isinstance(job, Recording):
                parts = list(roles.parts(job, _BLOCK, doubtful=False))
                rows = [engine.process(part).posteriors for part in parts]
                empty = np.zeros((0, len(self.model.require_info().labels)), np.int8)
                return sum(map(len, parts)) / SAMPLE_RATE / 3600, np.concatenate([empty, *rows])
            data = self.model.require_info().data
            source = NoiseSource(self.noise, data.clip_samples, 1)
            pcm, _ = clips.load(job, data, source)
            rng = np.random.default_rng([1, len(job), job[0].label])
            around, under = source.draw(rng, len(pcm)), source.draw(rng, len(pcm))
            spoken = np.ones(len(pcm), np.bool_)
            heard = []
            for condition in _CONDITIONS:
                changed = apply(condition, pcm, spoken, under)
                quiet = pause(changed, around)
                heard.append(engine.classify(np.concatenate([quiet, changed, quiet], axis=1)))
            return 0.0, np.stack(heard)

    def close(self) -> None:
        """Nothing stays open."""


def _running(posteriors: Int8, frames: int) -> Int64:
    """Sums of the last ``frames`` posteriors, [..., time, labels]."""
    total = np.cumsum(posteriors.astype(np.int64) + 128, axis=-2)
    total[..., frames:, :] -= total[..., :-frames, :].copy()
    return total


def measure(model: Model, data: Path, folders: Folders, averages: Sequence[float], missed: float) -> Iterator[str]:
    """A line of counts for each length of the mean.

    Args:
        model: with its metadata.
        data: folder of word folders.
        folders: other speech and noise.
        averages: lengths of the mean in milliseconds.
        missed: share of the words.

    Raises:
        KwsError: a bare network, or there is no such data.
    """
    info = model.require_info()
    spoken = [e for e in clips.examples(clips.index(data, info.data), info.data, VALIDATION, 1) if e.clip is not None]
    words = [e for e in spoken if e.label >= info.first_word]
    recordings = room_list.recordings(folders, info.data, VALIDATION)
    noise = tuple(r.path for r in recordings if r.role != roles.SPEECH and not room_list.is_music(r))
    hearing = Hearing(model, noise)
    batches = [tuple(words[i : i + _BATCH]) for i in range(0, len(words), _BATCH)]
    said = dict(workers.run(hearing, batches))
    heard = dict(workers.run(hearing, [r for r in recordings if r.role != roles.ROOMS]))
    for milliseconds in averages:
        frames = info.frontend.frames_in(milliseconds)
        scores = [
            _running(posteriors, frames)[:, np.arange(len(batch)), :, [e.label for e in batch]].max(axis=2)
            for batch, (_, posteriors) in said.items()
        ]
        least = float(np.quantile(np.concatenate(scores).ravel(), missed)) * POSTERIOR_SCALE / frames
        detector = DetectorConfig(frames, min(max(least, 1e-3), 1.0), info.frontend.frames_in(_COOLDOWN_MS))
        found: Counter[str] = Counter()
        hours: Counter[str] = Counter()
        by_word: Counter[str] = Counter()
        for recording, (long, posteriors) in heard.items():
            detections = detector.twin(info.labels).process(posteriors)
            source = room_list.source_of(recording)
            found[source] += len(detections)
            hours[source] += long  # type: ignore[assignment]
            by_word.update(info.labels[d.label] for d in detections)
        told = ", ".join(
            f"{name} {found[name]} in {hours[name]:.2f} h ({found[name] / hours[name]:.0f}, at most "
            f"{upper_limit(found[name]) / hours[name]:.0f})"
            for name in hours
        )
        yield f"{milliseconds:.0f} ms, {frames} frames, threshold {detector.threshold:.3f}: {told}; {dict(by_word)}"


def main() -> None:
    """Print the counts of each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    parser.add_argument("--data", type=Path, required=True, help="folder of word folders")
    parser.add_argument("--speech", type=Path, action="append", default=[], help="folder of other speech")
    parser.add_argument("--noise", type=Path, action="append", default=[], help="folder of noise and music")
    parser.add_argument("--averages-ms", type=float, nargs="+", default=[200.0, 500.0, 700.0])
    parser.add_argument("--missed", type=float, default=0.15, help="share of the words")
    a = parser.parse_args()
    folders = Folders(speech=tuple(a.speech), noise=tuple(a.noise))
    for path in a.models:
        print(path, flush=True)
        for line in measure(Model.load(path), a.data, folders, a.averages_ms, a.missed):
            print(f"  {line}", flush=True)


if __name__ == "__main__":
    main()
