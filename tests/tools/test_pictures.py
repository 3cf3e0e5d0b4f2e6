"""The pictures of the documents: drawn by the real programs, without anything from elsewhere, the same every time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pictures
import pytest

from kws.model.file import Model

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["listen", "why", "new", "takes"])
def test_pictures(name):
    text = getattr(pictures, f"{name}_picture")(Model.load(ROOT / "models/commands12.tflite"))
    ET.fromstring(text)
    assert not re.search(r"(src|href)=|url\(\"?http", text)
    assert len(text) < 400_000
    # Figures may differ with the version of espeak-ng; what is shown does not.
    kept = (ROOT / f"docs/pictures/{name}.svg").read_text(encoding="utf-8")
    shown = {
        "listen": ("yes", "real-time", "▀", "missed"),
        "why": ("best", "needed", "kHz", "Hz"),
        "new": ("mic-check", "record", "takes", "nrf52840"),
        "takes": ("measured", "twice", "interval", "errors"),
    }
    for part in shown[name]:
        assert part in text
        assert part in kept
