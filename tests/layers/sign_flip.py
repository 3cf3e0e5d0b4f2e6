"""A layer that exists only in the tests: per-channel signs that turn round with every call, and a sum.

    y[c] = clamp(sign[c] * phase * (x[c] - z) + skip[c], -128, 127)

``phase``, a state, is 1 after a reset and changes its sign with every call. This file holds what the
files of a kind hold: its kernel, its Kind, its C header and its C source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.arithmetic import clamp
from kws.fixedpoint.layers.kernel import Kernel, Shape, State, Values
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, constant
from kws.types import Int8

OPERATOR = "CUSTOM:SignFlip"


@dataclass(frozen=True)
class SignFlip(Kernel):
    signs: npt.NDArray[np.int8]
    input_zero_point: int

    @property
    def states(self) -> tuple[State, ...]:
        return (State("phase", "int16", (len(self.signs),), 1),)

    @property
    def weight_bytes(self) -> int:
        return len(self.signs)

    def run(self, inputs: Sequence[Int8], states: Sequence[Values]) -> Int8:
        x, skip = inputs
        (phase,) = states
        for call in range(x.shape[1]):
            phase[:, call + 1] = -phase[:, call]
        before = phase[:, :-1].reshape(*x.shape[:2], *(1,) * (x.ndim - 3), x.shape[-1])
        flipped = self.signs * before.astype(np.int64) * (x.astype(np.int64) - self.input_zero_point)
        return clamp(flipped + skip, -128, 127).astype(np.int8)


def read(o: Operands) -> tuple[SignFlip, Shape]:
    signs = constant(o.at(1), "signs", np.int8)
    if not set(signs.tolist()) <= {-1, 1} or signs.shape != o.shape[-1:] or o.shapes[2] != o.shape:
        raise KwsError("its signs or its second input do not fit its first")
    return SignFlip(signs, o.source.zero_point), o.shape


def write(name: str, layer: Layer) -> Constants:
    kernel = layer.kernel
    assert isinstance(kernel, SignFlip)
    size = len(kernel.signs)
    fields: dict[str, str | int] = {
        "signs": f"{name}_signs",
        "input_zero_point": kernel.input_zero_point,
        "rows": layer.output_size // size,
        "size": size,
    }
    signs = emit.array("int8_t", f"{name}_signs", kernel.signs)
    return Constants((signs, emit.structure("kws_sign_flip", name, fields)))


KIND = Kind(operators=(OPERATOR,), read=read, kernel=SignFlip, name="sign_flip", emit=write)

REGISTRY_LINE = "KWS_KIND(SIGN_FLIP, sign_flip)\n"

HEADER = """
#ifndef KWS_LAYERS_SIGN_FLIP_H
#define KWS_LAYERS_SIGN_FLIP_H

#include "kws/model.h"

typedef struct kws_sign_flip {
    const int8_t *signs; /* [size] */
    int32_t input_zero_point;
    uint16_t rows;
    uint16_t size;
} kws_sign_flip;

void kws_sign_flip_run(const kws_layer *layer, uint8_t *memory, const int8_t *input);

#endif
"""

SOURCE = """
#include "kws/layers/sign_flip.h"

#include "../arithmetic.h"
#include "layer.h"

void kws_sign_flip_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)
{
    const kws_sign_flip *flip = (const kws_sign_flip *)layer->kernel;
    const int8_t *x = kws_layer_input(layer, 0, memory, input);
    const int8_t *skip = kws_layer_input(layer, 1, memory, input);
    int16_t *phase = (int16_t *)kws_layer_state(layer, 0, memory);
    int8_t *output = kws_layer_output(layer, memory);
    for (uint32_t row = 0; row < flip->rows; row++) {
        for (uint32_t i = 0; i < flip->size; i++) {
            const int32_t value = flip->signs[i] * phase[i] * (*x++ - flip->input_zero_point);
            *output++ = (int8_t)kws_clamp(value + *skip++, INT8_MIN, INT8_MAX);
        }
    }
    for (uint32_t i = 0; i < flip->size; i++) {
        phase[i] = (int16_t)-phase[i];
    }
}
"""
