"""Engine ``c``: the exported C, compiled for this machine and called through ctypes."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np

from kws.engines.base import Engine, Int8, Int16, Output
from kws.errors import KwsError
from kws.fixedpoint.decisions.detector import Detection
from kws.fixedpoint.layers.lstm import Lstm
from kws.image.build import held_host_library
from kws.model.file import Model


class _HostOutput(ctypes.Structure):
    """Twin of ``kws_host_output`` in firmware/host/host.c."""

    _fields_ = (
        ("features", ctypes.c_void_p),
        ("layers", ctypes.c_void_p),
        ("cells", ctypes.c_void_p),
        ("posteriors", ctypes.c_void_p),
        ("labels", ctypes.c_void_p),
        ("scores", ctypes.c_void_p),
        ("frames", ctypes.c_void_p),
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
        words = self._library.kws_host_memory_bytes() // 8 + 1
        self._memory = np.zeros(words, np.uint64)
        self._require(self._library.kws_host_init(_pointer(self._memory), 8 * words))
        network = model.network
        self._sizes = [layer.rows_out * layer.size_out for layer in network.layers]
        self._cells = [i for i, layer in enumerate(network.layers) if isinstance(layer.kernel, Lstm)]

    def reset(self) -> None:
        """Forget all samples, states and detections."""
        self._library.kws_host_reset(_pointer(self._memory))

    def process(self, pcm: Int16) -> Output:
        """Feed int16 [samples]."""
        info = self.model.require_info()
        pcm = np.ascontiguousarray(pcm, np.int16)
        room = len(pcm) // info.frontend.hop + 1
        features = np.empty((room, info.frontend.bands), np.int8)
        labels, scores, frames = np.empty(room, np.int32), np.empty(room, np.uint32), np.empty(room, np.uint32)
        layers, cells, posteriors = self._room(room)
        out = _HostOutput(*(_pointer(a) for a in (features, layers, cells, posteriors, labels, scores, frames)))
        count = self._require(
            self._library.kws_host_process(_pointer(self._memory), _pointer(pcm), len(pcm), ctypes.byref(out))
        )
        output = self._output(count, layers, cells, posteriors)
        output.features = features[:count]
        output.detections = [
            Detection(int(frames[i]), int(labels[i]), int(scores[i])) for i in np.flatnonzero(labels[:count] >= 0)
        ]
        return output

    def run_network(self, x: Int8) -> Output:
        """Feed int8 [calls, input size] to the network alone."""
        x = np.ascontiguousarray(x, np.int8)
        layers, cells, posteriors = self._room(len(x))
        out = _HostOutput(None, _pointer(layers), _pointer(cells), _pointer(posteriors), None, None, None)
        self._require(
            self._library.kws_host_run_network(_pointer(self._memory), _pointer(x), len(x), ctypes.byref(out))
        )
        return self._output(len(x), layers, cells, posteriors)

    def _require(self, code: int) -> int:
        """The count that the library returned.

        Raises:
            KwsError: it returned one of its errors, which would be a bug of kws.
        """
        if code < 0:
            raise KwsError(f"the C library says {self._library.kws_error_name(code).decode()}")
        return code

    def _room(self, calls: int) -> tuple[Int8, Int16, Int8]:
        cells = sum(self._sizes[i] for i in self._cells)
        return (
            np.empty((calls, sum(self._sizes)), np.int8),
            np.empty((calls, cells), np.int16),
            np.empty((calls, self._sizes[-1]), np.int8),
        )

    def _output(self, count: int, layers: Int8, cells: Int16, posteriors: Int8) -> Output:
        ends = np.cumsum(self._sizes)
        cell_ends = np.cumsum([self._sizes[i] for i in self._cells])
        by_layer = {i: layers[:count, e - s : e] for i, (s, e) in enumerate(zip(self._sizes, ends, strict=True))}
        by_cell = {i: cells[:count, e - self._sizes[i] : e] for i, e in zip(self._cells, cell_ends, strict=True)}
        return Output(None, by_layer, by_cell, posteriors[:count])


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
    library.kws_host_run_network.argtypes = [pointer, pointer, size, pointer]
    library.kws_error_name.restype = ctypes.c_char_p
    return library
