"""Where a training starts from, if not from random weights: a model, the run of another training, or a teacher's."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kws import runs, toml
from kws.config import Experiment
from kws.errors import KwsError
from kws.frontends import FrontendConfig
from kws.model.file import MEMBERS, Model
from kws.network import KINDS, ClipNetworkConfig, ClipWeights, FloatNetwork, NetworkConfig, StreamNetworkConfig, read
from kws.quantize.dequantize import dequantize
from kws.types import Floats

# Keeps the draws of a new head apart from all others of the same seed.
_HEAD = 0x4EAD


@dataclass(frozen=True)
class Start(ABC):
    """Another network's weights, with what is needed to go on from them.

    Attributes:
        source: where they came from, for messages.
        labels: what its outputs mean, in order.
        frontend: what it hears with.
        name: its name.
        id: 16 hexadecimal digits that tell it from any other: of the .tflite, or of a run's weights.
    """

    source: Path
    labels: tuple[str, ...]
    frontend: FrontendConfig
    name: str
    id: str

    def provenance(self) -> dict[str, Any]:
        """What the provenance of what starts here says of it."""
        return {"name": self.name, "id": self.id}

    @abstractmethod
    def taken_over(self, experiment: Experiment) -> Experiment:
        """The experiment with this network and its front end in place of its own."""

    @abstractmethod
    def network_for(self, experiment: Experiment) -> FloatNetwork | ClipWeights:
        """The weights to begin an experiment with.

        All layers but the last are this network's, and so are the last one's columns of the labels that both
        have; those of other labels are drawn as a new layer's would be (Glorot 2010, uniform;
        bias 0) from ``training.seed``.

        Raises:
            KwsError: the experiment has another front end or network; the message says what to write.
        """

    def _head_for(self, experiment: Experiment, known: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        """Kernel [inputs, labels] and bias [labels] of an experiment's last layer, given those of this network."""
        known_kernel, known_bias = known
        wanted, inputs = experiment.data.symbols, len(known_kernel)
        limit = math.sqrt(6 / (inputs + len(wanted)))
        rng = np.random.default_rng([experiment.training.seed, _HEAD])
        kernel = rng.uniform(-limit, limit, (inputs, len(wanted))).astype(np.float32)
        bias = np.zeros(len(wanted), np.float32)
        for place, label in enumerate(wanted):
            if label in self.labels:
                at = self.labels.index(label)
                kernel[:, place], bias[place] = known_kernel[:, at], known_bias[at]
        return kernel, bias

    def _require_same(self, experiment: Experiment, network: dict[str, Any]) -> None:
        """Refuse an experiment with another front end, or another network than one of such settings."""
        mine, theirs = experiment.frontend.as_dict(), self.frontend.as_dict()
        other = [f"{key} = {theirs[key]}" for key in theirs if mine.get(key) != theirs[key]]
        if other:
            raise KwsError(
                f"{self.source} hears with another front end than {experiment.name}; to start from it,"
                f" write into [frontend]: {', '.join(other)}"
            )
        settings = experiment.network.as_dict()
        other = [f"{key} = {toml.value(v)}" for key, v in network.items() if settings[key] != v]
        if other:
            raise KwsError(
                f"{self.source} has another network than {experiment.name}; to start from it,"
                f" write into [network]: {', '.join(other)}"
            )


@dataclass(frozen=True)
class ModelStart(Start):
    """The weights of a network that hears streams.

    Attributes:
        network: they.
    """

    network: FloatNetwork

    @classmethod
    def load(cls, path: Path) -> ModelStart:
        """Read a .tflite file, whose int8 weights become float ones, or a run's folder.

        Raises:
            KwsError: neither, or a network that kws does not train.
        """
        if not path.is_dir():
            model = Model.load(path)
            info = model.require_info()
            if MEMBERS in info.provenance:
                members = " and ".join(str(member.get("name")) for member in info.trainings)
                raise KwsError(f"{path} is an ensemble of {members}; start from one of them")
            settings = info.provenance.get("settings", {})
            name = settings.get("name", path.stem) if isinstance(settings, dict) else path.stem
            return cls(path, info.labels, info.frontend, str(name), model.id, dequantize(model))
        experiment = runs.load_config(path)
        if not isinstance(experiment.network, StreamNetworkConfig):
            raise KwsError(
                f"{path} is the run of a {experiment.network.kind}, which only a {experiment.network.kind} can start"
                " from; use --teacher to learn from it"
            )
        digest = runs.digest(path / runs.WEIGHTS)
        heard = experiment.data.symbols, experiment.frontend
        return cls(path, *heard, experiment.name, digest, runs.load_network(path))

    def taken_over(self, experiment: Experiment) -> Experiment:
        """As :meth:`Start.taken_over`.

        What a network has for training alone, such as dropout, stays the experiment's where it is of the same kind.
        """
        kind = next(
            kind
            for kind in KINDS.values()
            if issubclass(kind, StreamNetworkConfig) and isinstance(self.network, kind.float_network)
        )
        mine = experiment.network.as_dict() if isinstance(experiment.network, kind) else {"kind": kind.kind}
        return replace(experiment, frontend=self.frontend, network=read(mine | self.network.settings))

    def network_for(self, experiment: Experiment) -> FloatNetwork:
        """As :meth:`Start.network_for`."""
        network = experiment.network
        if not isinstance(network, StreamNetworkConfig) or not isinstance(self.network, network.float_network):
            raise KwsError(
                f'{self.source} is no network of the kind "{network.kind}"; set network.kind to that of the model,'
                " or leave out --from"
            )
        self._require_same(experiment, self.network.settings)
        return self.network.with_head(*self._head_for(experiment, self.network.head))


@dataclass(frozen=True)
class TeacherStart(Start):
    """The weights of a network that hears whole clips.

    Attributes:
        network: its settings.
        weights: they.
    """

    network: ClipNetworkConfig
    weights: ClipWeights

    @classmethod
    def load(cls, path: Path) -> TeacherStart:
        """Read a run's folder.

        Raises:
            KwsError: not the run of a teacher, or damaged.
        """
        experiment = runs.load_config(path) if path.is_dir() else None
        if experiment is None or not isinstance(experiment.network, ClipNetworkConfig):
            raise KwsError(
                f"{path} is not the run of a teacher, which is all that one can start from; leave out --from"
            )
        weights = ClipWeights.load(path / runs.WEIGHTS)
        digest = runs.digest(path / runs.WEIGHTS)
        heard = experiment.data.symbols, experiment.frontend
        return cls(path, *heard, experiment.name, digest, experiment.network, weights)

    def taken_over(self, experiment: Experiment) -> Experiment:
        """As :meth:`Start.taken_over`."""
        return replace(experiment, frontend=self.frontend, network=self.network)

    def network_for(self, experiment: Experiment) -> ClipWeights:
        """As :meth:`Start.network_for`."""
        self._require_same(experiment, self.network.as_dict())
        return self.weights.with_head(*self._head_for(experiment, self.weights.head))


def load(path: Path, network: NetworkConfig) -> Start:
    """What a training of a network starts from.

    Args:
        path: a .tflite file or a run's folder.
        network: settings of the network to be trained.

    Raises:
        KwsError: nothing that a network of the kind can start from.
    """
    return TeacherStart.load(path) if isinstance(network, ClipNetworkConfig) else ModelStart.load(path)
