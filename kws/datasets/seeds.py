"""Seeds of random draws from what is drawn for."""

from __future__ import annotations

import hashlib


def seeds(*parts: str | int) -> list[int]:
    """Seeds that depend on each part alone, so that adding a word leaves the clips of the others as they were."""
    return [int.from_bytes(hashlib.sha256(str(p).encode()).digest()[:8], "little") for p in parts]
