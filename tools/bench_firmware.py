"""Print what models cost on each emulated core: instructions per hop, flash, RAM, stack.

Run ``python tools/bench_firmware.py [MODEL ...]``; ``make bench-firmware`` takes the shipped models, commands12
with a voice gate, too, what options add to that, a random LSTM of 64 units and a random wake word on the
microfrontend. A configuration stands for its network with initial weights; trained ones have other factors, which
may take other ways. Instructions are counted by an emulator: they are not cycles, and the same on every machine.
docs/boards/qemu.md says how.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from random_models import spotting_model, wake_model
from rich import box
from rich.console import Console
from rich.table import Table

from kws import config, runs
from kws.boards import BOARDS, EMULATED
from kws.cli import exit_codes
from kws.cli.console import messages
from kws.config import SAMPLE_RATE
from kws.decisions import DetectorConfig, GrammarConfig, Phrase, first_word, require_detector
from kws.errors import KwsError
from kws.files import scratch, write_atomic
from kws.frontends import MicroFrontendConfig
from kws.image.bench import Cost, measure
from kws.image.build import compiled
from kws.image.size import SizeReport
from kws.model.file import Model, with_decision, with_gate
from kws.network import Frame, StreamNetworkConfig
from kws.quantize.convert import convert
from kws.training import provenance
from kws.voice_gate import VoiceGateConfig

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = (ROOT / "models/commands12.tflite", ROOT / "models/commands12-tiny.tflite")

ORIGINAL = 83_200
"""Instructions of a window of TFLM's own microfrontend, in C++ with kissfft, on a Cortex-M4 in QEMU; without PCAN."""
WAKE_WORD = "random wake word, microfrontend"


def _thousands(value: float | None) -> str:
    return "-" if value is None else f"{value / 1000:,.1f} k"


def table(costs: list[Cost]) -> Table:
    """One model's costs, a row a core."""
    result = Table(title=costs[0].model, title_justify="left", box=box.SIMPLE_HEAD)
    result.add_column("core")
    for name in (
        *("front end", "network", "rest", "hop", "per MAC"),
        *("library", "tables", "program", "weights", "RAM", "stack", "duty"),
    ):
        result.add_column(name, justify="right")
    for c in costs:
        duty = "-" if c.duty is None else f"{100 * c.duty:.1f} %"
        result.add_row(
            c.core,
            *(_thousands(v) for v in (c.frontend, c.network, c.rest, c.total)),
            f"{c.per_mac:.2f}",
            *(f"{v:,}" for v in (c.library, c.tables, c.program, c.weights, c.ram, c.stack)),
            duty,
        )
    return result


def windows(costs: list[Cost], rows: int) -> str:
    """What one window of the microfrontend takes on each core, beside the original."""
    each = ", ".join(f"{_thousands((c.frontend or 0) / rows)} on {c.core}" for c in costs)
    return f"a window of {costs[0].model}: {each}; TFLM's own takes {_thousands(ORIGINAL)} on Cortex-M4"


# Whose instructions a real board executes, or nearly: the RP2040's core is a Cortex-M0+.
LIKE = {"nrf52840": "mps2_an386", "rp2040": "microbit", "stm32f407": "mps2_an386"}


def sleeping(plain: list[Cost], gated: list[Cost], hops: float, awake: float) -> tuple[Table, Table]:
    """What a gate adds and saves, a row a core; and what current it may save, a row a board.

    Args:
        plain: costs of a model without a gate, a core each.
        gated: the same with one.
        hops: hops a second.
        awake: share of the hops in which the network is awake while nobody speaks.
    """
    cores = Table(title=gated[0].model, title_justify="left", box=box.SIMPLE_HEAD)
    cores.add_column("core")
    for name in ("hop asleep", "gate", "second, speech", "second, nobody speaks", "flash added", "RAM added"):
        cores.add_column(name, justify="right")
    seconds = {}
    for a, b in zip(plain, gated, strict=True):
        assert b.asleep is not None, "a gated model was measured asleep"
        gate = b.total - a.total
        quiet = hops * (b.asleep + awake * b.network)
        seconds[b.board] = (hops * b.total, quiet)
        flash = b.library + b.tables - a.library - a.tables
        row = (_thousands(b.asleep), _thousands(gate), *(f"{s / 1e6:.2f} M" for s in seconds[b.board]))
        cores.add_row(b.core, *row, f"{flash:,}", f"{b.ram - a.ram:,}")
    boards = Table(box=box.SIMPLE_HEAD)
    spoken = ("duty, speech", "nobody speaks", "current, speech", "nobody speaks")
    for name in ("board", *spoken, "microphone", "assumed: clock", "cycles", "running", "waiting"):
        boards.add_column(name, justify="left" if name == "board" else "right")
    for name, like in LIKE.items():
        power = BOARDS[name].power
        if power is None or like not in seconds:
            continue
        duties = (f"{100 * power.busy(s):.1f} %" for s in seconds[like])
        currents = (f"{power.milliamperes(s):.1f} mA" for s in seconds[like])
        microphone = f"{power.microphone / 1e6:.2f} M"
        assumed = (f"{power.mhz:g} MHz", f"{power.cycles:g}", f"{power.running_ma:g} mA", f"{power.waiting_ma:g} mA")
        boards.add_row(name, *duties, *currents, microphone, *assumed)
    return cores, boards


def with_default_gate(model: Model) -> Model:
    """The model with a voice gate of default settings."""
    return Model.from_bytes(with_gate(model, VoiceGateConfig(on=True)), model.source)


LONGER_MEAN = 35
"""Frames: the longest mean that ``kws tune`` tries."""


def with_options(model: Model) -> dict[str, Model]:
    """The model with each option of a product by itself, by what it is called."""
    info = model.require_info()
    words = require_detector(info.decision)
    said = info.labels[first_word(info.labels)], info.labels[-1]
    longer = f"mean of {LONGER_MEAN} frames, not {words.average_frames}"
    decisions = {
        "a phrase of two words": GrammarConfig(**asdict(words), phrases=(Phrase(said),)),
        longer: replace(words, average_frames=LONGER_MEAN),
    }
    changed = {name: Model.from_bytes(with_decision(model, d), model.source) for name, d in decisions.items()}
    return {"voice gate": with_default_gate(model), **changed}


def added(model: Model, name: str, boards: list[str]) -> Table:
    """What each option adds to a product, a row an option and core."""
    result = Table(title=f"{name}: what options add", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("option", "core", "flash", "RAM", "stack"):
        result.add_column(column, justify="left" if column in ("option", "core") else "right")
    without = {board: size(model, board) for board in boards}
    for option, other in with_options(model).items():
        for board in boards:
            a, b = without[board], size(other, board)
            row = (f"{after - before:,}" for before, after in ((a.flash, b.flash), (a.ram, b.ram), (a.stack, b.stack)))
            result.add_row(option, BOARDS[board].core, *row)
    return result


def size(model: Model, board: str) -> SizeReport:
    """What a product of the model takes on a board."""
    with compiled(model, BOARDS[board], "spotter") as image:
        return image.size


def untrained(path: Path) -> Model:
    """The network of a configuration with the weights that a training would start from.

    Raises:
        KwsError: no device runs it, or TensorFlow, which converts it, is missing.
    """
    experiment = config.load(path)
    if not isinstance(experiment.network, StreamNetworkConfig):
        raise KwsError(f"{path} has a {experiment.network.kind}, which no device runs; name another configuration")
    frontend, labels = experiment.frontend, len(experiment.outputs)
    shape = (8, frontend.frames(experiment.data.clip_samples), frontend.features)
    with scratch("bench") as run:
        runs.write_config(experiment, run)
        runs.save_json(provenance.of(experiment, {}), run / runs.PROVENANCE)
        experiment.network.build(Frame.of(frontend), labels, experiment.training.seed).save(run / runs.WEIGHTS)
        np.save(run / runs.CALIBRATION, np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8))
        return convert(run).model


def random_model(units: int) -> Model:
    """Front end, an LSTM of 40 inputs, a fully connected layer and a softmax of 12 labels."""
    words = tuple(f"word{i}" for i in range(10))
    return spotting_model(1, words, units=(units,), detector=DetectorConfig(), cell_power=-11, per_channel=False)


def run(models: list[tuple[str, Model]], boards: list[str], mhz: float | None) -> list[list[Cost]]:
    """Costs of each model on each board, telling of progress on standard error."""
    results = []
    with tempfile.TemporaryDirectory(prefix="kws-bench-") as folder:
        for index, (name, model) in enumerate(models):
            costs = []
            for board in boards:
                messages.print(f"{name} on {BOARDS[board].core}")
                costs.append(measure(model, name, board, Path(folder) / str(index), mhz))
            results.append(costs)
    return results


def wide_console() -> Console:
    """Where tables go: to the terminal in its width, to a file in one that holds them."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140
    return console


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "model",
        type=Path,
        nargs="*",
        help="a .tflite file, a run's folder, or a configuration (.toml), untrained (default: the shipped ones)",
    )
    parser.add_argument("--units", type=int, nargs="*", default=[64], metavar="N", help="random LSTMs of one layer too")
    parser.add_argument("--boards", nargs="+", choices=tuple(EMULATED), default=list(EMULATED), help="default: all")
    parser.add_argument("--mhz", type=float, help="clock for the duty cycle (default: the emulated board's)")
    parser.add_argument("--gate", action="store_true", help="each model also with a voice gate")
    parser.add_argument(
        "--options", action="store_true", help="also what a voice gate, a phrase and a longer mean add to each model"
    )
    parser.add_argument(
        "--awake", type=float, default=2.2, metavar="PERCENT", help="of the hops while nobody speaks (default: 2.2)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    a = parser.parse_args()
    if not 0 <= a.awake <= 100:
        parser.error("--awake takes 0 to 100 per cent")
    if (a.mhz is not None and a.mhz <= 0) or any(n < 1 for n in a.units):
        parser.error("--mhz and --units take numbers above 0")
    try:
        models = [(p.stem, untrained(p) if p.suffix == ".toml" else Model.load(p)) for p in a.model or SHIPPED]
        plain = {
            f"{name}, voice gate": (name, model) for name, model in models[: None if a.gate else 0 if a.model else 1]
        }
        optional = models[: None if a.options else 0 if a.model else 1]
        models += [(name, with_default_gate(model)) for name, (_, model) in plain.items()]
        if not a.model:
            models.append((WAKE_WORD, wake_model()))
        models += [(f"random LSTM of {units} units, 40 inputs", random_model(units)) for units in a.units]
        results = run(models, a.boards, a.mhz)
        options = [added(model, name, a.boards) for name, model in optional]
        if a.json:
            rows = [{**asdict(c), "total": c.total, "per_mac": c.per_mac} for costs in results for c in costs]
            write_atomic(a.json, json.dumps(rows, indent=1) + "\n")
    except KwsError as error:
        print(f"bench_firmware: {error}", file=sys.stderr)
        return exit_codes.of(error)
    console = wide_console()
    for costs in results:
        console.print(table(costs))
    for (_, model), costs in zip(models, results, strict=True):
        if model.info is not None and isinstance(model.info.frontend, MicroFrontendConfig):
            console.print(windows(costs, model.info.frontend.rows))
    by_name = {costs[0].model: costs for costs in results}
    for name, (without, model) in plain.items():
        hops = SAMPLE_RATE / model.require_info().frontend.hop
        for part in sleeping(by_name[without], by_name[name], hops, a.awake / 100):
            console.print(part)
    for part in options:
        console.print(part)
    console.print(
        "instructions per hop, mean over the exported test vectors; bytes; the stack without interrupts;\n"
        "duty: share of the time between two hops at the board's clock, if an instruction took one cycle,"
        " of real boards as assumed;\n"
        "currents are estimates from the assumptions beside them, of the microcontroller alone: nothing was measured;\n"
        "microphone: instructions a second that its samples take there, counted in the simulator"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
