"""C's arithmetic and reciprocal against NumPy's, function by function: int8 outputs hide their last bits."""

from __future__ import annotations

import ctypes
import subprocess

import numpy as np
import pytest
from conftest import needs

from kws import firmware
from kws.fixedpoint import activation, arithmetic
from kws.fixedpoint.arithmetic import INT32_MAX, INT32_MIN, Factor

pytestmark = needs("cc")

SOURCE = """
#include "arithmetic.h"
#include "activation.c"
void run(int what, const int32_t *a, const int32_t *b, int32_t parameter, int32_t count, int32_t *out)
{
    for (int32_t i = 0; i < count; i++) {
        switch (what) {
        case 0: out[i] = kws_rdhm(a[i], b[i]); break;
        case 1: out[i] = kws_rshift(a[i], (uint32_t)parameter); break;
        case 2: out[i] = kws_satshift(a[i], (uint32_t)parameter); break;
        case 3: out[i] = kws_recip(a[i]); break;
        case 4: {
            const kws_factor factor = {b[0], parameter > 0 ? (uint8_t)parameter : 0,
                                       parameter < 0 ? (uint8_t)-parameter : 0};
            out[i] = kws_multiply(a[i], &factor);
            break;
        }
        }
    }
}
"""
RDHM, RSHIFT, SATSHIFT, RECIP, MULTIPLY = range(5)


@pytest.fixture(scope="module")
def c(tmp_path_factory):
    folder = tmp_path_factory.mktemp("functions")
    (folder / "functions.c").write_text(SOURCE)
    include = [f"-I{firmware.sources_dir() / name}" for name in ("include", "src")]
    command = ["cc", "-std=c99", "-O2", *include, "-shared", "-fPIC", folder / "functions.c", "-o", folder / "f.so"]
    subprocess.run(command, check=True)
    library = ctypes.CDLL(str(folder / "f.so"))

    def run(what, a, b=None, parameter=0):
        a = np.ascontiguousarray(a, np.int32)
        b = a if b is None else np.ascontiguousarray(b, np.int32)
        out = np.empty(len(a), np.int32)
        pointers = [x.ctypes.data_as(ctypes.c_void_p) for x in (a, b, out)]
        library.run(what, pointers[0], pointers[1], parameter, len(a), pointers[2])
        return out.tolist()

    return run


def values(seed=0):
    """int32 values of every size and sign, and those at the borders of roundings, int64 [values]."""
    rng = np.random.default_rng(seed)
    some = (2.0 ** rng.uniform(0, 31, 4000)).astype(np.int64) * rng.choice([-1, 1], 4000)
    borders = [2**k + d for k in range(31) for d in (-1, 0, 1)]
    edges = [INT32_MIN, INT32_MIN + 1, INT32_MAX, *borders, *(-x for x in borders)]
    return np.clip(np.concatenate([some, edges]), INT32_MIN, INT32_MAX)


def test_arithmetic(c):
    x = values()
    pairs = np.random.default_rng(1).permutation(x)
    assert c(RDHM, x, pairs) == arithmetic.rdhm(x, pairs).tolist()
    # Halves, and the one product that saturates.
    for other in (2**30, -(2**30), INT32_MIN):
        same = np.full(len(x), other)
        assert c(RDHM, x, same) == arithmetic.rdhm(x, same).tolist()
    for n in (0, 1, 2, 7, 16, 30, 31):
        assert c(RSHIFT, x, parameter=n) == arithmetic.rshift(x, n).tolist()
    for n in (0, 1, 2, 5, 12):
        assert c(SATSHIFT, x, parameter=n) == arithmetic.satshift(x, n).tolist()
    for shift in (-31, -8, -1, 0, 1, 9):
        for value in (2**30, 1518500250, INT32_MAX):
            factor = Factor(value, shift)
            assert c(MULTIPLY, x, [value], shift) == arithmetic.multiply(x, factor).tolist()


def test_reciprocal(c):
    x = values(3)
    x = np.concatenate([x[x >= 0], np.arange(0, 2**31, 2**31 // 3001)])
    assert c(RECIP, x) == activation.recip(x).tolist()
