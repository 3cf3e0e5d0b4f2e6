"""A .tflite file as plain dataclasses: tensors, operators, metadata.

:func:`parse` reads a file and :func:`build` writes one. What the two carry is what kws needs:
subgraphs, constant data in buffers, quantization parameters, and the operators' options that are
numbers or texts.
"""

from __future__ import annotations

import functools
import math
import struct
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite

from kws.errors import KwsError

_DTYPES: dict[int, type[np.generic]] = {
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
_TYPES = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}
_OP_NAMES = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
_OPTIONS_TYPES = {v: k for k, v in vars(tflite.BuiltinOptions).items() if isinstance(v, int)}
_CUSTOM = "CUSTOM:"


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


def _parse(content: bytes) -> Graph:
    model = tflite.Model.GetRootAs(content, 0)
    if model.SubgraphsLength() < 1:
        raise KwsError("has no subgraph")
    graph, *others = (_parse_subgraph(model, model.Subgraphs(i)) for i in range(model.SubgraphsLength()))
    for i in range(model.MetadataLength()):
        entry = model.Metadata(i)
        graph.metadata[entry.Name().decode()] = _buffer(model, entry.Buffer())
    description = model.Description()
    graph.description = description.decode() if description else ""
    graph.subgraphs = others
    return graph


def _parse_subgraph(model: Any, subgraph: Any) -> Graph:
    tensors = [_parse_tensor(model, subgraph.Tensors(i)) for i in range(subgraph.TensorsLength())]
    operators = [_parse_operator(model, subgraph.Operators(i)) for i in range(subgraph.OperatorsLength())]
    inputs = tuple(int(subgraph.Inputs(i)) for i in range(subgraph.InputsLength()))
    outputs = tuple(int(subgraph.Outputs(i)) for i in range(subgraph.OutputsLength()))
    used = [i for op in operators for i in (*op.inputs, *op.outputs, *op.intermediates)] + [*inputs, *outputs]
    if any(i < -1 or i >= len(tensors) for i in used) or min([*inputs, *outputs], default=0) < 0:
        raise ValueError("a tensor index is out of range")
    return Graph(tensors, operators, inputs, outputs)


def _buffer(model: Any, index: int) -> bytes:
    if index >= model.BuffersLength():
        raise ValueError("a buffer index is out of range")
    buffer = model.Buffers(index)
    if buffer.DataIsNone():
        return b""
    data = buffer.DataAsNumpy()
    if len(data) != buffer.DataLength():
        raise ValueError("a buffer is cut off")
    return bytes(data.tobytes())


def _parse_tensor(model: Any, source: Any) -> Tensor:
    code = source.Type()
    if code not in _DTYPES:
        raise KwsError(f"tensor {source.Name()!r} has type number {code}, which kws cannot read")
    dtype = np.dtype(_DTYPES[code])
    shape = tuple(int(n) for n in source.ShapeAsNumpy()) if not source.ShapeIsNone() else ()
    if any(n < 0 for n in shape):
        raise ValueError("a tensor has a negative dimension")
    tensor = Tensor(source.Name().decode() if source.Name() else "", shape, dtype, is_variable=source.IsVariable())
    quantization = source.Quantization()
    if quantization is not None and quantization.ScaleLength():
        tensor.scales = np.array(quantization.ScaleAsNumpy(), np.float32)
        tensor.zero_points = (
            np.array(quantization.ZeroPointAsNumpy(), np.int64)
            if quantization.ZeroPointLength()
            else np.zeros(len(tensor.scales), np.int64)
        )
        tensor.channel_axis = quantization.QuantizedDimension()
        if len(tensor.scales) != len(tensor.zero_points):
            raise ValueError("a tensor has unequal numbers of scales and zero points")
        if not np.all(np.isfinite(tensor.scales) & (tensor.scales > 0)):
            raise ValueError("a quantization scale is not a positive number")
    raw = _buffer(model, source.Buffer())
    if raw:
        values = np.frombuffer(raw, dtype.newbyteorder("<"))
        if values.size != int(np.prod(shape, dtype=np.int64)):
            raise ValueError("a tensor's data does not fill its shape")
        tensor.data = values.reshape(shape).astype(dtype)
    return tensor


def _parse_operator(model: Any, source: Any) -> Operator:
    code = model.OperatorCodes(source.OpcodeIndex())
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _OP_NAMES.get(number, f"operator number {number}")
    if name == "CUSTOM":
        name = f"{_CUSTOM}{code.CustomCode().decode() if code.CustomCode() else '?'}"
    inputs = tuple(int(source.Inputs(i)) for i in range(source.InputsLength()))
    outputs = tuple(int(source.Outputs(i)) for i in range(source.OutputsLength()))
    values: dict[str, Any] = {}
    kind = _OPTIONS_TYPES.get(source.BuiltinOptionsType(), "")
    table = source.BuiltinOptions()
    if table is not None and hasattr(tflite, kind):
        options = getattr(tflite, kind)()
        options.Init(table.Bytes, table.Pos)
        values = {f: getattr(options, f)() for f in _fields(kind)}
        if not all(math.isfinite(v) for v in values.values() if not isinstance(v, bytes | None)):
            raise ValueError("an option is not a number")
    intermediates = tuple(int(source.Intermediates(i)) for i in range(source.IntermediatesLength()))
    # Of the operators that kws writes itself, versions are as low as they can be, for old interpreters.
    version = 0 if name in _VERSIONS else code.Version()
    own = "" if kind == _options_table(name) else kind
    return Operator(name, inputs, outputs, values, intermediates, own, version)


def _fields(table: str) -> list[str]:
    """The fields of an options table that are no arrays, in the schema's order."""
    names = vars(getattr(tflite, table))
    return [name for name in names if hasattr(tflite, f"{table}Add{name}") and f"{name}Length" not in names]


@functools.cache
def _options_table(operator: str) -> str:
    """The options table that is named after an operator, or nothing."""
    wanted = operator.replace("_", "").lower() + "options"
    return next((name for name in _OPTIONS_TYPES.values() if name.lower() == wanted), "")


def build(graph: Graph) -> bytes:
    """Write a graph as the bytes of a .tflite file, the same bytes every time."""
    builder = flatbuffers.Builder(4096)
    buffers: list[bytes] = [b""]
    # Many tensors have the same shape and zero points: each is written once.
    shared: dict[bytes, int] = {}
    every = [graph, *graph.subgraphs]
    codes = sorted({(op.name, op.version) for each in every for op in each.operators})
    subgraphs = []
    for number, each in enumerate(every):
        tensors = []
        for tensor in each.tensors:
            index = 0
            if tensor.data is not None:
                index = len(buffers)
                buffers.append(np.ascontiguousarray(tensor.data, tensor.dtype.newbyteorder("<")).tobytes())
            tensors.append(_build_tensor(builder, tensor, index, shared))
        operators = [_build_operator(builder, op, codes.index((op.name, op.version))) for op in each.operators]
        subgraphs.append(_build_subgraph(builder, f"subgraph_{number}" if number else "main", each, tensors, operators))
    metadata = []
    for name, content in graph.metadata.items():
        metadata.append(_build_metadata(builder, name, len(buffers)))
        buffers.append(content)
    code_tables = [_build_code(builder, name, version) for name, version in codes]
    buffer_tables = [_build_buffer(builder, content) for content in buffers]
    description = builder.CreateString(graph.description)
    code_vector = _vector(builder, code_tables)
    subgraph_vector = _vector(builder, subgraphs)
    buffer_vector = _vector(builder, buffer_tables)
    metadata_vector = _vector(builder, metadata)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, code_vector)
    tflite.ModelAddSubgraphs(builder, subgraph_vector)
    tflite.ModelAddDescription(builder, description)
    tflite.ModelAddBuffers(builder, buffer_vector)
    tflite.ModelAddMetadata(builder, metadata_vector)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _vector(builder: Any, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _int32_vector(builder: Any, values: tuple[int, ...]) -> int:
    return int(builder.CreateNumpyVector(np.array(values, np.int32)))


def _shared_vector(builder: Any, values: npt.NDArray[Any], shared: dict[bytes, int]) -> int:
    key = values.dtype.str.encode() + values.tobytes()
    if key not in shared:
        shared[key] = int(builder.CreateNumpyVector(values))
    return shared[key]


def _build_tensor(builder: Any, tensor: Tensor, buffer: int, shared: dict[bytes, int]) -> int:
    name = builder.CreateString(tensor.name)
    shape = _shared_vector(builder, np.array(tensor.shape, np.int32), shared)
    quantization = 0
    if tensor.scales.size:
        scales = builder.CreateNumpyVector(tensor.scales.astype(np.float32))
        zero_points = _shared_vector(builder, tensor.zero_points.astype(np.int64), shared)
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scales)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
        tflite.QuantizationParametersAddQuantizedDimension(builder, tensor.channel_axis)
        quantization = tflite.QuantizationParametersEnd(builder)
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, _TYPES[np.dtype(tensor.dtype)])
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, name)
    if quantization:
        tflite.TensorAddQuantization(builder, quantization)
    tflite.TensorAddIsVariable(builder, tensor.is_variable)
    tflite.TensorAddHasRank(builder, True)
    return int(tflite.TensorEnd(builder))


def _build_operator(builder: Any, op: Operator, code: int) -> int:
    inputs = _int32_vector(builder, op.inputs)
    outputs = _int32_vector(builder, op.outputs)
    intermediates = _int32_vector(builder, op.intermediates) if op.intermediates else 0
    options = 0
    kind = op.options_table or _options_table(op.name)
    if kind and op.options:
        texts = {k: builder.CreateString(v) for k, v in op.options.items() if isinstance(v, bytes)}
        values = {k: v for k, v in {**op.options, **texts}.items() if v is not None}
        getattr(tflite, f"{kind}Start")(builder)
        for name in _fields(kind):
            if name in values:
                getattr(tflite, f"{kind}Add{name}")(builder, values[name])
        options = getattr(tflite, f"{kind}End")(builder)
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if intermediates:
        tflite.OperatorAddIntermediates(builder, intermediates)
    if options:
        tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, kind))
        tflite.OperatorAddBuiltinOptions(builder, options)
    return int(tflite.OperatorEnd(builder))


def _build_subgraph(builder: Any, title: str, graph: Graph, tensors: list[int], operators: list[int]) -> int:
    name = builder.CreateString(title)
    inputs = _int32_vector(builder, graph.inputs)
    outputs = _int32_vector(builder, graph.outputs)
    tensor_vector = _vector(builder, tensors)
    operator_vector = _vector(builder, operators)
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensor_vector)
    tflite.SubGraphAddInputs(builder, inputs)
    tflite.SubGraphAddOutputs(builder, outputs)
    tflite.SubGraphAddOperators(builder, operator_vector)
    tflite.SubGraphAddName(builder, name)
    return int(tflite.SubGraphEnd(builder))


# The lowest operator version whose kernel takes the 8-bit types used here; TFLite's desktop
# interpreter looks a kernel up by name and version.
_VERSIONS = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 3,
    "FULLY_CONNECTED": 4,
    "SOFTMAX": 2,
    "LOGISTIC": 2,
    "STRIDED_SLICE": 2,
    "TANH": 3,
}


def _build_code(builder: Any, name: str, version: int) -> int:
    custom = builder.CreateString(name.removeprefix(_CUSTOM)) if name.startswith(_CUSTOM) else 0
    number = getattr(tflite.BuiltinOperator, "CUSTOM" if custom else name)
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(number, 127))
    if custom:
        tflite.OperatorCodeAddCustomCode(builder, custom)
    tflite.OperatorCodeAddVersion(builder, version or _VERSIONS.get(name, 1))
    tflite.OperatorCodeAddBuiltinCode(builder, number)
    return int(tflite.OperatorCodeEnd(builder))


def _build_buffer(builder: Any, content: bytes) -> int:
    data = 0
    if content:
        # TFLM uses weights where they lie in the file, so they must be aligned in it.
        builder.StartVector(1, len(content), 16)
        builder.head = builder.head - len(content)
        builder.Bytes[builder.head : builder.head + len(content)] = content
        data = builder.EndVector()
    tflite.BufferStart(builder)
    if data:
        tflite.BufferAddData(builder, data)
    return int(tflite.BufferEnd(builder))


def _build_metadata(builder: Any, name: str, buffer: int) -> int:
    text = builder.CreateString(name)
    tflite.MetadataStart(builder)
    tflite.MetadataAddName(builder, text)
    tflite.MetadataAddBuffer(builder, buffer)
    return int(tflite.MetadataEnd(builder))
