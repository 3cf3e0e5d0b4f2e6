"""Decision ``grammar``: its settings, and how NumPy and C get them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.constants import Array, Constants
from kws.decisions.base import DecisionConfig, first_word
from kws.decisions.detector import GREATEST_AVERAGE, GREATEST_COOLDOWN, DetectorConfig, threshold_sum
from kws.decisions.grammar_script import grammar_script
from kws.decisions.script import Script
from kws.errors import KwsError
from kws.fields import number, require, require_ranges
from kws.fixedpoint.decisions.grammar import Grammar, GrammarParameters, PhraseParameters
from kws.text import is_text

GREATEST_WITHIN, GREATEST_WINDOW = 1000, 10_000
MOST_PHRASES, MOST_WORDS = 64, 8
LOWERED = 0.6
"""What the thresholds of a phrase's further words are multiplied by, unless they are given."""


@dataclass(frozen=True)
class Phrase:
    """Words in order.

    Attributes:
        words: 2 to 8 labels that are words; one may come more than once.
        within_frames: frames after a word's rise to its threshold in which the next one's counts, 1 to 1000.
        name: what is reported; empty for the words with spaces between them.
        thresholds: of each word, in order, while it counts as a part of this phrase; empty for the first
            word's own and :data:`LOWERED` times those of the others.
    """

    words: tuple[str, ...]
    within_frames: int = number(90, 1, GREATEST_WITHIN)
    name: str = ""
    thresholds: tuple[float, ...] = number((), 0, 1, above=True)

    def __post_init__(self) -> None:
        require_ranges("phrases", self)
        require(
            2 <= len(self.words) <= MOST_WORDS,
            f"a phrase has 2 to {MOST_WORDS} words, not {len(self.words)}: {' '.join(self.words)!r}",
        )
        require(
            len(self.thresholds) in (0, len(self.words)),
            f"the phrase {self.title!r} needs {len(self.words)} thresholds, one a word, or none,"
            f" not {len(self.thresholds)}",
        )
        require(
            is_text(self.title) and self.title.strip() != "" and not self.title.startswith("_"),
            f"a phrase cannot be called {self.title!a}",
        )

    @property
    def title(self) -> str:
        """What is reported."""
        return self.name or " ".join(self.words)


@dataclass(frozen=True)
class GrammarConfig(DecisionConfig):
    """A detector, phrases of its words and a listening window (docs/SPEC.md, "Grammar").

    Attributes:
        average_frames: the detector's, as are the next three.
        threshold: smoothed posterior at and above which a word is detected, 0 to 1.
        cooldown_frames: frames after a detection in which no word is.
        word_thresholds: a threshold for each word, in label order; empty where all words have ``threshold``.
        phrases: at most 64; of those complete in one frame the first is reported.
        report_words: whether words are reported outside phrases.
        wake: the word or phrase that opens the window; empty where a program opens it.
        window_frames: frames for which the window is open, 0 to 10,000; 0 for no window.
    """

    kind: ClassVar[str] = "grammar"

    average_frames: int = number(10, 1, GREATEST_AVERAGE)
    threshold: float = number(0.7, 0, 1, above=True)
    cooldown_frames: int = number(35, 0, GREATEST_COOLDOWN)
    word_thresholds: tuple[float, ...] = number((), 0, 1, above=True)
    phrases: tuple[Phrase, ...] = ()
    report_words: bool = True
    wake: str = ""
    window_frames: int = number(0, 0, GREATEST_WINDOW)

    def __post_init__(self) -> None:
        require_ranges("detector", self)
        require(len(self.phrases) <= MOST_PHRASES, f"there may be {MOST_PHRASES} phrases, not {len(self.phrases)}")
        require(not self.wake or self.window_frames > 0, f"the wake word {self.wake!r} needs a window_frames above 0")
        require(
            bool(self.phrases) or self.window_frames > 0,
            "a grammar needs phrases or a listening window; without either the decision is a detector",
        )

    @classmethod
    def of(cls, decision: DecisionConfig) -> GrammarConfig | None:
        """The decision itself if it is a grammar."""
        return decision if isinstance(decision, cls) else None

    @property
    def detector(self) -> DetectorConfig:
        """The settings of the detector in it."""
        return DetectorConfig(self.average_frames, self.threshold, self.cooldown_frames, self.word_thresholds)

    def words_alone(self) -> DetectorConfig:
        """The detector in it."""
        return self.detector

    def with_words(self, words: DecisionConfig) -> GrammarConfig:
        """With another detector in it."""
        return dataclasses.replace(self, **dataclasses.asdict(words))  # type: ignore[call-overload]

    @property
    def full_score(self) -> int:
        """The sum of ``average_frames`` posteriors that each stand for a probability of 1."""
        return self.detector.full_score

    def names(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The labels, then the names of the phrases."""
        return (*labels, *(phrase.title for phrase in self.phrases))

    def check(self, labels: Sequence[str]) -> None:
        """Refuse labels that the settings don't fit.

        Raises:
            KwsError: a phrase or the wake word is of words that are no labels, a name stands twice, a phrase is
                complete only where one before it is, or ``word_thresholds`` are given for another number of words.
        """
        self.detector.check(labels)
        words = labels[first_word(labels) :]
        for phrase in self.phrases:
            unknown = [word for word in phrase.words if word not in words]
            require(not unknown, f"the phrase {phrase.title!r} has words that the model does not hear: {unknown}")
        names = self.names(labels)
        twice = sorted({name for name in names[len(labels) :] if names.count(name) > 1})
        require(not twice, f"two phrases, or a phrase and a word, are called {', '.join(map(repr, twice))}")
        self._require_reportable(self._own(labels))
        reported = names[first_word(labels) :]
        require(
            not self.wake or self.wake in reported,
            f"the wake word {self.wake!r} is none of {', '.join(reported)}",
        )

    def _own(self, labels: Sequence[str]) -> dict[str, float]:
        """The threshold of each word alone."""
        words = labels[first_word(labels) :]
        return dict(zip(words, self.detector.thresholds(len(words)), strict=True))

    def _require_reportable(self, own: dict[str, float]) -> None:
        """Refuse a phrase of the words of one before it, which alone is reported of the two."""
        for i, phrase in enumerate(self.phrases):
            for before in self.phrases[:i]:
                # One that waits longer is reported where the one before it no longer waits.
                same = before.words == phrase.words and thresholds_of(before, own) == thresholds_of(phrase, own)
                require(
                    not same or phrase.within_frames > before.within_frames,
                    f"the phrases {before.title!r} and {phrase.title!r} are the same words, so that the second would"
                    " never be reported; leave one out, or let the second have a longer within_ms",
                )

    def parameters(self, labels: Sequence[str]) -> GrammarParameters:
        """The grammar in integers.

        Raises:
            KwsError: as :meth:`check`.
        """
        self.check(labels)
        own = self._own(labels)
        phrases = tuple(
            PhraseParameters(
                tuple(labels.index(word) for word in phrase.words),
                tuple(threshold_sum(t, self.average_frames) for t in thresholds_of(phrase, own)),
                phrase.within_frames,
            )
            for phrase in self.phrases
        )
        wake = self.names(labels).index(self.wake) if self.wake else -1
        return GrammarParameters(self.detector.parameters(labels), phrases, self.report_words, wake, self.window_frames)

    def twin(self, labels: Sequence[str]) -> Grammar:
        """The grammar in NumPy, of one stream.

        Raises:
            KwsError: as :meth:`check`.
        """
        return Grammar(self.parameters(labels))

    def script(self, labels: Sequence[str]) -> Script:
        """Posteriors around the thresholds of the words and phrases.

        Raises:
            KwsError: as :meth:`check`.
        """
        return grammar_script(self.parameters(labels))

    def constants(self, labels: Sequence[str]) -> Constants:
        """The grammar in C.

        Raises:
            KwsError: as :meth:`check`.
        """
        p = self.parameters(labels)
        words = self.detector.constants(labels)
        # C has no arrays without elements; what is not there is never read.
        places = [(word, least) for one in p.phrases for word, least in zip(one.words, one.threshold_sums, strict=True)]
        count, phrases = max(len(places), 1), max(len(p.phrases), 1)
        table = np.array(places or [(0, 0)], np.uint16)
        each = np.array([(one.within, len(one.words)) for one in p.phrases] or [(0, 0)], np.uint16)
        return Constants(
            macros={
                **words.macros,
                "PHRASES": len(p.phrases),
                "PHRASE_PLACES": len(places),
                "LISTENING_FRAMES": p.window,
            },
            memory="KWS_GRAMMAR_BYTES(KWS_MODEL_LABELS, KWS_MODEL_AVERAGE_FRAMES, KWS_MODEL_PHRASE_PLACES)",
            arrays=(
                *words.arrays,
                Array("uint16_t", "place_labels", table[:, 0], f"{count}u"),
                Array("uint16_t", "place_sums", table[:, 1], f"{count}u"),
                Array("uint16_t", "within", each[:, 0], f"{phrases}u"),
                Array("uint8_t", "lengths", each[:, 1].astype(np.uint8), f"{phrases}u"),
            ),
            members={
                **words.members,
                "report_words": int(p.report_words),
                "phrases": "KWS_MODEL_PHRASES",
                "window": "KWS_MODEL_LISTENING_FRAMES",
                "wake": p.wake,
            },
        )


def thresholds_of(phrase: Phrase, own: dict[str, float]) -> tuple[float, ...]:
    """The threshold of each word of a phrase, from the words' own where it has none."""
    lowered = (own[phrase.words[0]], *(round(LOWERED * own[word], 4) for word in phrase.words[1:]))
    return phrase.thresholds or lowered


def require_grammar(config: DecisionConfig) -> GrammarConfig:
    """``config``, for what works with phrases only.

    Raises:
        KwsError: it is of another kind.
    """
    if not isinstance(config, GrammarConfig) or not config.phrases:
        raise KwsError('the model has no phrases; add some with `kws phrases MODEL --add "..."`')
    return config
