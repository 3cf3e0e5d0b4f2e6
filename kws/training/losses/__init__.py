"""Losses of networks that hear streams: one file a loss, and the list of them.

A new loss is a file here and a line in :data:`LOSSES`.
"""

from __future__ import annotations

from kws.errors import KwsError
from kws.training.losses.base import Loss
from kws.training.losses.ctc import CtcLoss
from kws.training.losses.frames import FramesLoss

__all__ = ["LOSSES", "Loss", "named"]

LOSSES: dict[str, type[Loss]] = {
    "frames": FramesLoss,
    "ctc": CtcLoss,
}


def named(name: str) -> type[Loss]:
    """The loss that ``training.loss`` names.

    Raises:
        KwsError: there is no such loss.
    """
    if name not in LOSSES:
        raise KwsError(f"training.loss must be one of {', '.join(LOSSES)}, not {name!r}")
    return LOSSES[name]
