"""What a .tflite file is that kws cannot run, and how to make one that it can, in words."""

from __future__ import annotations

from collections import Counter

import numpy as np

from kws.layers import KINDS, reader_of
from kws.tflite import Graph

FLOATS = (np.float16, np.float32, np.float64)
WHOLLY_INT8 = (
    "converter.optimizations = [tf.lite.Optimize.DEFAULT], a representative_dataset,"
    " target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8] and"
    " inference_input_type = inference_output_type = tf.int8"
)


def refusal(graph: Graph) -> str:
    """Why the firmware has no kernel for an operator of a graph; empty where it has all.

    What the file as a whole is comes first, since the mend is there: a loop that Keras 3 makes of an LSTM, a
    GRU, a float model, an int8 model with float ends.
    """
    unknown = [op.name for op in graph.operators if reader_of(op.name) is None]
    if not unknown:
        return ""
    names = ", ".join(name for kind in KINDS for name in kind.operators)
    listed = f"operator {unknown[0]} is not one the firmware can run ({names})"
    what = _loop(graph) if "WHILE" in unknown else _floats(graph, unknown)
    return f"{what}; {listed}" if what else listed


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
        return "it is a GRU as a loop (WHILE), which kws does not support; train an LSTM instead"
    return "it holds a loop (WHILE), which kws does not support; of recurrent layers it runs the fused LSTM"


def _floats(graph: Graph, unknown: list[str]) -> str:
    """Float tensors, if they are what is wrong."""
    if not _is_float(graph, (*graph.inputs, *graph.outputs)):
        return ""
    computed = [i for op in graph.operators if op.name not in ("QUANTIZE", "DEQUANTIZE") for i in op.outputs]
    if _is_float(graph, computed):
        return f"it is a float model, at least in part; convert it wholly to int8: {WHOLLY_INT8}"
    if set(unknown) <= {"QUANTIZE", "DEQUANTIZE"}:
        return (
            "it is an int8 network with float inputs or outputs (QUANTIZE and DEQUANTIZE at its ends); convert it"
            " again with inference_input_type = inference_output_type = tf.int8"
        )
    return ""


def _is_float(graph: Graph, indices: tuple[int, ...] | list[int]) -> bool:
    return any(graph.tensors[i].dtype in FLOATS for i in indices if i >= 0)
