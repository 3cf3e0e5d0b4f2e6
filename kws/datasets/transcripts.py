"""What is said where in a folder of continuous speech: ``transcripts.tsv``."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kws.errors import KwsError
from kws.files import require_regular, write_atomic

NAME = "transcripts.tsv"
MINED = "mined.tsv"
"""`kws mine` writes it beside a folder of cuts, whose texts are those of the whole sentences they are cut from."""
COLUMNS = ("file", "start_s", "end_s", "text", "command_words", "voice")
_NEEDED = COLUMNS[:4]


@dataclass(frozen=True)
class Stretch:
    """One sentence in a recording.

    Attributes:
        file: of the recording, relative to the folder of the transcripts, with ``/``.
        start: seconds from the start of the file.
        end: likewise.
        text: what is said; "" where nobody speaks.
        commands: words to spot that are really said in it.
        voice: the synthetic voice, or "" for a person.
    """

    file: str
    start: float
    end: float
    text: str
    commands: tuple[str, ...] = ()
    voice: str = ""


def text_of(stretches: Iterable[Stretch]) -> str:
    """The table as tab-separated text with a line of column names."""
    out = io.StringIO()
    table = csv.writer(out, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    table.writerow(COLUMNS)
    for s in stretches:
        text = " ".join(s.text.split())
        table.writerow([s.file, f"{s.start:.2f}", f"{s.end:.2f}", text, " ".join(s.commands), s.voice])
    return out.getvalue()


def write(folder: Path, stretches: Iterable[Stretch]) -> None:
    """Write ``transcripts.tsv`` into ``folder``.

    Raises:
        KwsError: the file cannot be written.
    """
    write_atomic(folder / NAME, text_of(stretches))


def read(folder: str | Path) -> list[Stretch]:
    """Read the ``transcripts.tsv`` of a folder.

    The columns ``file``, ``start_s``, ``end_s`` (seconds) and ``text`` are needed, in any order;
    ``command_words`` (separated by spaces) and ``voice`` may be missing.

    Raises:
        KwsError: there is none, a column is missing, or a line is not as the first line says.
    """
    path = Path(folder, NAME)
    require_regular(path, "tab-separated UTF-8 text")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KwsError(f"cannot read {path}: {error}; it is tab-separated UTF-8 text") from error
    names = lines[0].split("\t") if lines else []
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise KwsError(f"{path} lacks the columns {', '.join(missing)}; its first line names them, with tabs between")
    found = []
    for number, line in enumerate(lines[1:], start=2):
        row = dict(zip(names, line.split("\t"), strict=False))
        try:
            start, end = float(row["start_s"]), float(row["end_s"])
            if not (math.isfinite(end) and 0 <= start <= end):
                raise ValueError("start and end")
            commands = tuple(row.get("command_words", "").split())
            found.append(Stretch(row["file"], start, end, row["text"], commands, row.get("voice", "")))
        except (KeyError, ValueError) as error:
            raise KwsError(f"{path}, line {number}: needs a file, 0 <= start_s <= end_s, a text: {line!r}") from error
    return found


def refuse_mined(folder: Path) -> None:
    """Take no folder of `kws mine` as a whole: it holds, beside negatives, what may say a word to spot.

    Raises:
        KwsError: it is one.
    """
    if (folder / MINED).exists():
        raise KwsError(
            f"{folder} is what kws mine wrote, and to-check in it may say a word to spot; give {folder / 'negatives'}"
        )
