"""Print how fast the engines are on this machine, and how many instructions a board needs.

Run ``python tools/benchmark.py MODEL [MODEL ...]``; ``make benchmark`` takes the shipped model.
Machines are noisy: compare figures of one run only. Instructions are counted by an emulator and
are the same everywhere.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

# One stream on one core: BLAS must not use the others. Before NumPy is imported.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np
import numpy.typing as npt

from kws.cli import exit_codes
from kws.config import SAMPLE_RATE
from kws.engines import create
from kws.engines.base import Engine
from kws.engines.qemu import QemuEngine
from kws.errors import KwsError
from kws.model.file import Model
from kws.tools import missing_tools

CLIPS = 1000
REPEATS = 5


def audio(seconds: int) -> npt.NDArray[np.int16]:
    """Noise with pauses, int16."""
    rng = np.random.default_rng(1)
    loud = np.repeat(rng.random(seconds * 10) > 0.5, SAMPLE_RATE // 10)
    return (rng.normal(0, 1500, len(loud)) * loud + rng.normal(0, 20, len(loud))).astype(np.int16)


def times_real_time(engine: Engine, pcm: npt.NDArray[np.int16], chunk: int) -> list[float]:
    """Seconds of sound a second of one core, for each repeat, fed ``chunk`` samples at a time."""
    results = []
    for _ in range(REPEATS):
        engine.reset()
        begin = time.process_time()
        for start in range(0, len(pcm), chunk):
            engine.process(pcm[start : start + chunk])
        results.append(len(pcm) / SAMPLE_RATE / (time.process_time() - begin))
    return results


def report(model: Model) -> None:
    """Print the figures of one model."""
    print(f"{model.source}: {len(model.content):,} bytes")
    print("  one stream, one core, times real time (lowest, median, highest of 5):")
    for name, seconds in (("numpy", 20), ("c", 120), ("tflm", 20)):
        try:
            engine = create(name, model)
        except KwsError as error:
            print(f"    {name:<6} skipped: {error}")
            continue
        with engine:
            for what, chunk in (("20 ms chunks", 320), ("1 s chunks", SAMPLE_RATE)):
                low, *_, high = ordered = sorted(times_real_time(engine, audio(seconds), chunk))
                middle = ordered[REPEATS // 2]
                print(f"    {name:<6} {what:<13} {low:8.0f} {middle:8.0f} {high:8.0f}")
    clips = audio(CLIPS).reshape(CLIPS, SAMPLE_RATE)
    print(f"  {CLIPS} clips of one second in a batch, seconds:")
    for name in ("numpy", "c"):
        try:
            engine = create(name, model)
        except KwsError:
            continue
        with engine:
            begin = time.perf_counter()
            engine.classify(clips)
            print(f"    {name:<6} {time.perf_counter() - begin:8.2f}")
    missing = missing_tools(("arm-none-eabi-gcc", "qemu-system-arm"))
    if missing:
        print(f"  instructions a frame: skipped, {', '.join(missing)} not installed")
        return
    with QemuEngine(model, icount=True, trace=False) as board:
        board.process(audio(3))
        whole = board.instructions_per_frame
        board.clear_ticks()
        board.run_network(np.zeros((100, model.network.input_size), np.int8))
        network = board.instructions_per_frame
    print(f"  instructions a frame, Cortex-M4 (emulated): {whole:,.0f}, of it the network {network:,.0f}")


def main() -> int:
    """Benchmark each model named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("model", type=Path, nargs="+", help="a .tflite file, or a run's folder")
    try:
        for path in parser.parse_args().model:
            report(Model.load(path))
    except KwsError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return exit_codes.of(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
