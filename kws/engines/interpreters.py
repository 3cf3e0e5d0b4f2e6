"""Engines ``tflm`` and ``tflite``: the network in somebody else's interpreter.

TensorFlow Lite Micro's reference kernels are the oracle that the harness must match. Desktop
TFLite is a second opinion with its own rounding; differences from it are reported, never
required to vanish. Both get the harness's front end and detector.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.engines import opening, trial
from kws.engines.base import NO_WINDOW, Engine, Output
from kws.errors import KwsError, MissingError
from kws.extras import how_to_install
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.layers.quantize16 import BYTES
from kws.model.file import Model
from kws.model.states import ends
from kws.tflite import Tensor
from kws.types import Int8, Int16
from kws.voice_gate import asleep


class InterpreterEngine(Engine):
    """The harness's front end and decision around an interpreter's network."""

    own_decision = False

    def __init__(self, model: Model) -> None:
        self.model = model
        graph = model.graph
        self._ends = ends(graph)
        self._source = graph.tensors[graph.inputs[self._ends.input]]
        info = model.info
        self._frontend = info.frontend.twin() if info is not None else None
        self._decision = info.decision.twin(info.labels) if info is not None else None
        self._gate = info.gate.twin(info.frontend) if info is not None and info.gate.on else None

    @abstractmethod
    def _reset_network(self) -> None:
        """Forget what the network carries from call to call."""

    @abstractmethod
    def _invoke(self, x: Int8) -> dict[int, Int8]:
        """Run one call of int8 [input size]; return flat layer outputs by layer index, the last included."""

    def _encode(self, x: Int8) -> npt.NDArray[Any]:
        """The network's input as the file's input has it: int8, int16, uint8, or float32 for QUANTIZE."""
        network = self.model.network
        values = np.ascontiguousarray(x, np.int8).view(BYTES[network.input_type])
        if self._source.dtype == np.float32:
            real = (values.astype(np.float64) - network.input_zero_point) * network.input_scale
            return real.astype(np.float32).reshape(self._source.shape)
        if self._source.dtype == np.uint8:
            values = (values.astype(np.int16) + 128).astype(np.uint8)
        return values.reshape(self._source.shape)

    def _zeros(self) -> list[tuple[int, npt.NDArray[Any]]]:
        """What the states that the caller keeps begin with, by the position of each's input."""
        tensors = self.model.graph.tensors
        states = [(a, tensors[self.model.graph.inputs[a]]) for a, _ in self._ends.states]
        return [(a, _zero(tensor)) for a, tensor in states]

    def reset(self) -> None:
        """Forget all samples, states and detections."""
        self._reset_network()
        if self._frontend is not None and self._decision is not None:
            self._frontend.reset()
            self._decision.reset()
        if self._gate is not None:
            self._gate.reset()

    def process(self, pcm: Int16) -> Output:
        """Feed int16 [samples]."""
        if self._frontend is None or self._decision is None:
            self.model.require_info()
        assert self._frontend is not None
        assert self._decision is not None
        features = self._frontend.process(pcm[None])[0]
        if self._gate is None:
            output = self.run_network(features)
        else:
            (heard,) = self._gate.process(features[None])
            output = self.run_network(heard.calls)
            output.posteriors = heard.posteriors(output.posteriors, asleep(self.model.require_info().labels))
        output.features = features
        output.detections = self._decision.process(output.posteriors)
        return output

    def decide(self, posteriors: Int8) -> list[Detection]:
        """Feed int8 [frames, labels] to the harness's decision."""
        if self._decision is None:
            self.model.require_info()
        assert self._decision is not None
        return self._decision.process(posteriors)

    def open(self, frames: int) -> None:
        """Open the harness's listening window."""
        if self._decision is None:
            self.model.require_info()
        assert self._decision is not None
        if not self._decision.open(frames):
            raise KwsError(f"{self.model.source} {NO_WINDOW}")

    def run_network(self, x: Int8) -> Output:
        """Feed int8 [calls, input size] to the network alone.

        Raises:
            KwsError: the interpreter fails.
        """
        try:
            rows = [self._invoke(row) for row in x]
        except opening.REFUSALS as error:
            raise KwsError(f"engine {self.name} cannot run {self.model.source}: {error}") from error
        last = len(self.model.network.layers) - 1
        layers = {i: np.array([r[i] for r in rows], np.int8) for i in (rows[0] if rows else {})}
        empty = np.zeros((0, self.model.network.output_size), np.int8)
        return Output(None, layers, {}, layers.get(last, empty))


class TflmEngine(InterpreterEngine):
    """TensorFlow Lite Micro's reference kernels, from the ``tflite-micro`` package."""

    name = "tflm"

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        tflm_runtime()
        trial.interpreter(self.name, model)
        try:
            self._interpreter = opening.tflm(model.content)
        except opening.REFUSALS as error:
            raise KwsError(f"TensorFlow Lite Micro cannot load {model.source}: {error}") from error

        self._states = self._zeros()

    def _reset_network(self) -> None:
        self._interpreter.reset()
        self._states = self._zeros()

    def _invoke(self, x: Int8) -> dict[int, Int8]:
        for position, values in ((self._ends.input, self._encode(x)), *self._states):
            self._interpreter.set_input(values, position)
        self._interpreter.invoke()
        outputs = {position: self._interpreter.get_output(b) for position, b in self._ends.states}
        self._states = [(position, np.array(values)) for position, values in outputs.items()]
        return {
            index: _to_bytes(np.array(self._interpreter.GetTensor(layer.shown, 0)["tensor_data"])).reshape(-1)
            for index, layer in enumerate(self.model.network.layers)
        }


class TfliteEngine(InterpreterEngine):
    """Desktop TFLite: tflite-runtime where it can run, else ai-edge-litert."""

    name = "tflite"

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        tflite_interpreter()
        trial.interpreter(self.name, model)
        try:
            self._interpreter = opening.tflite(model.content)
        except opening.REFUSALS as error:
            raise KwsError(f"TFLite cannot load {model.source}: {error}") from error
        self._inputs, self._outputs = (
            [details["index"] for details in end]
            for end in (self._interpreter.get_input_details(), self._interpreter.get_output_details())
        )
        self._states = self._zeros()

    def _reset_network(self) -> None:
        self._interpreter.reset_all_variables()
        self._states = self._zeros()

    def _invoke(self, x: Int8) -> dict[int, Int8]:
        network = self.model.network
        for position, values in ((self._ends.input, self._encode(x)), *self._states):
            self._interpreter.set_tensor(self._inputs[position], values)
        self._interpreter.invoke()
        kept = {position: self._interpreter.get_tensor(self._outputs[b]) for position, b in self._ends.states}
        self._states = [(position, np.array(values)) for position, values in kept.items()]
        output = np.array(self._interpreter.get_tensor(self._outputs[self._ends.output]))
        if output.dtype == np.float32:
            output = np.round(output / network.output_scale) + network.output_zero_point
            output = output.astype(BYTES[network.output_type])
        return {len(network.layers) - 1: _to_bytes(output).reshape(-1)}


def _zero(tensor: Tensor) -> npt.NDArray[Any]:
    """Real zeros in a tensor's format."""
    zero = tensor.zero_point if tensor.scales.size == 1 else 0
    return np.full(tensor.shape, zero, tensor.dtype)


def _to_bytes(x: npt.NDArray[Any]) -> Int8:
    """int8; uint8 as the int8 that stands for it; int16 as its bytes."""
    if x.dtype == np.int16:
        return x.reshape(-1).astype(BYTES["int16"]).view(np.int8)
    return (x.astype(np.int16) - 128).astype(np.int8) if x.dtype == np.uint8 else x.astype(np.int8)


def tflm_runtime() -> Any:
    """The module of TensorFlow Lite Micro.

    Raises:
        MissingError: it is not installed.
    """
    try:
        return opening.runtime()
    except ImportError as error:
        how = how_to_install("tflm")
        raise MissingError(f"the tflm engine needs the tflite-micro package; run `{how}` ({error})") from error


def tflite_interpreter() -> Any:
    """The class of the interpreter.

    Raises:
        MissingError: none is installed.
    """
    try:
        return opening.desktop()
    except ImportError as error:
        how, older = how_to_install("tflite"), how_to_install("tflite-runtime")
        raise MissingError(
            f"the tflite engine needs a TFLite interpreter; run `{how}`, or with numpy 1 `{older}` ({error})"
        ) from error
