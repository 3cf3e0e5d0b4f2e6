"""The data folder and the model whose streams are run and scored."""

from __future__ import annotations

import pytest
import tones
from random_models import spotting_model


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """A data folder of the model's words, not to be changed."""
    return tones.write(tmp_path_factory.mktemp("data") / "d", speakers=4, words=tones.MODEL_WORDS)


@pytest.fixture(scope="session")
def model():
    return spotting_model(1, units=(16,))
