"""Channels of equal range in front of depthwise convolutions."""

import numpy as np
import pytest

from kws.model.reader import to_network
from kws.network.base import Frame
from kws.network.ds_cnn import DsCnnNetwork
from kws.network.stack.layers import Average, Conv, Dense, Depthwise, History, PadBands

CHANNELS = 8
FRAME = Frame(1, 12, 0.05, 0)


def separable(spread, silent=()):
    """A convolution, a depthwise one, a pointwise one; channel c of the first is scaled by ``spread`` ** c."""
    rng = np.random.default_rng(1)

    def drawn(*shape):
        return rng.normal(0, 0.5, shape).astype(np.float32)

    share = np.float32(spread) ** np.arange(CHANNELS, dtype=np.float32)
    first = {"kernel": drawn(2, 3, 1, CHANNELS) * share, "bias": drawn(CHANNELS) * share}
    for channel in silent:
        first["kernel"][..., channel], first["bias"][channel] = 0, -1
    layers = (
        History(1), Conv(2, 3, CHANNELS, 2), PadBands(1, 1), History(2), Depthwise(3, 3),
        Conv(1, 1, CHANNELS), Average(), Dense(4),
    )  # fmt: skip
    weights = (
        {}, first, {}, {}, {"kernel": drawn(3, 3, CHANNELS) / share, "bias": drawn(CHANNELS)},
        {"kernel": drawn(1, 1, CHANNELS, CHANNELS), "bias": drawn(CHANNELS)}, {},
        {"kernel": drawn(CHANNELS, 4), "bias": drawn(4)},
    )  # fmt: skip
    network = DsCnnNetwork(FRAME, layers, weights)
    network.check()
    return network


@pytest.fixture
def features():
    return np.random.default_rng(2).integers(-128, 128, (40, 10, FRAME.size)).astype(np.int8)


def error_of_int8(network, features):
    twin = to_network(network.quantized(features))
    ours = (twin.run(features, twin.initial_state(len(features))).outputs[-1].astype(np.float64) + 128) / 256
    expected = network.run(features)
    return np.sqrt(np.mean((ours.reshape(expected.shape) - expected) ** 2))


def test_the_function_stays_and_int8_changes_it_less(features):
    network = separable(0.4)
    changed = network.equalized(features)
    np.testing.assert_allclose(changed.run(features), network.run(features), atol=1e-5)
    assert error_of_int8(changed, features) < error_of_int8(network, features) / 3


def test_channels_come_to_one_range(features):
    network = separable(0.7)
    before, after = (n.trace(features)["conv_0/output"] for n in (network, network.equalized(features)))
    greatest = after.reshape(-1, CHANNELS).max(axis=0)
    np.testing.assert_allclose(greatest, before.max(), rtol=1e-5)


def test_a_channel_is_enlarged_64_times_at_most_and_a_silent_one_not_at_all(features):
    network = separable(0.1, silent=(2,))
    changed = network.equalized(features)
    share = changed.weights[4]["kernel"][0, 0] / network.weights[4]["kernel"][0, 0]
    assert share[0] == 1
    assert share[2] == 1
    np.testing.assert_allclose(share[3:], 1 / 64)
    np.testing.assert_allclose(changed.run(features), network.run(features), atol=1e-5)


def test_a_network_without_such_a_pair_stays_as_it_is(features):
    full = separable(0.5)
    network = DsCnnNetwork(FRAME, full.layers[:2] + full.layers[5:], full.weights[:2] + full.weights[5:])
    network.check()
    for ours, theirs in zip(network.equalized(features).weights, network.weights, strict=True):
        assert ours is theirs
