"""Float networks: one file a kind, and the list of kinds.

A new kind is a file here and a line in :data:`KINDS`: its settings, how Keras builds it for training, what it
computes in NumPy, how it is built for the converter, and how its weights are read back from a .tflite file.
"""

from __future__ import annotations

from typing import Any

from kws.errors import KwsError
from kws.fields import choose
from kws.network.base import FloatNetwork, Frame, NetworkConfig, StreamNetworkConfig
from kws.network.clip import ClipNetworkConfig, ClipWeights
from kws.network.cnn import CnnConfig
from kws.network.crnn import CrnnConfig
from kws.network.dnn import DnnConfig
from kws.network.ds_cnn import DsCnnConfig
from kws.network.gru import GruConfig
from kws.network.lstm import LstmConfig, LstmNetwork
from kws.network.rnn import RnnConfig
from kws.network.teacher import TeacherConfig
from kws.tflite import Graph

__all__ = [
    "KINDS",
    "ClipNetworkConfig",
    "ClipWeights",
    "FloatNetwork",
    "Frame",
    "LstmConfig",
    "LstmNetwork",
    "NetworkConfig",
    "StreamNetworkConfig",
    "TeacherConfig",
    "of_graph",
    "read",
]

KINDS: dict[str, type[NetworkConfig]] = {
    kind.kind: kind
    for kind in (LstmConfig, TeacherConfig, CrnnConfig, DsCnnConfig, CnnConfig, DnnConfig, GruConfig, RnnConfig)
}


def read(values: dict[str, Any], where: str = "network") -> NetworkConfig:
    """Settings from plain values, of which ``kind`` says whose they are.

    Raises:
        KwsError: no such kind, an unknown key, a value of the wrong type or out of its range.
    """
    return choose(KINDS, LstmConfig.kind, values, where)


def of_graph(graph: Graph) -> type[FloatNetwork]:
    """The kind of network that a graph is, as `kws convert` makes it.

    Raises:
        KwsError: it is of none.
    """
    names = [op.name for op in graph.operators]
    for kind in KINDS.values():
        if issubclass(kind, StreamNetworkConfig) and kind.float_network.reads(names):
            return kind.float_network
    raise KwsError(f"has other layers than kws trains: {', '.join(names)}")
