"""The first call of an interpreter, in a process of its own: see :mod:`kws.engines.trial`.

Run as a program: ``python -m kws.engines.trial_interpreter ENGINE``, with the .tflite file on standard input.
"""

from __future__ import annotations

import sys

import numpy as np

from kws.engines import create
from kws.errors import KwsError
from kws.model.file import Model


def main() -> None:
    """Two calls of zeros from a reset; what the engine refuses in words it will refuse again, where it is used."""
    model = Model.from_bytes(sys.stdin.buffer.read(), trusted=True)
    try:
        with create(sys.argv[1], model) as engine:
            engine.reset()
            engine.run_network(np.zeros((2, model.network.input_size), np.int8))
    except KwsError:
        return


if __name__ == "__main__":
    main()
