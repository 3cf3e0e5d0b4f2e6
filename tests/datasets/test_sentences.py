from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from kws.datasets import sentences
from kws.errors import KwsError

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")


@pytest.mark.parametrize(
    ("text", "word", "said"),
    [
        ("No, said Holmes.", "no", True),
        ("I know nothing now.", "no", False),
        ("He stopped.", "stop", False),
        ("A non-stop train!", "stop", True),
        ("That’s all.", "that", True),
        ("That's all.", "that's", True),
        ("UP!", "up", True),
        ("Hey, chatterbox, wake.", "hey chatterbox", True),
        ("Hey you chatterbox", "hey chatterbox", False),
        ("Grüße aus Köln", "köln", True),
        ("...", "no", False),
        ("There were 2 lamps", "two", True),
        ("There were 2 lamps", "lamp two", True),
        ("There were 2 lamps", "stop", False),
        ("no", "", False),
    ],
)
def test_a_word_is_said_as_a_token(text: str, word: str, said: bool) -> None:
    assert sentences.says(text, word) == said
    assert sentences.without([text], [word]) == ([] if said else [text])


def test_running_text_becomes_sentences(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text(
        "CHAPTER\n\nIt was late. “Who is\nthere?” asked Anna.  Nobody\nanswered!\n\nMorning came.\n", encoding="utf-8"
    )
    assert sentences.read(path) == [
        "CHAPTER", "It was late.", "“Who is there?” asked Anna.", "Nobody answered!", "Morning came.",
    ]  # fmt: skip


def test_lines_are_sentences_without_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("\n# prompts\nturn the light green\nturn the light green\n" + "x" * 200 + "\n123\nwarm. And dry\n")
    assert sentences.read(path) == ["turn the light green", "warm. And dry"]


def test_a_paragraph_on_one_line_is_cut_into_sentences(tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    path.write_text(
        "It was late. " * 3 + "Who is there? Nobody answered, for all were asleep in their beds. " * 2 + "\nOh.\n"
    )
    asleep = "Nobody answered, for all were asleep in their beds."
    assert sentences.read(path) == ["It was late.", "Who is there?", asleep, "Oh."]


def test_texts_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "endless.txt").symlink_to("/dev/zero")
    for name in ("latin.txt", "empty.txt", "missing.txt", "endless.txt"):
        with pytest.raises(KwsError, match=name):
            sentences.read(tmp_path / name)


def test_the_built_in_text() -> None:
    texts = sentences.read()
    assert len(texts) > 3000
    assert len(sentences.without(texts, COMMANDS)) > 2500
    assert sentences.BUILT_IN.stat().st_size < 300_000
    assert "public domain" in sentences.BUILT_IN.read_text(encoding="utf-8").splitlines()[0]


def test_phrases_say_no_target_and_are_many() -> None:
    near = ["guess", "chess", "snow", "cup", "stop"]
    rng = np.random.default_rng(1)
    phrases = [sentences.phrase(near, COMMANDS, rng) for _ in range(300)]
    assert sentences.without(phrases, COMMANDS) == phrases
    said = {t for p in phrases for t in sentences.tokens(p)}
    assert {"guess", "that's", "just", "over", "all", "of"} <= said
    assert len(set(phrases)) > 250
    # A homophone alone would teach the opposite of what is said.
    assert not {"Know.", "Know?", "Just."} & set(phrases)


def test_phrases_need_words() -> None:
    every = " ".join(sentences.FREQUENT).split()
    with pytest.raises(KwsError, match="phrase"):
        sentences.phrase([], every, np.random.default_rng(1))


def test_the_order_is_drawn_and_repeats_late() -> None:
    texts = [f"Sentence {word}." for word in ("alpha", "beta", "gamma", "delta", "epsilon")]
    order = list(itertools.islice(sentences.stream(texts, ["chess"], ["yes"], 0.0, [3]), 10))
    assert sorted(order[:5]) == sorted(order[5:]) == sorted(texts)
    assert order == list(itertools.islice(sentences.stream(texts, ["chess"], ["yes"], 0.0, [3]), 10))
    assert order != list(itertools.islice(sentences.stream(texts, ["chess"], ["yes"], 0.0, [4]), 10))
    mixed = list(itertools.islice(sentences.stream(texts, ["chess"], ["yes"], 0.3, [3]), 1000))
    assert 0.25 < sum(text not in texts for text in mixed) / 1000 < 0.35
