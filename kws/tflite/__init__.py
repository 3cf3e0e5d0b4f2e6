"""A .tflite file as plain dataclasses: tensors, operators, metadata.

:func:`parse` reads a file and :func:`build` writes one. What the two carry is what kws needs:
subgraphs, constant data in buffers, quantization parameters, and the operators' options that are
numbers or texts.
"""

from kws.tflite.graph import Graph, Operator, Tensor
from kws.tflite.reading import parse
from kws.tflite.writing import build

__all__ = ["Graph", "Operator", "Tensor", "build", "parse"]
