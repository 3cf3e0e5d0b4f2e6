"""From a graph to a .tflite file's bytes."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite

from kws.tflite.graph import CUSTOM, TYPES, VERSIONS, Graph, Operator, Tensor, fields, options_table_of


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
    tflite.TensorAddType(builder, TYPES[np.dtype(tensor.dtype)])
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
    kind = op.options_table or options_table_of(op.name)
    if kind and op.options:
        texts = {k: builder.CreateString(v) for k, v in op.options.items() if isinstance(v, bytes)}
        values = {k: v for k, v in {**op.options, **texts}.items() if v is not None}
        getattr(tflite, f"{kind}Start")(builder)
        for name in fields(kind):
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


def _build_code(builder: Any, name: str, version: int) -> int:
    custom = builder.CreateString(name.removeprefix(CUSTOM)) if name.startswith(CUSTOM) else 0
    number = getattr(tflite.BuiltinOperator, "CUSTOM" if custom else name)
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(number, 127))
    if custom:
        tflite.OperatorCodeAddCustomCode(builder, custom)
    tflite.OperatorCodeAddVersion(builder, version or VERSIONS.get(name, 1))
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
