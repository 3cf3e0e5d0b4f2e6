"""A chain of layers: the part of the pipeline that a .tflite file describes.

Twin of ``firmware/src/network.c``. Between layers lies a matrix of int8 rows: the frames of a
sequence, or a single row. A single-step model sees one row a call and its LSTMs remember.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.layers.fully_connected import FullyConnected
from kws.fixedpoint.layers.logistic import Logistic
from kws.fixedpoint.layers.lstm import Int8, Int16, Lstm, LstmState
from kws.fixedpoint.layers.softmax import Softmax


@dataclass(frozen=True)
class RowSlice:
    """Keep the rows ``start, start + step, ...``: a STRIDED_SLICE along time."""

    start: int
    step: int


Kernel = Lstm | FullyConnected | Softmax | Logistic | RowSlice

KIND_NAMES: dict[type, str] = {
    Lstm: "UNIDIRECTIONAL_SEQUENCE_LSTM",
    FullyConnected: "FULLY_CONNECTED",
    Softmax: "SOFTMAX",
    Logistic: "LOGISTIC",
    RowSlice: "STRIDED_SLICE",
}


@dataclass(frozen=True)
class Layer:
    """One kernel and the shape of the rows it reads and writes.

    Attributes:
        kernel: what is computed.
        rows_in: rows read in a call; the input is seen as ``rows_in x size_in`` values.
        size_in: values in a row read.
        rows_out: rows written in a call.
        size_out: values in a row written.
        tensor: index of the output tensor in the .tflite file, for comparing with other engines.
    """

    kernel: Kernel
    rows_in: int
    size_in: int
    rows_out: int
    size_out: int
    tensor: int

    @property
    def name(self) -> str:
        """The .tflite operator's name."""
        return KIND_NAMES[type(self.kernel)]


@dataclass
class Trace:
    """Every layer's output of one or more calls.

    Attributes:
        outputs: one int8 [streams, calls, rows, size] a layer.
        cells: the int16 cell of each LSTM layer after each row, likewise, by layer index.
    """

    outputs: list[Int8]
    cells: dict[int, Int16]


@dataclass(frozen=True)
class Network:
    """A chain of layers with its input and output quantization.

    Attributes:
        layers: in order of execution.
        input_shape: the input tensor's shape in the file, batch 1 included.
        input_scale: scale of the int8 input.
        input_zero_point: zero point of the int8 input.
        output_shape: the output tensor's shape in the file.
        output_scale: scale of the int8 output.
        output_zero_point: zero point of the int8 output.
    """

    layers: tuple[Layer, ...]
    input_shape: tuple[int, ...]
    input_scale: float
    input_zero_point: int
    output_shape: tuple[int, ...]
    output_scale: float
    output_zero_point: int

    @property
    def input_size(self) -> int:
        """Values in one call's input."""
        return int(np.prod(self.input_shape))

    @property
    def output_size(self) -> int:
        """Values in one call's output."""
        return int(np.prod(self.output_shape))

    @property
    def is_single_step(self) -> bool:
        """Whether every layer reads and writes one row a call."""
        return all(layer.rows_in == layer.rows_out == 1 for layer in self.layers)

    def initial_state(self, streams: int = 1) -> list[LstmState]:
        """The LSTMs' states after a reset, in layer order."""
        return [layer.kernel.initial_state(streams) for layer in self.layers if isinstance(layer.kernel, Lstm)]

    def run(self, x: Int8, state: list[LstmState]) -> Trace:
        """Call the network several times in a row, carrying the state.

        Args:
            x: int8 [streams, calls, input_size].
            state: the LSTMs' states, updated in place.
        """
        streams, calls, _ = x.shape
        if self.is_single_step:
            # Calls of one row each are the rows of one sequence.
            return self._run(x, state, streams, calls)
        traces = [self._run(x[:, i], state, streams, 1) for i in range(calls)]
        outputs = [np.concatenate(parts, axis=1) for parts in zip(*(t.outputs for t in traces), strict=True)]
        cells = {k: np.concatenate([t.cells[k] for t in traces], axis=1) for k in (traces[0].cells if traces else {})}
        return Trace(outputs, cells)

    def _run(self, x: Int8, state: list[LstmState], streams: int, repeat: int) -> Trace:
        outputs: list[Int8] = []
        cells: dict[int, Int16] = {}
        states = iter(state)
        for index, layer in enumerate(self.layers):
            rows: npt.NDArray[np.int8] = x.reshape(streams, layer.rows_in * repeat, layer.size_in)
            if isinstance(layer.kernel, Lstm):
                x, cell = layer.kernel.run(rows, next(states))
                cells[index] = cell.reshape(streams, repeat, layer.rows_out, layer.size_out)
            elif isinstance(layer.kernel, RowSlice):
                stop = layer.kernel.start + layer.kernel.step * layer.rows_out
                x = rows[:, layer.kernel.start : stop : layer.kernel.step]
            else:
                x = layer.kernel.run(rows)
            outputs.append(x.reshape(streams, repeat, layer.rows_out, layer.size_out))
        return Trace(outputs, cells)
