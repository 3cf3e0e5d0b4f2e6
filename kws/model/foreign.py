"""What a .tflite file is that kws cannot run, and how to make one that it can, in words."""

from __future__ import annotations

from collections import Counter

import numpy as np

from kws.layers import KINDS, reader_of
from kws.model.folding import VARIABLES
from kws.tflite import Graph
from kws.tflite.graph import CUSTOM

MADE = ("HISTORY", "CARRY")
"""Operators that kws makes, and that no file has."""
FLOATS = (np.float16, np.float32, np.float64)
FLEX = f"{CUSTOM}Flex"
WHOLLY_INT8 = (
    "converter.optimizations = [tf.lite.Optimize.DEFAULT], a representative_dataset,"
    " target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8] and"
    " inference_input_type = inference_output_type = tf.int8"
)
ADVICE: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("RELU", "RELU6", "RELU_N1_TO_1"),
        "put it directly behind a convolution, a dense layer or a sum, so that the converter fuses it",
    ),
    (
        ("ELU", "LEAKY_RELU", "PRELU", "HARD_SWISH", "GELU"),
        "train with ReLU or ReLU6 instead, which cost nothing",
    ),
    (("WHILE", "CALL", "IF"), "a loop or a branch: convert the network with its fused operators, or unrolled"),
    (("BIDIRECTIONAL_SEQUENCE_LSTM",), "it hears the future: train an LSTM in one direction"),
    (("SUM", "REDUCE_MAX"), "use a mean or a pool over the same axes"),
    (("SQUEEZE", "EXPAND_DIMS", "UNPACK"), "use a reshape instead; the values are the same"),
    (("TRANSPOSE",), "train with the axes in the order [1, time, bands, channels]"),
    (("BATCH_MATMUL", "TRANSPOSE_CONV"), "use a dense layer or a convolution"),
    (
        ("DIV", "SQUARED_DIFFERENCE", "RSQRT", "SQRT"),
        "normalise in training and fold it: batch, not layer normalisation",
    ),
    (("MFCC", "AUDIO_SPECTROGRAM"), "kws computes features itself: cut the network behind them"),
    (("DEQUANTIZE",), "float arithmetic begins there: convert the whole network to int8"),
)
"""Operators and what to do about them."""


def refusal(graph: Graph) -> str:
    """Why the firmware cannot run a graph; empty where it has a kernel for every operator.

    What the file as a whole is comes first, since the mend is there: a loop that Keras 3 makes of an LSTM, a
    GRU, operators of TensorFlow itself, a float model.

    Args:
        graph: as :func:`kws.model.folding.fold_ends` leaves it.
    """
    unknown = [op.name for op in graph.operators if reader_of(op.name) is None and op.name not in VARIABLES]
    what = _loop(graph) if "WHILE" in unknown else _select(unknown) or _floats(graph)
    if not unknown:
        return what
    listed = f"operator {unknown[0]} is not one the firmware can run ({', '.join(supported())})"
    hint = "" if what else advice(unknown[0])
    return f"{what}; {listed}" if what else f"{listed}{'; ' if hint else ''}{hint}"


def advice(operator: str) -> str:
    """What to do about an operator that kws does not run; empty where nothing better than leaving it out is known."""
    if operator.startswith(FLEX):
        return "TensorFlow's own (SELECT_TF_OPS): compute it outside the network, or build it of other layers"
    return next((text for names, text in ADVICE if operator in names), "")


def supported() -> list[str]:
    """Names of the operators that kws runs, as files have them."""
    names = [name for kind in KINDS for name in kind.operators if name not in MADE]
    return [*names, *VARIABLES, "DEQUANTIZE at the output"]


def _select(unknown: list[str]) -> str:
    """TensorFlow's own operators, if there are any."""
    flex = sorted({name.removeprefix(FLEX) for name in unknown if name.startswith(FLEX)})
    if not flex:
        return ""
    return (
        f"it holds operators of TensorFlow itself ({', '.join(flex)}; SELECT_TF_OPS), which no microcontroller"
        " runs; compute them outside the network, or build it of other layers, and convert it with"
        f" TFLITE_BUILTINS_INT8 alone: {WHOLLY_INT8}"
    )


def _loop(graph: Graph) -> str:
    """What a WHILE's body computes, told by the activations of one step."""
    counts = Counter(op.name for body in graph.subgraphs for op in body.operators)
    activations = (counts["LOGISTIC"], counts["TANH"])
    if activations == (3, 2):
        return (
            "it is an LSTM as a loop (WHILE), as Keras 3 converts one, not the fused operator; make the network with"
            f" tf_keras and copy the weights (set_weights), then convert it to int8: {WHOLLY_INT8}"
        )
    if activations == (2, 1):
        return (
            "it is a GRU as a loop (WHILE), which kws does not support; convert one step of it, with the state as an"
            ' input and an output, or train with network.kind = "gru"'
        )
    return "it holds a loop (WHILE), which kws does not support; of recurrent layers it runs the fused LSTM"


def _floats(graph: Graph) -> str:
    """Float tensors, if there are any."""
    used = [i for op in graph.operators for i in (*op.inputs, *op.outputs)] + [*graph.inputs, *graph.outputs]
    if not any(graph.tensors[i].dtype in FLOATS for i in used if i >= 0):
        return ""
    weights = any(graph.tensors[i].dtype == np.int8 for i in used if i >= 0)
    kind = "a float model with some weights in int8 (dynamic range)" if weights else "a float model"
    return f"it is {kind}, at least in part; convert it wholly to int8: {WHOLLY_INT8}"
