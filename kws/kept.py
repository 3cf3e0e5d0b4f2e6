"""What kws keeps in the user's cache besides builds (`kws.image.cache`); all of it comes again when it is needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kws import runs
from kws.files import user_cache

FEATURES, VOICES = "features", "voices"
KINDS: Mapping[str, str] = MappingProxyType(
    {FEATURES: f"{runs.CACHE}/negatives-*", VOICES: "kokoro-js-*.tgz"},
)
"""Features of the sentences that come with kws, and Kokoro's voices: where each kind lies below the cache's folder."""


@dataclass(frozen=True)
class Kept:
    """Files that belong together.

    Attributes:
        kind: of :data:`KINDS`.
        files: in sorted order.
        size: of them all, in bytes.
        made: when the last of them was written, in seconds since 1970.
    """

    kind: str
    files: tuple[Path, ...]
    size: int
    made: float

    @property
    def name(self) -> str:
        """Of the files, without a suffix."""
        return self.files[0].stem


def everything() -> list[Kept]:
    """What is there, in the order of :data:`KINDS`, what was made longest ago first."""
    return [one for kind, pattern in KINDS.items() for one in sorted(_of(kind, pattern), key=lambda one: one.made)]


def remove(kept: Iterable[Kept]) -> list[Kept]:
    """Remove files; a training that has features mapped into memory keeps them.

    Returns:
        What could be removed.
    """
    removed = []
    for one in kept:
        with contextlib.suppress(OSError):
            for file in one.files:
                file.unlink(missing_ok=True)
            removed.append(one)
    return removed


def _of(kind: str, pattern: str) -> Iterable[Kept]:
    groups: dict[str, list[Path]] = {}
    for file in sorted(user_cache().glob(pattern)):
        groups.setdefault(file.stem, []).append(file)
    for files in groups.values():
        # Some may vanish meanwhile.
        with contextlib.suppress(OSError):
            found = [file.stat() for file in files]
            yield Kept(kind, tuple(files), sum(s.st_size for s in found), max(s.st_mtime for s in found))
