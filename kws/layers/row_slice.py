"""Some of the rows of a tensor, as STRIDED_SLICE along time leaves them: writing.

What it computes: kws/fixedpoint/layers/row_slice.py; it is read in kws/layers/strided_slice.py.
"""

from __future__ import annotations

from kws import emit
from kws.fixedpoint.layers.row_slice import RowSlice
from kws.fixedpoint.network import Layer
from kws.layers.kind import Constants, Kind
from kws.layers.strided_slice import read


def write(name: str, layer: Layer) -> Constants:
    """The structure ``kws_row_slice``."""
    kernel = layer.kernel
    assert isinstance(kernel, RowSlice)
    fields: dict[str, str | int] = {
        "start": kernel.start,
        "step": kernel.step,
        "rows": kernel.rows,
        "size": layer.output_size // kernel.rows,
    }
    return Constants((emit.structure("kws_row_slice", name, fields),))


KIND = Kind(operators=("STRIDED_SLICE",), read=read, kernel=RowSlice, name="row_slice", emit=write)
