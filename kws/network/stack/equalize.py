"""Channels of equal range in front of depthwise convolutions, which int8 hurts less.

All channels of a convolution's output share one scale, which the largest sets; in a network trained for long others
are left with a few of its 255 steps. A channel divided by a number, and the depthwise kernel behind it multiplied by
the same, give what they gave (cross-layer equalization: Nagel 2019, arXiv:1906.04721). That kernel's channels have
scales of their own, so it loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from kws.network.stack.layer import Layer, Weights
from kws.network.stack.layers import Conv, Depthwise
from kws.types import Floats

_LEAST_SHARE = 1 / 64
"""Of the largest channel: one hardly heard in the calibration may come to more elsewhere."""


def equalized(
    names: Sequence[str],
    layers: Sequence[Layer],
    weights: Sequence[Weights],
    traces: Iterable[Mapping[str, Floats]],
) -> tuple[Weights, ...]:
    """The weights of the same function, with channels in front of depthwise convolutions as large as the largest.

    Args:
        names: the layers' names.
        layers: in order.
        weights: of each, by part.
        traces: what they compute, piece by piece, as `StackNetwork.trace` names it.
    """
    with_parts = [i for i, layer in enumerate(layers) if layer.parts]
    # What lies between them has no weights, and takes every channel by itself.
    pairs = [
        (before, behind)
        for before, behind in pairwise(with_parts)
        if isinstance(layers[before], Conv | Depthwise) and isinstance(layers[behind], Depthwise)
    ]
    if not pairs:
        return tuple(weights)
    greatest = {before: np.zeros(len(weights[before]["bias"]), np.float32) for before, _ in pairs}
    for traced in traces:
        for before, found in greatest.items():
            by_channel = np.abs(traced[f"{names[before]}/output"]).reshape(-1, len(found))
            np.maximum(found, by_channel.max(axis=0), out=found)
    changed = [*weights]
    for before, behind in pairs:
        share = _shares(greatest[before])
        changed[before] = {part: values / share for part, values in changed[before].items()}
        changed[behind] = {**changed[behind], "kernel": changed[behind]["kernel"] * share}
    return tuple(changed)


def _shares(greatest: Floats) -> Floats:
    """Of each channel its part of the largest; 1 where a channel is silent."""
    largest = np.float32(greatest.max()) or np.float32(1)
    share = np.maximum(greatest / largest, np.float32(_LEAST_SHARE))
    return np.where(greatest > 0, share, np.float32(1))
