"""How C walks through tensors of several axes: as few axes as can be, four at most."""

from __future__ import annotations

import math

from kws.fixedpoint.layers.kernel import Shape

AXES = 4


def strides(shape: Shape) -> list[int]:
    """Elements from one index of an axis to the next; 0 where there is one index alone, as in a broadcast."""
    return [math.prod(shape[axis + 1 :]) if n > 1 else 0 for axis, n in enumerate(shape)]


def merged(dims: Shape, *walks: list[int]) -> tuple[list[int], list[list[int]]]:
    """The same walks with as few axes as can be, filled up in front to :data:`AXES`.

    Args:
        dims: indices of each axis.
        walks: for each tensor the elements from one index of an axis to the next.
    """
    kept_dims: list[int] = []
    kept: list[list[int]] = [[] for _ in walks]
    for axis, size in enumerate(dims):
        steps = [walk[axis] for walk in walks]
        if size == 1:
            continue
        if kept_dims and all(old[-1] == step * size for old, step in zip(kept, steps, strict=True)):
            kept_dims[-1] *= size
            for old, step in zip(kept, steps, strict=True):
                old[-1] = step
        else:
            kept_dims.append(size)
            for old, step in zip(kept, steps, strict=True):
                old.append(step)
    fill = AXES - len(kept_dims)
    return [1] * fill + kept_dims, [[0] * fill + steps for steps in kept]


def braced(values: list[int] | tuple[int, ...]) -> str:
    """Numbers as a C initialiser."""
    return "{" + ", ".join(map(str, values)) + "}"


def emit_move(source: int, target: int, dims: Shape, apart: list[list[int]]) -> str:
    """A kws_move initialiser.

    Args:
        source: first element read.
        target: first element written.
        dims: indices of each axis.
        apart: elements from one index to the next, of what is read and of what is written.
    """
    fewer, walks = merged(dims, *apart)
    return "{" + ", ".join([str(source), str(target), braced(fewer), *(braced(walk) for walk in walks)]) + "}"
