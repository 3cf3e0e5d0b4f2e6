"""The microphone that a verb's options name: this machine's, or a board's."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator

from kws import microphone
from kws.errors import UsageError
from kws.live import board_microphone
from kws.live.board_microphone import BoardMicrophone
from kws.microphone import Microphone
from kws.model.file import Model

AnyMicrophone = Microphone | BoardMicrophone


@contextlib.contextmanager
def hearing(a: argparse.Namespace, samples: int, model: Model | None = None) -> Iterator[AnyMicrophone]:
    """The microphone that ``--device`` or ``--serial`` names, an iterator of int16 ``[samples]`` at 16 kHz.

    Raises:
        KwsError: there is none, or it cannot be opened.
        UsageError: both options.
    """
    if a.serial is not None and a.device is not None:
        raise UsageError("--device is this machine's microphone and --serial a board's; name one of them")
    if a.serial is not None:
        with board_microphone.open_board(a.serial, samples, model) as opened:
            yield opened
    else:
        with microphone.microphone(a.device, samples) as opened:
            yield opened
