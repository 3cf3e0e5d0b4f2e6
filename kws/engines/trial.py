"""A foreign model's first call, in a process of its own, so that a crash there is a sentence here.

Interpreters trust a .tflite file, and one that is malformed can end the process or never return. A model that
carries kws's own SHA-256 is as it was written; any other is tried first. So is one with a subgraph that nothing calls,
whoever sealed it: an interpreter prepares it all the same, and TFLM crashes on some.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from kws.errors import KwsError
from kws.model.file import Model

TIMEOUT_SECONDS = 60.0
"""For a process to start and a network to be called twice, on a busy machine."""

_HERE = Path(__file__).parent
_survived: set[tuple[str, ...]] = set()


def interpreter(name: str, model: Model) -> None:
    """Try ``tflm`` or ``tflite`` on a model.

    Raises:
        KwsError: the process crashed, or did not return.
    """
    _try(name, model, [_HERE / "opening.py", name], model.content)


def c_library(model: Model, library: Path) -> None:
    """Try a model's C library.

    Raises:
        KwsError: the process crashed, or did not return.
    """
    network = model.network
    layers = sum(layer.output_size for layer in network.layers)
    states = sum(state.bytes for declared in network.states for state in declared)
    sizes = (network.input_size, layers, states, network.output_size)
    _try("c", model, ["-S", _HERE / "trial_c.py", library, *map(str, sizes)], b"")


def apart(command: Sequence[str | Path], content: bytes, seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run Python in a process of its own that finds the modules that this one does, and keep what it says.

    Args:
        command: options of Python, a program, its arguments.
        content: its standard input.
        seconds: how long it may take.

    Raises:
        subprocess.TimeoutExpired: it took longer.
    """
    return subprocess.run(
        [sys.executable, "-P", *command],
        input=content,
        capture_output=True,
        timeout=seconds,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        check=False,
    )


def _try(name: str, model: Model, command: Sequence[str | Path], content: bytes) -> None:
    key = (name, model.id, *(os.fspath(part) for part in command))
    if (model.sealed and not _idle_subgraphs(model)) or key in _survived:
        return
    try:
        done = apart(command, content, TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise KwsError(
            f"engine {name} did not return from its first calls of {model.source} within {TIMEOUT_SECONDS:g} s;"
            " convert the model anew, or leave that engine out"
        ) from None
    # What it refused in words it will refuse again, where that can be told better.
    if done.returncode < 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise KwsError(
            f"engine {name} crashed on {model.source} (signal {-done.returncode},"
            f" {signal.strsignal(-done.returncode)}{'; it said: ' + said[-1][:200] if said else ''});"
            " the file is malformed, or the engine has a fault: convert the model anew, or leave that engine out"
        )
    _survived.add(key)


def _idle_subgraphs(model: Model) -> bool:
    graph = model.graph
    return not set(graph.called_once).issuperset(range(1, len(graph.subgraphs) + 1))
