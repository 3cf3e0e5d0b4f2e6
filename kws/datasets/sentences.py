"""Text for synthetic voices: sentences without the words to spot, and phrases of words that sound like them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kws.errors import KwsError
from kws.files import read_file

BUILT_IN = Path(__file__).with_name("sentences.txt")
# Frequent in speech, and heard as commands by models that were trained on single words.
FREQUENT = ("that's", "just", "is", "this", "it's", "know", "now", "over", "all", "of", "so", "how")
_LEADS = ("it was", "they were", "we said", "I think", "she has", "he had", "and then", "you see", "for me", "maybe")
_TAILS = ("I think", "you see", "and then", "because", "for me", "it seems", "again", "of course", "he said", "at last")
_MOST_LETTERS = 130
# "2 lamps" says "two", whatever else figures may be read as.
_NUMBERS = frozenset(
    (
        *("zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
        *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
        *("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand", "million"),
        *("and", "point", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
        *("tenth", "half", "quarter"),
    )
)
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[\"'“‘(]*[^\W\d_a-z])")


def tokens(text: str) -> list[str]:
    """The words of a text in lower case, apostrophes within them kept, hyphens between them not."""
    return _TOKEN.findall(text.lower().replace("’", "'"))


def says(text: str, word: str) -> bool:
    """Whether ``word`` (or phrase) is said in ``text``: its words in a row, "no's" and "no" alike.

    Other forms are other words: "stopped" does not say "stop", nor does "know" say "no". Figures may be read as any
    number, so that "2 lamps" says "two", and "three", too.
    """
    wanted, said = tokens(word), tokens(text)
    if not _NUMBERS.isdisjoint(wanted) and any(c.isdigit() for c in text):
        return True
    plain = [t.partition("'")[0] for t in said]
    spans = [said[i : i + len(wanted)] for i in range(len(said) - len(wanted) + 1)]
    spans += [plain[i : i + len(wanted)] for i in range(len(plain) - len(wanted) + 1)]
    return wanted in spans if wanted else False


def without(texts: Sequence[str], words: Sequence[str]) -> list[str]:
    """The texts in which none of the words is said (`says`)."""
    return [text for text in texts if not any(says(text, word) for word in words)]


def read(path: str | Path = BUILT_IN) -> list[str]:
    """Sentences of 2 to 130 letters and spaces from a text file, each once, in the order of the file.

    A text with empty lines is running text: its paragraphs are cut after ``.``, ``!`` and ``?``.
    Without empty lines, each line is a sentence, or, where it is longer, sentences that are cut likewise. Lines that
    start with ``#`` are left out.

    Raises:
        KwsError: the file cannot be read or holds no sentence.
    """
    try:
        text = read_file(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise KwsError(f"cannot read {path}: {error}; give a text file in UTF-8") from error
    lines = [line.strip() for line in text.strip().splitlines() if not line.startswith("#")]
    while lines and not lines[0]:
        lines.pop(0)
    if "" in lines:
        paragraphs = " ".join(line or "\n" for line in lines).split("\n")
        lines = [s for p in paragraphs for s in _cut(p)]
    else:
        lines = [s for line in lines for s in (_cut(line) if len(line) > _MOST_LETTERS else [line])]
    found = dict.fromkeys(s for s in lines if 2 <= len(s) <= _MOST_LETTERS and tokens(s))
    if not found:
        raise KwsError(f"{path} holds no sentence of 2 to {_MOST_LETTERS} letters; give running text")
    return list(found)


def _cut(text: str) -> list[str]:
    return [s.strip() for s in _END.split(" ".join(text.split()))]


def phrase(near: Sequence[str], words: Sequence[str], rng: np.random.Generator) -> str:
    """Draw a short phrase of words that sound like ``words``, and of frequent ones, that says none of ``words``.

    Args:
        near: words that sound similar; they are also said alone.
        words: the words to spot.
        rng: of the draw.

    Raises:
        KwsError: nothing is left to say without ``words``.
    """
    frequent = without(FREQUENT, words)
    near = without(near, words)
    leads, tails = without(_LEADS, words), without(_TAILS, words)
    if not (frequent or near) or not leads or not tails:
        raise KwsError("every built-in phrase says a word to spot; leave the phrases out")

    def draw(*among: Sequence[str]) -> str:
        filled = [a for a in among if a]
        return str(rng.choice(filled[int(rng.integers(len(filled)))]))

    a, b = draw(near, frequent), draw(near, frequent)
    lead, tail = draw(leads), draw(tails)
    patterns = (f"{a} {b}, {tail}", f"{lead} {a} {b}", f"{lead} {a}, {tail}", f"{a} and {b}", draw(near or frequent))
    # One word alone is the exception: homophones of commands are told apart by what is around them.
    text = patterns[int(rng.choice(len(patterns), p=(0.27, 0.27, 0.2, 0.16, 0.1)))]
    text = text[0].upper() + text[1:] + str(rng.choice([".", ".", ".", "?"]))
    return text if without([text], words) else phrase(near, words, rng)


def stream(
    texts: Sequence[str], near: Sequence[str], words: Sequence[str], share: float, seed: Sequence[int]
) -> Iterator[str]:
    """An endless order of what to say; every sentence comes once before any comes again.

    Args:
        texts: sentences that say none of ``words``.
        near: see `phrase`.
        words: the words to spot.
        share: of phrases, 0 to 1.
        seed: of every draw.
    """
    rng = np.random.default_rng(seed)
    while True:
        for i in rng.permutation(len(texts)):
            while rng.random() < share:
                yield phrase(near, words, rng)
            yield texts[i]
