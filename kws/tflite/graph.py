"""Tensors, operators and graphs, and what of the schema both reading and writing need."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

DTYPES: dict[int, type[np.generic]] = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
    tflite.TensorType.UINT8: np.uint8,
    tflite.TensorType.INT64: np.int64,
    tflite.TensorType.BOOL: np.bool_,
    tflite.TensorType.INT16: np.int16,
    tflite.TensorType.INT8: np.int8,
    tflite.TensorType.FLOAT64: np.float64,
    tflite.TensorType.RESOURCE: np.void,
}
TYPES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}
OPERATOR_NAMES = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
OPTIONS_TABLES = {v: k for k, v in vars(tflite.BuiltinOptions).items() if isinstance(v, int)}
CUSTOM = "CUSTOM:"
"""In front of the name of an operator that is none of the schema's."""

# The lowest operator version whose kernel takes the 8-bit types used here; TFLite's desktop
# interpreter looks a kernel up by name and version.
VERSIONS = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 3,
    "FULLY_CONNECTED": 4,
    "SOFTMAX": 2,
    "LOGISTIC": 2,
    "STRIDED_SLICE": 2,
    "TANH": 3,
}


@dataclass
class Tensor:
    """One tensor of a graph.

    Attributes:
        name: as in the file.
        shape: dimensions.
        dtype: NumPy type.
        scales: float32 quantization scales, one or one a channel; empty if not quantized.
        zero_points: zero points, as many as scales.
        channel_axis: axis of per-channel scales.
        data: constant data in ``shape``, or None.
        is_variable: a state that lives from one call to the next.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scales: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    zero_points: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    channel_axis: int = 0
    data: npt.NDArray[Any] | None = None
    is_variable: bool = False

    @property
    def scale(self) -> float:
        """The only scale, as the double that holds the file's float32 exactly."""
        return float(self.scales[0])

    @property
    def zero_point(self) -> int:
        """The only zero point."""
        return int(self.zero_points[0])


@dataclass
class Operator:
    """One operator.

    Attributes:
        name: builtin name, or ``CUSTOM:name``.
        inputs: tensor indices, -1 where one is absent.
        outputs: tensor indices.
        options: its fields by their names in the schema's Python, such as ``FusedActivationFunction``.
        intermediates: tensor indices that desktop TFLite reads scales from; TFLM ignores them.
        options_table: the schema's table of the options; where empty, the one named after the operator.
        version: of the operator; 0 for the lowest whose kernel takes 8-bit types.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    intermediates: tuple[int, ...] = ()
    options_table: str = ""
    version: int = 0

    def moved(self, place: Mapping[int, int]) -> Operator:
        """The same operator where its tensors have other indices, ``place`` of each old one."""
        inputs, outputs, intermediates = (
            tuple(place[i] if i >= 0 else i for i in each) for each in (self.inputs, self.outputs, self.intermediates)
        )
        return replace(self, inputs=inputs, outputs=outputs, intermediates=intermediates)


@dataclass
class Graph:
    """The main subgraph with the file's metadata.

    Attributes:
        tensors: of this subgraph; operators name them by index.
        operators: in order of execution.
        inputs: tensor indices.
        outputs: tensor indices.
        metadata: the file's, by name.
        description: the file's.
        subgraphs: the file's other subgraphs, from number 1 on, which operators of control name.
    """

    tensors: list[Tensor]
    operators: list[Operator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    metadata: dict[str, bytes] = field(default_factory=dict)
    description: str = ""
    subgraphs: list[Graph] = field(default_factory=list)

    @property
    def called_once(self) -> list[int]:
        """Numbers of the subgraphs that CALL_ONCE names, in order; a malformed file's may not exist."""
        return [int(op.options.get("InitSubgraphIndex", 0)) for op in self.operators if op.name == "CALL_ONCE"]


def fields(table: str) -> list[str]:
    """The fields of an options table that are no arrays, in the schema's order."""
    names = vars(getattr(tflite, table))
    return [name for name in names if hasattr(tflite, f"{table}Add{name}") and f"{name}Length" not in names]


@functools.cache
def options_table_of(operator: str) -> str:
    """The options table that is named after an operator, or nothing."""
    wanted = operator.replace("_", "").lower() + "options"
    return next((name for name in OPTIONS_TABLES.values() if name.lower() == wanted), "")
