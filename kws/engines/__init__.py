"""One interface, several ways to run a model."""

from __future__ import annotations

from kws.engines.base import Engine, Output
from kws.errors import KwsError
from kws.quantize.model import Model

NAMES = ("numpy", "tflm", "tflite", "c", "qemu")
"""Every engine there is. All but ``tflite`` must agree bit for bit."""

__all__ = ["NAMES", "Engine", "Output", "create"]


def create(name: str, model: Model) -> Engine:
    """Make the engine called ``name``, one of :data:`NAMES`.

    Raises:
        KwsError: there is no such engine, or what it needs is missing (the message says what).
    """
    if name == "numpy":
        from kws.engines.numpy_engine import NumpyEngine

        return NumpyEngine(model)
    if name == "c":
        from kws.engines.c_engine import CEngine

        return CEngine(model)
    if name == "tflm":
        from kws.engines.interpreters import TflmEngine

        return TflmEngine(model)
    if name == "tflite":
        from kws.engines.interpreters import TfliteEngine

        return TfliteEngine(model)
    if name == "qemu":
        from kws.engines.qemu import QemuEngine

        return QemuEngine(model)
    raise KwsError(f"there is no engine {name!r}; choose from {', '.join(NAMES)}")
