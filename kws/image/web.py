"""A model with the C library as one WebAssembly module, which says itself what it is.

What a page has to know of a model, such as its words, travels in the module's custom section
:data:`SECTION`, as JSON; ``WebAssembly.Module.customSections`` reads it.
"""

from __future__ import annotations

import json
from typing import Any

from kws.config import SAMPLE_RATE
from kws.decisions import DetectorConfig
from kws.image.cache import exported
from kws.image.make import make_web_module
from kws.model.file import Model

SECTION = "kws"
DESCRIPTION_VERSION = 1


def web_module(model: Model, name: str) -> bytes:
    """Compile a model for browsers and describe it to them; the same model and name give the same bytes.

    Args:
        model: the model; a bare network, too, which no page can listen with.
        name: what the page calls it.

    Raises:
        KwsError: a program is missing, or the compiler failed.
    """
    with exported(model) as (source, build_dir):
        code = make_web_module(source, build_dir).read_bytes()
    return code + _custom_section(SECTION, _json(description(model, name)))


def description(model: Model, name: str) -> dict[str, Any]:
    """What a page has to know of a model, as plain values.

    ``thresholds`` are probabilities, a word each, and ``average_frames`` is the number of posteriors whose mean is
    compared with them; None and 1 where no detector decides. Of a bare network there are ``version``, ``name``
    and ``id`` alone.
    """
    values: dict[str, Any] = {"version": DESCRIPTION_VERSION, "name": name, "id": model.id}
    if model.info is None:
        return values
    info = model.info
    words = info.decision.words_alone()
    detector = words if isinstance(words, DetectorConfig) else None
    return values | {
        "sample_rate": SAMPLE_RATE,
        "window": info.frontend.window,
        "hop": info.frontend.hop,
        "bands": info.frontend.features,
        "frontend": info.frontend.kind,
        "labels": info.labels,
        "names": info.names,
        "first_word": info.first_word,
        "full_score": info.decision.full_score,
        "average_frames": detector.average_frames if detector else 1,
        "thresholds": detector.thresholds(len(info.words)) if detector else None,
        "weight_bytes": model.network.weight_bytes,
    }


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def _custom_section(name: str, content: bytes) -> bytes:
    """Section 0 of the WebAssembly binary format: a size, the name with its length, and any bytes."""
    body = _leb128(len(name.encode())) + name.encode() + content
    return b"\0" + _leb128(len(body)) + body


def _leb128(value: int) -> bytes:
    """An unsigned number in seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
