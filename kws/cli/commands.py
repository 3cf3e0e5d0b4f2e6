"""What each verb of the ``kws`` command does: call one module, print what it found."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import audio, config, runs
from kws.cli import console
from kws.cli.evaluation_commands import print_noise
from kws.engines import create
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Detection
from kws.model.file import Model, ModelInfo

SAMPLE_RATE = config.SAMPLE_RATE
_BLOCK = SAMPLE_RATE


def words(text: str) -> list[str]:
    """A comma-separated list, as ``--words`` takes it."""
    found = [w.strip() for w in text.split(",") if w.strip()]
    if not found:
        raise argparse.ArgumentTypeError("name at least one word, separated by commas")
    return found


def data_make(a: argparse.Namespace) -> int:
    """``kws data make``."""
    from kws.datasets import synthetic

    with console.progress("speaking") as progress:
        synthetic.make(
            a.words,
            a.out,
            voice_count=a.voices,
            takes_per_voice=a.takes,
            near_misses=not a.no_near_misses,
            seed=a.seed,
            progress=progress,
        )
    clips = sum(1 for _ in a.out.glob("*/*.wav"))
    if a.json:
        console.print_json({"out": str(a.out), "synthetic": True, "words": a.words, "clips": clips})
    else:
        console.out.print(f"{a.out}: {clips} files of synthetic speech (espeak-ng), not recordings of people")
    return 0


def data_recording(a: argparse.Namespace) -> int:
    """``kws data recording``."""
    from kws.datasets import synthetic

    script = synthetic.draw_script(a.words, a.repeats, a.seed)
    with console.progress("speaking") as progress:
        events = synthetic.recording(script, a.out, seed=a.seed, voice_count=a.voices, progress=progress)
    if a.json:
        console.print_json({"out": str(a.out), "synthetic": True, "events": events})
    else:
        spoken = sum(1 for e in events if e["keyword"])
        console.out.print(
            f"{a.out}: {audio.info(a.out).seconds:.1f} s of synthetic speech with {spoken} words to spot;"
            f" what is where is in {a.out.with_suffix('.json')}"
        )
    return 0


def data_get(a: argparse.Namespace) -> int:
    """``kws data get speech-commands``."""
    from kws.datasets import speech_commands

    with console.progress("downloading (bytes)") as progress:
        speech_commands.download(a.out, a.version, progress)
    if a.json:
        console.print_json({"out": str(a.out), "version": a.version})
    else:
        console.out.print(f"{a.out}: Speech Commands {a.version} (Warden 2018, CC BY 4.0), checked and unpacked")
    return 0


def data_check(a: argparse.Namespace) -> int:
    """``kws data check``."""
    from kws.datasets import check

    data = None if a.config is None else config.load(a.config).data
    with console.progress("checking") as progress:
        report = check.check(a.dir, data, progress)
    if a.json:
        console.print_json(
            {
                "ok": report.ok,
                "errors": [{"kind": f.kind, "message": f.message} for f in report.errors],
                "warnings": [{"kind": f.kind, "message": f.message} for f in report.warnings],
                "notes": list(report.notes),
                "words": report.words,
                "sample_rates": report.sample_rates,
                "seconds": dict(zip(("min", "median", "max"), report.seconds, strict=True)),
                "clips": report.clips,
                "speakers": report.speakers,
            }
        )
        return 0 if report.ok else 1
    console.table(("word", "clips"), [(w, str(n)) for w, n in report.words.items()])
    console.table(
        ("split", "clips", "speakers"), [(s, str(n), str(report.speakers.get(s, 0))) for s, n in report.clips.items()]
    )
    rates = ", ".join(f"{n} at {rate} Hz" for rate, n in report.sample_rates.items())
    low, middle, high = report.seconds
    console.out.print(f"sample rates: {rates}\nduration: {low:.2f} to {high:.2f} s, median {middle:.2f} s")
    for note in report.notes:
        console.out.print(note, markup=False)
    for name, findings in (("warning", report.warnings), ("error", report.errors)):
        shown = findings if a.all else findings[: 20 if name == "warning" else None]
        for finding in shown:
            console.out.print(f"{name}: {finding.kind}: {finding.message}", markup=False)
        if len(shown) < len(findings):
            console.out.print(f"... and {len(findings) - len(shown)} more warnings; --all shows them")
    console.out.print(f"{len(report.errors)} errors, {len(report.warnings)} warnings")
    return 0 if report.ok else 1


def train(a: argparse.Namespace) -> int:
    """``kws train``."""
    from kws.training.history import Epoch
    from kws.training.train import train as run

    experiment = config.load(a.config)

    def report(epoch: Epoch, is_best: bool) -> None:
        console.messages.print(
            f"epoch {epoch.epoch:3d}  loss {epoch.loss:.4f}  training {100 * epoch.accuracy:5.1f} %"
            f"  validation {100 * epoch.validation_accuracy:5.1f} %"
            f"  in a stream {100 * epoch.stream_accuracy:5.1f} %{'  best' if is_best else ''}"
        )

    try:
        with console.stages() as progress:
            history = run(
                experiment,
                a.data,
                a.out,
                progress,
                report,
                a.restart,
                teachers=tuple(a.teacher),
                start=a.start,
                cache=a.cache,
            )
    except KeyboardInterrupt:
        console.messages.print(f"kws: interrupted; the same command goes on from {a.out}")
        return 130
    best = history.best
    counts = runs.load_json(a.out / runs.PROVENANCE)["data"]["clips"]["training"]
    for label in (label for label, count in counts.items() if not count):
        console.messages.print(
            f"kws: warning: there was no clip of {label} to learn from; for _unknown_, add folders of other words"
        )
    is_teacher = experiment.network.kind == config.TEACHER
    following = f"kws train CONFIG.toml --teacher {a.out}" if is_teacher else f"kws convert {a.out}"
    if a.json:
        console.print_json({"run": str(a.out), **history.as_dict()})
    else:
        console.out.print(
            f"{a.out}: {100 * best.validation_accuracy:.2f} % on validation (float, epoch {best.epoch} of"
            f" {len(history.epochs)}); history in {a.out / 'history.png'}; next: {following}"
        )
    return 0


def convert(a: argparse.Namespace) -> int:
    """``kws convert``."""
    from kws.quantize import noise
    from kws.quantize.convert import convert as run

    with console.progress("converting") as progress:
        result = run(a.run, progress)
        measured = noise.of_run(a.run, result.model)
    if a.json:
        values = {"model": str(result.path), "bytes": result.size, "id": result.model.id}
        console.print_json({**values, "operators": list(result.operators), "quantization": measured.as_dict()})
    else:
        console.out.print(f"{result.path}: {result.size} bytes, fully int8: {' -> '.join(result.operators)}")
        print_noise(measured)
    return 0


def _describe(info: ModelInfo, detection: Detection) -> dict[str, Any]:
    return {
        "seconds": round(info.seconds(detection.frame), 3),
        "word": info.labels[detection.label],
        "score": round(info.score(detection.score), 4),
        "frame": detection.frame,
    }


def _print_detection(entry: dict[str, Any], prefix: str = "") -> str:
    return f"{prefix}{entry['seconds']:9.2f} s  {entry['word']:<12} {entry['score']:.2f}"


def spot(a: argparse.Namespace) -> int:
    """``kws spot``."""
    model = Model.load(a.model)
    info = model.require_info()
    found: list[dict[str, Any]] = []
    with create(a.engine, model) as engine:
        for path in a.files:
            engine.reset()
            raw = str(path) == "-"
            source = audio.raw_blocks(sys.stdin.buffer, _BLOCK) if raw else audio.blocks(path, _BLOCK)
            for block in source:
                for detection in engine.process(block).detections:
                    entry = {"file": str(path), **_describe(info, detection)}
                    found.append(entry)
                    if not a.json:
                        prefix = f"{path}: " if len(a.files) > 1 else ""
                        console.out.print(_print_detection(entry, prefix), markup=False)
    if a.json:
        console.print_json({"model": str(a.model), "engine": a.engine, "detections": found})
    elif not found:
        console.messages.print("no word was detected")
    return 0


def export(a: argparse.Namespace) -> int:
    """``kws export``."""
    from kws import codegen
    from kws.codegen import packages

    model = Model.load(a.model)
    result = packages.export_package(model, a.package, a.out) if a.package else codegen.export(model, a.out)
    if a.with_library and not a.package:
        codegen.copy_library(a.out)
    if a.json:
        console.print_json(
            {
                "out": str(a.out),
                "id": model.id,
                "bare_network": model.info is None,
                "package": a.package,
                "files": [p.relative_to(a.out).as_posix() for p in result.files],
                "weight_bytes": result.weight_bytes,
                "network_bytes": result.network_bytes,
            }
        )
        return 0
    if model.info is None:
        console.out.print(f"{a.model} carries no kws metadata: the network alone was exported, no front end or labels")
    if a.package:
        console.out.print(
            f"{a.out}: {a.package} package of {len(result.files)} files; how to use it is in {a.out / 'README.md'}"
        )
    else:
        console.out.print(f"{a.out}: {', '.join(p.name for p in result.files)}")
    console.out.print(
        f"{result.weight_bytes} bytes of weights and biases, {result.network_bytes} bytes of RAM for the network"
    )
    return 0


def verify(a: argparse.Namespace) -> int:
    """``kws verify``."""
    from kws.verify.compare import verify as run

    model = Model.load(a.model)
    with console.progress("verifying") as progress:
        report = run(model, a.engines, random=a.random, files=a.files, seed=a.seed, progress=progress)
    if a.json:
        console.print_json(
            {
                "model": str(a.model),
                "ok": report.ok,
                "bare_network": report.bare,
                "inputs": report.streams,
                "steps": report.steps,
                "detections": report.detections,
                "engines": [
                    {
                        "engine": e.name,
                        "required": e.required,
                        "values": e.values,
                        "different": e.different,
                        "posteriors": e.posteriors[0],
                        "posteriors_different": e.posteriors[1],
                        "first_difference": dataclasses.asdict(e.first) if e.first else None,
                    }
                    for e in report.engines
                ],
            }
        )
        return 0 if report.ok else 1
    if report.bare:
        console.out.print(f"{a.model} carries no kws metadata: only the network is compared, on int8 inputs")
    what = "calls" if report.bare else "frames"
    rows = [("numpy", "the reference", "", "")]
    for e in report.engines:
        verdict = "identical" if e.first is None else "DIFFERS" if e.required else "differs (allowed)"
        share = f"{100 * e.posteriors[1] / max(e.posteriors[0], 1):.2f} % of posteriors"
        rows.append((e.name, verdict, f"{e.values:,}", f"{e.different:,}" + (f", {share}" if e.different else "")))
    title = f"{report.streams} inputs, {report.steps} {what}, {report.detections} detections"
    console.table(("engine", "verdict", "values compared", "different"), rows, title)
    for e in report.engines:
        if e.first is not None:
            console.out.print(f"{e.name}: first difference: {e.first}", markup=False)
    return 0 if report.ok else 1


@contextlib.contextmanager
def _chunks(a: argparse.Namespace, samples: int) -> Iterator[tuple[Any, Any]]:
    """The chunks to listen to, and the microphone if they come from one."""
    if a.input is None:
        with audio.microphone(a.device, samples) as microphone:
            yield microphone, microphone
    elif a.input == "-":
        yield audio.raw_blocks(sys.stdin.buffer, samples), None
    else:
        blocks = audio.blocks(Path(a.input), samples)
        yield (_paced(blocks) if a.realtime else blocks), None


def _paced(chunks: Iterator[npt.NDArray[np.int16]]) -> Iterator[npt.NDArray[np.int16]]:
    start, samples = time.monotonic(), 0
    for chunk in chunks:
        samples += len(chunk)
        time.sleep(max(0.0, start + samples / SAMPLE_RATE - time.monotonic()))
        yield chunk


def listen(a: argparse.Namespace) -> int:
    """``kws listen``."""
    from kws.live.listen import CHUNK_MS
    from kws.live.listen import listen as run

    if a.list_devices:
        found = audio.devices()
        if a.json:
            console.print_json([{"index": i, "name": n, "sample_rate": r} for i, n, r in found])
        else:
            console.table(("device", "name", "rate"), [(str(i), n, f"{r:.0f} Hz") for i, n, r in found])
        return 0
    if a.model is None:
        raise KwsError("name the model to listen with: kws listen MODEL")
    model = Model.load(a.model)
    info = model.require_info()
    device = int(a.device) if a.device is not None and a.device.isdecimal() else a.device
    a.device = device
    show = console.out.is_terminal and not a.json
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(create(a.engine, model))
        chunks, microphone = stack.enter_context(_chunks(a, SAMPLE_RATE * CHUNK_MS // 1000))
        display = stack.enter_context(console.LiveDisplay(info.labels)) if show else None
        if microphone is not None:
            console.messages.print("listening; Ctrl-C ends")
        with contextlib.suppress(KeyboardInterrupt):
            for heard in run(model, engine, chunks):
                for detection in heard.detections:
                    entry = _describe(info, detection)
                    if a.json:
                        console.print_json(entry)
                    elif display is not None:
                        display.print(_print_detection(entry))
                    else:
                        console.out.print(_print_detection(entry), markup=False)
                if display is not None:
                    display.show(heard, microphone.overflows if microphone is not None else 0)
    return 0
