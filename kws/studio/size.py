"""What a network will take on a board, before it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from kws.codegen.layers import NetworkSource
from kws.config import SAMPLE_RATE, Experiment
from kws.fixedpoint.layers.conv_2d import Conv2D
from kws.frontends import FrontendConfig
from kws.layers.kind import Arch
from kws.model.file import Model
from kws.network.lstm import LstmConfig

# Instructions of a Cortex-M4 for a window of the front end and for a multiply-accumulate (README).
_FRONT_END = 24_000
_PER_MAC = 1.3
_SAMPLE_BYTES = 2
# A label's bias, beside a weight for each input of the last layer.
_BIAS_BYTES = 4
# Softmax's table and the factors of the layers, which settings do not say.
_TABLE_BYTES = 3_500
# What an image with a convolution in front has more than those of LSTMs alone, whose `program` is below: code, mostly
# (1,260 to 1,460 with the shipped models).
_CONVOLUTION_BYTES = 1_350
# Flash and RAM in bytes and MHz by the data sheets; what an image has beside weights, network and a window of samples,
# as `kws build` measured it with the shipped models.
BOARDS = {
    "nrf52840": {"flash": 1 << 20, "ram": 256 << 10, "mhz": 64, "program": 14_500, "around": 3_800},
    "rp2040": {"flash": 2 << 20, "ram": 264 << 10, "mhz": 133, "program": 18_500, "around": 6_350},
    "stm32f407": {"flash": 1 << 20, "ram": 128 << 10, "mhz": 168, "program": 18_200, "around": 5_850},
}
_PORTABLE = ("rp2040",)

Size = dict[str, Any]


def estimates(experiment: Experiment, models: Mapping[str, Path]) -> dict[str, Size | None]:
    """Bytes of weights, code and RAM, and about how many instructions a second, of what is trained, by where it starts.

    Code is what an image has beside its board's ``program``; RAM goes by board.

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
    weights = network.weight_bytes + more * (inputs + _BIAS_BYTES)
    # Planned as `kws export` plans it; the few bytes by which other labels differ are in the noise of "about".
    sizes = NetworkSource(network).memory.sizes
    convolves = any(isinstance(layer.kernel, Conv2D) for layer in network.layers)
    code = _CONVOLUTION_BYTES if convolves else 0
    return _size(weights, code, sizes, info.frontend, network.macs + more * inputs)


def _of_settings(experiment: Experiment, labels: int) -> Size | None:
    network = experiment.network
    if not isinstance(network, LstmConfig):
        return None
    inputs, macs, weights = experiment.frontend.features, 0, _TABLE_BYTES
    for units in network.lstm_units:
        macs += 4 * units * (inputs + units)
        weights += 4 * units * (inputs + units) + 4 * _BIAS_BYTES * units
        inputs = units
    # A layer's cell (int16) and output (int8), what it hands on, and with the DSP extension the sums of its gates.
    widest = max(network.lstm_units)
    portable = 3 * sum(network.lstm_units) + 2 * widest
    sizes = {Arch.PORTABLE: portable, Arch.DSP: portable + 4 * widest}
    return _size(weights + labels * (inputs + _BIAS_BYTES), 0, sizes, experiment.frontend, macs + labels * inputs)


def _size(weights: int, code: int, sizes: Mapping[Arch, int], frontend: FrontendConfig, macs: int) -> Size:
    frames = SAMPLE_RATE / frontend.hop
    buffers = _SAMPLE_BYTES * frontend.pcm_size + frontend.features
    ram = {
        name: board["around"] + buffers + sizes[Arch.PORTABLE if name in _PORTABLE else Arch.DSP]
        for name, board in BOARDS.items()
    }
    instructions = (_PER_MAC * macs + _FRONT_END * frontend.rows) * frames
    return {"weights": weights, "code": code, "ram": ram, "instructions": round(instructions)}
