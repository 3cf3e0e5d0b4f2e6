"""Sounds that are none of the words and that models are fooled by: beeps, words played backwards, other words."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets import clips as clip_lists
from kws.datasets.augment import NoiseSource
from kws.datasets.clips import Clip, Example
from kws.engines import create
from kws.engines.base import Engine
from kws.evaluation.clip.decision import clip_classes
from kws.evaluation.stream.room_audio import reverberated
from kws.model.file import Model, ModelInfo
from kws.types import Floats, Pcm

REVERSIBLE = frozenset({"on", "no", "up", "off"})
"""Words that become words again when they are played backwards."""
BEEP_HZ = tuple(round(float(f)) for f in np.geomspace(100, 4000, 24))
BEEP_SECONDS = (0.1, 0.3)
BEEP_DBFS = tuple(range(-6, -37, -6))
_BEFORE, _AFTER = 0.5, 1.0
_RAMP = SAMPLE_RATE // 200
# The faint noise around a beep, in samples of int16: -70 dB of full scale.
_FLOOR = 10.0
_BLOCK = 256


@dataclass(frozen=True)
class Probe:
    """How often a model heard a word.

    Attributes:
        name: what was played.
        heard: how often one of its words was heard; of words in rooms, how often the right one.
        total: how often it was played.
        words: how often each word was heard, the most frequent first.
    """

    name: str
    heard: int
    total: int
    words: dict[str, int]

    @property
    def share(self) -> float | None:
        """Share, 0 to 1; None where nothing was played."""
        return self.heard / self.total if self.total else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**dataclasses.asdict(self), "share": self.share}


def beep(hertz: float, seconds: float, dbfs: float) -> Pcm:
    """A tone between faint noise, int16 [samples]: from half a second on, with ramps of 5 ms; ``dbfs`` is its peak."""
    rng = np.random.default_rng([int(hertz), round(seconds * 1000), round(-dbfs)])
    samples = round((_BEFORE + max(BEEP_SECONDS) + _AFTER) * SAMPLE_RATE)
    x = _FLOOR * rng.standard_normal(samples)
    length, first = round(seconds * SAMPLE_RATE), round(_BEFORE * SAMPLE_RATE)
    edge = np.minimum(1, np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)) / _RAMP)
    tone = np.sin(2 * np.pi * hertz / SAMPLE_RATE * np.arange(length))
    x[first : first + length] += 32767 * 10 ** (dbfs / 20) * edge * tone
    return audio.to_int16(x)


def run(
    model: Model, root: Path, split: str, engine: str = "c", responses: Sequence[Floats] = (), seed: int = 1
) -> list[Probe]:
    """Play what fools models, each from a reset.

    Beeps (100 to 4,000 Hz, 0.1 and 0.3 s, -6 to -36 dB of full scale) count where the model's decision reports a
    word. The clips of words count by the label that `kws.evaluation.clip.decision.clip_labels` gives: those to spot
    played backwards, without :data:`REVERSIBLE`; other words; and, where there are ``responses``, those to spot in
    rooms, of which the ones heard right count.

    Args:
        model: the model, with its metadata.
        root: the folder of word folders.
        split: whose clips; ``all`` for every one.
        engine: what runs the model.
        responses: room impulse responses, float32 [samples].
        seed: of the rooms' draw.

    Raises:
        KwsError: a bare network, an engine that is missing, or clips that cannot be read.
    """
    info = model.require_info()
    listed = [c for c in clip_lists.index(root, info.data) if split in (c.split, "all")]
    wanted = [c for c in listed if c.word in info.spoken]
    backwards = [c for c in wanted if c.word.lower() not in REVERSIBLE]
    others = [c for c in listed if c.word not in info.spoken and not c.word.startswith("_")]
    with create(engine, model) as running:
        found = [_beeps(running, info)]
        found.append(_clips("words played backwards", running, info, backwards, lambda x: x[:, ::-1].copy()))
        found.append(_clips("other words", running, info, others, lambda x: x))
        if responses:
            rng = np.random.default_rng(seed)

            def in_room(x: Pcm) -> Pcm:
                drawn = rng.integers(len(responses), size=len(x))
                heard = [reverberated(row.astype(np.float32), responses[i]) for row, i in zip(x, drawn, strict=True)]
                return audio.to_int16(np.stack([row[: x.shape[1]] for row in heard]))

            found.append(_in_rooms(running, info, wanted, in_room))
    return found


def _beeps(running: Engine, info: ModelInfo) -> Probe:
    beeps = [beep(f, s, level) for f in BEEP_HZ for s in BEEP_SECONDS for level in BEEP_DBFS]
    words: Counter[str] = Counter()
    heard = 0
    for i in range(0, len(beeps), _BLOCK):
        for rows in running.classify(np.stack(beeps[i : i + _BLOCK])):
            names = {info.names[d.label] for d in info.decision.twin(info.labels).process(rows)}
            words.update(names)
            heard += bool(names)
    return Probe("beeps", heard, len(beeps), dict(words.most_common()))


def _labelled(
    running: Engine, info: ModelInfo, clips: Sequence[Clip], change: Callable[[Pcm], Pcm]
) -> Iterator[tuple[Clip, str]]:
    noise = NoiseSource((), info.data.clip_samples, 1)
    for i in range(0, len(clips), _BLOCK):
        block = clips[i : i + _BLOCK]
        pcm = clip_lists.load([Example(0, c) for c in block], info.data, noise)[0]
        labels = clip_classes(running.classify(change(pcm)), info)
        yield from zip(block, (info.classes[label] for label in labels), strict=True)


def _clips(name: str, running: Engine, info: ModelInfo, clips: Sequence[Clip], change: Callable[[Pcm], Pcm]) -> Probe:
    heard = [label for _, label in _labelled(running, info, clips, change) if label in info.spoken]
    return Probe(name, len(heard), len(clips), dict(Counter(heard).most_common()))


def _in_rooms(running: Engine, info: ModelInfo, clips: Sequence[Clip], change: Callable[[Pcm], Pcm]) -> Probe:
    right = [clip.word for clip, label in _labelled(running, info, clips, change) if label == clip.word]
    return Probe("words in rooms, heard right", len(right), len(clips), dict(Counter(right).most_common()))
