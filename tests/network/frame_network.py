"""A kind of network that exists only here: a dense layer on each frame by itself, and softmax.

Run as a module with a run's folder and a file, it is the converter's process with this kind in its list.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from kws import network
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE
from kws.network.base import FloatNetwork, Format, KerasStreamNetwork, StreamNetworkConfig, scaled, softmax
from kws.network.graphs import bias, weights
from kws.network.tensorflow import import_tensorflow, initial_seed

OPERATORS = ("FULLY_CONNECTED", "SOFTMAX")


@dataclass(frozen=True)
class FrameNetwork(FloatNetwork):
    kernel: np.ndarray
    bias: np.ndarray

    @classmethod
    def from_arrays(cls, arrays):
        return cls(arrays["kernel"], arrays["bias"])

    def arrays(self):
        return {"kernel": self.kernel, "bias": self.bias}

    @property
    def sizes(self):
        return self.kernel.shape

    @property
    def settings(self):
        return {}

    @property
    def head(self):
        return self.kernel, self.bias

    def with_head(self, kernel, bias):
        return FrameNetwork(kernel, bias)

    def initial_state(self, n):
        return []

    def run(self, features, state=None):
        return softmax(scaled(features) @ self.kernel + self.bias)

    @property
    def tensors(self):
        return ("weights", "logits", "posteriors")

    def matrices(self):
        return {"weights": self.kernel}

    def with_matrix(self, name, values):
        return replace(self, kernel=values)

    def trace(self, features, rounding=None):
        rounded = rounding or (lambda name, values: values)
        logits = rounded("logits", scaled(features) @ self.kernel + self.bias)
        return {"logits": logits, "posteriors": rounded("posteriors", softmax(logits))}

    @property
    def operators(self):
        return OPERATORS

    def keras_model(self, frames):
        _, keras = import_tensorflow()
        features = keras.Input(batch_size=1, shape=(frames, len(self.kernel)), name="features")
        dense = keras.layers.Dense(len(self.bias), name="dense")
        posteriors = keras.layers.Softmax(name="posteriors")(dense(features))
        dense.set_weights([self.kernel, self.bias])
        return keras.Model(features, posteriors, name="kws")

    @classmethod
    def reads(cls, operators):
        return tuple(operators) == OPERATORS

    @classmethod
    def objection(cls, graph):
        return None

    @classmethod
    def from_graph(cls, graph):
        dense = graph.operators[0]
        return cls(weights(graph, dense, 1), bias(graph, dense, 2, weights=1))

    @classmethod
    def formats(cls, graph):
        places = zip(("logits", "posteriors"), (op.outputs[0] for op in graph.operators), strict=True)
        return {name: Format(graph.tensors[place], place) for name, place in places}


class KerasFrameNetwork(KerasStreamNetwork):
    def __init__(self, features, labels, seed):
        tf, keras = import_tensorflow()
        initial = keras.initializers.GlorotUniform(seed=initial_seed(seed, 0))
        self.variables = [tf.Variable(initial((features, labels))), tf.Variable(tf.zeros(labels))]
        self.trainable = self.head = self.variables

    def initial_state(self, n):
        return []

    def logits(self, features, state, seed=None):
        tf, _ = import_tensorflow()
        kernel, bias = self.variables
        return tf.cast(features, tf.float32) * FEATURE_SCALE @ kernel + bias, state

    def get(self):
        return FrameNetwork(*(v.numpy() for v in self.variables))

    def set(self, network):
        for variable, value in zip(self.variables, network.head, strict=True):
            variable.assign(value)


@dataclass(frozen=True)
class FrameConfig(StreamNetworkConfig):
    kind: ClassVar[str] = "frame"
    float_network: ClassVar[type[FloatNetwork]] = FrameNetwork

    def sizes(self, frame, labels):
        return (frame.size, labels)

    def build(self, frame, labels, seed):
        return KerasFrameNetwork(frame.size, labels, seed)


if __name__ == "__main__":
    from kws.quantize import _converter

    network.KINDS[FrameConfig.kind] = FrameConfig
    _converter.main(Path(sys.argv[1]), Path(sys.argv[2]))
