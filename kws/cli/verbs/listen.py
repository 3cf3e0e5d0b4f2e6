"""``kws listen``: words from the microphone, as they are said."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from kws import audio, engines, microphone
from kws.cli import console, exit_codes, standard
from kws.cli.hearing import reconnecting
from kws.cli.keys import keys
from kws.cli.listen_view import KEYS, Shown, View
from kws.cli.options import (
    RAW_PCM,
    add_engine,
    add_json,
    add_microphone,
    add_model,
    positive_number,
    probability,
    seconds,
)
from kws.cli.results import detection_line, detection_values
from kws.config import SAMPLE_RATE
from kws.decisions import DetectorConfig
from kws.errors import UsageError
from kws.files import require_folder
from kws.live.board_microphone import BoardEar, BoardMicrophone
from kws.live.dump import Dump
from kws.live.listen import CHUNK_MS, Heard, listen
from kws.live.reconnecting import WAIT_SECONDS, Reconnecting
from kws.live.record import require_name
from kws.model.file import Model, ModelInfo
from kws.text import visible
from kws.types import Pcm

_CHUNK = SAMPLE_RATE * CHUNK_MS // 1000
_LINES_KEPT = 20
_WORDS_KEPT = 50
# After a word, for a sequence to be over.
_PAUSE_SECONDS = 1.5
# Of the threshold, from which on a word that is not detected is kept, where a board hears.
_NEAR = 0.6


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws listen``."""
    add_model(parser, nargs="?")
    add_microphone(parser)
    parser.add_argument("--list-devices", action="store_true", help="list the microphones and stop")
    parser.add_argument("--input", metavar="FILE", help=f"listen to a recording instead; {RAW_PCM}")
    parser.add_argument("--realtime", action="store_true", help="feed a recording no faster than it was spoken")
    parser.add_argument(
        "--dump",
        type=Path,
        metavar="DIR",
        help="keep the audio around each detection as DIR/WORD/SPEAKER_01.wav and on, for kws train; in the view a"
        " word's key keeps the one that was just missed, and f moves the last detection to DIR/not_WORD",
    )
    parser.add_argument(
        "--speaker", default="me", metavar="NAME", help="who speaks; begins the names of --dump's files"
    )
    parser.add_argument(
        "--near",
        type=probability,
        metavar="SHARE",
        help="with --dump keep near misses too, in DIR/near_misses/WORD: words that came to this share of their"
        " threshold and were not detected (default: 0.6 with --serial, else none)",
    )
    parser.add_argument(
        "--fake-latency",
        type=positive_number,
        metavar="MS",
        help="imitate a board that takes this long for a frame, and loses blocks as it does",
    )
    parser.add_argument(
        "--wait",
        type=seconds,
        default=WAIT_SECONDS,
        metavar="S",
        help="how long to wait for a microphone that was unplugged; 0 ends at once",
    )
    add_engine(parser)
    parser.add_argument("--lines", action="store_true", help="lines in place of the view, on a terminal too")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws listen``."""
    if a.list_devices:
        found = microphone.devices()
        if a.json:
            console.print_json([{"index": i, "name": n, "sample_rate": r} for i, n, r in found])
        elif found:
            console.table(("device", "name", "rate"), [(str(i), n, f"{r:.0f} Hz") for i, n, r in found])
        if not found:
            console.messages.print("PortAudio finds no microphone; plug one in")
        return exit_codes.OK
    if a.model is None:
        raise UsageError("name the model to listen with: kws listen MODEL")
    model = Model.load(a.model)
    info = model.require_info()
    _require_sense(a)
    name = a.engine or engines.fastest()
    tally = _Tally(a, info)
    with contextlib.ExitStack() as stack:
        chunks, opened = stack.enter_context(_chunks(a, model))
        if opened is not None:
            opened.tell(tally.interrupted)
            tally.opened = opened
        if opened is not None and isinstance(opened.current, BoardMicrophone):
            engine: engines.Engine = BoardEar(opened.output, model)
            name = opened.current.name
        else:
            engine = stack.enter_context(engines.create(name, model))
        # Told whatever ends this, an unplugged microphone too.
        stack.callback(tally.end)
        # Where letters outside ASCII cannot be written, the bars cannot either.
        if console.out.is_terminal and not a.json and not a.lines and console.out.encoding.startswith("utf"):
            title = f"kws listen  {visible(str(a.model))}  engine {name}"
            pressed = stack.enter_context(keys(a.dump is not None and a.input != "-"))
            shown = Shown(title, info.words, _thresholds(info), info.first_word, keys=pressed is not None)
            view = stack.enter_context(View(shown, info.frontend.features, Console(highlight=False, emoji=False)))
            tally.show(view, pressed)
        elif opened is not None:
            console.messages.print("listening; Ctrl-C ends")
        with contextlib.suppress(KeyboardInterrupt):
            near = a.near if a.near is not None else _NEAR if a.serial is not None else 0.0
            for heard in listen(model, engine, chunks, a.fake_latency or 0.0, near):
                tally.hear(heard)
    return exit_codes.OK


def _require_sense(a: argparse.Namespace) -> None:
    """Refuse options of which one would do nothing."""
    if a.serial is not None and (a.engine or a.input or a.fake_latency):
        raise UsageError("with --serial the board hears and decides; leave out --engine, --input and --fake-latency")
    if a.device is not None and a.input is not None:
        raise UsageError("--input is heard in place of a microphone; leave out --device")
    if a.realtime and a.input is None:
        raise UsageError("--realtime is for recordings; name one with --input")
    if a.near is not None and a.dump is None:
        raise UsageError("--near keeps clips in the folder of --dump; name one")


@contextlib.contextmanager
def _chunks(a: argparse.Namespace, model: Model) -> Iterator[tuple[Iterable[Pcm], Reconnecting | None]]:
    """The chunks to listen to, and the microphone if they come from one."""
    if a.input is None:
        with reconnecting(a, _CHUNK, model, a.wait) as opened:
            yield opened, opened
        return
    if a.input == "-":
        blocks = audio.raw_blocks(standard.raw_input(), _CHUNK)
    else:
        blocks = audio.blocks(Path(a.input), _CHUNK, lambda text: console.note(a.input, text))
    yield (_paced(blocks) if a.realtime else blocks), None


def _paced(chunks: Iterator[Pcm]) -> Iterator[Pcm]:
    start, samples = time.monotonic(), 0
    for chunk in chunks:
        samples += len(chunk)
        time.sleep(max(0.0, start + samples / SAMPLE_RATE - time.monotonic()))
        yield chunk


def _thresholds(info: ModelInfo) -> tuple[float, ...]:
    return info.thresholds if isinstance(info.decision.words_alone(), DetectorConfig) else ()


class _Tally:
    """Tells what is heard, keeps what is to be kept, and counts for the end."""

    def __init__(self, a: argparse.Namespace, info: ModelInfo) -> None:
        self._a, self._info = a, info
        self._words: Counter[str] = Counter()
        self._said: list[str] = []
        self._missed: tuple[str, Path] | None = None
        self._last_word = 0.0
        self._lines: list[str] = []
        self._heard: Heard | None = None
        self.opened: Reconnecting | None = None
        self._dropped = 0
        self._view: View | None = None
        self._pressed: Callable[[], str] | None = None
        self._dump: Dump | None = None
        if a.dump is not None:
            require_name(a.speaker, "speaker")
            require_folder(a.dump)
            phrases = [name for name in info.reported if name not in info.spoken]
            self._dump = Dump(a.dump, a.speaker, info.data.clip_ms, phrases)

    def show(self, view: View, pressed: Callable[[], str] | None) -> None:
        """Draw in place of printing lines."""
        self._view, self._pressed = view, pressed

    def interrupted(self, sentence: str) -> None:
        """The microphone went away, or is back."""
        if self._view is None:
            console.messages.print(sentence, markup=False)
        else:
            self._view.interrupt(sentence)

    def hear(self, heard: Heard) -> None:
        """What a chunk gave."""
        self._heard = heard
        self._dropped = heard.dropped + (self.opened.overflows if self.opened is not None else 0)
        entries = [detection_values(self._info, d) for d in heard.detections]
        for entry in entries:
            self._tell(entry)
        if self._info.decision.transcribes:
            self._transcribe([entry["word"] for entry in entries], heard.seconds)
        if self._dump is not None:
            self._dump.hear(heard.pcm, [entry["word"] for entry in entries], heard.near)
        if self._view is None:
            for sentence in heard.told:
                console.messages.print(f"{heard.seconds:9.2f} s  {sentence}", markup=False)
            return
        for key in self._pressed() if self._pressed is not None else "":
            self._key(key)
        self._view.shown.dropped = self._dropped
        self._view.show(heard)

    def end(self) -> None:
        """The summary, on standard error; what the view showed last, where it was."""
        if self._dump is not None:
            self._dump.finish()
        self._end_sequence()
        if self._view is not None:
            for line in self._lines[-_LINES_KEPT:]:
                console.out.print(line, markup=False)
        if self._heard is not None:
            console.messages.print(self._summary(self._heard), markup=False)
        if self._missed is not None:
            word, path = self._missed
            why = shlex.join(["kws", "why", str(self._a.model), str(path), "--word", word])
            console.messages.print(visible(f"why {word!r} was not heard: {why}"), markup=False, soft_wrap=True)

    def _tell(self, entry: dict[str, Any]) -> None:
        self._words[entry["word"]] += 1
        line = detection_line(entry)
        if self._a.json:
            console.print_json(entry)
        elif self._view is None:
            console.out.print(line, markup=False)
        else:
            self._lines = [*self._lines, line][-_LINES_KEPT:]
            self._view.shown.last.append(line)

    def _transcribe(self, words: list[str], now: float) -> None:
        """The running transcription in the view; in lines, the words of a sequence when a pause has ended it."""
        if words:
            self._said += words
            self._last_word = now
        if self._view is not None:
            self._said = self._said[-_WORDS_KEPT:]
            self._view.shown.said = " ".join(self._said)
        elif self._said and now - self._last_word >= _PAUSE_SECONDS:
            self._end_sequence()

    def _end_sequence(self) -> None:
        if self._said and self._view is None and not self._a.json:
            console.out.print(" ".join(self._said), markup=False)
        self._said = []

    def _key(self, key: str) -> None:
        assert self._dump is not None
        assert self._view is not None
        words = () if self._info.decision.lexicon() else self._info.words
        if key in KEYS[: len(words)]:
            word = words[KEYS.index(key)]
            path = self._dump.missed(word)
            self._missed = word, path
            self._view.shown.note = f"missed: kept as {path}"
        elif key == "f":
            kept = self._dump.false_accept()
            self._view.shown.note = f"false: kept as {kept}" if kept else "nothing was detected that could be false"

    def _summary(self, heard: Heard) -> str:
        words = ", ".join(f"{visible(word)} {count}" for word, count in self._words.most_common())
        dropped = f"{self._dropped} blocks dropped" if self._dropped else "nothing dropped"
        if self.opened is not None and self.opened.gone:
            dropped += f", unplugged {self.opened.gone} times, in which {self.opened.gone_seconds:.1f} s were not heard"
        saved = {name: count for name, count in self._dump.saved.items() if count} if self._dump is not None else {}
        kept = ", ".join(f"{count} in {visible(str(self._a.dump / name))}" for name, count in saved.items())
        return (
            f"{heard.seconds:.1f} s heard, {self._words.total()} detections{': ' if words else ''}{words};"
            f" real-time factor {heard.factor:.3f}, {dropped}" + (f"; clips kept: {kept}" if kept else "")
        )
