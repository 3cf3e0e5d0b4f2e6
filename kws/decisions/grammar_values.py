"""A grammar as people write it, in milliseconds: ``[[phrases]]`` and ``[listening]`` of a configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kws import fields
from kws.decisions.detector import DetectorConfig
from kws.decisions.grammar import GREATEST_WINDOW, GREATEST_WITHIN, GrammarConfig
from kws.fields import number, require, require_ranges

GREATEST_MS, GREATEST_WINDOW_MS = 20_000.0, 200_000.0


@dataclass(frozen=True)
class PhraseText:
    """An entry of ``[[phrases]]``.

    Attributes:
        words: the words in order, with spaces between them.
        within_ms: longest time from one word's detection to the next one's, in milliseconds; up to 1000 frames.
        name: what is reported; empty for ``words``.
        thresholds: of each word within the phrase; empty for lowered ones, which ``kws tune --phrases`` replaces.
    """

    words: str = ""
    within_ms: float = number(1800.0, 0, GREATEST_MS, above=True)
    name: str = ""
    thresholds: tuple[float, ...] = number((), 0, 1, above=True)

    def __post_init__(self) -> None:
        require_ranges("phrases", self)

    def values(self, frames_in: Callable[[float], int]) -> dict[str, Any]:
        """As a grammar has it.

        Args:
            frames_in: milliseconds to frames.
        """
        return {
            "words": self.words.split(),
            "within_frames": max(1, min(frames_in(self.within_ms), GREATEST_WITHIN)),
            "name": self.name,
            "thresholds": list(self.thresholds),
        }


@dataclass(frozen=True)
class Listening:
    """The section ``[listening]``.

    Attributes:
        wake: the word or phrase after which others count; empty where the program opens the window.
        window_ms: how long they count, in milliseconds; up to 10,000 frames.
        report_words: whether single words are reported, or phrases and the wake word alone.
    """

    wake: str = ""
    window_ms: float = number(0.0, 0, GREATEST_WINDOW_MS)
    report_words: bool = True

    def __post_init__(self) -> None:
        require_ranges("listening", self)

    def values(self, frames_in: Callable[[float], int]) -> dict[str, Any]:
        """As a grammar has it.

        Args:
            frames_in: milliseconds to frames.
        """
        frames = min(frames_in(self.window_ms), GREATEST_WINDOW) if self.window_ms else 0
        return {"wake": self.wake, "window_frames": frames, "report_words": self.report_words}


def grammar_values(
    detector: Any, frames_in: Callable[[float], int], phrases: Any = (), listening: Any = None
) -> dict[str, Any]:
    """The plain values of a decision with phrases and a window.

    Args:
        detector: the section ``[detector]``.
        frames_in: milliseconds to frames.
        phrases: the entries of ``[[phrases]]``.
        listening: the section ``[listening]``.

    Raises:
        KwsError: one of them is not as it should be.
    """
    require(isinstance(detector, dict), f"detector must be a section, not {detector!r}")
    kind = detector.get("kind", DetectorConfig.kind)
    require(
        kind in (DetectorConfig.kind, GrammarConfig.kind),
        f"[[phrases]] and [listening] go with a detector, and detector.kind is {kind!r}",
    )
    require(
        isinstance(phrases, list | tuple) and all(isinstance(p, dict) for p in phrases),
        "phrases must be sections of their own: [[phrases]]",
    )
    require(listening is None or isinstance(listening, dict), f"listening must be a section, not {listening!r}")
    texts = [fields.read(PhraseText, p, f"phrases[{i}]") for i, p in enumerate(phrases)]
    window = fields.read(Listening, listening or {}, "listening").values(frames_in)
    return {
        **detector,
        "kind": GrammarConfig.kind,
        "phrases": [text.values(frames_in) for text in texts],
        **window,
    }
