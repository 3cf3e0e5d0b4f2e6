"""What a mutant is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One planted fault.

    Attributes:
        mark: the rule that it breaks: a step of docs/SPEC.md, or what the code calls it.
        path: the file, from the root of the repository.
        old: text that must occur in it exactly once.
        new: what takes its place.
        proof: what has to find it: engines of `kws verify`, or a test.
        equivalent: why nothing can find it, where nothing can.
    """

    mark: str
    path: str
    old: str
    new: str
    proof: str = "numpy,c"
    equivalent: str = ""

    def __str__(self) -> str:
        return f"{self.mark} in {self.path}: {_line(self.old)} -> {_line(self.new) or 'nothing'}"


def _line(text: str) -> str:
    short = " ".join(text.split())
    return short if len(short) <= 60 else f"{short[:57]}..."
