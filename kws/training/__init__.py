"""Keras networks and the training loop; the only part of kws that needs TensorFlow, with kws.quantize.convert."""
