"""The kinds of layers: one file a kind, and one line in this registry.

A kind consists of ``kws/layers/<name>.py`` (reading and writing), ``kws/fixedpoint/layers/<name>.py``
(computing), ``firmware/include/kws/layers/<name>.h`` and ``firmware/src/layers/<name>.c`` (the same in C)
with a line in ``firmware/include/kws/layers/kinds.def``, and ``tests/layers/test_<name>.py``.
"""

from __future__ import annotations

from importlib import import_module

from kws.fixedpoint.layers.kernel import Kernel
from kws.layers.kind import Kind

KINDS: list[Kind] = [
    import_module(f"kws.layers.{module}").KIND
    for module in (
        "lstm",
        "fully_connected",
        "softmax",
        "logistic",
        "reshape",
        "row_slice",
        "strided_slice",
        "split",
        "conv_2d",
        "depthwise_conv_2d",
        "pool_2d",
        "add",
        "mul",
        "mean",
        "pad",
        "concatenation",
        "quantize",
        "tanh8",
        "history",
        "svdf",
        "carry",
        "quantize16",
    )
]
"""In the order in which messages name their operators."""


def reader_of(operator: str) -> Kind | None:
    """The kind that reads a .tflite operator, or None."""
    return next((kind for kind in KINDS if operator in kind.operators), None)


def kind_of(kernel: Kernel) -> Kind:
    """The kind that a kernel belongs to."""
    return next(kind for kind in KINDS if kind.kernel is type(kernel))


__all__ = ["KINDS", "Kind", "kind_of", "reader_of"]
