"""Reading and writing what LOGISTIC and TANH share: their input."""

from __future__ import annotations

import numpy as np

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.bounded import Bounded
from kws.layers.kind import Constants
from kws.tflite import Tensor

SCALES = (2.0**-28, 8.0)
"""Input scales, from one to below the other, for which TFLM's kernels compute their functions."""


def require_scale(source: Tensor) -> None:
    """Refuse an input that TFLM's kernels make nothing of.

    Raises:
        KwsError: its scale is out of range.
    """
    if not SCALES[0] <= source.scale < SCALES[1]:
        raise KwsError(f"its input scale is {source.scale}; TFLM runs scales from 2^-28 to below 8")


def emit_bounded(name: str, structure: str, kernel: Bounded) -> Constants:
    """The values of a bounded function for every int8, and its structure, whose type in C is ``structure``."""
    every = np.arange(256, dtype=np.uint8).view(np.int8)
    return Constants(
        (
            emit.array("int8_t", f"{name}_values", kernel.values(every)),
            emit.structure(structure, name, {"values": f"{name}_values"}),
        )
    )
