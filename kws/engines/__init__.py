"""One interface, several ways to run a model."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator

from kws.boards import find_emulated
from kws.engines.base import Engine, Output
from kws.errors import no_such
from kws.model.file import Model
from kws.tools import missing_tools, require_tools

NAMES = ("numpy", "tflm", "tflite", "c", "wasm", "qemu")
"""Every engine that needs no board. All but ``tflite`` must agree bit for bit."""

EMULATED = "qemu:BOARD"
"""How the engine on another emulated board than that of ``qemu`` is named."""

_CLASSES = {
    "numpy": ("numpy_engine", "NumpyEngine"),
    "tflm": ("interpreters", "TflmEngine"),
    "tflite": ("interpreters", "TfliteEngine"),
    "c": ("c_engine", "CEngine"),
    "wasm": ("wasm_engine", "WasmEngine"),
}
"""Modules and classes of the engines that run here without more; imported by whoever asks for one."""

SERIAL = "serial:PORT[@BAUD]"
"""How the engine on a real board is named: by its serial port."""

__all__ = ["EMULATED", "NAMES", "SERIAL", "Engine", "Output", "check_name", "create", "fastest", "require", "several"]


def check_name(name: str) -> None:
    """Refuse what :func:`create` would not know.

    Raises:
        UsageError: there is no such engine.
    """
    if name.startswith("serial:"):
        from kws.engines.serial_engine import parse

        parse(name)
    elif name.startswith("qemu:"):
        find_emulated(name.removeprefix("qemu:"))
    elif name not in NAMES:
        raise no_such("there is no engine", name, (*NAMES, EMULATED, SERIAL))


def require(name: str) -> None:
    """Make sure that what an engine needs is installed.

    Raises:
        MissingError: it is not; the message says how to get it.
        UsageError: there is no such engine.
    """
    check_name(name)
    if name == "c":
        require_tools("cc", "make")
    elif name == "tflm":
        from kws.engines.interpreters import tflm_runtime

        tflm_runtime()
    elif name == "tflite":
        from kws.engines.interpreters import tflite_interpreter

        tflite_interpreter()
    elif name == "wasm":
        from kws.engines.wasm_engine import wasmtime

        require_tools("make", "clang", "wasm-ld")
        wasmtime()
    elif name.startswith("qemu"):
        from kws.engines.qemu import PROGRAMS

        require_tools(*PROGRAMS)


def create(name: str, model: Model) -> Engine:
    """Make the engine called ``name``, one of :data:`NAMES` or as :data:`EMULATED` and :data:`SERIAL` say.

    Raises:
        UsageError: there is no such engine.
        MissingError: what it needs is not installed (the message says what).
        KwsError: it cannot run this model.
    """
    if name in _CLASSES:
        module, kind = _CLASSES[name]
        engine: Engine = getattr(importlib.import_module(f"kws.engines.{module}"), kind)(model)
        return engine
    check_name(name)
    if name.startswith("qemu"):
        from kws.boards.emulator import DEFAULT_BOARD
        from kws.engines.qemu import QemuEngine

        return QemuEngine(model, board=name.removeprefix("qemu").removeprefix(":") or DEFAULT_BOARD)
    from kws.engines.serial_engine import SerialEngine, parse

    return SerialEngine(model, *parse(name))


@contextlib.contextmanager
def several(name: str, model: Model) -> Iterator[Callable[[], Engine]]:
    """Yield a function that makes engines of one model, one a stream; what they share is made once.

    Raises:
        KwsError: as :func:`create`.
    """
    if name != "c":
        check_name(name)
        yield lambda: create(name, model)
        return
    from kws.engines.c_engine import CEngine
    from kws.image.build import held_host_library

    with held_host_library(model) as library:
        yield lambda: CEngine(model, library)


def fastest() -> str:
    """The engine that takes the least time here: ``c`` where its tools are, otherwise ``numpy``."""
    return "numpy" if missing_tools(("cc", "make")) else "c"
