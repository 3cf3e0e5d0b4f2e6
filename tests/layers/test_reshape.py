"""RESHAPE is no layer: nothing is computed and nothing copied, wherever it stands."""

from __future__ import annotations

import pytest
from oracle import agree, small_model


def reshaped_everywhere(builder, x):
    """At the network's input, between layers, twice in a row, and at its output."""
    flat = builder.reshape(x, (1, 12))
    dense = builder.dense(flat, 6, (1, 6))
    square = builder.reshape(builder.reshape(dense, (1, 2, 3)), (1, 3, 2))
    return builder.reshape(builder.posterior(square, "SOFTMAX"), (6, 1))


@pytest.mark.parametrize("seed", range(3))
def test_values_keep_their_order(seed):
    model = small_model(seed, (1, 3, 4), 0.04, -3, reshaped_everywhere)
    network = model.network
    assert [layer.name for layer in network.layers] == ["FULLY_CONNECTED", "SOFTMAX"]
    assert network.layers[0].inputs == (network.input,)
    assert network.layers[1].inputs == (network.layers[0].output,)
    assert network.layers[1].input_shapes == ((1, 3, 2),)
    assert network.output_shape == (6, 1)
    assert agree(model).posteriors.shape == (40, 6)
