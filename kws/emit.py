r"""C text from NumPy arrays and plain values.

>>> import numpy
>>> print(array("int8_t", "x", numpy.array([1, -2], numpy.int8)))
static const int8_t x[2] = {
    1, -2,
};
>>> string('say "no"')
'"say \\"no\\""'
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from kws.fixedpoint.arithmetic import Factor

INDENT = "    "
WIDTH = 110
# Around a header's declarations, so that C++ finds what C defines.
C_LINKAGE_BEGIN = '#ifdef __cplusplus\nextern "C" {\n#endif\n'
C_LINKAGE_END = "\n#ifdef __cplusplus\n}\n#endif\n"


def number(value: int) -> str:
    """An integer literal; the lowest int32 has none of its own in C."""
    return "(-2147483647 - 1)" if value == -(2**31) else str(int(value))


def string(text: str) -> str:
    """A C string literal in ASCII; other bytes are written in octal, and no two question marks make a trigraph."""
    out = []
    for byte in text.encode():
        char = chr(byte)
        out.append(f"\\{char}" if char in '"\\' else char if 32 <= byte < 127 else f"\\{byte:03o}")
    return '"' + re.sub(r"(?<=\?)\?", r"\\?", "".join(out)) + '"'


def comment(text: str) -> str:
    """A block comment; ``*/`` in the text is broken up."""
    lines = text.replace("*/", "* /").rstrip().split("\n")
    return "/*\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */"


def _numbers(data: npt.NDArray[Any], hexadecimal: bool) -> str:
    flat = [f"0x{int(v):08x}u" if hexadecimal else number(int(v)) for v in data.reshape(-1)]
    longest = max((len(v) for v in flat), default=1) + 2
    per_row = max(1, (WIDTH - len(INDENT)) // longest)
    rows = (", ".join(flat[i : i + per_row]) for i in range(0, len(flat), per_row))
    return "".join(f"{INDENT}{row},\n" for row in rows)


def array(
    ctype: str, name: str, data: npt.NDArray[Any], *, static: bool = True, align: int = 0, hexadecimal: bool = False
) -> str:
    """A constant array of the data's shape, its last axes kept where it has two or more.

    Args:
        ctype: element type.
        name: identifier.
        data: integers.
        static: whether the array is private to its file.
        align: alignment in bytes, 0 for the type's own.
        hexadecimal: as 32-bit unsigned hexadecimal; of one axis only.
    """
    storage = "static const" if static else "const"
    dims = "".join(f"[{n}]" for n in data.shape)
    prefix = f"KWS_ALIGNED({align}) " if align else ""
    if data.ndim == 1:
        body = _numbers(data, hexadecimal)
    else:
        body = "".join(f"{INDENT}{{{', '.join(number(int(v)) for v in row.reshape(-1))}}},\n" for row in data)
    return f"{prefix}{storage} {ctype} {name}{dims} = {{\n{body}}};"


def factor(value: Factor) -> str:
    """A kws_factor initialiser."""
    return f"{{{number(value.value)}, {value.left_shift}, {value.right_shift}}}"


def factors(items: Sequence[Factor]) -> str:
    """A brace-enclosed list of kws_factor initialisers."""
    return "{" + ", ".join(factor(f) for f in items) + "}"


def members(fields: dict[str, str | int] | dict[str, str]) -> list[str]:
    """Initialisers by name, a line each; all members in the order of their declaration, which C++ goes by."""
    return [f"{INDENT}KWS_MEMBER({key}) {value}," for key, value in fields.items()]


def structure(
    ctype: str, name: str, fields: dict[str, str | int], *, static: bool = True, lead: Sequence[str] = ()
) -> str:
    """A constant structure with initialisers as of :func:`members`.

    Args:
        ctype: its type.
        name: identifier.
        fields: values by member; with ``lead`` all of them, in the order of their declaration.
        static: whether it is private to its file.
        lead: lines before the members, such as further ones under a condition.
    """
    storage = "static const" if static else "const"
    body = "\n".join([*lead, *members(fields)])
    return f"{storage} {ctype} {name} = {{\n{body}\n}};"
