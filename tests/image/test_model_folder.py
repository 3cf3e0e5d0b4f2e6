"""Where a model's build is kept."""

from __future__ import annotations

import shutil

from kws import firmware
from kws.image import cache


def test_sources_elsewhere_are_another_build(tmp_path, monkeypatch, tiny_model):
    """What a build depends on is named by path: a checkout that is gone must not be asked for."""
    sources = firmware.sources_dir()
    here = cache.model_folder(tiny_model)
    assert cache.model_folder(tiny_model) == here
    shutil.copytree(sources, tmp_path / "firmware", ignore=shutil.ignore_patterns("build"))
    monkeypatch.setattr(firmware, "sources_dir", lambda: tmp_path / "firmware")
    assert cache.model_folder(tiny_model) != here
