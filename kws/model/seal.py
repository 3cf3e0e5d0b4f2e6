"""The SHA-256 that a model file carries of itself, so that a flipped byte is seen.

It stands in the kws metadata under :data:`KEY`, and is that of the whole file with 64 zeros in its own place
(docs/SPEC.md, "Model file"). Files from before it carry none, and nor do bare networks.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import Any

from kws.tflite import Graph, build

KEY = "sha256"
BLANK = "0" * 64

_ENTRY = re.compile(rb'"sha256"\s*:\s*"([^"]*)"')


def dump(values: dict[str, Any]) -> bytes:
    """Metadata as text: the same bytes for the same values."""
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def build_sealed(graph: Graph, name: str) -> bytes:
    """The bytes of a graph whose metadata ``name``, a JSON text, gets the file's SHA-256; the graph stays as it is."""
    text = dump({**json.loads(graph.metadata[name]), KEY: BLANK})
    content = build(replace(graph, metadata={**graph.metadata, name: text}))
    entry = f'"{KEY}":"{BLANK}"'.encode()
    digest = hashlib.sha256(content).hexdigest()
    return content.replace(text, text.replace(entry, entry.replace(BLANK.encode(), digest.encode())))


def is_kept(content: bytes, metadata: bytes) -> bool | None:
    """Whether a file's bytes are those that its metadata, a JSON text, tell of; None where they tell nothing."""
    # What else the metadata tells may have an entry of that name.
    found = list(_ENTRY.finditer(metadata))
    return any(_is_of(entry, content, metadata) for entry in found) if found else None


def _is_of(entry: re.Match[bytes], content: bytes, metadata: bytes) -> bool:
    start, end = entry.span(1)
    blank = metadata[:start] + BLANK.encode() + metadata[end:]
    return hashlib.sha256(content.replace(metadata, blank)).hexdigest().encode() == entry[1]
