"""Settings as earlier versions of kws wrote them."""

from __future__ import annotations

import sys
from typing import Any

from kws.errors import KwsError
from kws.frontends import LogMelConfig

# Durations in frames, of the time when a frame was taken to be 20 ms; today's key is in milliseconds.
_IN_FRAMES = {("training", "gap_frames"): "gap_ms", ("augment", "time_mask_frames"): "time_mask_ms"}
# Every network had the settings of all kinds.
_OF_OTHER_KINDS = {"lstm": ("channels",), "teacher": ("lstm_units", "dropout")}


def upgraded(settings: dict[str, Any]) -> dict[str, Any]:
    """An experiment's settings as nested plain values, as an earlier version of kws wrote them, with today's keys.

    What is no section, or no number, stays as it is: whoever reads the settings refuses it.
    """
    new = {name: dict(value) if isinstance(value, dict) else value for name, value in settings.items()}
    hop_ms = _section(new, "frontend").get("hop_ms", LogMelConfig().hop_ms)
    for (section, old), key in _IN_FRAMES.items():
        values = _section(new, section)
        if _is_number(values.get(old)) and _is_number(hop_ms):
            values[key] = values.pop(old) * hop_ms
    kept = _section(new, "network")
    kind = kept.get("kind", "")
    for key in _OF_OTHER_KINDS.get(kind, ()) if isinstance(kind, str) else ():
        kept.pop(key, None)
    return new


def _section(settings: dict[str, Any], name: str) -> dict[str, Any]:
    found = settings.get(name)
    return found if isinstance(found, dict) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def refuse_earlier(values: dict[str, Any], renamed: dict[str, Any]) -> None:
    """Refuse settings with keys of earlier versions.

    Args:
        values: the settings as nested plain values.
        renamed: the same with today's keys.

    Raises:
        KwsError: there is one; the message says what to write instead.
    """
    for (section, old), key in _IN_FRAMES.items():
        if old in _section(values, section) and old not in renamed[section]:
            raise KwsError(f"{section}.{old} is now in milliseconds; write {key} = {renamed[section][key]:g} instead")
