"""What a kind of front end or decision has in an exported model: plain data, which :mod:`kws.codegen` writes as C."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Array:
    """A constant array.

    Attributes:
        ctype: its element type in C.
        name: its name, of which the exported one is made.
        data: integers of any shape.
        count: a C expression of the length of its first axis, which is checked; may name ``KWS_MODEL_...``.
        align: its alignment in bytes; 0 for the type's own.
        only: a condition of C's preprocessor, without which the array is left out and the member NULL; empty for none.
    """

    ctype: str
    name: str
    data: npt.NDArray[np.integer]
    count: str
    align: int = 0
    only: str = ""


@dataclass(frozen=True)
class Constants:
    """The C structure ``kws_<kind>`` of a front end or decision, and what it needs.

    Attributes:
        macros: settings that a program may read, as unsigned ``KWS_MODEL_<name>``.
        memory: a C expression of the bytes of RAM that it needs; may name ``KWS_MODEL_...``.
        arrays: the arrays, each a member of the structure of the array's name.
        members: the structure's other members: numbers or C expressions.
    """

    macros: Mapping[str, int]
    memory: str
    arrays: tuple[Array, ...] = ()
    members: Mapping[str, int | str] = field(default_factory=dict)
