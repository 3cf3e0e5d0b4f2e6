"""How much memory TensorFlow Lite Micro takes for a model's tensors and its own bookkeeping.

Also a program, ``python arena.py < FILE``, since the figure is written to standard error by C++; it imports
nothing of kws.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_ARENA_BYTES = 1 << 20
_TOTAL = re.compile(rb"Arena allocation total (\d+) bytes")
TIMEOUT_SECONDS = 120.0


def measure(content: bytes, source: str) -> int:
    """Bytes of the arena on this machine, as TFLM's recording allocator counts them.

    Args:
        content: a .tflite file.
        source: how to call it in messages.

    Raises:
        KwsError: TFLM refuses the file, or crashes on it.
        MissingError: TFLM is not installed.
    """
    from kws.engines.interpreters import tflm_runtime
    from kws.engines.trial import apart
    from kws.errors import KwsError

    tflm_runtime()
    try:
        done = apart([Path(__file__)], content, TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise KwsError(f"TensorFlow Lite Micro did not open {source} within {TIMEOUT_SECONDS:g} s") from None
    found = _TOTAL.search(done.stdout + done.stderr)
    if done.returncode != 0 or found is None:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise KwsError(f"TensorFlow Lite Micro does not run {source}{': ' + said[-1][:200] if said else ''}")
    return int(found[1])


def _main() -> None:
    import numpy as np
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(sys.stdin.buffer.read(), arena_size=_ARENA_BYTES)
    details = interpreter.get_input_details(0)
    interpreter.set_input(np.zeros(details["shape"], details["dtype"]), 0)
    interpreter.invoke()
    interpreter.print_allocations()


if __name__ == "__main__":
    _main()
