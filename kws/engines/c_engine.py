"""Engine ``c``: the exported C, compiled for this machine and called through ctypes."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.engines import trial
from kws.engines.base import NO_WINDOW, Engine, Output
from kws.errors import KwsError
from kws.fixedpoint.decisions.base import Detection
from kws.image.build import held_host_library
from kws.model.file import Model
from kws.types import Int8, Int16

Bytes = npt.NDArray[np.uint8]


class _HostOutput(ctypes.Structure):
    """Twin of ``kws_host_output`` in firmware/host/host.c."""

    _fields_ = (
        ("features", ctypes.c_void_p),
        ("layers", ctypes.c_void_p),
        ("states", ctypes.c_void_p),
        ("posteriors", ctypes.c_void_p),
        ("labels", ctypes.c_void_p),
        ("scores", ctypes.c_void_p),
        ("frames", ctypes.c_void_p),
        ("calls", ctypes.c_void_p),
    )


def _pointer(array: Any) -> int:
    return int(array.ctypes.data)


class CEngine(Engine):
    """The library and model that a board gets, in this process.

    Args:
        model: what to run.
        library: an already built shared library; by default one is built and kept in the cache.
    """

    name = "c"

    def __init__(self, model: Model, library: Path | None = None) -> None:
        self.model = model
        with contextlib.nullcontext(library) if library else held_host_library(model) as built:
            self._library = _load(built)
            if self._library.kws_host_model_id() != model.id.encode():
                raise KwsError(f"the C library at {library} was built from another model than {model.source}")
            trial.c_library(model, built)
        words = self._library.kws_host_memory_bytes() // 8 + 1
        self._memory = np.zeros(words, np.uint64)
        self._require(self._library.kws_host_init(_pointer(self._memory), 8 * words))
        network = model.network
        self._layers = [(index, layer.output_size) for index, layer in enumerate(network.layers)]
        self._states = [(index, state) for index, states in enumerate(network.states) for state in states]

    def reset(self) -> None:
        """Forget all samples, states and detections."""
        self._library.kws_host_reset(_pointer(self._memory))

    def process(self, pcm: Int16) -> Output:
        """Feed int16 [samples]."""
        return self._process(pcm, trace=True)

    def _posteriors(self, pcm: Int16) -> Int8:
        return self._process(pcm, trace=False).posteriors

    def _process(self, pcm: Int16, trace: bool) -> Output:
        info = self.model.require_info()
        pcm = np.ascontiguousarray(pcm, np.int16)
        room = len(pcm) // info.frontend.hop + 1
        features = np.empty((room, info.frontend.features), np.int8)
        labels, scores, frames = np.empty(room, np.int32), np.empty(room, np.uint32), np.empty(room, np.uint32)
        posteriors = np.empty((room, self.model.network.output_size), np.int8)
        gate = info.gate.parameters(info.frontend) if info.gate.on else None
        # Behind a gate there may be more calls than frames: of those that were kept before.
        layers, states = self._room(room + (gate.places if gate else 0))
        calls = np.zeros(1, np.uint32)
        traced = (_pointer(layers), _pointer(states)) if trace else (None, None)
        out = _HostOutput(
            _pointer(features), *traced, *(_pointer(a) for a in (posteriors, labels, scores, frames, calls))
        )
        count = self._require(
            self._library.kws_host_process(_pointer(self._memory), _pointer(pcm), len(pcm), ctypes.byref(out))
        )
        output = self._output(int(calls[0]), layers, states) if trace else Output(None, {}, {}, posteriors)
        output.posteriors = posteriors[:count]
        output.features = features[:count]
        output.detections = _detections(labels[:count], scores, frames)
        return output

    def run_network(self, x: Int8) -> Output:
        """Feed int8 [calls, input size] to the network alone."""
        x = np.ascontiguousarray(x, np.int8)
        posteriors = np.empty((len(x), self.model.network.output_size), np.int8)
        layers, states = self._room(len(x))
        out = _HostOutput(None, _pointer(layers), _pointer(states), _pointer(posteriors), None, None, None, None)
        self._require(
            self._library.kws_host_run_network(_pointer(self._memory), _pointer(x), len(x), ctypes.byref(out))
        )
        output = self._output(len(x), layers, states)
        output.posteriors = posteriors
        return output

    def decide(self, posteriors: Int8) -> list[Detection]:
        """Feed int8 [frames, labels] to the decision alone."""
        self.model.require_info()
        posteriors = np.ascontiguousarray(posteriors, np.int8)
        count = len(posteriors)
        labels, scores, frames = np.empty(count, np.int32), np.empty(count, np.uint32), np.empty(count, np.uint32)
        out = _HostOutput(None, None, None, None, *(_pointer(a) for a in (labels, scores, frames)), None)
        self._library.kws_host_decide(_pointer(self._memory), _pointer(posteriors), count, ctypes.byref(out))
        return _detections(labels, scores, frames)

    def open(self, frames: int) -> None:
        """Open the spotter's listening window, by the call that a program has for it."""
        self.model.require_info()
        call = self._library.kws_spotter_open
        call.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
        call.restype = ctypes.c_int32
        if call(_pointer(self._memory), frames) != 0:
            raise KwsError(f"{self.model.source} {NO_WINDOW}")

    def _require(self, code: int) -> int:
        """The count that the library returned.

        Raises:
            KwsError: it returned one of its errors, which would be a bug of kws.
        """
        if code < 0:
            raise KwsError(f"the C library says {self._library.kws_error_name(code).decode()}")
        return code

    def _room(self, calls: int) -> tuple[Int8, Bytes]:
        return (
            np.empty((calls, sum(size for _, size in self._layers)), np.int8),
            np.empty((calls, sum(state.bytes for _, state in self._states)), np.uint8),
        )

    def _output(self, count: int, layers: Int8, states: Bytes) -> Output:
        """What ``count`` calls of the network showed; the posteriors are for the caller to fill in."""
        output = Output(None, {}, {}, np.zeros((0, self.model.network.output_size), np.int8))
        at = 0
        for index, size in self._layers:
            output.layers[index] = layers[:count, at : at + size]
            at += size
        at = 0
        for index, state in self._states:
            part = np.ascontiguousarray(states[:count, at : at + state.bytes])
            output.states[index, state.name] = part.view(state.dtype).reshape(count, state.size)
            at += state.bytes
        return output


def _detections(
    labels: npt.NDArray[np.int32], scores: npt.NDArray[np.uint32], frames: npt.NDArray[np.uint32]
) -> list[Detection]:
    return [Detection(int(frames[i]), int(labels[i]), int(scores[i])) for i in np.flatnonzero(labels >= 0)]


def _load(path: Path) -> Any:
    try:
        library = ctypes.CDLL(os.fspath(path))
    except OSError as error:
        raise KwsError(f"cannot load the C library {path}: {error}") from error
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    library.kws_host_memory_bytes.restype = size
    library.kws_host_model_id.restype = ctypes.c_char_p
    library.kws_host_init.argtypes = [pointer, size]
    library.kws_host_reset.argtypes = [pointer]
    library.kws_host_reset.restype = None
    library.kws_host_process.argtypes = [pointer, pointer, size, pointer]
    library.kws_host_process.restype = ctypes.c_int64
    library.kws_host_decide.argtypes = [pointer, pointer, size, pointer]
    library.kws_host_decide.restype = None
    library.kws_host_run_network.argtypes = [pointer, pointer, size, pointer]
    library.kws_error_name.restype = ctypes.c_char_p
    return library
