"""Mutations of a .tflite file's metadata (``fuzz_mutations.py``): values that nobody expects, in any place."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Edit = Callable[[Any, random.Random], None]
"""Changes a file's bytes, a graph or the metadata's values, as the numbers fall."""

ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 3, 255, 65536, 10**30, 10**400, -(10**400), 1e-300, 1e308, math.inf, -math.inf,
    math.nan, 0.5, "", "\ud800", "\0", "yes\n", '"', "*/", "??/", "x" * 100000, [], {}, [[]], {"a": {}}, ["\udfff"],
    [1] * 10000, [None], "ß" * 300, "_silence_",
)  # fmt: skip


@dataclass(frozen=True)
class Deep:
    """Lists in lists, too deep for :func:`json.dumps`."""

    depth: int


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with every key or index in it."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


def _replace(values: Any, rng: random.Random) -> None:
    places = _places(values)
    if places:
        container, key = rng.choice(places)
        container[key] = copy.deepcopy(rng.choice(ODD))


def _remove(values: Any, rng: random.Random) -> None:
    places = _places(values)
    if places:
        container, key = rng.choice(places)
        del container[key]


def _add(values: Any, rng: random.Random) -> None:
    containers = [values, *(c[k] for c, k in _places(values))]
    container = rng.choice([c for c in containers if isinstance(c, dict | list)] or [{}])
    if isinstance(container, dict):
        container[rng.choice(("kind", "version", "x", "\ud800", "sha256", ""))] = copy.deepcopy(rng.choice(ODD))
    else:
        container.insert(rng.randrange(len(container) + 1), copy.deepcopy(rng.choice(ODD)))


def _label(values: Any, rng: random.Random) -> None:
    labels = values.get("labels") if isinstance(values, dict) else None
    if isinstance(labels, list) and labels:
        labels[rng.randrange(len(labels))] = rng.choice((*labels, "Yes", "yes ", "*/", "\ud83d", "a\0b", "_x_", 'a"\\'))


def _deep(values: Any, rng: random.Random) -> None:
    if isinstance(values, dict):
        values[rng.choice(("provenance", "labels", "frontend", "detector", "x"))] = Deep(rng.choice((500, 100000)))


def _damage(values: Any, rng: random.Random) -> None:
    if isinstance(values, dict):
        values["damage"] = rng.randrange(2**32)


METADATA: tuple[Edit, ...] = (
    _replace, _replace, _replace, _remove, _add, _label, _label, _deep, _damage,
)  # fmt: skip


def edited(values: Any, edits: Sequence[tuple[Edit, int]], of_bytes: Sequence[Edit]) -> bytes:
    """The metadata's text after edits.

    Args:
        values: the metadata.
        edits: each with its number.
        of_bytes: what damages the text itself.
    """
    for edit, n in edits:
        edit(values, random.Random(n))
    damage = values.pop("damage", None)
    deep = {f"@deep{d.depth}@": d.depth for c, k in _places(values) if isinstance(d := c[k], Deep)}
    text = json.dumps(values, default=lambda d: f"@deep{d.depth}@")
    for mark, depth in deep.items():
        text = text.replace(f'"{mark}"', "[" * depth + "]" * depth)
    data = bytearray(text.encode())
    if isinstance(damage, int):
        rng = random.Random(damage)
        rng.choice(of_bytes)(data, rng)
    return bytes(data)
