"""Transcribed stretches of other speech that a network may learn to spell: English, written out, for training."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.config import SAMPLE_RATE, DataConfig
from kws.datasets import espeak, roles, sentences, transcripts
from kws.datasets.splits import TRAINING
from kws.datasets.transcripts import Stretch
from kws.errors import KwsError
from kws.spelling import CHARACTERS

NOT_TRANSCRIBED = "not transcribed"
NOTHING_SAID = "without a word"
UNSPELLED = "with digits or letters that no English word is written with"
FOREIGN = "in another language"
CUT_OUT = "cut out of a sentence by kws mine"

# Words that a text of the language can hardly do without, and that are none of another's. Of those that English shares
# ("die", "on", "me") none is here: a list of English words, said one by one, would be taken for German.
_ENGLISH = frozenset(
    sentences.tokens("the and of to that is was he it his you for with as this have from they she had are not")
)
_OTHERS = frozenset(
    sentences.tokens(
        "der und das nicht ist mit von ein eine auf sich zu im ich sie wird werden het een dat niet zijn aan wordt"
        " voor ik je naar bij deze el los del que una su usted le les des est pas vous dans une qui vos votre sont"
        " il di che non della sono nel alla premere uma mais foi och att som jag inte det av og jeg"
    )
)
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
_APOSTROPHE = "'"
# What else a written sentence may hold without anybody saying it.
_SILENT = re.compile(r"[\s.,;:!?\"'“”‘()\[\]…–—-]*")


@dataclass(frozen=True)
class Transcribed:
    """A stretch of a recording, and what is said in it.

    Attributes:
        recording: of the split that was asked for.
        start: first sample of the stretch.
        end: the sample behind its last.
        words: in lower case, letters a to z and apostrophes within; at least one.
    """

    recording: roles.Recording
    start: int
    end: int
    words: tuple[str, ...]


def stretches(folder: Path, data: DataConfig, split: str = TRAINING) -> tuple[list[Transcribed], Counter[str]]:
    """What of a folder of other speech can be learned from, in order of the recordings and of time.

    Only stretches of recordings of the split count, synthetic ones among those of training; that a word to spot is said
    does not matter. A recording is of another language if more of its words are such as English lacks than such as
    only English has. A recording that the table names and the folder lacks is passed over, as it is where other
    speech is a negative.

    Args:
        folder: of other speech, as `kws.datasets.roles.speech` takes it.
        data: which decides the splits.
        split: ``training``, ``validation`` or ``testing``.

    Returns:
        The stretches, none where there is no table; and how many others there are, by the reason why they are left
        out.

    Raises:
        KwsError: as for `kws.datasets.roles.speech`.
    """
    recordings = {r.name: r for r in roles.speech(folder, data) if r.split == split}
    left_out: Counter[str] = Counter()
    if not (folder / transcripts.NAME).exists():
        return [], left_out
    rows = [s for s in transcripts.read(folder) if s.file in recordings]
    if (folder.resolve().parent / transcripts.MINED).exists():
        return [], Counter({CUT_OUT: len(rows)} if rows else {})
    foreign = _foreign(s for s in rows if _transcribed(s))
    found = []
    for s in rows:
        words = _words(s.text)
        if not _transcribed(s):
            left_out[NOT_TRANSCRIBED] += 1
        elif s.file in foreign:
            left_out[FOREIGN] += 1
        elif words is None:
            left_out[UNSPELLED] += 1
        elif not words:
            left_out[NOTHING_SAID] += 1
        else:
            start, end = (round(t * SAMPLE_RATE) for t in (s.start, s.end))
            found.append(Transcribed(recordings[s.file], start, end, words))
    return sorted(found, key=lambda s: (s.recording.name, s.start, s.end)), left_out


def dictionary(
    tokens: str, own: Mapping[str, Sequence[str]], found: Iterable[Transcribed]
) -> dict[str, tuple[str, ...]]:
    """The tokens of every word that is said.

    Args:
        tokens: ``characters`` or ``phones``.
        own: words to spot, and how these are spelled. Of other words the letters, without the apostrophe unless one of
            these has one, or the phones that espeak-ng gives the word alone.
        found: what is said.

    Returns:
        By word in lower case; nothing of a word of which espeak-ng says nothing.

    Raises:
        KwsError: the words to spot are spelled by other phones than those of espeak-ng, which is missing, perhaps.
    """
    spotted = {word.lower(): tuple(said) for word, said in own.items()}
    said = sorted({word for stretch in found for word in stretch.words})
    if tokens == CHARACTERS:
        kept = any(_APOSTROPHE in word for word in spotted.values())
        return {word: tuple(word if kept else word.replace(_APOSTROPHE, "")) for word in said} | spotted
    phones = espeak.phonemes(said)
    known = {phone for word in (*phones, *espeak.phonemes(list(own))) for phone in word}
    odd = sorted({token for word in spotted.values() for token in word} - known)
    if said and odd:
        raise KwsError(
            f"the words of sentences are spelled by espeak-ng's phones, and the words to spot by others"
            f" ({' '.join(odd)}); leave out data.lexicon and data.spellings, or training.sentences"
        )
    return dict(zip(said, phones, strict=True)) | spotted


def spelled(stretch: Transcribed, by_word: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The tokens of a stretch, with nothing between words; none at all if there are none of one of its words."""
    each = [by_word[word] for word in stretch.words]
    return tuple(token for word in each for token in word) if all(each) else ()


def _transcribed(s: Stretch) -> bool:
    return roles.UNKNOWN_TEXT not in (*s.commands, s.text.strip())


def _words(text: str) -> tuple[str, ...] | None:
    """The words of a text; None where something is said that they do not tell, such as a digit."""
    plain = text.lower().replace("’", "'")
    rest = _WORD.sub(" ", plain)
    return tuple(_WORD.findall(plain)) if _SILENT.fullmatch(rest) else None


def _foreign(rows: Iterable[Stretch]) -> set[str]:
    """The recordings in another language."""
    balance: defaultdict[str, int] = defaultdict(int)
    for s in rows:
        for word in sentences.tokens(s.text):
            balance[s.file] += (word in _OTHERS) - (word in _ENGLISH)
    return {name for name, more in balance.items() if more > 0}
