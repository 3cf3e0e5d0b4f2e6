"""The microphone that a verb's options name: this machine's, or a board's."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator

from kws import audio, microphone
from kws.cli import console
from kws.errors import UsageError
from kws.live import board_microphone
from kws.live.reconnecting import AnyMicrophone, Reconnecting
from kws.model.file import Model


@contextlib.contextmanager
def hearing(a: argparse.Namespace, samples: int) -> Iterator[AnyMicrophone]:
    """The microphone that ``--device`` or ``--serial`` names, an iterator of int16 ``[samples]`` at 16 kHz.

    Raises:
        KwsError: there is none, or it cannot be opened.
        UsageError: both options.
    """
    _require_one(a)
    with _opened(a, samples, None) as opened:
        _tell_narrow(opened)
        yield opened


def reconnecting(a: argparse.Namespace, samples: int, model: Model, wait: float) -> Reconnecting:
    """The same, waited for up to ``wait`` seconds where it is unplugged; a board must have the model.

    Raises:
        KwsError, UsageError: as `hearing`.
    """
    _require_one(a)
    again = False

    def opened() -> AnyMicrophone:
        nonlocal again
        if again and a.serial is None:
            microphone.look_again()
        found = _opened(a, samples, model)
        if not again:
            _tell_narrow(found)
        again = True
        return found

    return Reconnecting(opened, wait)


def _require_one(a: argparse.Namespace) -> None:
    if a.serial is not None and a.device is not None:
        raise UsageError("--device is this machine's microphone and --serial a board's; name one of them")


def _tell_narrow(opened: AnyMicrophone) -> None:
    """As headsets are when they are used for telephoning."""
    if audio.is_narrow(opened.sample_rate):
        console.note(opened.name, audio.narrow(round(opened.sample_rate)))


def _opened(a: argparse.Namespace, samples: int, model: Model | None) -> AnyMicrophone:
    if a.serial is not None:
        return board_microphone.open_board(a.serial, samples, model)
    return microphone.microphone(a.device, samples)
