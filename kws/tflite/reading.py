"""From a .tflite file's bytes to a graph."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import tflite
from flatbuffers import number_types

from kws.errors import KwsError
from kws.tflite.graph import (
    CUSTOM,
    DTYPES,
    OPERATOR_NAMES,
    OPTIONS_TABLES,
    VERSIONS,
    Graph,
    Operator,
    Tensor,
    fields,
    options_table_of,
)

# Offset in the vtable of OperatorCode's field builtin_code (TFLite's schema.fbs).
_BUILTIN_CODE = 10


def parse(content: bytes, source: str = "the model") -> Graph:
    """Read a .tflite file's bytes.

    Raises:
        KwsError: the bytes are not a whole .tflite file, or use a feature kws never does.
    """
    if len(content) < 8 or content[4:8] != b"TFL3":
        raise KwsError(f"{source} is not a .tflite file (no TFL3 mark)")
    try:
        return _parse(content)
    except KwsError as error:
        raise KwsError(f"{source}: {error}") from error
    except (IndexError, ValueError, TypeError, struct.error, AttributeError, OverflowError, MemoryError) as error:
        raise KwsError(f"{source} is damaged: its tables do not fit together ({error})") from error


class _Budget:
    """How much there can be in a file: tables that overlap could claim the square of its size."""

    def __init__(self, content: bytes) -> None:
        # Buffers may be shared, but not by very many tensors.
        self._bytes = 16 * len(content)

    def take(self, size: int) -> None:
        """Account for what is about to be read.

        Raises:
            ValueError: all together is more than can be.
        """
        self._bytes -= size
        if self._bytes < 0:
            raise ValueError("its tables overlap")


def _parse(content: bytes) -> Graph:
    model = tflite.Model.GetRootAs(content, 0)
    budget = _Budget(content)
    if model.SubgraphsLength() < 1:
        raise KwsError("has no subgraph")
    graph, *others = (_parse_subgraph(model, model.Subgraphs(i), budget) for i in range(model.SubgraphsLength()))
    for i in range(model.MetadataLength()):
        entry = model.Metadata(i)
        graph.metadata[entry.Name().decode()] = _buffer(model, entry.Buffer(), budget)
    description = model.Description()
    graph.description = description.decode() if description else ""
    graph.subgraphs = others
    return graph


def _parse_subgraph(model: Any, subgraph: Any, budget: _Budget) -> Graph:
    tensors = [_parse_tensor(model, subgraph.Tensors(i), budget) for i in range(subgraph.TensorsLength())]
    operators = [_parse_operator(model, subgraph.Operators(i), budget) for i in range(subgraph.OperatorsLength())]
    budget.take(4 * (subgraph.InputsLength() + subgraph.OutputsLength()))
    inputs = tuple(int(subgraph.Inputs(i)) for i in range(subgraph.InputsLength()))
    outputs = tuple(int(subgraph.Outputs(i)) for i in range(subgraph.OutputsLength()))
    used = [i for op in operators for i in (*op.inputs, *op.outputs, *op.intermediates)] + [*inputs, *outputs]
    if any(i < -1 or i >= len(tensors) for i in used) or min([*inputs, *outputs], default=0) < 0:
        raise ValueError("a tensor index is out of range")
    return Graph(tensors, operators, inputs, outputs)


def _buffer(model: Any, index: int, budget: _Budget) -> bytes:
    if index >= model.BuffersLength():
        raise ValueError("a buffer index is out of range")
    buffer = model.Buffers(index)
    if buffer.DataIsNone():
        return b""
    budget.take(buffer.DataLength())
    data = buffer.DataAsNumpy()
    if len(data) != buffer.DataLength():
        raise ValueError("a buffer is cut off")
    return bytes(data.tobytes())


def _parse_tensor(model: Any, source: Any, budget: _Budget) -> Tensor:
    quantization = source.Quantization()
    scales = quantization.ScaleLength() if quantization is not None else 0
    budget.take(8 + 4 * source.ShapeLength() + 4 * scales + len(source.Name() or b""))
    code = source.Type()
    if code not in DTYPES:
        raise KwsError(f"tensor {source.Name()!r} has type number {code}, which kws cannot read")
    dtype = np.dtype(DTYPES[code])
    shape = tuple(int(n) for n in source.ShapeAsNumpy()) if not source.ShapeIsNone() else ()
    if any(n < 0 for n in shape):
        raise ValueError("a tensor has a negative dimension")
    tensor = Tensor(source.Name().decode() if source.Name() else "", shape, dtype, is_variable=source.IsVariable())
    # As TFLM has it: without zero points a tensor is not quantized.
    if scales and quantization.ZeroPointLength():
        tensor.scales = np.array(quantization.ScaleAsNumpy(), np.float32)
        tensor.zero_points = np.array(quantization.ZeroPointAsNumpy(), np.int64)
        tensor.channel_axis = quantization.QuantizedDimension()
        if len(tensor.scales) != len(tensor.zero_points):
            raise ValueError("a tensor has unequal numbers of scales and zero points")
        if not np.all(np.isfinite(tensor.scales) & (tensor.scales > 0)):
            raise ValueError("a quantization scale is not a positive number")
    raw = _buffer(model, source.Buffer(), budget)
    if raw:
        wanted = math.prod(shape) * dtype.itemsize
        if len(raw) != wanted:
            raise KwsError(
                f"tensor {tensor.name!r} of shape {list(shape)} and type {dtype} is {wanted} bytes;"
                f" its data are {len(raw)}"
            )
        values = np.frombuffer(raw, dtype.newbyteorder("<"))
        tensor.data = values.reshape(shape).astype(dtype)
    return tensor


def _builtin_code(code: Any) -> int:
    """The greater of the two codes, as TFLite's ``GetBuiltinCode`` takes it.

    The schema's Python reader takes the older one wherever that is no placeholder.
    """
    place = code._tab.Offset(_BUILTIN_CODE)
    newer = code._tab.Get(number_types.Int32Flags, place + code._tab.Pos) if place else 0
    return max(int(newer), int(code.DeprecatedBuiltinCode()))


def _parse_operator(model: Any, source: Any, budget: _Budget) -> Operator:
    budget.take(8 + 4 * (source.InputsLength() + source.OutputsLength() + source.IntermediatesLength()))
    code = model.OperatorCodes(source.OpcodeIndex())
    number = _builtin_code(code)
    name = OPERATOR_NAMES.get(number, f"operator number {number}")
    if name == "CUSTOM":
        name = f"{CUSTOM}{code.CustomCode().decode() if code.CustomCode() else '?'}"
    inputs = tuple(int(source.Inputs(i)) for i in range(source.InputsLength()))
    outputs = tuple(int(source.Outputs(i)) for i in range(source.OutputsLength()))
    values: dict[str, Any] = {}
    kind = OPTIONS_TABLES.get(source.BuiltinOptionsType(), "")
    table = source.BuiltinOptions()
    if table is not None and hasattr(tflite, kind):
        options = getattr(tflite, kind)()
        options.Init(table.Bytes, table.Pos)
        values = {f: getattr(options, f)() for f in fields(kind)}
        budget.take(sum(len(v) for v in values.values() if isinstance(v, bytes)))
        if not all(math.isfinite(v) for v in values.values() if not isinstance(v, bytes | None)):
            raise ValueError("an option is not a number")
    intermediates = tuple(int(source.Intermediates(i)) for i in range(source.IntermediatesLength()))
    # Of the operators that kws writes itself, versions are as low as they can be, for old interpreters.
    version = 0 if name in VERSIONS else code.Version()
    own = "" if kind == options_table_of(name) else kind
    return Operator(name, inputs, outputs, values, intermediates, own, version)
