"""Feed mutated .tflite files to kws: each must be refused in words, or be computed exactly.

    python tools/fuzz_tflite.py --count 100000

Bytes, the graph's fields and the metadata are mutated (``fuzz_mutations.py``). A file is either refused with a
KwsError, or NumPy and TensorFlow Lite Micro, where it takes the file, compute the same; of some files the C is
exported, and of fewer it is built and compared too. A crash, another exception, more than ten seconds of
processor time or a gigabyte of memory is a finding: it is made smaller, and kept under ``--keep``.

Cases are numbered: a run that was ended goes on with ``--start``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_mutations import CannotBuild, make

from kws import codegen
from kws.engines import trial
from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.model.file import Model, ModelInfo
from kws.verify.compare import EngineReport, compare

CPU_SECONDS = 10
WALL_SECONDS = 600.0
"""For machines with much else to do; a case that waits for something never ends."""
MEMORY_BYTES = 1 << 30
GREATEST_MACS = 20_000_000
"""A call of more is read, but not run: it is slow and right."""


class Finding(Exception):
    """What must not happen; the first argument is its kind, the second tells it from others."""


# ---- the process that tries them ----


def judge(content: bytes, number: int, export_every: int, c_every: int, say: Callable[[str], None]) -> str:
    """What becomes of a file, in a word or two.

    Args:
        content: the file.
        number: the case's; it chooses the inputs, and which files are exported and built.
        export_every: export one accepted file in so many; 0 for none.
        c_every: build one in so many.
        say: told what is about to happen.

    Raises:
        Finding: neither refused nor exact.
    """
    say("reading")
    try:
        model = Model.from_bytes(content, "case")
    except KwsError:
        return "refused"
    if model.network.macs > GREATEST_MACS or model.network.output_size > 65535:
        return "accepted, too large to run here"
    rng = np.random.default_rng(number)
    x = rng.integers(-128, 128, (4, model.network.input_size)).astype(np.int8)
    x[0], x[1] = -128, 127
    say("numpy")
    reference = NumpyEngine(model)
    expected = reference.run_network(x)
    result = "exact"
    say("tflm")
    try:
        _compare(model, expected, TflmEngine(model), x)
    except KwsError as error:
        result = f"exact, tflm {'crashes, and kws says so' if 'crashed on' in str(error) else 'refuses'}"
    if model.info is not None:
        say("the whole model")
        reference.reset()
        pcm = rng.normal(0, 3000, 4000).clip(-32768, 32767).astype(np.int16)
        reference.process(pcm)
        _same(ModelInfo.from_json(model.info.to_json()), model.info)
    with tempfile.TemporaryDirectory() as folder:
        if export_every and number % export_every == 0:
            say("export")
            result += ", exported"
            with contextlib.suppress(KwsError):
                codegen.export(model, Path(folder))
        if c_every and number % c_every == 0:
            say("c")
            os.environ["XDG_CACHE_HOME"] = folder
            try:
                engine = CEngine(model)
            except KwsError as error:
                if "bytes of RAM" not in str(error):
                    raise Finding("exception", f"C: {error}") from error
            else:
                _compare(model, expected, engine, x)
                result += ", C equal"
    return result


def _compare(model: Model, expected: Any, engine: Any, x: Any) -> None:
    engine.reset()
    report = EngineReport(engine.name, True)
    compare(model, "input", expected, engine.run_network(x), report)
    if report.first is not None:
        raise Finding("difference", f"{engine.name}: {report.first.stage} {report.first.layer}")


def _same(a: Any, b: Any) -> None:
    if a != b:
        raise Finding("difference", "metadata written and read")


def work(a: argparse.Namespace) -> None:
    """Answer each line of standard input, a case and the edits to leave out, with a line of JSON."""
    answers = os.fdopen(os.dup(1), "w")
    # The interpreters print.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    if not a.trial:
        # Here the process is one of its own already.
        trial.interpreter = lambda name, model: None
    resource.setrlimit(resource.RLIMIT_DATA, (4 * MEMORY_BYTES, 4 * MEMORY_BYTES))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def answer(**values: Any) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    for line in sys.stdin:
        number, leave_out = json.loads(line)
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + CPU_SECONDS + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        try:
            case = make(a.seed, number, leave_out)
            outcome = judge(case.content, number, a.export_every, a.c_every, lambda stage: answer(stage=stage))
            if (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 > MEMORY_BYTES:
                raise Finding("memory", "more than a gigabyte")
        except CannotBuild:
            answer(outcome="no such file")
        except Finding as error:
            answer(finding=error.args)
        except Exception as error:
            answer(finding=("exception", f"{type(error).__name__} in {_place(error)}: {error}"[:300]))
        else:
            answer(outcome=outcome, level=case.level)


def _place(error: Exception) -> str:
    """Where it was raised: the last function of kws, if there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if f"{os.sep}kws{os.sep}" in frame.filename] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].name}"


# ---- the process that counts ----


@dataclass
class Worker:
    """A process that tries cases, started anew where one killed it."""

    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    _said: bytes = b""

    def ask(self, number: int, leave_out: Collection[int] = ()) -> dict[str, Any]:
        """What became of a case: its ``outcome`` and ``level``, or a ``finding``, as :class:`Finding` has it."""
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([number, sorted(leave_out)]).encode() + b"\n")
        self.process.stdin.flush()
        stage = "making"
        while True:
            line = self._line()
            if not line:
                silent = line is None
                code = self.close(kill=silent)
                kind = "slow" if silent or code == -signal.SIGXCPU else "crash"
                return {"finding": [kind, f"{stage}: " + ("no end" if kind == "slow" else f"signal {-code}")]}
            values: dict[str, Any] = json.loads(line)
            if "stage" not in values:
                return values
            stage = values["stage"]

    def _line(self) -> bytes | None:
        """The next line; nothing where the process ended, None where it says nothing."""
        assert self.process is not None
        assert self.process.stdout is not None
        while b"\n" not in self._said:
            if not select.select([self.process.stdout], [], [], WALL_SECONDS)[0]:
                return None
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return b""
            self._said += data
        line, self._said = self._said.split(b"\n", 1)
        return line

    def close(self, kill: bool = True) -> int:
        """End the process; return its exit code."""
        if self.process is None:
            return 0
        if kill:
            self.process.kill()
        code = self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self.process, self._said = None, b""
        return code


@dataclass
class Totals:
    """What a run found.

    Attributes:
        outcomes: cases by what became of them.
        levels: cases by level.
        findings: cases by what must not happen, with the numbers of the first few.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    findings: dict[str, list[int]] = field(default_factory=dict)


def smaller(worker: Worker, seed: int, number: int, finding: list[str]) -> set[int]:
    """The edits of a case that can be left out one after another while the finding stays."""
    try:
        edits = make(seed, number).edits
    except CannotBuild:
        return set()
    left_out: set[int] = set()
    for index in range(edits):
        if worker.ask(number, {*left_out, index}).get("finding") == finding:
            left_out.add(index)
    return left_out


def keep(folder: Path, seed: int, number: int, left_out: set[int], finding: list[str]) -> None:
    """Write a case's file and what it is."""
    folder.mkdir(parents=True, exist_ok=True)
    case = make(seed, number, left_out)
    stem = folder / f"{finding[0]}-{seed}-{number}"
    stem.with_suffix(".tflite").write_bytes(case.content)
    text = f"{finding[0]}: {finding[1]}\n{case.what}\n--seed {seed} --start {number} --count 1\n"
    stem.with_suffix(".txt").write_text(text, encoding="utf-8")


def run(a: argparse.Namespace) -> Totals:
    """Try the cases."""
    options = [f"--{name}={getattr(a, name.replace('-', '_'))}" for name in ("seed", "export-every", "c-every")]
    command = [sys.executable, os.fspath(Path(__file__).resolve()), "--worker", *options]
    # The second one tries TFLM as kws does, in yet another process: slow, so only after a crash.
    worker, careful = Worker(command), Worker([*command, "--trial"])
    totals = Totals()
    try:
        for number in _numbers(a):
            values = worker.ask(number)
            if values.get("finding", ["", ""])[1].startswith("tflm: "):
                values = careful.ask(number)
                if a.crashes and "finding" not in values:
                    keep(a.keep, a.seed, number, set(), ["tflm", values["outcome"]])
            totals.levels[values.get("level", "other")] += 1
            if "finding" not in values:
                totals.outcomes[values["outcome"]] += 1
                continue
            finding = values["finding"]
            totals.outcomes["FOUND"] += 1
            known = totals.findings.setdefault(": ".join(finding), [])
            known.append(number)
            if len(known) == 1:
                print(f"case {number}: {': '.join(finding)}", flush=True)
                keep(a.keep, a.seed, number, smaller(worker, a.seed, number, finding), finding)
    finally:
        worker.close()
        careful.close()
    return totals


def _numbers(a: argparse.Namespace) -> Iterator[int]:
    began = shown = time.monotonic()
    for number in range(a.start, a.start + a.count):
        now = time.monotonic()
        if a.seconds and now - began > a.seconds:
            print(f"time is up; go on with --start {number}", flush=True)
            return
        if now - shown > 60:
            shown = now
            print(f"{number - a.start} of {a.count} cases", flush=True)
        yield number


def main() -> int:
    """Run, print the counts; 1 if there is a finding."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="number of the first case")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=0, help="end after so long; 0 for no limit")
    parser.add_argument("--export-every", type=int, default=10, help="export one accepted case number in so many")
    parser.add_argument("--c-every", type=int, default=200, help="build and run the C of one in so many")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="folder for what is found")
    parser.add_argument("--crashes", action="store_true", help="keep the files, too, that crash TFLM's interpreter")
    parser.add_argument("--trial", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.worker:
        work(a)
        return 0
    totals = run(a)
    print(f"{totals.outcomes.total()} cases of seed {a.seed}, from {a.start} on")
    for counts in (totals.levels, totals.outcomes):
        for name, count in counts.most_common():
            print(f"  {count:8,}  {name}")
    for name, numbers in totals.findings.items():
        print(f"  {len(numbers):8,}  {name} (such as {numbers[:5]})")
    return 1 if totals.findings else 0


if __name__ == "__main__":
    sys.exit(main())
