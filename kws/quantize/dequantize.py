"""An int8 model as the float network it stands for, so that training can go on from it."""

from __future__ import annotations

from kws import network
from kws.errors import KwsError
from kws.model.file import Model
from kws.network import FloatNetwork


def dequantize(model: Model) -> FloatNetwork:
    """The float network whose weights are those of an int8 model, each times its scale.

    Biases have the scale of the sums they are added to: the input's times the weights', as in
    the kernels. Nothing else is undone: what rounding took from the weights stays lost, and the
    rounding of activations, which a float network does not have, is left out.

    Raises:
        KwsError: other layers than `kws convert` makes, another input than the front end's features, or
            a layer that computes another thing than in training.
    """
    graph = model.graph
    try:
        kind = network.of_graph(graph)
    except KwsError as error:
        raise KwsError(f"{model.source} {error}; take a model of kws's own") from error
    source = graph.tensors[graph.inputs[0]]
    frontend = None if model.info is None else model.info.frontend
    if frontend is None or (source.scale, source.zero_point) != (frontend.scale, frontend.zero_point):
        raise KwsError(f"{model.source} does not read the front end's features; take a model of kws's own")
    objection = kind.objection(graph)
    if objection is not None:
        raise KwsError(f"{model.source} {objection}; take a model of kws's own")
    return kind.from_graph(graph)
