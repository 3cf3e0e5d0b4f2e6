"""Somebody else's interpreters, opened on a .tflite file's bytes.

Also a program, ``python opening.py NAME < FILE``, that opens one and calls it: they trust a file, and where it
is malformed they take the process with them (:mod:`kws.engines.trial`). It imports nothing of kws, so that it
starts soon.
"""

from __future__ import annotations

import struct
import sys
from typing import Any

import numpy as np

# TFLM's default arena is a multiple of the file's size, and running out of it kills the process.
_ARENA_BYTES = 1 << 20


REFUSALS = (RuntimeError, ValueError, IndexError, TypeError, AttributeError, OverflowError, struct.error)
"""What the interpreters, and the Python around them, raise for a file or an input that they can't take."""


def tflm(content: bytes) -> Any:
    """A TensorFlow Lite Micro interpreter that shows all tensors.

    Raises:
        ImportError: the package is missing.
        Exception: one of :data:`REFUSALS`: it refuses the file.
    """
    found = runtime()
    return found.Interpreter.from_bytes(
        content,
        arena_size=_ARENA_BYTES + 16 * len(content),
        intrepreter_config=found.InterpreterConfig.kPreserveAllTensors,
    )


def runtime() -> Any:
    """The module of TensorFlow Lite Micro.

    Raises:
        ImportError: the package is missing.
    """
    from tflite_micro.python.tflite_micro import runtime as found

    return found


def tflite(content: bytes) -> Any:
    """A desktop TFLite interpreter: tflite-runtime where it can run, else ai-edge-litert.

    Raises:
        ImportError: neither package can run.
        Exception: one of :data:`REFUSALS`: it refuses the file.
    """
    interpreter = desktop()(model_content=content)
    interpreter.allocate_tensors()
    return interpreter


def desktop() -> Any:
    """The desktop interpreter's class.

    Raises:
        ImportError: neither package can run.
    """
    # tflite-runtime was built for numpy 1: with numpy 2 it imports and then fails to run.
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError:
            pass
        else:
            return Interpreter
    from ai_edge_litert.interpreter import Interpreter as LitertInterpreter

    return LitertInterpreter


def _main() -> None:
    content = sys.stdin.buffer.read()
    if sys.argv[1] == "tflm":
        interpreter = tflm(content)
        details = interpreter.get_input_details(0)
        interpreter.reset()
        for _ in range(2):
            interpreter.set_input(np.zeros(tuple(details["shape"]), details["dtype"]), 0)
            interpreter.invoke()
            interpreter.get_output(0)
    else:
        interpreter = tflite(content)
        details = interpreter.get_input_details()[0]
        for _ in range(2):
            interpreter.set_tensor(details["index"], np.zeros(tuple(details["shape"]), details["dtype"]))
            interpreter.invoke()


if __name__ == "__main__":
    _main()
