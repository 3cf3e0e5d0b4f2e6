"""Front ends: one file a kind, and the list of kinds.

A new kind is a file here, one in ``kws/fixedpoint/frontends``, one in ``firmware/src/frontends`` and one in
``firmware/include/kws/frontends``, a line in :data:`KINDS` and one in ``firmware/include/kws/frontends/kinds.def``.
"""

from __future__ import annotations

from typing import Any

from kws.fields import choose
from kws.frontends.base import DEFAULT, FrontendConfig
from kws.frontends.log_mel import LogMelConfig
from kws.frontends.microfrontend import MicroFrontendConfig

__all__ = ["KINDS", "FrontendConfig", "LogMelConfig", "MicroFrontendConfig", "read"]

KINDS: dict[str, type[FrontendConfig]] = {
    LogMelConfig.kind: LogMelConfig,
    MicroFrontendConfig.kind: MicroFrontendConfig,
}


def read(values: dict[str, Any], where: str = "frontend") -> FrontendConfig:
    """Settings from plain values, of which ``kind`` says whose they are.

    Raises:
        KwsError: no such kind, an unknown key, a value of the wrong type or out of its range.
    """
    return choose(KINDS, DEFAULT, values, where)
