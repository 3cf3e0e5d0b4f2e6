"""The LSTM's assembler for the DSP extension: what it relies on in Python integers, and cell updates on Unicorn."""

from __future__ import annotations

import re

import numpy as np
import pytest
from conftest import needs
from core_program import CoreProgram
from unicorn.arm_const import UC_CPU_ARM_CORTEX_M4

from kws import emit, firmware
from kws.firmware import sources_dir
from kws.fixedpoint.activation import sigmoid, tanh
from kws.fixedpoint.arithmetic import Factor, multiply
from kws.fixedpoint.arrays import Int64
from kws.layers.lstm_packing import gate_factor

SUMS = 2**23
"""Packed sums are below this in magnitude."""


def smmlar(a: Int64, b: int, sums: Int64 | int) -> Int64:
    return sums + ((a * b + 2**31) >> 32)


def scaled(x: Int64, fields: tuple[int, int, int]) -> Int64:
    """KWS_GATE_SCALED of a shifted sum, before it saturates."""
    value, step, _ = fields
    x = smmlar(x, value, x)
    return np.where(step >= 0, x, 0) + ((2**31 - x * step) >> 32)


def sums_near_ties(factor: Factor) -> Int64:
    """Sums at random, at the ends, and where a factor's roundings change their minds."""
    rng = np.random.default_rng(7)
    ties = (rng.integers(-(2**15), 2**15, 4000) + 0.5) / (factor.value / 2**31 * 2.0**factor.shift)
    edges = np.arange(-3, 4)
    near = (np.rint(ties)[:, None] + edges).reshape(-1)
    ends = np.concatenate([edges, edges + SUMS - 4, edges - SUMS + 4])
    x = np.concatenate([near, ends, rng.integers(1 - SUMS, SUMS, 4000)]).astype(np.int64)
    return x[np.abs(x) < SUMS]


@pytest.mark.parametrize("shift", range(-9, 9))
@pytest.mark.parametrize("value", [2**30, 2**30 + 1, 1518500250, 2**31 - 2**20, 2**31 - 1])
def test_factors_of_gates_multiply_alike(value, shift):
    factor = Factor(value, shift)
    x = sums_near_ties(factor)
    high, low = gate_factor(factor, high=True), gate_factor(factor, high=False)
    assert high is not None
    assert low is not None
    assert all(-(2**31) <= field < 2**31 for field in (*high, *low))
    expected = multiply(x, factor).clip(-(2**15), 2**15 - 1)
    shifted = ((x << low[2]) + 2**31) % 2**32 - 2**31
    exact = shifted == x << low[2]  # a sum that leaves int32 wraps in both, as in the specification
    np.testing.assert_array_equal(scaled(shifted, low)[exact].clip(-(2**15), 2**15 - 1), expected[exact])
    np.testing.assert_array_equal(scaled(256 * x >> high[2], high)[exact].clip(-(2**15), 2**15 - 1), expected[exact])


def test_all_halves_of_a_right_shift():
    """Every half that the second rounding can meet, of results up to those that saturate, and its neighbours."""
    for right in range(1, 10):
        halves = (2 * np.arange(-(2**15) - 1, 2**15 + 1, dtype=np.int64) + 1) << (right - 1)
        x = np.concatenate([halves - 1, halves, halves + 1])
        x = x[np.abs(x) < SUMS]
        fields = gate_factor(Factor(2**31 - 1, -right), high=False)
        assert fields is not None
        magnitude = (np.abs(x) + (1 << (right - 1))) >> right
        np.testing.assert_array_equal(scaled(x, (0, fields[1], 0)), np.where(x < 0, -magnitude, magnitude))


def test_a_factor_of_zero_and_factors_without_a_form():
    fields = gate_factor(Factor(0, 0), high=False)
    assert fields is not None
    x = np.array([1 - SUMS, -1, 0, 1, SUMS - 1], np.int64)
    assert not np.any(scaled(x, fields))
    assert gate_factor(Factor(2**30, -10), high=True) is None
    assert gate_factor(Factor(2**30, 9), high=False) is None


def table() -> Int64:
    """The library's table, -256 to 256, and one entry more, which has no weight."""
    text = (sources_dir() / "src/sigmoid_table.h").read_text(encoding="utf-8").split("= {")[1]
    entries = np.array([int(v) for v in re.findall(r"-?\d+", text)], np.int64)
    assert len(entries) == 513
    return np.concatenate([entries, entries[-1:]])


def halves(word: Int64) -> tuple[Int64, Int64]:
    def signed(v: Int64) -> Int64:
        return (v + 2**15) % 2**16 - 2**15

    return signed(word & 0xFFFF), signed(word >> 16 & 0xFFFF)


def interpolated(low: Int64, weights: Int64, base: Int64) -> Int64:
    """SMLAD of two entries and their weights; the sum fits."""
    first, second = halves(weights)
    entries = table()
    result = entries[256 + low] * first + entries[256 + low + 1] * second + base
    assert np.all(np.abs(result) <= 2**31)
    return result


def test_sigmoid_of_every_value():
    x = np.arange(-(2**15), 2**15, dtype=np.int64)
    s = 3 * x
    base = -64 * ((1 << 24) + 512) + 64 * 1023 + ((s & 0xFFFFFFFF) >> 25)
    got = interpolated(s >> 9, (s & 511) * (-64 * 65535) + 64 * 512, base)
    np.testing.assert_array_equal(-(got >> 16), sigmoid(x))


def test_tanh_of_every_value():
    x = np.arange(-(2**15), 2**15, dtype=np.int64)
    s = (3 * x).clip(-(2**16), 2**16 - 1)
    got = interpolated(s >> 8, (s & 255) * -65535 + 65536 - 256, 127 - (s >> 31)) >> 8
    np.testing.assert_array_equal(-got, tanh(x, -12))


def test_products_of_negated_gates():
    """LSTM/5 and LSTM/6: both roundings in one, of every remainder and sign."""
    rng = np.random.default_rng(3)
    gate = np.concatenate([rng.integers(0, 2**15, 200_000), np.arange(2**15)]).astype(np.int64)
    other = np.concatenate([rng.integers(-(2**15), 2**15, 200_000), np.full(2**15, -(2**14))]).astype(np.int64)
    kept = multiply(gate * other, Factor(2**30, -14))
    got = (-gate * other - ((1 << 14) + 1) + 32767 - 2 * (other >> 31)) >> 15
    np.testing.assert_array_equal(-got, kept)
    for shift in (6, 14, 18, 29):
        added = multiply(gate * other, Factor(2**30, -shift))
        got = (gate * other + (1 << shift) + 1 + 2 * (other >> 31)) >> (shift + 1)
        np.testing.assert_array_equal(got, added)


PROGRAM = """
#include "layers/lstm.c"
#define UNITS 512
const kws_lstm lstm = {LSTM};
int32_t gates[UNITS][4];
int16_t cells[UNITS];
int8_t hidden[UNITS];
int32_t start(void);
int32_t start(void)
{
    kws_lstm_pass pass;
    kws_lstm_start(&pass, &lstm, cells, hidden);
    for (uint32_t unit = 0; unit < UNITS; unit++) {
        __builtin_memcpy(pass.products.parts[0].sums, gates[unit], sizeof gates[unit]);
        kws_lstm_next(&pass);
    }
    return 0;
}
"""
UNITS = 512
SETTINGS = [
    # power of the cell's scale, clip, hidden factor, hidden zero point
    (-11, 20480, Factor(2139104566, -23), 3),
    (-24, 0, Factor(1518500250, -22), -128),
    (-9, 384, Factor(2**30, -21), 127),
    (0, 0, Factor(2**31 - 1, -23), 0),
    (-12, 32767, Factor(2**30, 0), 5),
    (-12, 9, Factor(2**30 + 3, 2), -7),
    (-14, 0, Factor(2**31 - 1, -22), 0),
    (-15, 1, Factor(0, 0), 11),
]


@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize(("power", "clip", "hidden_factor", "zero_point"), SETTINGS)
def test_updates_of_cells(tmp_path, power, clip, hidden_factor, zero_point):
    """LSTM/4 to LSTM/8 on Unicorn: ends and halves of every rounding, every sign."""
    shift = 30 + power
    fields = {
        "hidden_factor": emit.factor(hidden_factor),
        "hidden_zero_point": zero_point,
        "cell_scale_power": power,
        "cell_clip": clip,
        "units": UNITS,
        "add_shift": shift,
    }
    text = PROGRAM.replace("LSTM", ", ".join(f".{name} = {value}" for name, value in fields.items()), 1)
    names = ("copy.c", "packed_dsp.c")
    sources = [path for path in firmware.sources_dir().glob("src/**/*.c") if path.name in names]
    program = CoreProgram(tmp_path, text, sources, "cortex-m4", UC_CPU_ARM_CORTEX_M4, counts=False)
    rng = np.random.default_rng(9)
    # Of a tie's argument, sigmoid and tanh are negative and have a half to round.
    s = np.arange(-(2**15), 0)
    of_sigmoid = s[(_before_shift(3 * s, 9) + 2**24 + 512) % 1024 == 0]
    of_tanh = s[(_before_shift((3 * s).clip(-(2**16)), 8) + 128) % 256 == 0]
    for _ in range(12):
        some = [rng.choice(a, UNITS // 4) for a in (of_sigmoid, of_tanh, np.array([-(2**15), -1, 0, 1, 2**15 - 1]))]
        gates = np.stack([rng.permutation(np.concatenate([*some, rng.integers(-(2**15), 2**15, UNITS // 4)]))] * 4, 1)
        gates = rng.permuted(gates, axis=0)
        cells = rng.integers(-(2**15), 2**15, UNITS) >> rng.integers(0, 15, UNITS)
        f = sigmoid(gates[:, 1])
        # A cell whose product with an odd gate is a half.
        cells = np.where((f % 2 == 1) & (rng.random(UNITS) < 0.3), rng.choice([-(2**14), 2**14], UNITS), cells)
        program.write("gates", gates.astype(np.int32))
        program.write("cells", cells.astype(np.int16))
        program.call("start")
        kept = multiply(f * cells, Factor(2**30, -14)).clip(-(2**15), 2**15 - 1)
        added = multiply(sigmoid(gates[:, 0]) * tanh(gates[:, 2], -12), Factor(2**30, -shift))
        c = (kept + added.clip(-(2**15), 2**15 - 1)).clip(-(2**15), 2**15 - 1)
        c = c.clip(-clip, clip) if clip else c
        np.testing.assert_array_equal(program.read("cells", np.int16, UNITS), c)
        h = multiply(sigmoid(gates[:, 3]) * tanh(c, power), hidden_factor) + zero_point
        h = ((h + 2**31) % 2**32 - 2**31).clip(-128, 127)
        np.testing.assert_array_equal(program.read("hidden", np.int8, UNITS), h)


def _before_shift(scaled: Int64, bits: int) -> Int64:
    """The interpolation between two entries, before its rounding."""
    entries, part = table(), scaled & (1 << bits) - 1
    low = 256 + (scaled >> bits)
    return entries[low] * ((1 << bits) - part) + entries[low + 1] * part
