"""Engine ``wasm``: the very module that a browser runs, in this process, by Wasmtime."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.engines.base import NO_WINDOW, Engine, Output
from kws.errors import KwsError, MissingError
from kws.extras import how_to_install
from kws.fixedpoint.decisions.base import Detection
from kws.image.web import web_module
from kws.model.file import Model
from kws.types import Int8, Int16

# Twin of kws_result in firmware/include/kws/kws.h: two addresses, then three numbers, 4 bytes each.
_RESULT_WORDS = 5


def wasmtime() -> Any:
    """The package of that name.

    Raises:
        MissingError: it is not installed.
    """
    try:
        import wasmtime as package
    except ImportError as error:
        how = how_to_install("web")
        raise MissingError(f"the wasm engine needs the wasmtime package; run `{how}` ({error})") from error
    return package


class WasmEngine(Engine):
    """A model as ``kws export --web`` writes it. It is not built for tracing: no layers, no states.

    Args:
        model: what to run.
        module: an already built module; by default one is built, its objects kept in the cache.

    Raises:
        MissingError: a program or package is not installed.
        KwsError: the module is none, or of something else.
    """

    name = "wasm"

    def __init__(self, model: Model, module: bytes | None = None) -> None:
        self._wasmtime = wasmtime()
        self.model = model
        code = web_module(model, "verify") if module is None else module
        self._store = self._wasmtime.Store()
        try:
            compiled = self._wasmtime.Module(self._store.engine, code)
            self._exports = self._wasmtime.Instance(self._store, compiled, []).exports(self._store)
            memory = self._exports["memory"]
        except (self._wasmtime.WasmtimeError, KeyError) as error:
            raise KwsError(f"this is no WebAssembly module of kws: {str(error).splitlines()[0]}") from error
        # It never grows, so this view stays good.
        pointer = ctypes.cast(memory.data_ptr(self._store), ctypes.POINTER(ctypes.c_uint8))
        self._memory = np.ctypeslib.as_array(pointer, (memory.data_len(self._store),))
        if self._call("tag") & 0xFFFFFFFF != int(model.id[:8], 16):
            raise KwsError(f"the WebAssembly module is of another model than {model.source}")
        self.reset()
        self._result = self._view(self._call("result"), _RESULT_WORDS, np.uint32)
        network = model.network
        self._input = self._view(self._call("input"), max(network.input_size, network.output_size), np.int8)
        if model.info is not None:
            self._pcm = self._view(self._call("pcm"), self._call("pcm_size"), np.int16)

    def reset(self) -> None:
        """Forget all samples, states and detections."""
        self._require(self._call("init"))

    def process(self, pcm: Int16) -> Output:
        """Feed int16 [samples]."""
        info = self.model.require_info()
        features, posteriors = (
            [np.zeros((0, info.frontend.features), np.int8)],
            [np.zeros((0, len(info.labels)), np.int8)],
        )
        detections = []
        for start in range(0, len(pcm), len(self._pcm)):
            part = pcm[start : start + len(self._pcm)]
            self._pcm[: len(part)] = part
            at = 0
            while at < len(part):
                at += self._require(self._call("process", at, len(part) - at))
                if self._result[0]:
                    posteriors.append(self._values(0, len(info.labels)))
                    features.append(self._values(1, info.frontend.features))
                    detections += self._detected()
        return Output(np.vstack(features), {}, {}, np.vstack(posteriors), detections)

    def run_network(self, x: Int8) -> Output:
        """Feed int8 [calls, input size] to the network alone."""
        network = self.model.network
        posteriors = np.empty((len(x), network.output_size), np.int8)
        for row, values in zip(posteriors, x, strict=True):
            self._input[: network.input_size] = values
            self._require(self._call("run"))
            row[:] = self._values(0, network.output_size)[0]
        return Output(None, {}, {}, posteriors)

    def decide(self, posteriors: Int8) -> list[Detection]:
        """Feed int8 [frames, labels] to the decision alone."""
        self.model.require_info()
        found = []
        for row in posteriors:
            self._input[: len(row)] = row
            self._call("decide")
            found += self._detected()
        return found

    def open(self, frames: int) -> None:
        """Open the spotter's listening window, by the call that a program has for it."""
        self.model.require_info()
        if self._call("open", frames) != 0:
            raise KwsError(f"{self.model.source} {NO_WINDOW}")

    def _detected(self) -> list[Detection]:
        """What the newest result reports."""
        frame, label, score = (int(n) for n in self._result[2:])
        return [] if label == 0xFFFFFFFF else [Detection(frame, label, score)]

    def _values(self, pointer: int, count: int) -> Int8:
        """A copy of the int8 values that a pointer of the newest result points to, [1, count]."""
        return self._view(int(self._result[pointer]), count, np.int8)[None].copy()

    def _view(self, address: int, count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        return self._memory[address : address + count * np.dtype(dtype).itemsize].view(dtype)

    def _call(self, name: str, *arguments: int) -> int:
        """An exported function's result, unsigned addresses and signed codes alike as int.

        Raises:
            KwsError: the module stopped, which would be a bug of kws.
        """
        try:
            return self._exports[name](self._store, *arguments) or 0
        except (self._wasmtime.Trap, self._wasmtime.WasmtimeError) as error:
            raise KwsError(f"the WebAssembly module stopped in {name}: {str(error).splitlines()[0]}") from error

    def _require(self, code: int) -> int:
        """A count that the library returned.

        Raises:
            KwsError: it returned one of its errors, which would be a bug of kws.
        """
        if code < 0:
            raise KwsError(f"the WebAssembly module says {code}: the error codes are in kws.h")
        return code
