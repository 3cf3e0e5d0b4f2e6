"""Tensors and operators of a graph in the making, with int8's scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.layers.kind import NONE
from kws.layers.window import VALID
from kws.tflite import Graph, Operator, Tensor
from kws.types import Floats

Ranges = Mapping[str, tuple[float, float]]
"""Least and greatest value by tensor."""
INT8, INT16, INT32 = (np.dtype(t) for t in (np.int8, np.int16, np.int32))
_LEAST_RANGE = 1e-5
_GREATEST_BIAS = 2.0**30


def format_of(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point of int8 for a range with 0 in it, 0 being a value of its own."""
    scale = max(high - low, _LEAST_RANGE) / 255
    scale = float(np.float32(scale))
    return scale, int(np.clip(round(-128 - low / scale), -128, 127))


def constant(name: str, values: Sequence[int] | Sequence[tuple[int, int]]) -> Tensor:
    """Numbers that an operator reads as a tensor."""
    data = np.array(values, np.int32)
    return Tensor(name, data.shape, INT32, data=data)


class Tensors:
    """What writes a graph tensor by tensor.

    Args:
        ranges: of the tensors whose range is measured.
    """

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self._graph = Graph([], [], (), ())
        self._states: list[tuple[int, int]] = []
        self._first = Graph([], [], (), ())

    def _closed(self, source: int, made: int) -> Graph:
        """The whole graph: its ends, states as inputs and outputs behind them, what runs once in front."""
        self._graph.inputs = (source, *(before for before, _ in self._states))
        self._graph.outputs = (made, *(after for _, after in self._states))
        if self._first.operators:
            self._graph.subgraphs.append(self._first)
            self._graph.operators.insert(0, Operator("CALL_ONCE", (), (), {"InitSubgraphIndex": 1}))
        return self._graph

    def _tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        scale: float | Floats | None = None,
        zero_point: int = 0,
        data: npt.NDArray[Any] | None = None,
        **more: Any,
    ) -> int:
        scales = np.atleast_1d(np.asarray([] if scale is None else scale, np.float32))
        zeros = np.full(len(scales), zero_point, np.int64)
        self._graph.tensors.append(Tensor(name, shape, dtype, scales, zeros, data=data, **more))
        return len(self._graph.tensors) - 1

    def _op(self, operator: str, inputs: tuple[int, ...], outputs: tuple[int, ...], **options: Any) -> None:
        self._graph.operators.append(Operator(operator, inputs, outputs, options))

    def _shape(self, tensor: int) -> tuple[int, ...]:
        return self._graph.tensors[tensor].shape

    def _like(self, name: str, x: int, shape: tuple[int, ...]) -> int:
        source = self._graph.tensors[x]
        return self._tensor(name, shape, INT8, source.scale, source.zero_point)

    def _constant(self, name: str, values: Sequence[int] | Sequence[tuple[int, int]]) -> int:
        self._graph.tensors.append(constant(name, values))
        return len(self._graph.tensors) - 1

    def _reshape(self, x: int, shape: tuple[int, ...]) -> int:
        if self._shape(x) == shape:
            return x
        out = self._like(f"{self._graph.tensors[x].name}/reshaped", x, shape)
        self._op("RESHAPE", (x, self._constant("shape", [*shape])), (out,))
        return out

    def _pool(self, x: int, name: str, operator: str, size: tuple[int, int], strides: tuple[int, int]) -> int:
        _, rows, bands, channels = self._shape(x)
        made = (1, (rows - size[0]) // strides[0] + 1, (bands - size[1]) // strides[1] + 1, channels)
        out = self._like(name, x, made)
        options = {"FilterHeight": size[0], "FilterWidth": size[1], "StrideH": strides[0], "StrideW": strides[1]}
        options |= {"Padding": VALID, "FusedActivationFunction": NONE}
        self._graph.operators.append(Operator(operator, (x,), (out,), options, options_table="Pool2DOptions"))
        return out

    def _ranged(self, name: str, shape: tuple[int, ...]) -> int:
        return self._tensor(name, shape, INT8, *format_of(*self._ranges[name]))

    def _matrix(self, name: str, x: int, kernel: Floats, bias: Floats, axis: int | None) -> tuple[int, int]:
        """Int8 weights, one scale for each place on ``axis`` or one in all, and int32 biases."""
        source = self._graph.tensors[x].scale
        axes = tuple(i for i in range(kernel.ndim) if i != axis)
        greatest = np.abs(kernel).max(axis=axes if axis is not None else None).astype(np.float64)
        # A bias must fit its sums' 32 bits, however small the weights are.
        largest = np.abs(bias) if axis is not None else np.abs(bias).max()
        scales = np.maximum(np.maximum(greatest / 127, largest / (source * _GREATEST_BIAS)), _LEAST_RANGE / 127)
        scales = scales.astype(np.float32).astype(np.float64)
        along = scales if axis is None else scales.reshape([-1 if i == axis else 1 for i in range(kernel.ndim)])
        data = np.clip(np.rint(kernel / along), -127, 127).astype(np.int8)
        w = self._tensor(f"{name}/weights", kernel.shape, INT8, scales, data=data, channel_axis=axis or 0)
        sums = source * scales
        values = np.rint(bias / sums).astype(np.int32)
        return w, self._tensor(f"{name}/bias", bias.shape, INT32, sums, data=values)
