"""What a model's provenance says of the clips to evaluate it on."""

from __future__ import annotations

from kws.config import DataConfig, from_dict
from kws.model.file import ModelInfo


def data_config(info: ModelInfo) -> DataConfig:
    """How the model's clips were chosen and cut, as far as its provenance tells."""
    stored = info.provenance.get("settings", {})
    values = stored.get("data", {}) if isinstance(stored, dict) else {}
    return from_dict(DataConfig, {**(values if isinstance(values, dict) else {}), "words": list(info.words)}, "data")
