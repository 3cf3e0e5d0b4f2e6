"""Decision ``ctc_lexicon``: its settings, and how NumPy and C get them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.constants import Array, Constants
from kws.decisions.base import first_word
from kws.decisions.ctc_lexicon_script import ctc_lexicon_script
from kws.decisions.detector import threshold_sum
from kws.decisions.script import Script
from kws.decisions.transcription import TranscriptionConfig
from kws.fields import number, require
from kws.fixedpoint.decisions.ctc_beam import LOGS, UNIT
from kws.fixedpoint.decisions.ctc_lexicon import CtcLexicon, LexiconParameters
from kws.text import is_text

_MOST_LABELS, _MOST_WORDS, _MOST_TOKENS = 255, 254, 64


@dataclass(frozen=True)
class CtcLexiconConfig(TranscriptionConfig):
    """Words out of the tokens of a network trained with ``loss = "ctc"`` (docs/SPEC.md, "Lexicon").

    Attributes:
        threshold: how likely the tokens of a word must be, over the likeliest ones of its frames, 0 to 1.
        other_nats: greatest cost of a frame outside words, in nats: the more, the more readily words are heard.
        patience_frames: frames that a word waits before it is reported, for a longer one or one that fits better.
        words: each word and its tokens, with spaces between, such as ``"yes y e s"``; a word may have several such
            lines. Empty in a configuration for the data's.
    """

    kind: ClassVar[str] = "ctc_lexicon"

    threshold: float = number(0.02, 0, 1, above=True)
    other_nats: float = number(1.0, 0, 6, above=True)
    patience_frames: int = number(6, 1, 1000)
    words: tuple[str, ...] = ()

    def check(self, labels: Sequence[str]) -> None:
        """Refuse labels without a blank, and words that they don't spell.

        Raises:
            KwsError: the first label is a word; too many labels; no words or too many; one without tokens, with too
                many, or with others than the labels.
        """
        super().check(labels)
        require(len(labels) <= _MOST_LABELS, f"a decision of kind ctc_lexicon takes at most {_MOST_LABELS} labels")
        require(
            0 < len(self.words) <= _MOST_WORDS,
            f"a decision of kind ctc_lexicon needs 1 to {_MOST_WORDS} detector.words, not {len(self.words)}",
        )
        known = labels[first_word(labels) :]
        for line in self.words:
            name, *tokens = line.split() or [""]
            odd = [token for token in tokens if token not in known]
            require(not odd, f"detector.words: {name!r} has {odd[0] if odd else ''!r}, which is no token")
            require(
                0 < len(tokens) <= _MOST_TOKENS and is_text(name) and not name.startswith("_"),
                f"detector.words: {line!a} is no word with 1 to {_MOST_TOKENS} tokens",
            )

    def names(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The labels, then the words."""
        return (*labels, *self.lexicon())

    def lexicon(self) -> tuple[str, ...]:
        """The words, each once."""
        return tuple(dict.fromkeys(line.split()[0] for line in self.words))

    def spelled(self, words: Sequence[str], spellings: Sequence[Sequence[str]]) -> CtcLexiconConfig:
        """With these words, if there are none."""
        lines = tuple(" ".join([word, *tokens]) for word, tokens in zip(words, spellings, strict=True))
        return self if self.words else dataclasses.replace(self, words=lines)

    def parameters(self, labels: Sequence[str]) -> LexiconParameters:
        """The decision in integers.

        Raises:
            KwsError: as :meth:`check`.
        """
        self.check(labels)
        lines = [line.split() for line in self.words]
        first = first_word(labels)
        names = self.lexicon()
        return LexiconParameters(
            len(labels),
            first,
            -LOGS[threshold_sum(self.threshold, 1)],
            max(1, round(UNIT * self.other_nats)),
            self.patience_frames,
            tuple(tuple(labels.index(token, first) for token in tokens) for _, *tokens in lines),
            tuple(len(labels) + names.index(name) for name, *_ in lines),
        )

    def twin(self, labels: Sequence[str]) -> CtcLexicon:
        """The decision in NumPy, of one stream.

        Raises:
            KwsError: as :meth:`check`.
        """
        return CtcLexicon(self.parameters(labels))

    def script(self, labels: Sequence[str]) -> Script:
        """Posteriors that spell words, and that nearly do.

        Raises:
            KwsError: as :meth:`check`.
        """
        return ctc_lexicon_script(self.parameters(labels))

    def constants(self, labels: Sequence[str]) -> Constants:
        """The decision in C.

        Raises:
            KwsError: as :meth:`check`.
        """
        p = self.parameters(labels)
        tokens = np.array([token for word in p.words for token in word], np.uint8)
        lengths = np.array([len(word) for word in p.words], np.uint8)
        return Constants(
            macros={"LEXICON_WORDS": len(p.words), "LEXICON_TOKENS": len(tokens)},
            memory="KWS_CTC_LEXICON_BYTES(KWS_MODEL_LEXICON_WORDS, KWS_MODEL_LEXICON_TOKENS)",
            arrays=(
                Array("int8_t", "logs", np.array(LOGS, np.int8), "256u"),
                Array("uint8_t", "tokens", tokens, "KWS_MODEL_LEXICON_TOKENS"),
                Array("uint8_t", "lengths", lengths, "KWS_MODEL_LEXICON_WORDS"),
                Array("uint16_t", "reports", np.array(p.reports, np.uint16), "KWS_MODEL_LEXICON_WORDS"),
            ),
            members={
                "labels": "KWS_MODEL_LABELS",
                "patience": p.patience,
                "words": "KWS_MODEL_LEXICON_WORDS",
                "first_word": p.first_word,
                "limit": p.limit,
                "other": p.other,
            },
        )
