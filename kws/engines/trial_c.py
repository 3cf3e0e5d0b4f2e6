"""The first call of a model's C library, in a process of its own: see :mod:`kws.engines.trial`.

Run as a program, with nothing but the standard library, so that it starts at once:
``python -S trial_c.py LIBRARY INPUT LAYERS STATES OUTPUT``, the last four in bytes of a call.
"""

import ctypes
import sys


def main() -> None:
    """Two calls of zeros from a reset, with all that they compute gathered as the engine does."""
    library = ctypes.CDLL(sys.argv[1])
    size, layers, states, output = (int(n) for n in sys.argv[2:])
    calls = 2
    library.kws_host_memory_bytes.restype = ctypes.c_size_t
    words = library.kws_host_memory_bytes() // 8 + 1
    memory = (ctypes.c_uint64 * words)()
    library.kws_host_init.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    library.kws_host_init(memory, 8 * words)
    buffers = [ctypes.create_string_buffer(max(1, calls * n)) for n in (layers, states, output)]
    # Twin of kws_host_output in firmware/host/host.c.
    out = (ctypes.c_void_p * 7)(None, *(ctypes.addressof(b) for b in buffers), None, None, None)
    library.kws_host_run_network.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    library.kws_host_run_network(memory, ctypes.create_string_buffer(calls * size), calls, out)


if __name__ == "__main__":
    main()
