"""Token error rate of what a model that spells hears in transcribed sentences."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets import transcribed
from kws.datasets.splits import VALIDATION
from kws.datasets.transcribed import Transcribed
from kws.engines import create
from kws.evaluation.word_errors import alignment, error_rate, read_greedily, resampled, spellings
from kws.model.file import Model, ModelInfo
from kws.spelling import WORDS
from kws.types import Int64, Progress

NOT_NAMED = "with tokens that the model does not name"

# What a network names late still belongs to the sentence.
_AFTER = SAMPLE_RATE // 2


@dataclass(frozen=True)
class SentenceErrors:
    """What became of transcribed sentences, each heard from a reset, its tokens read greedily.

    Attributes:
        counts: of each sentence: tokens said, substitutions, deletions, insertions.
        recordings: which recording each is in, by number.
        left_out: how many sentences could not be judged, by the reason.
    """

    counts: tuple[tuple[int, int, int, int], ...]
    recordings: tuple[int, ...]
    left_out: dict[str, int]

    @property
    def rate(self) -> float:
        """Errors for each token said; may be above 1."""
        return error_rate(self._by_recording)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the rate: percentiles of resampled recordings, since one speaker's go together."""
        return resampled(self._by_recording)

    @property
    def total(self) -> tuple[int, int, int, int]:
        """The counts of all sentences."""
        said, replaced, deleted, inserted = (int(n) for n in self._by_recording.sum(axis=0))
        return said, replaced, deleted, inserted

    @property
    def _by_recording(self) -> Int64:
        sums = np.zeros((max(self.recordings) + 1, 4), np.int64)
        np.add.at(sums, list(self.recordings), np.array(self.counts))
        return sums

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "sentences": len(self.counts),
            "recordings": len(set(self.recordings)),
            "token_error_rate": self.rate,
            "interval": list(self.interval),
            **dict(zip(("tokens", "substitutions", "deletions", "insertions"), self.total, strict=True)),
            "left_out": self.left_out,
        }


def sentence_errors(
    model: Model,
    folders: Sequence[Path],
    *,
    engine: str = "c",
    progress: Progress | None = None,
) -> SentenceErrors | None:
    """Compare what a model spells of transcribed sentences with what is said.

    Args:
        model: the model.
        folders: of other speech, with transcripts; sentences of the validation split count.
        engine: what runs the model.
        progress: called with (sentences done, in total).

    Returns:
        The counts; None where the model does not spell, or none of the sentences can be spelled by its labels.

    Raises:
        KwsError: a bare network, an engine that is missing, or a folder that cannot be read.
    """
    info = model.require_info()
    tokens = _tokens(info)
    if tokens == WORDS:
        return None
    left_out: Counter[str] = Counter()
    found: list[Transcribed] = []
    for folder in folders:
        readable, others = transcribed.stretches(folder, info.data, VALIDATION)
        found += readable
        left_out += others
    by_word = transcribed.dictionary(tokens, spellings(info), found)
    wanted = [(s, transcribed.spelled(s, by_word)) for s in found]
    named = set(info.words)
    chosen = [(s, said) for s, said in wanted if said and named.issuperset(said)]
    left_out[NOT_NAMED] = len(wanted) - len(chosen)
    if not chosen:
        return None
    counts, recordings = [], []
    with create(engine, model) as running:
        groups = itertools.groupby(chosen, key=lambda one: one[0].recording.path)
        for number, (path, group) in enumerate(groups):
            pcm = audio.read(path)
            for stretch, said in group:
                running.reset()
                heard = np.concatenate([pcm[stretch.start : stretch.end], np.zeros(_AFTER, np.int16)])
                posteriors = running.process(heard).posteriors
                read = [info.labels[d.label] for d in read_greedily(posteriors, info.labels)]
                counts.append((len(said), *alignment(said, read)))
                recordings.append(number)
                if progress is not None:
                    progress(len(counts), len(chosen))
    return SentenceErrors(tuple(counts), tuple(recordings), {k: n for k, n in sorted(left_out.items()) if n})


def _tokens(info: ModelInfo) -> str:
    """What the labels are, as the model's provenance says it: words, or the characters or phones that spell them."""
    settings = info.provenance.get("settings", {})
    data = settings.get("data", {}) if isinstance(settings, dict) else {}
    return str(data.get("tokens", WORDS)) if isinstance(data, dict) else WORDS
