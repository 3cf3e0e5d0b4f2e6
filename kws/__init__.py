"""kws: keyword spotting from recordings to a flashed microcontroller, checked bit for bit.

What this module exports is what kws promises to keep: a version that breaks it says so in its number. The
modules below it may change with any version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kws.errors import KwsError

if TYPE_CHECKING:
    from kws.spotter import Detection, Spotter

__all__ = ["Detection", "KwsError", "Spotter", "__version__"]

__version__ = "0.1.0"

_LATER = ("Detection", "Spotter")


def __getattr__(name: str) -> Any:
    # `kws --help` imports this module and has no time for NumPy.
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from kws import spotter

    return getattr(spotter, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
