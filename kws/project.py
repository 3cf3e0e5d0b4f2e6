"""A folder to train words of one's own in: configuration, data, and the commands that come next."""

from __future__ import annotations

import json
import os
import re
import shlex
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path

from kws import config, configs, shipped
from kws.errors import KwsError, no_such
from kws.files import write_all
from kws.live.record import require_name

MICROPHONE, SYNTHETIC = "microphone", "synthetic"
BASE = "own-words"
CONFIG, COMMANDS = "words.toml", "next.sh"
CHATTER = "chatter"
"""The folder of what else is said, which is "unknown" in training."""
_NEAR = 4
_RECORDINGS, _SYNTHETIC, _RUN = "recordings", "synthetic", "run"


@dataclass(frozen=True)
class Project:
    """What is to be trained, from what, and for which board.

    Attributes:
        folder: where it lives.
        words: to spot.
        source: :data:`MICROPHONE`, :data:`SYNTHETIC`, or a folder of word folders.
        board: of `kws.boards.BOARDS`; None for none yet.
    """

    folder: Path
    words: tuple[str, ...]
    source: str
    board: str | None

    def __post_init__(self) -> None:
        for word in self.words:
            require_name(word, "word")
        if self.board is not None and self.board not in boards():
            raise no_such("there is no board", self.board, boards())
        if self.source not in (MICROPHONE, SYNTHETIC) and not Path(self.source).is_dir():
            raise KwsError(
                f"there is no folder {self.source}; say {MICROPHONE}, {SYNTHETIC} or a folder of word folders"
            )

    @property
    def recordings(self) -> Path | None:
        """The folder of recordings of people, if there are to be any."""
        if self.source == SYNTHETIC:
            return None
        return self.folder / _RECORDINGS if self.source == MICROPHONE else Path(self.source)

    def configuration(self) -> str:
        """The text of the configuration: that of :data:`BASE`, with these words.

        Raises:
            KwsError: the words cannot be a configuration's.
        """
        text = configs.find(BASE).read_text(encoding="utf-8")
        # What the file says of itself is said in the commands.
        text = text[text.index("name = ") :]
        changes = {"name": Path(os.path.abspath(self.folder)).name or "own", "words": list(self.words)}
        if self.source == SYNTHETIC:
            changes["split_by"] = "speaker"
        for key, value in changes.items():
            old = re.search(rf"^{key} = .*$", text, re.MULTILINE)
            assert old is not None, key
            text = f"{text[: old.start()]}{key} = {json.dumps(value, ensure_ascii=False)}{text[old.end() :]}"
        return f"# Words of your own: docs/own-words.md. The commands are in {COMMANDS}.\n\n{text}"

    def commands(self) -> list[tuple[str, list[list[str]]]]:
        """What to do next, in order: what for, and the commands' words."""
        here, run = self.folder, str(self.folder / _RUN)
        synthetic, words = str(here / _SYNTHETIC), ",".join(self.words)
        model = shipped.models().get(shipped.START)
        start = ["--from", str(model)] if model is not None else []
        steps: list[tuple[str, list[list[str]]]] = []
        data = [synthetic]
        if self.recordings is not None:
            data.insert(0, str(self.recordings))
            if self.source == MICROPHONE:
                takes = [["record", word, "--out", str(self.recordings), "--takes", "30"] for word in self.words]
                card = ["--model", str(model)] if model is not None else []
                steps.append(("is the microphone fit, and what its noise costs", [["mic-check", *card]]))
                steps.append(("thirty takes of each word", takes))
                others = [*sounding_alike(self.words)[:_NEAR], *([] if CHATTER in self.words else [CHATTER])]
                few = [["record", word, "--out", str(self.recordings), "--takes", "5"] for word in others]
                steps.append(("what is none of them: words that sound alike, and whatever else one says there", few))
            check = ["data", "check", str(self.recordings), "--config", str(here / CONFIG)]
            steps.append(("what is wrong with the recordings", [check]))
            if start:
                curve = ["data", "takes", str(self.recordings), "--config", str(here / CONFIG), *start]
                steps.append(("what more takes would bring", [curve]))
        voices = (
            ["--voices", "60", "--takes", "2"] if self.recordings is not None else ["--voices", "240", "--takes", "3"]
        )
        steps.append(("synthetic speech", [["data", "make", "--words", words, *voices, "--out", synthetic]]))
        every = [part for folder in data for part in ("--data", folder)]
        train = ["train", str(here / CONFIG), *start, *every, "--out", run]
        steps.append(("train; the same command goes on after Ctrl-C", [train, ["convert", run]]))
        measured = [
            ["evaluate", run, "--data", data[0]],
            ["tune", run, "--data", data[0]],
            ["report", run, "--data", data[0]],
        ]
        steps.append(("how well it hears, thresholds, one page of all that", measured))
        steps.append(
            ("try it; keys keep what it misses, to train with", [["listen", run, "--dump", str(here / _RECORDINGS)]])
        )
        if self.board is not None:
            build = [["build", self.board, "--model", run], ["flash", self.board]]
            steps.append((f"onto the {self.board}", build))
        return steps

    def script(self) -> str:
        """The commands as a shell script."""
        lines = ["#!/bin/sh", "# Run these one by one, from the folder where `kws new` was run.", "set -eu"]
        for what, commands in self.commands():
            lines += ["", f"# {what}", *(shlex.join(["kws", *command]) for command in commands)]
        return "\n".join(lines) + "\n"

    def write(self) -> list[Path]:
        """Write the folder; returns its files.

        Raises:
            KwsError: there is such a project already, or it cannot be written.
        """
        there = [name for name in (CONFIG, COMMANDS) if (self.folder / name).exists()]
        if there:
            raise KwsError(f"{self.folder / there[0]} is there already; name another folder")
        texts = {CONFIG: self.configuration(), COMMANDS: self.script()}
        config.from_dict(config.Experiment, tomllib.loads(texts[CONFIG]))
        write_all(self.folder, texts)
        return [self.folder / name for name in texts]


@cache
def sounding_alike(words: tuple[str, ...]) -> list[str]:
    """Words that sound like these, to be recorded as what is *not* them; those of each word in turn."""
    from kws.datasets.near_words import near_misses

    try:
        found = [near_misses((word,), nearest=_NEAR, spread=0) for word in words]
    except KwsError:
        # Without espeak-ng nobody knows how a word sounds.
        return []
    in_turn = (word for row in zip_longest(*found) for word in row if word is not None)
    return [word for word in dict.fromkeys(in_turn) if word not in words]


def parse_words(text: str) -> tuple[str, ...]:
    """Words, separated by commas or spaces."""
    return tuple(dict.fromkeys(word for word in re.split(r"[,\s]+", text) if word))


def boards() -> Sequence[str]:
    """The boards that can be flashed."""
    from kws.boards import BOARDS

    return [name for name, board in BOARDS.items() if board.probe is not None or board.uf2 is not None]
