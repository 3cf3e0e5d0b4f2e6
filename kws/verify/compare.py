"""Feed several engines the same input and name the first value in which one differs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.decisions.script import Script
from kws.engines import create
from kws.engines.base import Engine, Output
from kws.errors import KwsError
from kws.files import read_file
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.layers.quantize16 import BYTES
from kws.model.file import Model, ModelInfo
from kws.npz import DAMAGE
from kws.types import Progress
from kws.verify import decision, speech
from kws.verify.decision import DecisionReport
from kws.verify.inputs import corner_signals, random_signal

REFERENCE = "numpy"
RULES = "the specification"
"""What the detections of the decision's script are compared with; the reference's are too."""
ADVISORY = ("tflite",)
"""Engines with their own rounding: their differences are reported and do not fail."""
STREAM_SAMPLES = 16000
NETWORK_CALLS = 32
_GREATEST_CHUNK = 4000


@dataclass(frozen=True)
class Difference:
    """The first value in which an engine differs from the reference.

    Attributes:
        source: the recording or random stream.
        stage: ``features``, ``layer``, a state's name, ``posteriors`` or ``detections``.
        step: frame (or call, for a bare network) since the reset.
        layer: index and operator name of the layer, for stages of the network.
        element: index in the frame's values.
        expected: the reference's value.
        found: the engine's value.
        reference: whose value was expected.
    """

    source: str
    stage: str
    step: int
    layer: str
    element: int
    expected: str
    found: str
    reference: str = REFERENCE

    def __str__(self) -> str:
        where = f", {self.layer}" if self.layer else ""
        return (
            f"{self.source}: {self.stage}{where}, step {self.step}, element {self.element}:"
            f" {self.found} where {self.reference} has {self.expected}"
        )


@dataclass
class EngineReport:
    """How one engine compared.

    Attributes:
        name: the engine.
        required: whether it must agree.
        values: values compared.
        different: values that differ.
        posteriors: posterior values compared, and how many differ.
        first: the first difference, or None.
    """

    name: str
    required: bool
    values: int = 0
    different: int = 0
    posteriors: tuple[int, int] = (0, 0)
    first: Difference | None = None

    @property
    def ok(self) -> bool:
        """Whether the engine agrees or need not."""
        return self.first is None or not self.required


@dataclass
class Report:
    """What `verify` found.

    Attributes:
        streams: inputs fed to every engine.
        steps: frames, or calls of a bare network.
        detections: words the reference detected in all inputs.
        asleep: frames that never reached the reference's network; None without a voice gate.
        bare: whether only a network was there to compare.
        engines: one report an engine, the reference left out.
        decision: what the decision was driven through; None for a bare network.
        reference: the first detection in which the reference differs from its own specification, or None.
    """

    bare: bool
    streams: int = 0
    steps: int = 0
    detections: int = 0
    asleep: int | None = None
    engines: list[EngineReport] = field(default_factory=list)
    decision: DecisionReport | None = None
    reference: Difference | None = None

    @property
    def ok(self) -> bool:
        """Whether every required engine agrees, and the reference with the decision's rules."""
        return self.reference is None and all(e.ok for e in self.engines)


@dataclass(frozen=True)
class Comparison:
    """The same values from two engines: ``stage``, ``layer`` name and arrays [steps, values]."""

    stage: str
    layer: str
    expected: npt.NDArray[Any]
    found: npt.NDArray[Any]


def comparisons(model: Model, expected: Output, found: Output) -> Iterator[Comparison]:
    """Pair up whatever both engines show, in the order in which it is computed."""
    if expected.features is not None and found.features is not None:
        yield Comparison("features", "", expected.features, found.features)
    for index, layer in enumerate(model.network.layers):
        name = f"layer {index} ({layer.name})"
        for state in model.network.states[index]:
            key = (index, state.name)
            if key in expected.states and key in found.states:
                yield Comparison(state.name, name, expected.states[key], found.states[key])
        if index in expected.layers and index in found.layers:
            yield Comparison("layer", name, expected.layers[index], found.layers[index])
    yield Comparison("posteriors", "", expected.posteriors, found.posteriors)


def compare(model: Model, source: str, expected: Output, found: Output, report: EngineReport) -> None:
    """Count differences into ``report`` and note the earliest one, by step and then by stage."""
    earliest: tuple[int, int, Difference] | None = None
    for order, c in enumerate(comparisons(model, expected, found)):
        if c.expected.shape != c.found.shape:
            # Steps or their size: everything from there on differs.
            step = min(len(c.expected), len(c.found))
            report.different += 1
            shapes = [f"{a[:1].size} values in each of {len(a)} steps" for a in (c.expected, c.found)]
            candidate = (step, order, Difference(source, c.stage, step, c.layer, 0, *shapes))
            earliest = min(earliest or candidate, candidate, key=lambda e: e[:2])
            continue
        wrong = c.expected != c.found
        count = int(wrong.sum())
        report.values += wrong.size
        report.different += count
        if c.stage == "posteriors":
            report.posteriors = (report.posteriors[0] + wrong.size, report.posteriors[1] + count)
        if count:
            step = int(np.argmax(wrong.any(axis=1)))
            element = int(np.argmax(wrong[step]))
            values = [str(int(a[step, element])) for a in (c.expected, c.found)]
            candidate = (step, order, Difference(source, c.stage, step, c.layer, element, *values))
            earliest = min(earliest or candidate, candidate, key=lambda e: e[:2])
    if earliest is None and expected.detections != found.detections:
        earliest = (0, 0, _detection_difference(source, expected.detections, found.detections))
        report.different += 1
    report.values += len(expected.detections)
    if earliest is not None and report.first is None:
        report.first = earliest[2]


def _detection_difference(
    source: str, a: list[Detection], b: list[Detection], reference: str = REFERENCE
) -> Difference:
    index = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    expected, found = (
        f"label {d[index].label} at frame {d[index].frame}, score {d[index].score}" if index < len(d) else "nothing"
        for d in (a, b)
    )
    step = min(d[index].frame for d in (a, b) if index < len(d))
    return Difference(source, "detections", step, "", index, expected, found, reference)


def _compare_decisions(model: Model, reference: Engine, others: Sequence[Engine], report: Report) -> None:
    """Drive every engine's decision through the rules of its kind; differences go to ``report``."""
    info = model.require_info()
    script = info.decision.script(info.labels)
    report.decision = decision.describe(script)
    report.reference = _drive(script, reference, report.decision)[1]
    for engine, entry in zip(others, report.engines, strict=True):
        if not engine.own_decision:
            report.decision.borrowers.append(engine.name)
            continue
        different, first = _drive(script, engine, report.decision)
        entry.values += report.decision.detections
        entry.different += different
        entry.first = entry.first or first


def _drive(script: Script, engine: Engine, report: DecisionReport) -> tuple[int, Difference | None]:
    """Scenes in which the engine detects something else, and the first difference."""
    report.engines.append(engine.name)
    wrong = [
        _detection_difference(scene.name, scene.detections, found, RULES)
        for scene, found in decision.play(script, engine)
        if found != scene.detections
    ]
    return len(wrong), wrong[0] if wrong else None


def run_chunked(engine: Engine, pcm: npt.NDArray[np.int16], rng: np.random.Generator) -> Output:
    """Reset the engine and feed it ``pcm`` in chunks of random sizes, none included."""
    engine.reset()
    outputs = []
    position = 0
    while position < len(pcm):
        size = int(rng.integers(0, _GREATEST_CHUNK))
        outputs.append(engine.process(pcm[position : position + size]))
        position += size
    return join(outputs)


def join(outputs: Sequence[Output]) -> Output:
    """Outputs of consecutive calls as one."""
    with_frames = [o for o in outputs if len(o.posteriors)] or list(outputs[:1])
    if not with_frames:
        raise KwsError("there is no audio to compare: the input is empty")
    first = with_frames[0]
    return Output(
        features=None if first.features is None else np.concatenate([_shown(o.features) for o in with_frames]),
        # Behind a gate there may be frames without a call, of which an interpreter shows no layer.
        layers=_joined([o.layers for o in with_frames]),
        states=_joined([o.states for o in with_frames]),
        posteriors=np.concatenate([o.posteriors for o in with_frames]),
        detections=[d for o in outputs for d in o.detections],
    )


_Key = TypeVar("_Key")


def _joined(parts: Sequence[dict[_Key, npt.NDArray[Any]]]) -> dict[_Key, npt.NDArray[Any]]:
    keys = dict.fromkeys(key for part in parts for key in part)
    return {key: np.concatenate([part[key] for part in parts if key in part]) for key in keys}


def _shown(features: npt.NDArray[np.int8] | None) -> npt.NDArray[np.int8]:
    assert features is not None, "an engine shows features in every call or in none"
    return features


def _run(engine: Engine, data: npt.NDArray[Any], chunks: np.random.Generator, bare: bool) -> Output:
    if not bare:
        return run_chunked(engine, data, chunks)
    engine.reset()
    return engine.run_network(data)


def _network_inputs(
    model: Model, random: int, files: Sequence[Path], rng: np.random.Generator
) -> Iterator[tuple[str, npt.NDArray[np.int8]]]:
    size = model.network.input_size
    for path in files:
        yield str(path), read_inputs(path, size, model.network.input_type)
    for value in (-128, 127):
        yield f"all {value}", np.full((4, size), value, np.int8)
    yield "alternating", np.resize(np.array([-128, 127], np.int8), (4, size))
    for i in range(random):
        yield f"random input {i}", rng.integers(-128, 128, (NETWORK_CALLS, size)).astype(np.int8)


def read_inputs(path: Path, size: int, dtype: str = "int8") -> npt.NDArray[np.int8]:
    """Recorded inputs of a bare network: int8 [calls, size] from a .npy file or raw bytes.

    Args:
        path: the file.
        size: bytes of an input.
        dtype: of the network's input, int8 or int16; inputs of int16 become their bytes, the lower one first.

    Raises:
        KwsError: the file cannot be read, or is not whole inputs of that type.
    """
    try:
        # Mapped, since a header may promise more than fits into memory.
        npy = path.suffix == ".npy"
        x = np.load(path, mmap_mode="r") if npy else np.frombuffer(read_file(path), np.int8)
    except DAMAGE as error:
        raise KwsError(f"cannot read the recorded inputs {path}: {error}") from error
    if not isinstance(x, np.ndarray):
        raise KwsError(f"cannot read the recorded inputs {path}: it holds several arrays; save one")
    taken = BYTES[dtype] if npy else np.dtype(np.int8)
    values = size // taken.itemsize
    if x.dtype != taken or x.size == 0 or x.size % values:
        raise KwsError(
            f"{path} holds {x.size} values of {x.dtype}; the network takes {taken.name} inputs of {values} values each"
        )
    return np.ascontiguousarray(x).reshape(-1).view(np.int8).reshape(-1, size)


def _recordings(
    info: ModelInfo, random: int, files: Sequence[Path], rng: np.random.Generator
) -> Iterator[tuple[str, Any]]:
    frontend = info.frontend
    for path in files:
        yield str(path), audio.read(path)
    words = speech.words()
    window, hop = frontend.window, frontend.hop
    whole = window + (len(words) - window) // hop * hop
    yield "spoken words, up to the end of a frame", words[:whole]
    yield "spoken words, one sample short of a frame", words[: window + 8 * hop - 1]
    yield "one frame", words[-window:]
    if info.gate.on:
        yield (
            "words between quiet and loud noise",
            speech.with_gaps(info.gate.settle_ms / 1000, info.gate.hold_ms / 1000),
        )
    for name, pcm in corner_signals(STREAM_SAMPLES):
        yield name, pcm
    for i in range(random):
        name, pcm = random_signal(rng, STREAM_SAMPLES)
        yield f"random stream {i} ({name})", pcm


def verify(
    model: Model,
    engines: Sequence[str | Engine],
    *,
    random: int = 20,
    files: Sequence[Path] = (),
    seed: int = 1,
    progress: Progress | None = None,
) -> Report:
    """Compare engines with the NumPy harness on recordings, corner cases and random streams.

    Each engine gets the same samples in chunks of its own random sizes, from a reset. A bare
    network gets inputs instead of samples. Samples alone come to few of the decision's rules, so
    a second pass feeds posteriors to the decision, made from the model's own settings.

    Args:
        model: what to run.
        engines: names or ready engines; ``numpy`` is the reference and always runs.
        random: number of random streams of one second (or batches of calls).
        files: recordings; for a bare network, recorded int8 inputs.
        seed: of the random streams and chunk sizes.
        progress: called with (inputs done, inputs in total).

    Raises:
        KwsError: an engine is missing, or a file cannot be read.
    """
    info = model.info
    bare = info is None
    report = Report(bare)
    rng, chunks = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    inputs = list(_network_inputs(model, random, files, rng) if info is None else _recordings(info, random, files, rng))
    report.asleep = 0 if info is not None and info.gate.on else None
    reference = create(REFERENCE, model)
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(create(e, model) if isinstance(e, str) else e) for e in engines if e != REFERENCE]
        report.engines = [EngineReport(e.name, e.name not in ADVISORY) for e in others]
        for done, (source, data) in enumerate(inputs, 1):
            expected = _run(reference, data, chunks, bare)
            report.streams += 1
            report.steps += len(expected.posteriors)
            report.detections += len(expected.detections)
            if report.asleep is not None:
                report.asleep += len(expected.posteriors) - len(expected.layers[0])
            for engine, entry in zip(others, report.engines, strict=True):
                compare(model, source, expected, _run(engine, data, chunks, bare), entry)
            if progress is not None:
                progress(done, len(inputs))
        if not bare:
            _compare_decisions(model, reference, others, report)
    return report
