"""Several runs side by side: how well each hears, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kws import runs
from kws.config import SAMPLE_RATE
from kws.decisions import DetectorConfig
from kws.errors import KwsError, MissingError
from kws.evaluation import plots
from kws.evaluation.clip.accuracy import ClipOptions, Reference, evaluate_clips
from kws.evaluation.clip.runner import FLOAT
from kws.evaluation.stream.run import StreamOptions, evaluate_stream
from kws.evaluation.stream.spec import StreamSettings, specify
from kws.image.bench import measure
from kws.model.file import Model
from kws.text import caption
from kws.types import StageProgress, silent

CORES: Mapping[str, str] = {"Cortex-M4": "mps2_an386", "Cortex-M55": "mps3_an547"}
"""Emulated boards by core, of which instructions are counted."""
# More names than these lie on each other.
_MOST_NAMES = 8
# Per cent: where a logarithm shows none.
_LEAST_WRONG = 0.1


@dataclass(frozen=True)
class CompareOptions:
    """How runs are compared.

    Attributes:
        split: whose clips and speakers are heard.
        minutes: of the stream at the desk; 0 for none.
        budget: false accepts per hour at which misses are counted.
        cores: of :data:`CORES`, whose instructions are counted.
        seed: of every draw.
        processes: how many; as `ClipOptions.processes`.
    """

    split: str = "validation"
    minutes: float = 60.0
    budget: float = 10.0
    cores: tuple[str, ...] = tuple(CORES)
    seed: int = 1
    processes: int | None = None


@dataclass(frozen=True)
class Compared:
    """One run; None stands for what was not or cannot be measured.

    Attributes:
        name: the run's folder.
        kind: of the network.
        accuracy_float: share of clips that the float network labels right.
        accuracy: that of the exported C.
        carried: that of the exported C in streams that are never reset.
        worst_speakers: mean accuracy of the worst tenth of the speakers.
        state_bytes: what is carried from call to call.
        weight_bytes: weights and biases as a device holds them.
        macs_per_second: multiply-accumulates of the network in a second of audio.
        instructions_per_second: of the whole pipeline in a second of audio, by core.
        ram: bytes of variables of the emulated program, without the stack.
        missed: share of words missed at no more than the budget of false accepts per hour.
        notes: why something is missing.
    """

    name: str
    kind: str
    accuracy_float: float | None
    accuracy: float | None
    carried: float | None
    worst_speakers: float | None
    state_bytes: int
    weight_bytes: int
    macs_per_second: float
    instructions_per_second: dict[str, float]
    ram: int | None
    missed: float | None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def compare(
    folders: Sequence[Path], data: Path, options: CompareOptions, progress: StageProgress | None = None
) -> list[Compared]:
    """Measure converted runs on the same clips and the same stream.

    Args:
        folders: of the runs.
        data: folder of clips.
        options: what is measured.
        progress: called often.

    Raises:
        KwsError: a folder is no converted run, or the data does not fit a model.
    """
    # Everything is read before the first is measured.
    models = [(folder, Model.load(folder), runs.load_config(folder).network.kind) for folder in folders]
    tell = progress if progress is not None else silent
    return [_one(folder, model, kind, data, options, tell) for folder, model, kind in models]


def _one(
    folder: Path, model: Model, kind: str, data: Path, options: CompareOptions, progress: StageProgress
) -> Compared:
    name = folder.name or folder.resolve().name
    info = model.require_info()
    notes: list[str] = []
    shares: dict[str, float | None] = dict.fromkeys(("float", "int8", "carried", "worst"))
    missed = None
    if isinstance(info.decision, DetectorConfig):
        shares |= _clips(folder, model, data, options, lambda d, t: progress(f"{name}: clips", d, t))
        if options.minutes:
            missed = _missed(model, data, options, lambda d, t: progress(f"{name}: stream", d, t))
    else:
        notes.append(f"{info.decision.kind} names one word, so clips have no labels; see kws stream-test")
    calls = SAMPLE_RATE / info.frontend.hop
    counts, ram = {}, None
    with TemporaryDirectory() as scratch:
        for number, core in enumerate(options.cores):
            progress(f"{name}: instructions", number, len(options.cores))
            try:
                cost = measure(model, name, CORES[core], Path(scratch))
            except MissingError as error:
                notes.append(str(error))
                continue
            except KwsError as error:
                notes.append(f"{core}: {error}")
                continue
            counts[core] = cost.total * calls
            ram = cost.ram if ram is None else ram
    return Compared(
        name,
        kind,
        shares["float"],
        shares["int8"],
        shares["carried"],
        shares["worst"],
        state_bytes(model),
        model.network.weight_bytes,
        model.network.macs * calls,
        counts,
        ram,
        missed,
        tuple(dict.fromkeys(notes)),
    )


def state_bytes(model: Model) -> int:
    """Bytes that a network carries from call to call."""
    return sum(values.nbytes for states in model.network.initial_state() for values in states)


def _clips(folder: Path, model: Model, data: Path, options: CompareOptions, progress: Any) -> dict[str, float | None]:
    settings = ClipOptions(split=options.split, seed=options.seed, processes=options.processes)
    report = evaluate_clips(model, data, settings, Reference.of_run(model, folder), progress)
    by = {r.engine: r for r in report.results}
    first = report.results[0]
    return {
        "float": by[FLOAT].accuracy if FLOAT in by else None,
        "int8": first.accuracy,
        "carried": None if first.carried is None else first.carried.share,
        "worst": None if report.speakers is None else report.speakers.worst_decile,
    }


def _missed(model: Model, data: Path, options: CompareOptions, progress: Any) -> float | None:
    info = model.require_info()
    settings = StreamSettings(minutes=options.minutes, split=options.split, seed=options.seed)
    spec = specify(data, info.data, settings)
    report = evaluate_stream(model, spec, data, StreamOptions(processes=options.processes), progress)
    best = report.best(options.budget)
    return None if best is None else best.miss_rate


def columns(options: CompareOptions) -> tuple[str, ...]:
    """Names of the table's columns."""
    instructions = tuple(f"M instr/s, {core.removeprefix('Cortex-')}" for core in options.cores)
    missed = (f"missed at {options.budget:g} false/h, %",) if options.minutes else ()
    return (
        *("run", "kind", "float, %", "int8, %", "state carried, %", "worst tenth, %"),
        *("weights", "state", "M MAC/s", *instructions, "RAM", *missed),
    )


def row(found: Compared, options: CompareOptions) -> tuple[str, ...]:
    """A run's row of the table."""
    shares = (found.accuracy_float, found.accuracy, found.carried, found.worst_speakers)
    counts = (found.instructions_per_second.get(core) for core in options.cores)
    return (
        found.name,
        found.kind,
        *(_percent(share) for share in shares),
        f"{found.weight_bytes:,}",
        f"{found.state_bytes:,}",
        f"{found.macs_per_second / 1e6:.2f}",
        *("-" if count is None else f"{count / 1e6:.1f}" for count in counts),
        "-" if found.ram is None else f"{found.ram:,}",
        *((_percent(found.missed),) if options.minutes else ()),
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f}"


def table(found: Sequence[Compared], options: CompareOptions) -> str:
    """The table as tab-separated text."""
    rows = [columns(options), *(row(one, options) for one in found)]
    return "".join("\t".join(cells) + "\n" for cells in rows)


def plot(found: Sequence[Compared], path: Path) -> None:
    """Draw the clips that are named wrong by bytes of weights and by what a second of audio costs.

    The axes are logarithmic, and better is up and left. Each kind has a colour and a line; where many are drawn,
    the points have no names.

    Raises:
        KwsError: the file cannot be written.
    """
    figure = plots.figure(10, 4.2)
    axes = figure.subplots(1, 2, sharey=True)
    core = next((c for c in CORES if any(c in one.instructions_per_second for one in found)), None)
    cost = f"million instructions a second, {core}" if core else "million multiply-accumulates a second"

    def price(one: Compared) -> float | None:
        return one.instructions_per_second.get(core) if core else one.macs_per_second

    names = len(found) <= _MOST_NAMES
    for kind in dict.fromkeys(one.kind for one in found):
        heard = [one for one in found if one.kind == kind and one.accuracy is not None]
        for axis in axes:
            costs = [(one.weight_bytes / 1e3 if axis is axes[0] else (price(one) or 0) / 1e6, one) for one in heard]
            points = sorted(((x, one) for x, one in costs if x), key=lambda point: point[0])
            wrong = [max(100 * (1 - (one.accuracy or 0)), _LEAST_WRONG) for _, one in points]
            axis.plot([x for x, _ in points], wrong, "o-", linewidth=0.8, label=kind)
            for (x, one), y in zip(points, wrong, strict=True) if names else ():
                axis.annotate(caption(one.name), (x, y), fontsize=7)
    axes[0].set_xlabel("weights, KB")
    axes[1].set_xlabel(cost)
    axes[0].set_ylabel("clips wrong, int8, %")
    axes[0].set_yscale("log")
    axes[0].invert_yaxis()
    axes[0].legend(ncols=2, fontsize=8)
    for axis in axes:
        axis.set_xscale("log")
        for scale in (axis.xaxis, axis.yaxis):
            scale.set_major_formatter("{x:g}")
            scale.set_minor_formatter("{x:g}")
        axis.grid(alpha=0.3, which="both")
        axis.tick_params(which="both", labelsize=8)
    plots.save(figure, path)
