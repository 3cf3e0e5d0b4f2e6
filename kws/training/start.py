"""Where a training starts from, if not from random weights: a model, or the run of another training."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kws import runs, toml
from kws.config import Experiment
from kws.errors import KwsError
from kws.frontends import FrontendConfig
from kws.model.file import MEMBERS, Model
from kws.network import KINDS, FloatNetwork, StreamNetworkConfig, read
from kws.quantize.dequantize import dequantize

# Keeps the draws of a new head apart from all others of the same seed.
_HEAD = 0x4EAD


@dataclass(frozen=True)
class Start:
    """Another model's weights, with what is needed to go on from them.

    Attributes:
        source: where they came from, for messages.
        network: the weights.
        labels: what its outputs mean, in order.
        frontend: what it hears with.
        name: the model's name.
        id: 16 hexadecimal digits that tell it from any other: of the .tflite, or of a run's weights.
    """

    source: Path
    network: FloatNetwork
    labels: tuple[str, ...]
    frontend: FrontendConfig
    name: str
    id: str

    @classmethod
    def load(cls, path: Path) -> Start:
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
            return cls(path, dequantize(model), info.labels, info.frontend, str(name), model.id)
        experiment = runs.load_config(path)
        if not isinstance(experiment.network, StreamNetworkConfig):
            raise KwsError(
                f"{path} is the run of a {experiment.network.kind}, which nothing can start from; use --teacher to"
                " learn from it"
            )
        network = runs.load_network(path)
        digest = runs.digest(path / runs.WEIGHTS)
        return cls(path, network, experiment.data.symbols, experiment.frontend, experiment.name, digest)

    def provenance(self) -> dict[str, Any]:
        """What the provenance of what starts here says of it."""
        return {"name": self.name, "id": self.id}

    def taken_over(self, experiment: Experiment) -> Experiment:
        """The experiment with this model's network and front end in place of its own.

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
        """The weights to begin an experiment with.

        All layers but the last are the model's, and so are the last one's columns of the labels that both
        have; those of other labels are drawn as a new layer's would be (Glorot 2010, uniform;
        bias 0) from ``training.seed``.

        Raises:
            KwsError: the experiment has another front end or network; the message says what to write.
        """
        self._require_same(experiment)
        known_kernel, known_bias = self.network.head
        wanted, inputs = experiment.data.symbols, len(known_kernel)
        limit = math.sqrt(6 / (inputs + len(wanted)))
        rng = np.random.default_rng([experiment.training.seed, _HEAD])
        kernel = rng.uniform(-limit, limit, (inputs, len(wanted))).astype(np.float32)
        bias = np.zeros(len(wanted), np.float32)
        for place, label in enumerate(wanted):
            if label in self.labels:
                known = self.labels.index(label)
                kernel[:, place], bias[place] = known_kernel[:, known], known_bias[known]
        return self.network.with_head(kernel, bias)

    def _require_same(self, experiment: Experiment) -> None:
        network = experiment.network
        if not isinstance(network, StreamNetworkConfig) or not isinstance(self.network, network.float_network):
            raise KwsError(
                f'{self.source} is no network of the kind "{network.kind}"; set network.kind to that of the model,'
                " or leave out --from"
            )
        mine, theirs = experiment.frontend.as_dict(), self.frontend.as_dict()
        other = [f"{key} = {theirs[key]}" for key in theirs if mine.get(key) != theirs[key]]
        if other:
            raise KwsError(
                f"{self.source} hears with another front end than {experiment.name}; to start from it,"
                f" write into [frontend]: {', '.join(other)}"
            )
        settings = network.as_dict()
        other = [f"{key} = {toml.value(v)}" for key, v in self.network.settings.items() if settings[key] != v]
        if other:
            raise KwsError(
                f"{self.source} has another network than {experiment.name}; to start from it,"
                f" write into [network]: {', '.join(other)}"
            )
