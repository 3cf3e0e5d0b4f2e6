"""A slice along time: the harness and C against TensorFlow Lite Micro; what keeps all rows is no layer."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import agree, small_model
from random_models import random_graph

from kws.errors import KwsError
from kws.model.reader import to_network
from kws.tflite import Operator


def sliced(begin, end, stride, masks=(0, 0)):
    def make(builder, x):
        source = builder.graph.tensors[x]
        _, steps, values = source.shape
        limits = ([0, begin, 0], [1, end, values], [1, stride, 1])
        names = ("begin", "end", "strides")
        constants = [
            builder.tensor(name, (3,), np.dtype(np.int32), data=np.array(v, np.int32))
            for name, v in zip(names, limits, strict=True)
        ]
        first = None if masks[0] else begin
        last = None if masks[1] else end
        kept = len(range(steps)[first:last:stride])
        out = builder.tensor("kept", (1, kept, values), source.dtype, source.scale, source.zero_point)
        options = {"BeginMask": masks[0], "EndMask": masks[1]}
        builder.graph.operators.append(Operator("STRIDED_SLICE", (x, *constants), (out,), options))
        # A layer behind it, so that there is one where all rows are kept.
        return builder.dense(out, 4, (1, kept, 4), keep=True)

    return make


@pytest.mark.parametrize(
    ("begin", "end", "stride", "masks"),
    [
        (0, 3, 1, (0, 0)),
        (2, 9, 3, (0, 0)),
        (-4, -1, 1, (0, 0)),
        (5, 0, 2, (0, 2)),
        (7, 4, 1, (2, 0)),
    ],
)
def test_rows_are_kept(begin, end, stride, masks):
    model = small_model(3, (1, 9, 5), 0.05, 7, sliced(begin, end, stride, masks))
    assert [layer.name for layer in model.network.layers] == ["STRIDED_SLICE", "FULLY_CONNECTED"]
    agree(model)


def test_all_rows_are_no_layer():
    model = small_model(3, (1, 9, 5), 0.05, 7, sliced(0, 9, 1))
    assert [layer.name for layer in model.network.layers] == ["FULLY_CONNECTED"]
    agree(model)


def test_a_dropped_axis_has_no_mask():
    """TensorFlow then takes the index, and TFLM the first row."""
    graph = random_graph(1, units=(4,), steps=3, head="last")
    graph.operators[1].options["BeginMask"] |= 2
    with pytest.raises(KwsError, match="axis 1 is both dropped at an index and masked"):
        to_network(graph)
