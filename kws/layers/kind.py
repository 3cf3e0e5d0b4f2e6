"""A kind of layer: how it is read from a .tflite file, and how it is written as C.

What the kind computes is its kernel, in :mod:`kws.fixedpoint.layers`. The parameters are derived as
TFLM's ``Prepare`` functions derive them: every product of scales in double precision (the rule of
tflite-micro wheels from 0.dev20261013214400 on).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.errors import KwsError
from kws.fixedpoint.arithmetic import INT8_MAX, INT8_MIN, INT32_MAX
from kws.fixedpoint.layers.kernel import Kernel, Shape
from kws.fixedpoint.network import Layer
from kws.tflite import Operator, Tensor


class Arch(StrEnum):
    """How C lays out weights and which instructions it uses: ``KWS_ARCH`` in ``kws/model.h``."""

    PORTABLE = "KWS_ARCH_PORTABLE"
    DSP = "KWS_ARCH_DSP"
    HELIUM = "KWS_ARCH_HELIUM"


@dataclass(frozen=True)
class Operands:
    """An operator with its tensors.

    Attributes:
        op: the operator.
        tensors: what it reads, None where one is absent.
        shapes: the dimensions of those, as computed from the network's input on where a layer makes them.
        out: what it writes.
        number: which of its outputs that is.
    """

    op: Operator
    tensors: tuple[Tensor | None, ...]
    shapes: tuple[Shape, ...]
    out: Tensor
    number: int = 0

    @property
    def source(self) -> Tensor:
        """The first tensor that it reads."""
        return self.activation(0)

    @property
    def shape(self) -> Shape:
        """The first one's dimensions."""
        return self.shapes[0]

    def activation(self, position: int) -> Tensor:
        """A tensor that it reads and that must be there.

        Raises:
            KwsError: it is absent.
        """
        tensor = self.at(position)
        if tensor is None:
            raise KwsError(f"its input number {position} is missing")
        return tensor

    def at(self, position: int) -> Tensor | None:
        """A tensor that it reads, or None if it is absent."""
        return self.tensors[position] if position < len(self.tensors) else None

    def option(self, name: str, default: int = 0) -> int:
        """An option that is a number or a flag."""
        return int(self.op.options.get(name, default))


@dataclass(frozen=True)
class Constants:
    """A layer's parameters as C.

    Attributes:
        text: definitions; the last one is the kernel's structure.
        scratch: bytes of memory that a call needs while it runs, by :class:`Arch`; none if absent.
    """

    text: tuple[str, ...]
    scratch: Mapping[Arch, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """A kind of layer.

    Attributes:
        operators: names of the .tflite operators that it reads.
        read: from an operator to the kernel and the output's dimensions. None instead of a kernel says
            that the values of the first input stay as they are and only their dimensions change; no
            layer is made of such an operator. It raises KwsError for what the firmware cannot run.
        kernel: the type that ``read`` makes; None if it never makes one.
        name: of the C header ``kws/layers/<name>.h``, the structure ``kws_<name>``, the function
            ``kws_<name>_run`` and, in capitals, of the line in ``kinds.def``.
        emit: from the name that the structure shall have, and a layer, to its parameters as C.
        source: the input that must be the network's or another layer's; None if any of them may be.
        many: whether it may have several outputs; each is read by itself, and is a layer.
        wide: whether it may read and write int16 as well as int8.
    """

    operators: tuple[str, ...]
    read: Callable[[Operands], tuple[Kernel | None, Shape]]
    kernel: type[Kernel] | None = None
    name: str = ""
    emit: Callable[[str, Layer], Constants] | None = None
    source: int | None = 0
    many: bool = False
    wide: bool = False


def require_int8(tensor: Tensor, what: str, wide: bool = False) -> None:
    """Refuse a tensor that is not int8 with one scale, or, where it may be ``wide``, int16 with one scale.

    Raises:
        KwsError: says what is wrong with ``what``.
    """
    if tensor.dtype != np.int8 and not (wide and tensor.dtype == np.int16):
        if tensor.dtype == np.int16:
            mend = "int16 only stands between QUANTIZE, RESHAPE and DEQUANTIZE; convert to int8 and not to 16x8"
        else:
            mend = "convert the model fully to int8"
        raise KwsError(f"{what} ({tensor.name!r}) is {tensor.dtype}, not int8; {mend}")
    if tensor.scales.size != 1:
        raise KwsError(f"{what} ({tensor.name!r}) has no per-tensor quantization")
    limits = np.iinfo(tensor.dtype)
    if not limits.min <= tensor.zero_point <= limits.max:
        raise KwsError(f"{what} ({tensor.name!r}) has zero point {tensor.zero_point}, which is not an {tensor.dtype}")


def require_same(source: Tensor, out: Tensor) -> None:
    """Refuse an output whose scale or zero point is not its input's, where bytes are moved or compared.

    Raises:
        KwsError: they differ.
    """
    if source.scale != out.scale or source.zero_point != out.zero_point:
        raise KwsError(
            f"its output has scale {out.scale:g} and zero point {out.zero_point}, its input {source.name!r}"
            f" {source.scale:g} and {source.zero_point}; they must be the same"
        )


def constant(tensor: Tensor | None, what: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """A constant tensor's values.

    Raises:
        KwsError: there are none, or of another type.
    """
    if tensor is None or tensor.data is None:
        raise KwsError(f"{what} are missing")
    if tensor.dtype != dtype:
        raise KwsError(f"{what} are {tensor.dtype}, not {np.dtype(dtype)}")
    return tensor.data


def weights(tensor: Tensor | None, what: str, shape: Shape | None = None, axes: int = 2) -> npt.NDArray[np.int8]:
    """Constant int8 weights with zero point 0, of two axes or as many as are said.

    Raises:
        KwsError: they are not, or of another shape.
    """
    data = constant(tensor, what, np.int8)
    assert tensor is not None
    if data.ndim != axes or (shape is not None and data.shape != shape):
        raise KwsError(f"{what} have shape {list(data.shape)}{f', not {list(shape)}' if shape else ''}")
    if tensor.scales.size < 1:
        raise KwsError(f"{what} have no quantization scale")
    if np.any(tensor.zero_points != 0):
        raise KwsError(f"{what} have a zero point that is not 0")
    return data


def bias(tensor: Tensor | None, count: int, what: str) -> npt.NDArray[np.int32]:
    """Constant int32 biases; zeros if there are none.

    Raises:
        KwsError: they are of another type or shape, or have no data.
    """
    if tensor is None:
        return np.zeros(count, np.int32)
    if tensor.shape != (count,):
        raise KwsError(f"{what} have shape {list(tensor.shape)}, not {[count]}")
    if tensor.data is None:
        # The converter leaves the tensor of an all-zero bias out. Without data TFLM reads whatever lies there.
        raise KwsError(f"{what} ({tensor.name!r}) have no data")
    return constant(tensor, what, np.int32)


def folded(bias: npt.NDArray[np.int32], weights: npt.NDArray[np.int8], zero_point: int) -> npt.NDArray[np.int64]:
    """Biases [rows] with the input's zero point folded in, so that the device subtracts nothing.

    Args:
        bias: int32 [rows].
        weights: int8 [rows, columns].
        zero_point: of what the weights are multiplied by.
    """
    result: npt.NDArray[np.int64] = bias.astype(np.int64) - zero_point * weights.astype(np.int64).sum(axis=1)
    return result


def check_sums(weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], zero_point: int) -> None:
    """Prove that no sum of products leaves int32, with the zero point folded into the bias.

    Raises:
        KwsError: one could.
    """
    greatest = np.abs(folded(bias, weights, zero_point)) + 128 * np.abs(weights.astype(np.int64)).sum(axis=1)
    if np.any(greatest > INT32_MAX):
        raise KwsError("its bias is so large that a sum could leave int32")


# ActivationFunctionType of the .tflite schema
NONE, RELU, RELU_N1_TO_1, RELU6, TANH = 0, 1, 2, 3, 4


def activation_range(activation: int, out: Tensor) -> tuple[int, int]:
    """The int8 range that a fused activation leaves (TFLite's ``CalculateActivationRangeQuantized``).

    Raises:
        KwsError: it is another activation than the four that only clamp, or a bound leaves int32.
    """

    def quantized(value: float) -> int:
        # The kernel divides in float32 and rounds halves away from zero.
        with np.errstate(over="ignore"):
            ratio = float(np.float32(value) / np.float32(out.scale))
        if abs(ratio) > INT32_MAX:
            raise KwsError(
                f"its output's scale {out.scale:g} is so small that {value:g} leaves int32; TFLM refuses it too"
            )
        return out.zero_point + math.floor(abs(ratio) + 0.5) * (1 if ratio >= 0 else -1)

    if activation == NONE:
        return INT8_MIN, INT8_MAX
    if activation == RELU:
        return max(INT8_MIN, quantized(0.0)), INT8_MAX
    if activation == RELU6:
        return max(INT8_MIN, quantized(0.0)), min(INT8_MAX, quantized(6.0))
    if activation == RELU_N1_TO_1:
        return max(INT8_MIN, quantized(-1.0)), min(INT8_MAX, quantized(1.0))
    raise KwsError(f"its fused activation (number {activation}) is not one the firmware can run")


def require_posteriors(out: Tensor) -> None:
    """Refuse an output that is not at scale 1/256 and zero point -128.

    Raises:
        KwsError: it is not.
    """
    if out.scale != 1 / 256 or out.zero_point != INT8_MIN:
        raise KwsError("its output must have scale 1/256 and zero point -128")
