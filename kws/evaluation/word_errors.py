"""Word error rate of what a model reports of word sequences, whatever its decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kws.decisions import CtcConfig, CtcLexiconConfig
from kws.engines import create
from kws.evaluation.sequences import Said, SequenceSettings, Voices, render
from kws.evaluation.stream.spec import CLEAN
from kws.fixedpoint.decisions.base import Detection
from kws.model.file import Model, ModelInfo
from kws.types import Int8, Int64, Progress

LONGEST = 5
SNRS = (CLEAN, 20.0, 10.0, 5.0)
_A_STREAM = 25
_ANY = 1 / 256
_DRAWS = 1000


@dataclass(frozen=True)
class WordErrors:
    """What became of sequences of one length, or of all.

    Attributes:
        length: words a sequence; 0 for all.
        counts: of each sequence: words said, substitutions, deletions, insertions.
        tokens: the same of the tokens that spell the words, read greedily; empty where the words are the labels.
    """

    length: int
    counts: tuple[tuple[int, int, int, int], ...]
    tokens: tuple[tuple[int, int, int, int], ...] = ()

    @property
    def rate(self) -> float:
        """Errors for each word said; may be above 1."""
        return error_rate(np.array(self.counts))

    @property
    def token_rate(self) -> float | None:
        """The same for each token; None where words are labels."""
        return error_rate(np.array(self.tokens)) if self.tokens else None

    @property
    def right(self) -> float:
        """Share of sequences without an error."""
        return float(np.mean([sum(c[1:]) == 0 for c in self.counts]))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the rate: percentiles of resampled sequences (Bisani and Ney 2004)."""
        return resampled(np.array(self.counts))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        said, *errors = (sum(c[i] for c in self.counts) for i in range(4))
        return {
            "length": self.length,
            "sequences": len(self.counts),
            "words": said,
            "word_error_rate": self.rate,
            "interval": list(self.interval),
            **({"token_error_rate": self.token_rate} if self.tokens else {}),
            "sequences_right": self.right,
            **dict(zip(("substitutions", "deletions", "insertions"), errors, strict=True)),
        }


def error_rate(counts: Int64) -> float:
    """Errors for each thing said, of int64 [n, 4]: said, substitutions, deletions, insertions."""
    return float(counts[:, 1:].sum() / counts[:, 0].sum())


def resampled(counts: Int64) -> tuple[float, float]:
    """The 95 % interval of :func:`error_rate`: percentiles of what rows drawn with replacement give."""
    rng = np.random.default_rng(1)
    drawn = [error_rate(counts[rng.integers(len(counts), size=len(counts))]) for _ in range(_DRAWS)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def read_greedily(posteriors: Int8, labels: Sequence[str]) -> list[Detection]:
    """The tokens of int8 posteriors [frames, labels] from a reset; the likeliest counts, however unlikely it is."""
    return CtcConfig(_ANY).twin(labels).process(posteriors)


def alignment(said: Sequence[str], heard: Sequence[str]) -> tuple[int, int, int]:
    """Substitutions, deletions and insertions of the alignment with the fewest errors (Levenshtein 1966)."""
    rows = [(j, 0, 0, j) for j in range(len(heard) + 1)]
    for i, word in enumerate(said, start=1):
        row = [(i, 0, i, 0)]
        for j, other in enumerate(heard, start=1):
            n, s, d, k = rows[j - 1]
            same = (n, s, d, k) if word == other else (n + 1, s + 1, d, k)
            n, s, d, k = rows[j]
            less = (n + 1, s, d + 1, k)
            n, s, d, k = row[j - 1]
            row.append(min(same, less, (n + 1, s, d, k + 1)))
        rows = row
    return rows[-1][1:]


def word_errors(
    model: Model, root: Path, sequences: int, *, engine: str = "c", seed: int = 1, progress: Progress | None = None
) -> list[WordErrors]:
    """Say sequences of one to five of a model's words and compare what it reports with what was said.

    Every sequence is said by one validation speaker if there is one who says all its words, with pauses of 0 to
    0.3 s, clean and at 20, 10 and 5 dB. A report belongs to the sequence that began last; phrases are left out.

    Args:
        model: the model.
        root: a data folder with clips of the words.
        sequences: how many of each length.
        engine: what runs the model.
        seed: of every draw.
        progress: called with (streams done, in total).

    Returns:
        The counts by length, then those of all; with those of tokens, where the model's labels spell its words.

    Raises:
        KwsError: a bare network, a word without clips, or an engine that is missing.
    """
    info = model.require_info()
    voices = Voices.of_split(root, info.data)
    rng = np.random.default_rng(seed)
    wanted = [rng.choice(info.spoken, length).tolist() for length in range(1, LONGEST + 1) for _ in range(sequences)]
    order = rng.permutation(len(wanted))
    counts: dict[int, list[tuple[int, int, int, int]]] = {length: [] for length in range(1, LONGEST + 1)}
    tokens: dict[int, list[tuple[int, int, int, int]]] = {length: [] for length in counts}
    spelled = spellings(info)
    streams = range(0, len(order), _A_STREAM)
    with create(engine, model) as running:
        for number, first in enumerate(streams):
            chosen = [wanted[i] for i in order[first : first + _A_STREAM]]
            pcm, said = render(voices, chosen, (seed, number), SequenceSettings(snr_db=SNRS))
            running.reset()
            output = running.process(pcm)
            words = [d for d in output.detections if info.names[d.label] in info.spoken]
            reports = [(info.samples(d.frame), info.names[d.label]) for d in words]
            for one, heard in zip(said, _shared(said, reports), strict=True):
                counts[len(one.words)].append((len(one.words), *alignment(one.words, heard)))
            if spelled:
                read = read_greedily(output.posteriors, info.labels)
                reports = [(info.samples(d.frame), info.labels[d.label]) for d in read]
                for one, heard in zip(said, _shared(said, reports), strict=True):
                    wanted_tokens = [token for word in one.words for token in spelled[word]]
                    tokens[len(one.words)].append((len(wanted_tokens), *alignment(wanted_tokens, heard)))
            if progress is not None:
                progress(number + 1, len(streams))
    results = [WordErrors(length, tuple(c), tuple(tokens[length])) for length, c in counts.items()]
    every = WordErrors(0, tuple(c for r in results for c in r.counts), tuple(c for r in results for c in r.tokens))
    return [*results, every]


def spellings(info: ModelInfo) -> dict[str, list[str]]:
    """The first spelling of each word; empty where words are labels."""
    if not isinstance(info.decision, CtcLexiconConfig):
        return {}
    return {word: tokens for word, *tokens in (line.split() for line in reversed(info.decision.words))}


def _shared(said: Sequence[Said], reports: Sequence[tuple[int, str]]) -> list[list[str]]:
    """The words reported from the start of each sequence on until the next one's."""
    starts = np.array([one.starts[0] for one in said])
    heard: list[list[str]] = [[] for _ in said]
    for time, word in reports:
        which = int(np.searchsorted(starts, time, side="right")) - 1
        heard[max(which, 0)].append(word)
    return heard
