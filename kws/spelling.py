"""What a network that transcribes names: words, or the letters or phones that spell them, as ``[data]`` says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kws.errors import KwsError
from kws.fields import require
from kws.files import read_file

WORDS, CHARACTERS, PHONES = TOKENS = ("words", "characters", "phones")


def check(words: Sequence[str], tokens: str, spellings: Sequence[str], alphabet: Sequence[str] = ()) -> None:
    """Refuse spellings that are not those of the words, in their order, and an alphabet of what is no token.

    Raises:
        KwsError: they are not, or there is no such kind of tokens, or a word cannot be spelled.
    """
    require(tokens in TOKENS, f"data.tokens must be one of {', '.join(TOKENS)}, not {tokens!r}")
    require(not spellings or tokens != WORDS, "data.spellings needs data.tokens that are not words")
    require(not alphabet or tokens != WORDS, "data.alphabet needs data.tokens that are not words")
    strange = [token for token in alphabet if not token or token.startswith("_") or token.split() != [token]]
    require(not strange, f"data.alphabet has {strange}, which are no tokens: no spaces, no underscore before them")
    require(len(set(alphabet)) == len(alphabet), f"data.alphabet names a token twice: {list(alphabet)}")
    if tokens == WORDS:
        return
    apart = [word for word in words if len(word.split()) != 1]
    require(not apart, f"data.words with spaces cannot be spelled: {apart}")
    lines = [line.split() for line in spellings]
    require(
        not lines or [line[0] if line else "" for line in lines] == list(words),
        "data.spellings needs a line for each of data.words, in their order: the word, then its tokens",
    )
    odd = [line[0] for line in lines if len(line) < 2 or any(token.startswith("_") for token in line[1:])]
    require(not odd, f"data.spellings: {', '.join(odd)} needs tokens, which cannot begin with an underscore")


def spelled(words: Sequence[str], tokens: str, spellings: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The tokens of each word.

    Raises:
        KwsError: they are phones that nobody has looked up (`kws.training.phones`).
    """
    if tokens == WORDS:
        return tuple((word,) for word in words)
    if tokens == PHONES and not spellings:
        raise KwsError("data.spellings is empty; fill it in, or let `kws train` ask espeak-ng")
    return tuple(tuple(line.split()[1:]) for line in spellings) or tuple(map(tuple, words))


def with_lexicon(values: dict[str, Any], folder: Path, words: Sequence[str]) -> dict[str, Any]:
    """A configuration's values in which the lines of ``data.lexicon`` have become ``data.spellings``.

    Args:
        values: nested plain values.
        folder: where the lexicon lies.
        words: those of a configuration that names none.

    Raises:
        KwsError: the file cannot be read, or lacks a word.
    """
    data = values.get("data", {})
    if not isinstance(data, dict) or "lexicon" not in data:
        return values
    name, wanted = data["lexicon"], data.get("words", list(words))
    require(isinstance(name, str), f"data.lexicon must be a file's name, not {name!r}")
    require(
        isinstance(wanted, list) and all(isinstance(word, str) for word in wanted),
        f"data.words must be a list of words, not {wanted!r}",
    )
    try:
        lines = read_file(folder / name).decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise KwsError(f"cannot read data.lexicon ({error})") from error
    # Of several ways to say a word the first is learned.
    known = {fields[0]: " ".join(fields) for line in reversed(lines) if (fields := line.split())}
    missing = [word for word in wanted if word not in known]
    require(not missing, f"data.lexicon = {name!r} has no line for {', '.join(map(str, missing))}")
    rest = {key: value for key, value in data.items() if key != "lexicon"}
    return {**values, "data": {"tokens": PHONES, **rest, "spellings": [known[word] for word in wanted]}}
