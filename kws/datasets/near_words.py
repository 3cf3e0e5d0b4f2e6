"""Words that sound like others, by espeak-ng's phonemes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kws.datasets import espeak

_CONSONANTS = {
    sound: group
    for group, sounds in enumerate(("p b", "t d t#", "k g", "f v T D", "s z S Z tS dZ", "m n N", "l r r- w j", "h"))
    for sound in sounds.split()
}


def phoneme_distance(a: Sequence[str], b: Sequence[str]) -> float:
    """Edit distance of two pronunciations over the length of the longer, 0 to 1.

    Exchanging sounds of one kind (two vowels, p and b, s and z, ...) costs a half, every
    other edit 1 (Levenshtein with weighted exchanges).
    """
    row = [float(j) for j in range(len(b) + 1)]
    for i, x in enumerate(a, start=1):
        before, row[0] = row[0], float(i)
        for j, y in enumerate(b, start=1):
            exchange = 0.0 if x == y else 0.5 if _CONSONANTS.get(x) == _CONSONANTS.get(y) else 1.0
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + exchange)
    return row[-1] / max(len(a), len(b), 1)


def near_misses(words: Sequence[str], nearest: int = 6, spread: int = 16, seed: int = 1) -> list[str]:
    """Words that sound like ``words`` but are not, for the unknown label.

    The ``nearest`` for each word by `phoneme_distance`, from a built-in list of common English
    words without the words themselves and their homophones, then ``spread`` others at random.

    Returns:
        Distinct words, in alphabetical order.

    Raises:
        KwsError: espeak-ng is missing.
    """
    text = Path(__file__).with_name("words.txt").read_text(encoding="utf-8")
    common = [w for line in text.splitlines() if not line.startswith("#") for w in line.split()]
    sounds = espeak.phonemes([*words, *common])
    targets = sounds[: len(words)]
    spoken = {w.lower() for w in words}
    candidates = {
        w: s for w, s in zip(common, sounds[len(words) :], strict=True) if w not in spoken and s not in targets
    }
    chosen: set[str] = set()
    for target in targets:
        ranked = sorted(candidates, key=lambda w: (phoneme_distance(target, candidates[w]), w))
        chosen.update(ranked[:nearest])
    rest = [w for w in candidates if w not in chosen]
    chosen.update(np.random.default_rng(seed).permutation(rest)[:spread].tolist())
    return sorted(chosen)
