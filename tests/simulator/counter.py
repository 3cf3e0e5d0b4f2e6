"""The instruction counter, compiled from ``counter.c`` for this machine."""

from __future__ import annotations

import ctypes
import functools
import subprocess
import tempfile
from pathlib import Path

from unicorn import Uc
from unicorn.unicorn_const import UC_HOOK_BLOCK

_REGIONS = 8


class _Region(ctypes.Structure):
    _fields_ = (("base", ctypes.c_uint64), ("size", ctypes.c_uint64), ("bytes", ctypes.c_void_p))


class Counter(ctypes.Structure):
    """``struct counter``: instructions executed, and when to stop."""

    _fields_ = (
        ("executed", ctypes.c_uint64),
        ("limit", ctypes.c_uint64),
        ("stopped", ctypes.c_uint64),
        ("stop", ctypes.c_void_p),
        ("regions", _Region * _REGIONS),
    )

    def attach(self, unicorn: Uc) -> None:
        """Count what ``unicorn`` executes; the caller keeps both alive."""
        from unicorn.unicorn_py3.unicorn import uclib

        self.stop = ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p)
        handle = ctypes.c_size_t()
        status = uclib.uc_hook_add(
            unicorn._uch,
            ctypes.byref(handle),
            UC_HOOK_BLOCK,
            ctypes.cast(_library().counter_on_block, ctypes.c_void_p),
            ctypes.byref(self),
            ctypes.c_uint64(1),
            ctypes.c_uint64(0),
        )
        if status != 0:
            raise RuntimeError(f"Unicorn refused the counter: error {status}")

    def add_code(self, base: int, content: ctypes.Array[ctypes.c_uint8]) -> None:
        """Tell where the bytes of memory lie, so that instructions in it can be told apart."""
        free = next(r for r in self.regions if r.size == 0)
        free.base, free.size, free.bytes = base, len(content), ctypes.addressof(content)


@functools.cache
def _library() -> ctypes.CDLL:
    with tempfile.TemporaryDirectory(prefix="kws-simulator-") as folder:
        library = Path(folder) / "counter.so"
        source = Path(__file__).with_name("counter.c")
        command = ["cc", "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        subprocess.run([*command, str(source), "-o", str(library)], check=True)
        return ctypes.CDLL(str(library))  # the loader keeps the file although the folder goes
