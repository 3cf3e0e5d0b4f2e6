"""SVDF with an int16 state: reading and writing. What it computes: kws/fixedpoint/layers/svdf.py."""

from __future__ import annotations

import numpy as np

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.arithmetic import INT32_MAX, Factor
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.layers.svdf import Svdf
from kws.fixedpoint.network import Layer
from kws.layers.kind import RELU, Constants, Kind, Operands, bias, check_sums, constant, folded, weights
from kws.tflite import Tensor


def _factor(a: Tensor, b: Tensor, out: Tensor) -> Factor:
    """Of two scales by a third, in float32, as this kernel of TFLM has them."""
    product = np.float32(a.scale) * np.float32(b.scale)
    return Factor.of(float(product / np.float32(out.scale)))


def read(o: Operands) -> tuple[Svdf, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: weights, a state or an option that the kernel does not have.
    """
    features = weights(o.at(1), "weights over the features")
    time = constant(o.at(2), "weights over time", np.int16)
    state = o.activation(4)
    if state.dtype != np.int16:
        raise KwsError(f"its state is {state.dtype}, which wraps where it overflows; only int16 can run")
    tensors = (o.activation(1), o.activation(2), state)
    if any(tensor.scales.size != 1 or tensor.zero_point != 0 for tensor in tensors):
        raise KwsError("its weights and its state must each have one scale, and zero point 0")
    filters, rank = len(features), o.option("Rank")
    if rank < 1 or filters % rank or time.ndim != 2 or len(time) != filters:
        raise KwsError(f"has rank {rank}, {filters} filters over the features and {list(time.shape)} over time")
    if o.option("FusedActivationFunction") != RELU:
        raise KwsError("its fused activation is not RELU; TFLM runs no other")
    units = filters // rank
    if o.shape != (1, features.shape[1]):
        raise KwsError(f"its input has shape {list(o.shape)}, not {[1, features.shape[1]]}")
    b = bias(o.at(3), units, "biases")
    check_sums(features, np.zeros(filters, np.int32), o.source.zero_point)
    greatest = 32768 * np.abs(time.astype(np.int64)).sum(axis=1).reshape(units, rank).sum(axis=1) + np.abs(
        b.astype(np.int64)
    )
    if greatest.max() > INT32_MAX:
        raise KwsError("its weights over time are so large that a sum could leave int32")
    kernel = Svdf(
        features,
        time,
        b,
        o.source.zero_point,
        o.out.zero_point,
        _factor(o.source, tensors[0], state),
        _factor(state, tensors[1], o.out),
    )
    return kernel, (1, units)


def write(name: str, layer: Layer) -> Constants:
    """Weights, biases and the structure ``kws_svdf``."""
    kernel = layer.kernel
    assert isinstance(kernel, Svdf)
    filters, memory = kernel.time.shape
    offsets = folded(np.zeros(filters, np.int32), kernel.features, kernel.input_zero_point)
    fields: dict[str, str | int] = {
        "features": f"{name}_features",
        "offsets": f"{name}_offsets",
        "time": f"{name}_time",
        "bias": f"{name}_bias",
        "factor_1": emit.factor(kernel.factor_1),
        "factor_2": emit.factor(kernel.factor_2),
        "inputs": kernel.features.shape[1],
        "units": kernel.units,
        "rank": filters // kernel.units,
        "memory": memory,
        "output_zero_point": kernel.output_zero_point,
    }
    return Constants(
        (
            emit.array("int8_t", f"{name}_features", kernel.features.reshape(-1), align=4),
            emit.array("int32_t", f"{name}_offsets", offsets),
            emit.array("int16_t", f"{name}_time", kernel.time.reshape(-1), align=4),
            emit.array("int32_t", f"{name}_bias", kernel.bias),
            emit.structure("kws_svdf", name, fields),
        )
    )


KIND = Kind(operators=("SVDF",), read=read, kernel=Svdf, name="svdf", emit=write)
