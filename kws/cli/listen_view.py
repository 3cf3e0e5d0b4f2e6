"""The picture of ``kws listen``: a spectrogram that scrolls, a bar a word, what was heard last."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.style import Style
from rich.text import Text

from kws.live.listen import FLOOR_DB, Heard

KEYS = "1234567890abcdeghijklmnopqrstuvwxyz"
"""Of the words in order; ``f`` is taken."""

_REFRESH_SECONDS = 1 / 15
_FRAMES_A_COLUMN = 2
_MOST_COLUMNS = 500
_MOST_LAST = 200
# The least range of the colours, in steps of the features: 0.6 dB each.
_LEAST_RANGE = 60
_SHADES = " ░▒▓█"
_COLOURS = 24
# Dark blue over purple and orange to light yellow: lightness grows evenly, so that it reads without colour vision too.
_ANCHORS = ((10, 8, 34), (66, 15, 117), (147, 38, 103), (221, 81, 58), (252, 165, 10), (252, 255, 164))
_LEVEL_WIDTH = 30
_CLIPPING_DB = -0.1
_MARK, _FULL, _EMPTY = "│", "█", "·"


@dataclass
class Shown:
    """What the view shows beside the stream itself.

    Attributes:
        title: the first line.
        labels: of the posteriors that have a bar, in order.
        thresholds: of these, as probabilities; empty where the decision has none.
        first_word: index of the first of them among the model's labels.
        keys: whether keys do something.
        dropped: blocks lost so far.
        note: what the last key did.
        gone: what became of the microphone, while it delivers nothing.
        last: lines of detections, the newest last.
        said: the running transcription; None where the decision makes none.
    """

    title: str
    labels: Sequence[str]
    thresholds: Sequence[float]
    first_word: int
    keys: bool = False
    dropped: int = 0
    note: str = ""
    gone: str = ""
    last: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_LAST))
    said: str | None = None


class View:
    """Draws on the terminal while it is open; afterwards the terminal is as it was."""

    def __init__(self, shown: Shown, bands: int, console: Console) -> None:
        """A view of ``bands`` features a frame, on a console that is a terminal."""
        self.shown = shown
        self._console = console
        self._columns: deque[npt.NDArray[np.int8]] = deque(maxlen=_MOST_COLUMNS)
        self._frames: list[npt.NDArray[np.int8]] = []
        self._bands = bands
        self._heard: Heard | None = None
        self._drawn = 0.0
        self._live = Live(self, console=console, screen=True, auto_refresh=False)

    def __enter__(self) -> View:
        self._live.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._live.__exit__(*details)  # type: ignore[arg-type]

    def show(self, heard: Heard) -> None:
        """Take what a chunk gave, and draw where the last drawing is some time ago."""
        if self.shown.gone:
            self.shown.note, self.shown.gone = self.shown.gone, ""
        self._frames += list(heard.features)
        while len(self._frames) >= _FRAMES_A_COLUMN:
            self._columns.append(np.max(self._frames[:_FRAMES_A_COLUMN], axis=0))
            del self._frames[:_FRAMES_A_COLUMN]
        self._heard = heard
        if self._live.is_started and time.monotonic() - self._drawn >= _REFRESH_SECONDS:
            self._drawn = time.monotonic()
            self._live.refresh()

    def interrupt(self, sentence: str) -> None:
        """Say at once what became of the microphone; it stays until there is sound again, and then as a note."""
        self.shown.gone = sentence
        if self._live.is_started:
            self._live.refresh()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The whole screen."""
        heard = self._heard
        if heard is None:
            yield _line(f"{self.shown.title}: waiting for sound")
            return
        width, height = console.size
        words = self._words(heard, width)
        rest = height - 3 - len(words) - (1 if self.shown.keys else 0)
        last = max(1, min(rest // 4, 8, rest - 2))
        rows = max(0, min(rest - last, -(-self._bands // 2)))
        yield _line(self._title(heard, width), "bold")
        yield from self._spectrogram(console, width, rows)
        yield self._level(heard)
        yield from words
        lines = list(self.shown.last)[-last:]
        if self.shown.said is not None:
            # One line: its newest words.
            lines = [*lines[len(lines) - last + 1 if len(lines) >= last else 0 :], self.shown.said[-(width - 4) :]]
        yield from (_line(f"  {line}", "bold" if i == len(lines) - 1 else "") for i, line in enumerate(lines))
        yield from (_line("") for _ in range(rest - rows - len(lines)))
        yield self._state(heard)
        if self.shown.keys:
            yield _line(self._keys(), "dim")

    def _title(self, heard: Heard, width: int) -> str:
        seconds = f"{heard.seconds:.1f} s"
        return f"{self.shown.title[: width - len(seconds) - 2]:<{width - len(seconds) - 1}} {seconds}"

    def _spectrogram(self, console: Console, width: int, rows: int) -> list[Text]:
        """The newest frames on the right, high frequencies at the top; two bands of pixels a row."""
        if rows < 1:
            return []
        colour = console.color_system is not None
        pixels = rows * (2 if colour else 1)
        columns = list(self._columns)[-width:]
        image = np.full((width, pixels), -1, np.int64)
        if columns:
            features = np.stack(columns).astype(np.int64)
            low = np.percentile(features, 10)
            high = max(float(np.percentile(features, 99.7)), low + _LEAST_RANGE)
            steps = _COLOURS if colour else len(_SHADES)
            scaled = np.clip((features - low) / (high - low) * steps, 0, steps - 1).astype(np.int64)
            image[width - len(columns) :] = _stretched(scaled, pixels)
        image = image[:, ::-1]
        if not colour:
            return [_line("".join(_SHADES[max(0, v)] for v in image[:, row])) for row in range(rows)]
        return [_half_blocks(image[:, 2 * row], image[:, 2 * row + 1]) for row in range(rows)]

    def _level(self, heard: Heard) -> Text:
        share = 1 - heard.level_db / FLOOR_DB
        text = _line(f"level {_bar(share, _LEVEL_WIDTH)} {heard.level_db:6.1f} dBFS")
        text.append(f"  peak {heard.peak_db:6.1f}")
        if heard.peak_db > _CLIPPING_DB:
            text.append("  CLIPPING", "bold red")
        return text

    def _words(self, heard: Heard, width: int) -> list[Text]:
        labels = self.shown.labels
        longest = min(16, max(len(label) for label in labels))
        columns = max(1, min(width // (longest + 26), 4, len(labels)))
        cell = width // columns
        bar = cell - longest - (2 if self.shown.keys else 0) - 8
        rows = -(-len(labels) // columns)
        out = []
        for row in range(rows):
            text = _line("")
            for index in range(row, len(labels), rows):
                text.append_text(self._word(heard, index, longest, bar))
            out.append(text)
        return out

    def _word(self, heard: Heard, index: int, longest: int, width: int) -> Text:
        score = float(heard.scores[index])
        threshold = self.shown.thresholds[index] if self.shown.thresholds else None
        over = score >= (0.5 if threshold is None else threshold)
        key = f"{KEYS[index] if index < len(KEYS) else ' '} " if self.shown.keys else ""
        text = Text(f"{key}{self.shown.labels[index][:longest]:>{longest}} ", "bold" if over else "")
        text.append(_bar(score, max(width, 4), threshold), "bold green" if over else "")
        text.append(f" {score:.2f}  ", "bold" if over else "dim")
        return text

    def _state(self, heard: Heard) -> Text:
        if self.shown.gone:
            return _line(self.shown.gone, "bold red")
        dropped = self.shown.dropped
        text = _line(f"real-time factor {heard.factor:.3f}")
        text.append(f"  {dropped} blocks dropped" if dropped else "  nothing dropped", "bold red" if dropped else "")
        for sentence in heard.odd:
            text.append(f"  {sentence}", "bold yellow")
        if self.shown.note and not heard.odd:
            text.append(f"  {self.shown.note}", "cyan")
        return text

    def _keys(self) -> str:
        shown = min(len(self.shown.labels), len(KEYS))
        words = KEYS[0] if shown == 1 else f"{KEYS[0]} to {KEYS[shown - 1]}"
        return f"{words}: that word was missed   f: the last detection was false   Ctrl-C ends"


def _line(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="crop", end="\n")


def _bar(share: float, width: int, mark: float | None = None) -> str:
    filled = round(width * min(max(share, 0.0), 1.0))
    bar = _FULL * filled + _EMPTY * (width - filled)
    if mark is None:
        return bar
    at = min(width - 1, max(0, round(width * mark)))
    return f"{bar[:at]}{_MARK}{bar[at + 1 :]}"


def _stretched(image: npt.NDArray[np.int64], pixels: int) -> npt.NDArray[np.int64]:
    """``[columns, bands]`` as ``[columns, pixels]``: the greatest of several bands, or one band several times."""
    bands = image.shape[1]
    if pixels >= bands:
        return image[:, np.arange(pixels) * bands // pixels]
    return np.maximum.reduceat(image, np.arange(pixels) * bands // pixels, axis=1)


def _half_blocks(upper: npt.NDArray[np.int64], lower: npt.NDArray[np.int64]) -> Text:
    text = _line("")
    pairs = list(zip(upper.tolist(), lower.tolist(), strict=True))
    start = 0
    for i in range(1, len(pairs) + 1):
        # One piece of text for neighbours of the same colours: rich takes a while for each.
        if i == len(pairs) or pairs[i] != pairs[start]:
            text.append(("▀" if pairs[start][0] >= 0 else " ") * (i - start), _style(*pairs[start]))
            start = i
    return text


@cache
def _style(upper: int, lower: int) -> Style:
    if upper < 0:
        return Style.null()
    return Style.parse(f"{_colour(upper)} on {_colour(lower)}")


@cache
def _colour(step: int) -> str:
    place = step / (_COLOURS - 1) * (len(_ANCHORS) - 1)
    low = min(int(place), len(_ANCHORS) - 2)
    mixed = [round(a + (b - a) * (place - low)) for a, b in zip(_ANCHORS[low], _ANCHORS[low + 1], strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)
