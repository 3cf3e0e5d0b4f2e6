"""What a network will take on a board, before it is trained."""

from __future__ import annotations

from typing import Any

from kws.config import Experiment
from kws.network.lstm import LstmConfig

# Of an image for a Cortex-M4 beside the network (docs/EXPERIMENTS.md, README): program, front end, start-up, and
# instructions of the front end a frame and of a multiply-accumulate.
_PROGRAM_BYTES = 17_400
_RAM_BYTES = 5_100
_FRONT_END = 24_000
_PER_MAC = 1.3
_FRAMES_A_SECOND = 50
# Flash and RAM in bytes, MHz; the data sheets'. An instruction takes about one cycle and a half.
BOARDS = {
    "nrf52840": (1 << 20, 256 << 10, 64),
    "rp2040": (2 << 20, 264 << 10, 133),
    "stm32f407": (1 << 20, 128 << 10, 168),
}


def estimate(experiment: Experiment) -> dict[str, Any] | None:
    """About how much flash, RAM and instructions a second; None for a network that is no stack of LSTMs.

    The weights are counted exactly; what surrounds them is that of the shipped models' images. `kws build`
    measures it once there is a model.
    """
    network = experiment.network
    if not isinstance(network, LstmConfig):
        return None
    inputs, macs, weights, states = experiment.frontend.bands, 0, 0, 0
    for units in network.lstm_units:
        macs += 4 * units * (inputs + units)
        weights += 4 * units * (inputs + units) + 4 * 4 * units
        states += 3 * units
        inputs = units
    labels = len(experiment.data.labels)
    macs += labels * inputs
    weights += labels * (inputs + 4)
    return {
        "flash": weights + _PROGRAM_BYTES,
        "ram": states + _RAM_BYTES,
        "instructions": round((_PER_MAC * macs + _FRONT_END) * _FRAMES_A_SECOND),
        "boards": {name: {"flash": f, "ram": r, "mhz": m} for name, (f, r, m) in BOARDS.items()},
    }
