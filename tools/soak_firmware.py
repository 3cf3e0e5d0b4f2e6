"""Run the firmware's library for a day of audio with sanitizers on, and compare.

    python tools/soak_firmware.py MODEL [--hours 24]

Two processes hear the same audio in different chunks: one with the library that the address and
undefined-behaviour sanitizers watch, one with the ordinary optimised library. Each runs two
spotters: one that is never reset, and one for each piece (an hour) alone; the first process resets
the same spotter for every piece, the second makes a new one. Features, posteriors, frame numbers
and detections must be the same in both, piece by piece. The audio is silence, noise of every
loudness, full-scale square waves, tones, steps, clicks and constant extremes.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from kws.config import SAMPLE_RATE
from kws.engines.base import Output
from kws.engines.c_engine import CEngine
from kws.errors import KwsError
from kws.image.build import host_library
from kws.model.file import Model

BLOCK = 10 * SAMPLE_RATE
LONGEST_CHUNK = 40000
FRESH, RESET = "fresh", "reset"


def block(seed: int, index: int) -> npt.NDArray[np.int16]:
    """Ten seconds of one kind of signal, or of two, one after the other: int16 [160000]."""
    rng = np.random.default_rng((seed, index))
    n = np.arange(BLOCK)
    loudness = 10 ** rng.uniform(-4.5, 0)
    period = int(rng.integers(2, 4000))
    kinds: list[Callable[[], npt.NDArray[Any]]] = [
        lambda: np.zeros(BLOCK),
        lambda: rng.normal(0, 12000 * loudness, BLOCK),
        lambda: np.where(n // period % 2 == 0, 32767, -32768),
        lambda: 32767 * loudness * np.sin(np.cumsum(rng.uniform(0.02, 3.1, 100).repeat(BLOCK // 100))),
        lambda: rng.integers(-32768, 32768, 40).repeat(BLOCK // 40),
        lambda: np.where(rng.random(BLOCK) < 1e-3, rng.choice([-32768, 32767], BLOCK), 0),
        lambda: np.full(BLOCK, rng.choice([-32768, -1, 1, 32767])),
        lambda: rng.normal(0, 12000, BLOCK) * (n // (SAMPLE_RATE // 8) % 2) * loudness,
    ]
    first, second = rng.choice(len(kinds), 2)
    cut = int(rng.integers(0, BLOCK))
    joined = np.concatenate([kinds[first]()[:cut], kinds[second]()[cut:]])
    return np.clip(np.round(joined), -32768, 32767).astype(np.int16)


class _Digest:
    """What a spotter said in a piece, in a few bytes."""

    def __init__(self) -> None:
        # One of each, because how many frames come at once depends on the chunks.
        self._features, self._posteriors, self._detections = (hashlib.sha256() for _ in range(3))
        self.frames = 0
        self.detections = 0

    def add(self, output: Output) -> None:
        assert output.features is not None
        self._features.update(output.features.tobytes())
        self._posteriors.update(output.posteriors.tobytes())
        for d in output.detections:
            self._detections.update(f"{d.frame} {d.label} {d.score};".encode())
        self.frames += len(output.posteriors)
        self.detections += len(output.detections)

    def value(self) -> str:
        digests = (h.hexdigest()[:16] for h in (self._features, self._posteriors, self._detections))
        return f"{self.frames} {self.detections} {' '.join(digests)}"


def work(model: Model, library: Path, how: str, pieces: int, blocks: int, seed: int) -> Iterator[dict[str, str]]:
    """Hear all pieces; yield what both spotters said in each.

    Args:
        model: what the library was built from.
        library: the shared library.
        how: :data:`FRESH` for a new spotter a piece, :data:`RESET` for one that is reset.
        pieces: how many.
        blocks: blocks of ten seconds a piece.
        seed: of the audio; the chunks depend on ``how`` too.
    """
    chunks = np.random.default_rng((seed, 99, int(how == FRESH)))
    unbroken, piecewise = CEngine(model, library), CEngine(model, library)
    for piece in range(pieces):
        if how == FRESH:
            piecewise = CEngine(model, library)
        else:
            piecewise.reset()
        digests = {"unbroken": _Digest(), "piece": _Digest()}
        for index in range(blocks):
            pcm = block(seed, piece * blocks + index)
            at = 0
            while at < len(pcm):
                end = at + int(chunks.integers(1, LONGEST_CHUNK))
                digests["unbroken"].add(unbroken.process(pcm[at:end]))
                digests["piece"].add(piecewise.process(pcm[at:end]))
                at = end
        yield {name: digest.value() for name, digest in digests.items()}


def start(model: Path, library: Path, how: str, a: argparse.Namespace, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """A worker process; with the sanitizers' runtimes loaded first where its library needs them."""
    environment = dict(os.environ)
    if how == RESET:
        find = [os.environ.get("CC", "cc").split()[0]]
        names = ("libasan.so", "libubsan.so")
        paths = [subprocess.check_output([*find, f"-print-file-name={n}"], encoding="utf-8").strip() for n in names]
        environment |= {"LD_PRELOAD": " ".join(paths), "ASAN_OPTIONS": "detect_leaks=0"}
    command = [sys.executable, __file__, str(model), "--worker", how, "--library", str(library)]
    command += ["--hours", str(a.hours), "--piece-minutes", str(a.piece_minutes), "--seed", str(a.seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)


def shape(a: argparse.Namespace) -> tuple[int, int]:
    """Pieces, and blocks a piece."""
    blocks = max(1, round(a.piece_minutes * 60 * SAMPLE_RATE / BLOCK))
    return max(1, round(a.hours * 3600 * SAMPLE_RATE / BLOCK / blocks)), blocks


def soak(a: argparse.Namespace) -> int:
    """Build both libraries, run both workers, compare."""
    model = Model.load(a.model)
    model.require_info()
    pieces, blocks = shape(a)
    began = time.monotonic()
    frames = detections = 0
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kws-soak-")))
        log = stack.enter_context((folder / "log").open("w+b"))
        libraries = {how: host_library(model, folder, sanitize=how == RESET) for how in (RESET, FRESH)}
        workers = {how: start(a.model, library, how, a, log) for how, library in libraries.items()}
        for worker in workers.values():
            stack.callback(worker.wait)
            stack.callback(worker.kill)
        for piece in range(pieces):
            said = {}
            for how, worker in workers.items():
                assert worker.stdout is not None
                line = worker.stdout.readline()
                if not line:
                    log.seek(0)
                    tail = log.read().decode(errors="replace")[-4000:]
                    raise KwsError(f"the process with the {how} spotter ended in piece {piece + 1}:\n{tail}")
                said[how] = json.loads(line)
            done = (piece + 1) * blocks * BLOCK / SAMPLE_RATE / 3600
            for name in ("unbroken", "piece"):
                if said[RESET][name] != said[FRESH][name]:
                    raise KwsError(
                        f"piece {piece + 1} differs ({name} spotter; frames, detections, digests):"
                        f" with sanitizers {said[RESET][name]}, without {said[FRESH][name]}"
                    )
            counts = said[FRESH]["unbroken"].split()
            frames, detections = frames + int(counts[0]), detections + int(counts[1])
            print(f"{done:.2f} of {pieces * blocks * BLOCK / SAMPLE_RATE / 3600:.2f} hours: the same", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"{frames} frames, {detections} detections, no finding, no difference; took {minutes:.1f} minutes")
    return 0


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(description="Soak the firmware's library in audio, with sanitizers.")
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("--hours", type=float, default=24.0, help="of audio (default: 24)")
    parser.add_argument("--piece-minutes", type=float, default=60.0, help="of audio a piece (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="of audio and chunks")
    parser.add_argument("--worker", choices=[FRESH, RESET], help=argparse.SUPPRESS)
    parser.add_argument("--library", type=Path, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.worker:
        for said in work(Model.load(a.model), a.library, a.worker, *shape(a), a.seed):
            print(json.dumps(said), flush=True)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and take the workers along
    try:
        return soak(a)
    except KwsError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
