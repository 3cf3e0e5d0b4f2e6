"""How to install an extra, by where kws came from."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from kws import extras
from kws.extras import how_to_install

REQUIRES = [
    "numpy>=1.26",
    'tflite-micro==0.1; extra == "tflm"',
    "a>=1,<2 ; extra == 'flash'",
    'b; extra == "flash"',
    "kws[tflm, flash] ; extra == 'dev'",
]


@pytest.fixture
def came_from(monkeypatch):
    def set_origin(origin):
        text = None if origin is None else json.dumps(origin)
        found = SimpleNamespace(read_text=lambda name: text, requires=REQUIRES)
        monkeypatch.setattr(metadata, "distribution", lambda name: found)

    return set_origin


def test_a_checkout(came_from, tmp_path):
    url = tmp_path.as_uri()
    came_from({"url": url, "dir_info": {"editable": True}})
    assert how_to_install("tflm") == f"pip install -e '{tmp_path}[tflm]'"
    came_from({"url": url, "dir_info": {}})
    assert how_to_install("tflm") == f"pip install '{tmp_path}[tflm]'"
    spaced = tmp_path / "my kws"
    spaced.mkdir()
    came_from({"url": spaced.as_uri(), "dir_info": {}})
    assert how_to_install("tflm") == f"pip install '{spaced}[tflm]'"


def test_a_wheel(came_from, tmp_path):
    wheel = tmp_path / "kws-0.1.0-py3-none-any.whl"
    wheel.touch()
    came_from({"url": wheel.as_uri(), "archive_info": {}})
    assert how_to_install("train") == f"pip install 'kws[train] @ {wheel.as_uri()}'"
    came_from({"url": "https://example.org/kws.whl", "archive_info": {}})
    assert how_to_install("train") == "pip install 'kws[train] @ https://example.org/kws.whl'"


def test_a_repository(came_from):
    came_from({"url": "https://example.org/kws.git", "vcs_info": {"vcs": "git", "requested_revision": "v1"}})
    assert how_to_install("tflm") == "pip install 'kws[tflm] @ git+https://example.org/kws.git@v1'"


def test_unknown_or_gone(came_from, tmp_path):
    """What the extra asks for can always be installed."""
    came_from(None)
    assert how_to_install("tflm") == "pip install tflite-micro==0.1"
    came_from({"url": (tmp_path / "gone.whl").as_uri(), "archive_info": {}})
    assert how_to_install("flash") == "pip install 'a>=1,<2' b"
    assert how_to_install("dev") == "pip install tflite-micro==0.1 'a>=1,<2' b"


def test_not_installed(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    assert how_to_install("tflm") == f"pip install -e '{Path(extras.__file__).parents[1]}[tflm]'"


def test_no_message_names_the_index():
    """There is a kws on the index that is another project's."""
    root = Path(extras.__file__).parent
    assert not [path for path in root.rglob("*.py") if re.search(r"pip install '?kws|with its extra", path.read_text())]
