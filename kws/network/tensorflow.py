"""TensorFlow and tf_keras, imported late and quietly.

tf_keras (Keras 2), not Keras 3: only from its LSTM does the TFLite converter make one fused
operator (docs/DESIGN.md).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from kws.errors import MissingError
from kws.extras import how_to_install


def require_tensorflow() -> None:
    """Make sure that TensorFlow is there, without the seconds that importing it takes.

    Raises:
        MissingError: it is not installed.
    """
    if any(find_spec(name) is None for name in ("tensorflow", "tf_keras")):
        raise _missing()


@cache
def import_tensorflow() -> tuple[Any, Any]:
    """Import TensorFlow and tf_keras, quietly.

    Raises:
        MissingError: they are not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with _quiet_stderr():
            import tensorflow
            import tf_keras

            tensorflow.config.list_physical_devices()
    except ImportError as error:
        raise _missing() from error
    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow, tf_keras


def _missing() -> MissingError:
    return MissingError(f"training needs TensorFlow; run `{how_to_install('train')}`")


def initial_seed(*key: int) -> int:
    """The seed of one initializer."""
    return int(np.random.SeedSequence(key).generate_state(1)[0] >> 1)


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Keep C++ from writing to standard error: TensorFlow logs before it reads its log level."""
    try:
        kept = os.dup(2)
    except OSError:
        yield  # no standard error, nothing to keep quiet
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
