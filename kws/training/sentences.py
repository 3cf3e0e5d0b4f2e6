"""Which transcribed sentences a training learns from, and the tokens that spell them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from kws import audio
from kws.config import SAMPLE_RATE, Experiment
from kws.datasets import roles, transcribed, transcripts
from kws.datasets.transcribed import Transcribed
from kws.errors import KwsError
from kws.training.phones import with_phones
from kws.training.rows import row_frames

TOO_LONG = "longer than a row"
TOO_DENSE = "too short for their tokens"
NOT_IN_ALPHABET = "with tokens that are not in data.alphabet"
UNSPEAKABLE = "with a word that espeak-ng says nothing of"

# Of a recording that is cut into sentences, what is left between them is no other speech.
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Sentence:
    """A stretch of a recording and the tokens said in it, in order."""

    stretch: Transcribed
    tokens: tuple[str, ...]

    @property
    def fewest(self) -> int:
        """Frames that it takes at least: one a token, and a blank between two that are the same."""
        return fewest_frames(self.tokens)


@dataclass(frozen=True)
class Sentences:
    """What a training hears of sentences.

    Attributes:
        chosen: those it learns from, in order.
        alphabet: all tokens that its network names, those of the words among them, sorted.
        left_out: how many others there are, by the reason.
        readable: all stretches whose words are known, those among them that fit no row.
    """

    chosen: tuple[Sentence, ...]
    alphabet: tuple[str, ...]
    left_out: dict[str, int]
    readable: tuple[Transcribed, ...]

    @property
    def hours(self) -> float:
        """Of the sentences as recorded."""
        return sum(s.stretch.end - s.stretch.start for s in self.chosen) / SAMPLE_RATE / 3600

    def settled(self, experiment: Experiment) -> Experiment:
        """The experiment with the alphabet, so that its run and its model know what the network names."""
        return replace(experiment, data=replace(experiment.data, alphabet=self.alphabet))

    def without(self, recordings: Sequence[roles.Recording]) -> list[roles.Recording]:
        """Recordings to take negatives from: what is spelled is not what no letter may be named in.

        Those of which nothing but pauses is left are dropped.
        """
        spelled: dict[Path, list[tuple[float, float]]] = {}
        for s in self.readable:
            spelled.setdefault(s.recording.path, []).append((s.start / SAMPLE_RATE, s.end / SAMPLE_RATE))
        out = []
        for r in recordings:
            if r.path in spelled:
                marked = replace(r, said=tuple(sorted((*r.said, *spelled[r.path]))))
                if _longest(marked) >= _PAUSE_SECONDS:
                    out.append(marked)
            else:
                out.append(r)
        return out


def fewest_frames(tokens: Sequence[str]) -> int:
    """Frames that any alignment of tokens takes: one each, and a blank between two that are the same."""
    return len(tokens) + sum(a == b for a, b in pairwise(tokens))


def find(experiment: Experiment, folders: Sequence[Path]) -> Sentences:
    """The transcribed sentences of the folders that fit the rows of a training.

    A sentence is spelled word by word, without a token for the boundary between words. A word to spot is spelled as the
    configuration has it; other words by their letters, without the apostrophe unless a word to spot has one, or by the
    phones that espeak-ng gives the word alone.

    Args:
        experiment: the settings, with ``training.sentences``.
        folders: of other speech.

    Raises:
        KwsError: no sentence is left; the words to spot are spelled by other phones than those of espeak-ng, which is
            missing, perhaps; or as for `kws.datasets.transcribed.stretches`.
    """
    experiment = with_phones(experiment)
    data = experiment.data
    left_out: Counter[str] = Counter()
    readable: list[Transcribed] = []
    for folder in folders:
        found, others = transcribed.stretches(folder, data)
        readable += found
        left_out += others
    own = dict(zip(data.words, data.spelled, strict=True))
    dictionary = transcribed.dictionary(data.tokens, own, readable)
    longest = row_frames(experiment)
    tokens = {token for word in data.spelled for token in word}
    known = tokens.union(data.alphabet) if data.alphabet else set()
    chosen = []
    for stretch in readable:
        spelled = transcribed.spelled(stretch, dictionary)
        sentence = Sentence(stretch, spelled)
        frames = experiment.frontend.frames(stretch.end - stretch.start)
        if not spelled:
            left_out[UNSPEAKABLE] += 1
        elif frames > longest:
            left_out[TOO_LONG] += 1
        elif frames < sentence.fewest:
            left_out[TOO_DENSE] += 1
        elif known and not known.issuperset(sentence.tokens):
            left_out[NOT_IN_ALPHABET] += 1
        else:
            chosen.append(sentence)
    if not chosen:
        raise KwsError(_nothing(experiment, left_out, longest))
    alphabet = tuple(sorted(tokens.union(known, *(s.tokens for s in chosen))))
    return Sentences(tuple(chosen), alphabet, dict(sorted(left_out.items())), tuple(readable))


def _longest(recording: roles.Recording) -> float:
    """Seconds of the longest part of a recording that is no word to spot and not spelled."""
    samples = round(audio.info(recording.path).seconds * SAMPLE_RATE)
    return max((last - first for first, last in roles.usable(recording, samples)), default=0) / SAMPLE_RATE


def _nothing(experiment: Experiment, left_out: Counter[str], longest: int) -> str:
    if not left_out:
        return (
            "training.sentences learns from transcribed sentences, and no folder of other speech has a"
            f" {transcripts.NAME} that names one for training; give such a folder (`kws train --speech`), or"
            " leave the setting out"
        )
    seconds = longest * experiment.frontend.hop / SAMPLE_RATE
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
    return (
        f"training.sentences finds no sentence to learn from: {counts}; a row is {seconds:.1f} s long, raise"
        " training.words_a_row or training.gap_ms if that is too short"
    )
