"""HISTORY, which kws makes of variables: reading and writing. What it computes: kws/fixedpoint/layers/history.py."""

from __future__ import annotations

from kws import emit
from kws.errors import KwsError
from kws.fixedpoint.layers.history import History
from kws.fixedpoint.layers.kernel import Shape
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind, Operands, require_same


def read(o: Operands) -> tuple[History, Shape]:
    """The kernel and the output's dimensions.

    Raises:
        KwsError: rows of another size are kept than come.
    """
    require_same(o.source, o.out)
    rows, row = o.option("Rows"), o.shape[2:]
    if o.shape[:1] != (1,) or o.out.shape != (1, rows + o.shape[1], *row):
        raise KwsError(f"puts {rows} rows before an input of shape {list(o.shape)}, and makes {list(o.out.shape)}")
    size = rows
    for n in row:
        size *= n
    return History(size, o.option("Reset")), o.out.shape


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_history``."""
    kernel = layer.kernel
    assert isinstance(kernel, History)
    fields: dict[str, str | int] = {"kept": kernel.size, "new_values": layer.output_size - kernel.size}
    return Constants((emit.structure("kws_history", name, fields),))


KIND = Kind(operators=("HISTORY",), read=read, kernel=History, name="history", emit=write)
