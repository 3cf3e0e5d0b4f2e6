"""The process in which TensorFlow's converter may crash: ``python -m kws.quantize._converter FOLDER``.

Reads ``weights.npz`` and ``calibration.npy`` in the folder and writes ``model.tflite``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from kws import runs
from kws.files import write_atomic
from kws.fixedpoint.frontends.log_mel import FEATURE_SCALE
from kws.quantize.float_reference import FloatNetwork


def main(folder: Path) -> None:
    """Convert the network in ``folder``."""
    network = FloatNetwork.load(folder)
    calibration = np.load(folder / runs.CALIBRATION)
    _, frames, bands = calibration.shape
    # All names are given: automatic ones would be numbered differently from time to time, and they
    # are part of the file. The converter needs a fixed batch.
    x = features = keras.Input(batch_size=1, shape=(frames, bands), name="features")
    for index, lstm in enumerate(network.lstms):
        layer = keras.layers.LSTM(lstm.units, return_sequences=True, name=f"lstm_{index}")
        x = layer(x)
        layer.set_weights([lstm.kernel, lstm.recurrent, lstm.bias])
    # On every frame, as on the device, so that the logits' range is that of every frame.
    dense = keras.layers.Dense(len(network.bias), name="dense")
    x = keras.layers.Softmax(name="posteriors")(dense(x))
    dense.set_weights([network.kernel, network.bias])
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(features, x, name="kws"))

    def representative() -> Iterator[list[np.ndarray]]:
        for clip in calibration:
            yield [clip[None].astype(np.float32) * np.float32(FEATURE_SCALE)]

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    write_atomic(folder / runs.MODEL, converter.convert())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
