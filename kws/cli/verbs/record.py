"""``kws record``: prompts, a level meter, and what became of each take."""

from __future__ import annotations

import argparse
import contextlib
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from kws import microphone
from kws.cli import console, exit_codes
from kws.cli.hearing import hearing
from kws.cli.options import add_json, add_microphone, whole
from kws.config import SAMPLE_RATE
from kws.files import require_folder
from kws.live.condition import Condition
from kws.live.listen import FLOOR_DB
from kws.live.record import CHUNK_MS, Listening, Refused, Saved, record, require_name
from kws.live.takes import record_continuously
from kws.types import Pcm

_WIDTH = 40


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws record``."""
    parser.add_argument("word", metavar="WORD", help="what is said; the name of its folder in DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of word folders to add to")
    parser.add_argument("--takes", type=whole(1, 10_000), default=30, metavar="N", help="takes to record, up to 10000")
    parser.add_argument("--speaker", default="me", metavar="NAME", help="who speaks; the files' names begin with it")
    parser.add_argument(
        "--continuous",
        action="store_true",
        help="no prompts: say the word again and again with a second of quiet between; the takes cut themselves",
    )
    parser.add_argument("--replay", action="store_true", help="play each take that was kept")
    add_microphone(parser)
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws record``."""
    require_name(a.word, "word")
    require_name(a.speaker, "speaker")
    # Found out now, and not by the first take, which would be lost.
    require_folder(a.out / a.word)
    saved: list[Saved] = []
    refused = 0
    with contextlib.ExitStack() as stack:
        chunks = stack.enter_context(hearing(a, SAMPLE_RATE * CHUNK_MS // 1000))
        # Told whatever ends this: a full disk and an unplugged microphone leave takes, too.
        stack.callback(lambda: _summary(a, saved, refused, chunks.overflows))
        how = "again and again, a second of quiet after each" if a.continuous else "once at each prompt"
        console.messages.print(f"say {a.word!r} {how}; Ctrl-C ends", markup=False)
        take = record_continuously if a.continuous else record
        meter = stack.enter_context(Live(console=console.messages, refresh_per_second=15, transient=True))
        with contextlib.suppress(KeyboardInterrupt):
            judged = _judged(chunks, meter.console)
            for moment in take(judged, a.word, a.out, a.takes, a.speaker, lost=lambda: chunks.overflows):
                if isinstance(moment, Listening):
                    meter.update(_meter(moment, a.word, f"{len(saved) + 1} of {a.takes}"))
                elif isinstance(moment, Saved):
                    saved.append(moment)
                    meter.console.print(
                        f"{len(saved)} of {a.takes}  {moment.path}: {moment.cut.level_db:.0f} dB,"
                        f" room {moment.cut.room_db:.0f} dB",
                        markup=False,
                    )
                    if a.replay:
                        meter.update(Text(f"take {moment.take}: this is how it sounds"))
                        microphone.play(moment.cut.pcm)
                        chunks.forget()
                elif isinstance(moment, Refused):
                    refused += 1
                    meter.console.print(f"take {moment.take} again: {moment.cut.fault}", markup=False)
    return exit_codes.OK if len(saved) == a.takes else exit_codes.INTERRUPTED


def _summary(a: argparse.Namespace, saved: list[Saved], refused: int, lost: int) -> None:
    if a.json:
        console.print_json({"saved": [str(s.path) for s in saved], "refused": refused, "lost_blocks": lost})
        return
    told = f", {lost} blocks of samples lost" if lost else ""
    console.out.print(f"{a.out / a.word}: {len(saved)} takes recorded, {refused} refused{told}", markup=False)
    if saved:
        takes = shlex.join(["kws", "data", "takes", str(a.out)])
        console.messages.print(
            f"what more would bring is measured by: {takes} --config CONFIG --from MODEL", markup=False
        )


def _judged(chunks: Iterable[Pcm], told: Console) -> Iterator[Pcm]:
    """The same, and what is odd about them is told: a muted microphone would be waited for in vain."""
    condition = Condition()
    for chunk in chunks:
        for sentence in condition.hear(chunk):
            told.print(sentence, markup=False)
        yield chunk


def _meter(moment: Listening, word: str, which: str) -> Text:
    filled = round(_WIDTH * (1 - moment.level_db / FLOOR_DB))
    prompt = f"say {word!r}" if moment.ready else "wait ..."
    bar = "█" * filled + "·" * (_WIDTH - filled)
    return Text(f"{which}: {prompt:<20} {bar} {moment.level_db:6.1f} dB", "bold" if moment.ready else "")
