"""Plant faults in both twins, one at a time, and require that `kws verify` or a test finds each.

    .venv/bin/python tools/mutate.py                 # all of tools/mutants, two at a time
    .venv/bin/python tools/mutate.py --share 3/20    # every twentieth, from the third on
    .venv/bin/python tools/mutate.py --only DETECT   # those whose description has this in it

Each mutant changes one place of a copy of the sources. Then `kws verify` runs on the shipped models and on
some random networks with the layers that those lack, until one shows a difference; or the test runs that
the mutant names, where no engine of `kws verify` has what was changed. Ends with 1 if a mutant survives that
is not known to be equivalent, or if one that is called equivalent is found.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import random_models
from mutants import ALL, Mutant

from kws.decisions import CtcBeamConfig, CtcConfig, DecisionConfig, GrammarConfig, Phrase
from kws.model.file import Model, with_decision

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("kws", "firmware", "tests", "tools", "docs", "models", "configs", "pyproject.toml", "README.md")
TIMEOUT = 600.0
SURVIVED, DIFFERS, FAILS, CRASHES, HANGS, REFUSED, INVALID, UNSOUND = (
    "survived",
    "differs",
    "fails the test",
    "crashes",
    "hangs",
    "is refused",
    "does not compile",
    "has a proof that fails without it",
)
FOUND = (DIFFERS, FAILS, CRASHES, HANGS, REFUSED)

# Layers and settings that no shipped model has.
NETWORKS = {
    "last-step": {"inputs": 9, "units": (7,), "outputs": 5, "steps": 4, "head": "last", "per_channel": True},
    "logistic": {"inputs": 9, "units": (8,), "outputs": 5, "steps": 3, "head": "logistic", "activation": 2},
    "frames": {
        "inputs": 9,
        "units": (5, 6),
        "outputs": 5,
        "steps": 3,
        "head": "frame_dense",
        "cell_power": -9,
        "cell_clip": 0.75,
    },
    "saturated": {
        "inputs": 23,
        "units": (18,),
        "weights": "saturated",
        "gain": 40.0,
        "cell_power": 0,
        "cell_clip": 0.0,
    },
    "fine-cell": {"inputs": 8, "units": (8,), "cell_power": -24, "cell_clip": 0.0},
}


def grammars(model: Model) -> dict[str, GrammarConfig]:
    """Phrases and windows, which no shipped model has, over three words of a model: between them every rule is reached.

    The settings are short ones of their own, so that none of a model's makes a rule impossible.
    """
    a, b, c = model.require_info().words[:3]
    phrases = (Phrase((a, b), 40), Phrase((c, b), 40), Phrase((b, a, b), 30, "three", (0.3, 0.5, 0.2)))
    words = {"window": True, "phrases": False}
    return {name: GrammarConfig(6, 0.6, 8, (), phrases, report, a, 100) for name, report in words.items()}


def transcribers(model: Model) -> dict[str, DecisionConfig]:
    """Transcriptions, greedy and by beam search, with and without a list of sequences."""
    a, b, c = model.require_info().words[:3]
    return {
        "ctc": CtcConfig(0.3),
        "beam": CtcBeamConfig(0.1, 4, 5, 4.0),
        "listed-beam": CtcBeamConfig(0.05, 8, 6, 10.0, (a, f"{a} {b} {c}", b)),
    }


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant.

    Attributes:
        mutant: which one.
        verdict: one of :data:`FOUND`, or that it was not found, or why that cannot be told.
        where: the model and stage, or the test, that found it.
        seconds: how long that took.
    """

    mutant: Mutant
    verdict: str
    where: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether it was found; or not, if it is equivalent."""
        return self.verdict == SURVIVED if self.mutant.equivalent else self.verdict in FOUND


class Tree:
    """A copy of the sources, in which one mutant at a time lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        compileall.compile_dir(folder / "kws", quiet=2)
        self.models = [*sorted((folder / "models").glob("*.tflite"), key=lambda path: path.stat().st_size)]
        for name, options in NETWORKS.items():
            path = folder / f"{name}.tflite"
            path.write_bytes(random_models.bare_model(31, **options).content)
            self.models.insert(1, path)
        speaking = Model.load(folder / "models" / "commands12-tiny.tflite")
        for name, decision in {**grammars(speaking), **transcribers(speaking)}.items():
            path = folder / f"{name}.tflite"
            path.write_bytes(with_decision(speaking, decision))
            self.models.insert(1, path)

    @contextlib.contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[None]:
        """The tree with the mutant in it, while this lasts."""
        path = self.folder / mutant.path
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        # A compiled file of the same second and size would be taken for the mutant's.
        for stale in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
            stale.unlink()
        try:
            yield
        finally:
            path.write_text(text, encoding="utf-8")

    def steps(self, proof: str) -> list[str]:
        """What a proof consists of, one to be run after the other: the test, or models for `kws verify`."""
        return [proof] if proof.startswith("tests/") else [str(path) for path in self.models]

    def run(self, proof: str, step: str, in_c: bool) -> tuple[str, str]:
        """Run a step of a proof: its verdict, and what decided.

        Args:
            proof: engines or a test, as of :attr:`Mutant.proof`.
            step: one of :meth:`steps`.
            in_c: whether the C sources may have changed; then nothing compiled is kept.
        """
        cache = self.folder / ("cache-c" if in_c else "cache-python")
        try:
            return self._test(step, cache) if step == proof else self._verify(proof, Path(step), cache)
        finally:
            if in_c:
                shutil.rmtree(cache, ignore_errors=True)

    def _run(self, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_CACHE_HOME": str(cache),
            "OMP_NUM_THREADS": "1",
            "CC": "cc -w",  # a parameter that a mutant no longer uses is no reason to stop
        }
        environment.pop("KWS_FIRMWARE", None)
        if shutil.which("ccache"):
            # Of a changed library all but a few objects are those of the last one.
            objects = str(self.folder / "objects")
            environment |= {"COMPILER_LAUNCHER": "ccache", "CCACHE_DIR": objects, "CCACHE_NOHASHDIR": "1"}
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )

    def _test(self, test: str, cache: Path) -> tuple[str, str]:
        try:
            done = self._run(cache, "pytest", "-x", "-q", "-p", "no:cacheprovider", test)
        except subprocess.TimeoutExpired:
            return HANGS, test
        if done.returncode == 0:
            return SURVIVED, test
        if done.returncode < 0:
            return CRASHES, test
        # A sanitizer ends the process, and what pytest held back is lost.
        if not done.stdout.strip() and not done.stderr.strip():
            return CRASHES, test
        failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
        if failed is None or re.search(r"CalledProcessError: Command '\['cc'|the compiler failed", done.stdout):
            return INVALID, (done.stdout + done.stderr)[-600:]
        return FAILS, failed[1]

    def _verify(self, engines: str, model: Path, cache: Path) -> tuple[str, str]:
        name = model.stem
        try:
            done = self._run(cache, "kws", "verify", str(model), "--engines", engines, "--random", "4", "--json")
        except subprocess.TimeoutExpired:
            return HANGS, name
        with contextlib.suppress(json.JSONDecodeError):
            found = json.loads(done.stdout)
            firsts = [e["first_difference"] for e in found["engines"]]
            firsts.append((found["decision"] or {}).get("reference_difference"))
            first = next((f for f in firsts if f), None)
            return (SURVIVED, name) if found["ok"] else (DIFFERS, f"{name}: {_place(first)}")
        said = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        if re.search(r"SyntaxError|IndentationError|NameError|building \S+ from .* failed", done.stderr):
            return INVALID, done.stderr[-600:]
        return (CRASHES if done.returncode < 0 or "Traceback" in done.stderr else REFUSED), f"{name}: {said[-1]}"


def _place(first: dict[str, object] | None) -> str:
    return (
        "?" if first is None else f"{first['stage']}{', ' if first['layer'] else ''}{first['layer']}, {first['source']}"
    )


def check_list() -> None:
    """Stop if a mutant's text is not found exactly once, so that the list cannot rot."""
    wrong = [m for m in ALL if (ROOT / m.path).read_text(encoding="utf-8").count(m.old) != 1 or m.old == m.new]
    if wrong:
        sys.exit("\n".join(["the text of these mutants is not found exactly once:", *map(str, wrong)]))


def chosen(share: str | None, only: str | None) -> list[Mutant]:
    """The mutants of a share ``N/M``, of those whose description has ``only`` in it."""
    mutants = [m for m in ALL if only is None or only.lower() in str(m).lower()]
    if share is None:
        return mutants
    number, count = map(int, share.split("/"))
    if not 1 <= number <= count:
        raise ValueError(f"a share is N/M with N from 1 to M, not {share}")
    return mutants[number - 1 :: count]


class Trial:
    """Tries mutants, several at a time."""

    def __init__(self, trees: list[Tree]) -> None:
        self._trees: queue.SimpleQueue[Tree] = queue.SimpleQueue()
        for tree in trees:
            self._trees.put(tree)
        self._jobs = len(trees)
        self._start = time.monotonic()
        self._sound: dict[tuple[str, str], bool] = {}

    def run(self, mutants: list[Mutant]) -> list[Outcome]:
        """What became of each mutant."""
        with ThreadPoolExecutor(self._jobs) as pool:
            return list(pool.map(self._attempt, mutants))

    def _attempt(self, mutant: Mutant) -> Outcome:
        tree = self._trees.get()
        before = time.monotonic()
        try:
            verdict, where = self._prove(tree, mutant)
        finally:
            self._trees.put(tree)
        outcome = Outcome(mutant, verdict, where, time.monotonic() - before)
        mark = "" if outcome.ok else "  <-- "
        line = f"{time.monotonic() - self._start:6.0f} s  {mark}{verdict}: {mutant}  [{where}]"
        print(line, file=sys.stderr, flush=True)
        return outcome

    def _prove(self, tree: Tree, mutant: Mutant) -> tuple[str, str]:
        in_c = mutant.path.startswith("firmware/")
        verdict = where = ""
        for step in tree.steps(mutant.proof):
            with tree.mutated(mutant):
                verdict, where = tree.run(mutant.proof, step, in_c)
            if verdict != SURVIVED:
                # What fails without the mutant, too, has not found it.
                key = (mutant.proof, Path(step).name)
                if key not in self._sound:
                    self._sound[key] = tree.run(mutant.proof, step, in_c=False)[0] == SURVIVED
                return (verdict, where) if self._sound[key] else (UNSOUND, where)
        return verdict, where


def print_table(outcomes: list[Outcome], seconds: float) -> None:
    """A row for each part of the code, and every mutant that was not found."""
    print(f"{'part':44} {'mutants':>8} {'by verify':>10} {'by a test':>10} {'equivalent':>11} {'missed':>7}")
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.mutant.path, []).append(outcome)
    for path, group in [*sorted(groups.items()), ("all", outcomes)]:
        tested = sum(o.verdict in FOUND and o.mutant.proof.startswith("tests/") for o in group)
        found = sum(o.verdict in FOUND for o in group) - tested
        same = sum(o.ok and bool(o.mutant.equivalent) for o in group)
        missed = sum(not o.ok for o in group)
        print(f"{path:44} {len(group):8} {found:10} {tested:10} {same:11} {missed:7}")
    counts = Counter(o.verdict for o in outcomes)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()) + f"; {seconds:.0f} s")
    for outcome in outcomes:
        if outcome.mutant.equivalent and outcome.ok:
            print(f"equivalent: {outcome.mutant}: {outcome.mutant.equivalent}")
    for outcome in outcomes:
        if not outcome.ok:
            print(f"NOT FOUND: {outcome.mutant}: {outcome.verdict} {outcome.where}")


def main() -> int:
    """Run as the module's docstring says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", metavar="N/M", help="the Nth of M shares, the same ones every time")
    parser.add_argument("--only", metavar="TEXT", help="mutants whose description has this in it")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome to a file")
    a = parser.parse_args()
    check_list()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kws-mutants-") as folder:
        trees = [Tree(Path(folder) / f"tree-{i}") for i in range(a.jobs)]
        outcomes = Trial(trees).run(chosen(a.share, a.only))
    print_table(outcomes, time.monotonic() - start)
    if a.json:
        a.json.parent.mkdir(parents=True, exist_ok=True)
        a.json.write_text(json.dumps([{**asdict(o), "ok": o.ok} for o in outcomes], indent=1) + "\n", encoding="utf-8")
    return 0 if all(o.ok for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
