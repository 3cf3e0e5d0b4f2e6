"""What a network will take on a board, before it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from kws.config import SAMPLE_RATE, Experiment
from kws.model.file import Model
from kws.network.lstm import LstmConfig

# Instructions of a Cortex-M4 for the front end of a frame and for a multiply-accumulate (README).
_FRONT_END = 24_000
_PER_MAC = 1.3
_FRAMES_A_SECOND = 50
# A label's bias, beside a weight for each input of the last layer.
_BIAS_BYTES = 4
# Softmax's table and the factors of the layers, which settings do not say.
_TABLE_BYTES = 3_500
# Flash and RAM in bytes and MHz by the data sheets; what an image has beside weights and states, as `kws build`
# measured it with the shipped models.
BOARDS = {
    "nrf52840": {"flash": 1 << 20, "ram": 256 << 10, "mhz": 64, "program": 14_500, "around": 5_400},
    "rp2040": {"flash": 2 << 20, "ram": 264 << 10, "mhz": 133, "program": 18_500, "around": 7_600},
    "stm32f407": {"flash": 1 << 20, "ram": 128 << 10, "mhz": 168, "program": 18_200, "around": 7_500},
}

Size = dict[str, int]


def estimates(experiment: Experiment, models: Mapping[str, Path]) -> dict[str, Size | None]:
    """Bytes of weights and states, and about how many instructions a second, of what is trained, by where it starts.

    `kws build` measures the image once there is a model.

    Args:
        experiment: the project's settings.
        models: to start from, by name; each brings its own network.

    Returns:
        By name; under the empty one that of a training that starts from nothing, with the experiment's own network:
        None where that is no stack of LSTMs.
    """
    labels = len(experiment.data.labels)
    found: dict[str, Size | None] = {name: _of_model(path, labels) for name, path in models.items()}
    return {"": _of_settings(experiment, labels), **found}


@cache
def _of_model(path: Path, labels: int) -> Size:
    """Of the network of a file under a last layer for other labels."""
    model = Model.load(path)
    network, info = model.network, model.require_info()
    inputs = network.layers[-2].input_shapes[0][-1]
    more = labels - len(info.labels)
    states = sum(values.nbytes for kept in network.initial_state() for values in kept)
    weights = network.weight_bytes + more * (inputs + _BIAS_BYTES)
    return _size(weights, states, (network.macs + more * inputs) * SAMPLE_RATE / info.frontend.hop)


def _of_settings(experiment: Experiment, labels: int) -> Size | None:
    network = experiment.network
    if not isinstance(network, LstmConfig):
        return None
    inputs, macs, weights, states = experiment.frontend.features, 0, _TABLE_BYTES, 0
    for units in network.lstm_units:
        macs += 4 * units * (inputs + units)
        weights += 4 * units * (inputs + units) + 4 * _BIAS_BYTES * units
        states += 3 * units
        inputs = units
    return _size(weights + labels * (inputs + _BIAS_BYTES), states, (macs + labels * inputs) * _FRAMES_A_SECOND)


def _size(weights: int, states: int, macs_a_second: float) -> Size:
    instructions = round(_PER_MAC * macs_a_second + _FRONT_END * _FRAMES_A_SECOND)
    return {"weights": weights, "states": states, "instructions": instructions}
