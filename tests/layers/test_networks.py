"""Whole networks of random shapes, and graphs that branch: NumPy, TFLM and C compute the same."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import mostly_slow
from oracle import assert_identical, random_inputs
from random_models import bare_model

from kws.engines.c_engine import CEngine
from kws.engines.interpreters import TflmEngine


@pytest.mark.parametrize("seed", mostly_slow(range(30), 10))
def test_random_shapes(seed):
    """Random sizes, scales, zero points, heads, activations, clips and layouts."""
    rng = np.random.default_rng(100 + seed)
    head = ["dense_softmax", "none", "flatten", "last", "logistic", "frame_dense"][seed % 6]
    model = bare_model(
        seed,
        inputs=int(rng.integers(1, 70)),
        units=tuple(int(u) for u in rng.integers(1, 50, rng.integers(1, 4))),
        outputs=int(rng.integers(1, 20)),
        steps=int(rng.integers(1, 9)),
        head=head,
        activation=int(rng.integers(0, 4)),
        bias=bool(rng.integers(4)),
        cell_power=int(rng.integers(-16, -8)),
        cell_clip=float(rng.choice([0.0, 0.5, 10.0])),
        weights="saturated" if seed % 5 == 4 else "normal",
        time_major=head in ("none", "logistic") and bool(rng.integers(2)),
    )
    x = random_inputs(seed, 40, model.network.input_size)
    assert_identical(model, x, [TflmEngine(model), CEngine(model)], 20)
