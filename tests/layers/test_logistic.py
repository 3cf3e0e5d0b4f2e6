"""The logistic function: the harness and C against TensorFlow Lite Micro's reference kernel."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import mostly_slow
from oracle import agree, assert_identical, small_model

from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine

WITH_C = [(-27, -128), (-6, -5), (-3, 127), (2, -5)]


@pytest.mark.parametrize("power", mostly_slow([-27, -6, -3, 2, -20, -12, -9, -8, -7, -5, -4, -2, -1, 0, 1], 4))
@pytest.mark.parametrize("zero_point", [-128, -5, 127])
def test_every_input(power, zero_point):
    model = small_model(1, (1, 1, 256), 1.37 * 2.0**power, zero_point, lambda b, x: b.posterior(x, "LOGISTIC"))
    x = np.arange(-128, 128).astype(np.int8)[None]
    with_c = (power, zero_point) in WITH_C
    assert_identical(model, x, [TflmEngine(model), *([CEngine(model)] if with_c else [])])


def test_rows():
    model = small_model(2, (1, 3, 7), 0.04, 9, lambda b, x: b.posterior(x, "LOGISTIC"))
    assert agree(model).layers[0].shape == (40, 21)
