"""The whole path on an embedded default: synthetic speech to a booted Cortex-M4, in some minutes.

Every stage is the command that a user would type; it is shown before it runs. A stage whose
result is there already is not repeated, so an interrupted demo goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from kws import audio, config
from kws.boards.emulator import DEFAULT_BOARD, run_image
from kws.cli import exit_codes
from kws.engines.qemu import QemuEngine
from kws.errors import KwsError
from kws.image.make import make_image
from kws.image.size import size_report
from kws.model.file import Model
from kws.tools import missing_tools

ROOT = Path(__file__).resolve().parent.parent
WORDS = "yes,stop,left,right"
VOICES = 240
TAKES = 3
ENGINES = ("numpy", "tflm", "c", "qemu")
TOLERANCE_SECONDS = 1.0
console = Console(highlight=False, soft_wrap=True)


@dataclass
class Demo:
    """The demo's folder, what was skipped and why, and what was found."""

    out: Path
    skipped: dict[str, str] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def run(self) -> Path:
        """The training run's folder."""
        return self.out / "run"


def kws(*arguments: str | Path, accept: Sequence[int] = (exit_codes.OK,)) -> str:
    """Show and run a ``kws`` command; return its standard output.

    Raises:
        KwsError: it failed (it has said why).
    """
    words = [str(a) for a in arguments]
    console.print(f"[bold]$ kws {' '.join(words)}[/bold]")
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "kws", *words], stdout=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode not in accept:
        raise KwsError(f"`kws {words[0]}` failed with exit code {done.returncode}")
    console.print(f"  {time.monotonic() - begin:.1f} s", style="dim")
    return done.stdout


def make_data(demo: Demo) -> None:
    """Synthetic speech for training, and one continuous recording by held-out voices."""
    options = ("--words", WORDS, "--voices", str(VOICES))
    if not (demo.out / "data").exists():
        kws("data", "make", *options, "--takes", str(TAKES), "--out", demo.out / "data")
    if not (demo.out / "talk.json").exists():
        kws("data", "recording", *options, "--repeats", "4", "--out", demo.out / "talk.wav")


def train(demo: Demo) -> None:
    """Train, quantize, measure."""
    kws("train", ROOT / "configs/demo.toml", "--data", demo.out / "data", "--out", demo.run)
    model, weights = demo.run / "model.tflite", demo.run / "weights.npz"
    if not model.exists() or model.stat().st_mtime < weights.stat().st_mtime:
        kws("convert", demo.run)
    if "cc" in missing_tools(("cc", "make")):
        demo.skipped["c"] = "no C compiler"
    engine = "numpy" if "c" in demo.skipped else "c"
    report = demo.out / "accuracy.json"
    plot = demo.out / "confusion.png"
    options = ("--data", demo.out / "data", "--split", "test", "--engine", engine)
    kws("evaluate", demo.run, *options, "--json", report, "--plot", plot)
    demo.found["accuracy"] = json.loads(report.read_text(encoding="utf-8"))["results"]
    demo.found["engine"] = engine


def verify(demo: Demo) -> None:
    """Feed every engine the recording and random streams."""
    missing = missing_tools(("arm-none-eabi-gcc", "qemu-system-arm"))
    if missing:
        demo.skipped["qemu"] = f"{', '.join(missing)} not installed"
    engines = [e for e in ENGINES if e not in demo.skipped]
    options = ("--engines", ",".join([*engines, "tflite"]), "--random", "10", "--json")
    demo.found["verify"] = json.loads(
        kws("verify", demo.run, demo.out / "talk.wav", *options, accept=(exit_codes.OK, exit_codes.DIFFERENT))
    )


def spot(demo: Demo) -> None:
    """Detect the words in the recording on this machine."""
    text = kws("spot", demo.run, demo.out / "talk.wav", "--engine", demo.found["engine"], "--json")
    demo.found["spotted"] = json.loads(text)["detections"]


def boot(demo: Demo) -> None:
    """Build the firmware, boot it on the emulated board, feed it the same recording."""
    kws("export", demo.run, "--out", demo.out / "export", "--with-library")
    if "qemu" in demo.skipped:
        console.print(f"no firmware is built or booted: {demo.skipped['qemu']}")
        return
    console.print(f"[bold]$ make -C firmware BOARD={DEFAULT_BOARD} APP=spotter[/bold] and boot it in QEMU")
    build = (demo.out / "build").resolve()
    elf = make_image((demo.out / "export").resolve(), build, DEFAULT_BOARD, "spotter")
    pcm = audio.read(demo.out / "talk.wav")
    text = run_image(elf, pcm)
    console.print("".join(f"  {line}\n" for line in text.splitlines()).rstrip(), markup=False)
    demo.found["board"] = [line for line in text.splitlines() if "word" in json.loads(line)]
    demo.found["size"] = size_report(elf)
    model = Model.load(demo.run)
    with QemuEngine(model, icount=True, trace=False) as engine:
        engine.process(pcm[: 2 * config.SAMPLE_RATE])
        demo.found["instructions"] = engine.instructions_per_frame


def match(events: list[dict[str, Any]], spotted: list[dict[str, Any]]) -> tuple[list[str], int, int]:
    """Lines of what was said and heard, the number of words heard, and of false detections."""
    left = list(spotted)
    lines, hits = [], 0
    for event in events:
        if not event["keyword"]:
            continue
        near = [
            d
            for d in left
            if d["word"] == event["word"] and event["start"] <= d["seconds"] <= event["end"] + TOLERANCE_SECONDS
        ]
        if near:
            left.remove(near[0])
            hits += 1
        heard = f"heard at {near[0]['seconds']:.2f} s, score {near[0]['score']:.2f}" if near else "missed"
        lines.append(f"{event['start']:6.2f} to {event['end']:5.2f} s  {event['word']:<6} {heard}")
    lines += [f"{d['seconds']:6.2f} s           {d['word']:<6} false detection" for d in left]
    return lines, hits, len(left)


def closing_table(demo: Demo) -> bool:
    """Print what was found; returns whether every engine agreed."""
    table = Table(title="kws demo: synthetic speech, not recordings of people", title_justify="left")
    table.add_column("what")
    table.add_column("result", overflow="fold")
    accuracy = demo.found["accuracy"]
    engine = demo.found["engine"]
    for name, label in (("float", "accuracy, float"), (engine, f"accuracy, int8 ({engine} engine)")):
        if name in accuracy:
            r = accuracy[name]
            table.add_row(label, f"{100 * r['accuracy']:.2f} % of {r['total']} clips by held-out voices")
    report = demo.found["verify"]
    required = [e for e in report["engines"] if e["required"]]
    agreeing = ["numpy", *(e["engine"] for e in required if not e["different"])]
    table.add_row("engines that agree bit for bit", f"{', '.join(agreeing)} ({len(agreeing)} of {1 + len(required)})")
    for name, why in demo.skipped.items():
        table.add_row(f"skipped: {name}", why)
    for e in report["engines"]:
        if not e["required"]:
            share = 100 * e["posteriors_different"] / max(1, e["posteriors"])
            table.add_row(
                f"{e['engine']}, own rounding", f"{share:.2f} % of posteriors differ (reported, not required)"
            )
    table.add_row("model file", f"{(demo.run / 'model.tflite').stat().st_size:,} bytes")
    if "size" in demo.found:
        size = demo.found["size"]
        weights = sum(p.flash for p in size.parts if p.name == "model weights")
        table.add_row("flash, whole image", f"{size.flash:,} bytes, of it {weights:,} weights")
        table.add_row("RAM", f"{size.ram:,} bytes of variables, stack at most {size.stack:,}")
        table.add_row("instructions a frame, Cortex-M4", f"{demo.found['instructions']:,.0f} (emulated; not cycles)")
    events = json.loads((demo.out / "talk.json").read_text(encoding="utf-8"))
    events = events["events"] if isinstance(events, dict) else events
    lines, hits, false = match(events, demo.found["spotted"])
    said = sum(1 for e in events if e["keyword"])
    table.add_row("words in the recording", f"{hits} of {said} heard, {false} false detections")
    if "board" in demo.found:
        same = len(demo.found["board"]) == len(demo.found["spotted"])
        table.add_row("detections on the board", f"{len(demo.found['board'])}{'' if same else ', NOT the same number'}")
    console.print(table)
    console.print("\n".join(lines), markup=False)
    console.print(f"\nplots: {demo.run / 'history.png'}, {demo.out / 'confusion.png'}; C code: {demo.out / 'export'}")
    return bool(report["ok"])


def main() -> int:
    """Run all stages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for everything made (default: demo)")
    arguments = parser.parse_args()
    demo = Demo(arguments.out)
    begin = time.monotonic()
    try:
        demo.out.mkdir(parents=True, exist_ok=True)
        for stage in (make_data, train, verify, spot, boot):
            stage(demo)
        ok = closing_table(demo)
    except (KwsError, OSError) as error:
        console.print(f"demo: {error}", markup=False)
        return exit_codes.of(error) if isinstance(error, KwsError) else exit_codes.BAD_INPUT
    except KeyboardInterrupt:
        console.print("demo: interrupted; `make demo` goes on from here")
        return exit_codes.INTERRUPTED
    console.print(f"demo: {time.monotonic() - begin:.0f} s")
    return exit_codes.OK if ok else exit_codes.DIFFERENT


if __name__ == "__main__":
    sys.exit(main())
