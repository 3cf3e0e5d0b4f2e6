"""Activations: close to the real functions everywhere, and the table read off the oracle again."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from kws.fixedpoint import activation as act
from kws.fixedpoint.sigmoid_table import SIGMOID_TABLE

EVERY_INT16 = np.arange(-32768, 32768)
ROOT = Path(__file__).resolve().parents[2]


def test_sigmoid_is_close_and_monotonic():
    got = act.sigmoid(EVERY_INT16)
    assert np.abs(got / 32768 - 1 / (1 + np.exp(-EVERY_INT16 / 4096))).max() < 1e-3
    assert np.all(np.diff(got) >= 0)
    assert got.min() >= 0
    assert got.max() <= 32767


@pytest.mark.parametrize("power", range(-16, -7))
def test_tanh_is_close_and_odd_but_for_rounding(power):
    got = act.tanh(EVERY_INT16, power)
    assert np.abs(got / 32768 - np.tanh(EVERY_INT16 * 2.0**power)).max() < 2e-3
    assert np.all(np.diff(got) >= 0)
    assert np.abs(got[1:] + got[:0:-1]).max() <= 4
    assert got.min() >= -32768
    assert got.max() <= 32767


def test_lookups_are_the_functions():
    assert np.array_equal(act.sigmoid_lookup(), act.sigmoid(EVERY_INT16))
    assert np.array_equal(act.tanh_lookup(-11), act.tanh(EVERY_INT16, -11))


def test_exponential_and_reciprocal():
    x = -np.unique(np.geomspace(1, 2**31, 5000).astype(np.int64))
    assert np.abs(act.exp(x, 5) / 2**31 - np.exp(x / 2**26)).max() < 1e-6
    assert act.exp(np.array([0]), 5)[0] == 2**31 - 1
    a = np.linspace(0, 2**31 - 1, 5001).astype(np.int64)
    assert np.abs(act.recip(a) / 2**31 - 1 / (1 + a / 2**31)).max() < 1e-7


def test_table_is_not_the_formula():
    """Using the obvious formula is the mistake this table guards against."""
    formula = np.round(65536 / (1 + np.exp(-np.arange(256) / 24)))
    assert int(np.sum(formula != np.array(SIGMOID_TABLE))) > 20


def test_table_is_what_the_oracle_uses():
    spec = importlib.util.spec_from_file_location("read_sigmoid_table", ROOT / "tools/read_sigmoid_table.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    table = tool.read_table()
    assert tuple(table) == SIGMOID_TABLE
    for home, text in zip(tool.HOMES, tool.texts(table), strict=True):
        assert home.read_text() == text
