"""Models of stacks of layers with random weights, calibrated on noise; they need TensorFlow."""

from __future__ import annotations

import numpy as np

from kws.model.file import Model, with_info
from kws.network import Frame
from kws.network.tensorflow import import_tensorflow


def stack_model(config, info, seed=1):
    """A model of a network's settings and metadata."""
    tf, _ = import_tensorflow()
    frame = Frame.of(info.frontend)
    layers = config.build(frame, len(info.labels), seed)
    x = np.random.default_rng(seed).integers(-128, 128, (3, 12, frame.size)).astype(np.int8)
    layers.logits(tf.constant(x), layers.initial_state(3), tf.constant([1, 2]))
    return Model.from_bytes(with_info(layers.get().quantized(x), info))
