"""Test vectors for the board's self-test: samples in, features and posteriors expected out.

The samples are made in integers from a linear congruential generator, so that they are the same
everywhere; they go through silence, quiet and loud noise, a full-scale square wave and a sweep.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws import emit
from kws.codegen.occupied import MARK
from kws.model.file import Model

SEGMENT = 1600
NETWORK_CALLS = 16


def _noise(count: int, seed: int) -> npt.NDArray[np.int64]:
    """Uniform integers in [-32768, 32767] (Numerical Recipes' 32-bit generator, high half)."""
    values = np.empty(count, np.int64)
    state = seed
    for i in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        values[i] = (state >> 16) - 32768
    return values


def vector_pcm() -> npt.NDArray[np.int16]:
    """The samples: int16 [8000], half a second."""
    n = np.arange(SEGMENT, dtype=np.int64)
    phase = (n * (40 + n // 8)) % 512
    segments = [
        np.zeros(SEGMENT, np.int64),
        _noise(SEGMENT, 1) >> 8,
        _noise(SEGMENT, 2),
        np.where(n // 16 % 2 == 0, 32767, -32768),
        (phase - 256) * 100,
    ]
    return np.concatenate(segments).astype(np.int16)


def vector_inputs(size: int) -> npt.NDArray[np.int8]:
    """Inputs of a bare network: int8 [16, size], noise with the extremes in front."""
    x = (_noise(NETWORK_CALLS * size, 3) >> 8).reshape(NETWORK_CALLS, size)
    x[0], x[1] = -128, 127
    return x.astype(np.int8)


def vectors_files(model: Model) -> dict[str, str]:
    """The texts of kws_vectors.h and kws_vectors.c."""
    arrays: list[tuple[str, str, npt.NDArray[np.integer]]]
    if model.info is None:
        x = vector_inputs(model.network.input_size)
        trace = model.network.run(x[None], model.network.initial_state())
        sizes = {"CALLS": len(x)}
        arrays = [
            ("int8_t", "kws_vectors_input[KWS_VECTORS_CALLS][KWS_MODEL_INPUT_SIZE]", x),
            (
                "int8_t",
                "kws_vectors_output[KWS_VECTORS_CALLS][KWS_MODEL_OUTPUT_SIZE]",
                trace.outputs[-1].reshape(len(x), -1),
            ),
        ]
    else:
        pcm = vector_pcm()
        spotted = model.spotter().process(pcm[None])
        sizes = {"SAMPLES": len(pcm), "FRAMES": spotted.features.shape[1]}
        arrays = [
            ("int16_t", "kws_vectors_pcm[KWS_VECTORS_SAMPLES]", pcm),
            ("int8_t", "kws_vectors_features[KWS_VECTORS_FRAMES][KWS_MODEL_BANDS]", spotted.features[0]),
            ("int8_t", "kws_vectors_posteriors[KWS_VECTORS_FRAMES][KWS_MODEL_LABELS]", spotted.posteriors[0]),
        ]
    notice = emit.comment(f"{MARK}`; do not edit.\nExpected results of kws_model.c, for the self-test.")
    header = [notice, "#ifndef KWS_VECTORS_H\n#define KWS_VECTORS_H\n", '#include "kws_model.h"\n']
    header += [f"#define KWS_VECTORS_{name} {value}u" for name, value in sizes.items()]
    header += ["", emit.C_LINKAGE_BEGIN]
    header += [f"extern const {ctype} {declaration};" for ctype, declaration, _ in arrays]
    header += [emit.C_LINKAGE_END, "#endif", ""]
    source = [notice, '#include "kws_vectors.h"']
    for ctype, declaration, data in arrays:
        source.append(emit.array(ctype, declaration.partition("[")[0], data, static=False))
    return {"kws_vectors.h": "\n".join(header), "kws_vectors.c": "\n\n".join(source) + "\n"}
