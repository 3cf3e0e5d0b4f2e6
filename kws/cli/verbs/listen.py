"""``kws listen``: words from the microphone, as they are said."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from kws import audio
from kws.cli import console, exit_codes, standard
from kws.cli.options import RAW_PCM, add_engine, add_json, add_microphone, add_model
from kws.cli.results import detection_line, detection_values
from kws.config import SAMPLE_RATE
from kws.engines import create
from kws.errors import UsageError
from kws.live.listen import CHUNK_MS, FLOOR_DB, Heard, listen
from kws.model.file import Model

_Pcm = npt.NDArray[np.int16]
_WIDTH = 40


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws listen``."""
    add_model(parser, nargs="?")
    add_microphone(parser)
    parser.add_argument("--list-devices", action="store_true", help="list the microphones and stop")
    parser.add_argument("--input", metavar="FILE", help=f"listen to a recording instead; {RAW_PCM}")
    parser.add_argument("--realtime", action="store_true", help="feed a recording no faster than it was spoken")
    add_engine(parser, "numpy")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws listen``."""
    if a.list_devices:
        found = audio.devices()
        if a.json:
            console.print_json([{"index": i, "name": n, "sample_rate": r} for i, n, r in found])
        else:
            console.table(("device", "name", "rate"), [(str(i), n, f"{r:.0f} Hz") for i, n, r in found])
        return exit_codes.OK
    if a.model is None:
        raise UsageError("name the model to listen with: kws listen MODEL")
    model = Model.load(a.model)
    info = model.require_info()
    show = console.out.is_terminal and not a.json
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(create(a.engine, model))
        chunks, microphone = stack.enter_context(_chunks(a, SAMPLE_RATE * CHUNK_MS // 1000))
        display = stack.enter_context(_Display(info.labels)) if show else None
        if microphone is not None:
            console.messages.print("listening; Ctrl-C ends")
        with contextlib.suppress(KeyboardInterrupt):
            for heard in listen(model, engine, chunks):
                for detection in heard.detections:
                    entry = detection_values(info, detection)
                    if a.json:
                        console.print_json(entry)
                    elif display is not None:
                        display.print(detection_line(entry))
                    else:
                        console.out.print(detection_line(entry), markup=False)
                if display is not None:
                    display.show(heard, microphone.overflows if microphone is not None else 0)
    return exit_codes.OK


@contextlib.contextmanager
def _chunks(a: argparse.Namespace, samples: int) -> Iterator[tuple[Iterable[_Pcm], audio.Microphone | None]]:
    """The chunks to listen to, and the microphone if they come from one."""
    if a.input is None:
        with audio.microphone(a.device, samples) as microphone:
            yield microphone, microphone
    elif a.input == "-":
        yield audio.raw_blocks(standard.raw_input(), samples), None
    else:
        blocks = audio.blocks(Path(a.input), samples, lambda text: console.note(a.input, text))
        yield (_paced(blocks) if a.realtime else blocks), None


def _paced(chunks: Iterator[_Pcm]) -> Iterator[_Pcm]:
    start, samples = time.monotonic(), 0
    for chunk in chunks:
        samples += len(chunk)
        time.sleep(max(0.0, start + samples / SAMPLE_RATE - time.monotonic()))
        yield chunk


class _Display:
    """A level meter and a bar a word, with the detections scrolling past above them."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self._live = Live(console=console.out, refresh_per_second=15)

    def __enter__(self) -> _Display:
        self._live.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._live.__exit__(*details)

    def print(self, line: str) -> None:
        """A line that stays."""
        self._live.console.print(line, markup=False)

    def show(self, heard: Heard, overflows: int) -> None:
        """Redraw the meters."""
        level = 1 - heard.level_db / FLOOR_DB
        note = "  CLIPPING" if heard.peak_db > -0.1 else ""
        lost = f"  {overflows} overflows: samples were lost" if overflows else ""
        rows: list[RenderableType] = [
            Text(f"{heard.seconds:8.1f} s  level {heard.level_db:6.1f} dBFS  {self._bar(level)}{note}{lost}")
        ]
        width = max(len(label) for label in self._labels)
        for label, p in zip(self._labels, heard.posteriors, strict=True):
            rows.append(Text(f"{label:>{width}}  {self._bar(float(p))} {100 * p:3.0f} %", "bold" if p > 0.5 else ""))
        self._live.update(Group(*rows))

    def _bar(self, share: float) -> str:
        filled = round(_WIDTH * min(max(share, 0.0), 1.0))
        return "█" * filled + "·" * (_WIDTH - filled)
