"""The process in which TensorFlow's converter may crash: ``python -m kws.quantize._converter RUN FILE``.

Reads the weights and the calibration clips of a run's folder and writes the converter's .tflite file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kws import runs
from kws.files import write_atomic
from kws.network.base import scaled


def main(run: Path, path: Path) -> None:
    """Convert the network of a run."""
    calibration = _spanning(np.load(run / runs.CALIBRATION))
    converter = tf.lite.TFLiteConverter.from_keras_model(runs.load_network(run).keras_model(calibration.shape[1]))

    def representative() -> Iterator[list[np.ndarray]]:
        for clip in calibration:
            yield [scaled(clip[None])]

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    write_atomic(path, converter.convert())


def _spanning(calibration: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Calibration clips of which the first reaches both ends of int8.

    The converter derives the input's scale from the range it sees; only with the whole range
    does it find the scale and zero point that the front end's features really have.
    """
    out = calibration.copy()
    out[0, 0, 0], out[0, 0, 1] = -128, 127
    return out


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
