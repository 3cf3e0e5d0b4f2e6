"""The second pass of `verify`: every engine's decision, on posteriors that come to every rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kws.decisions.script import Scene, Script
from kws.engines.base import Engine
from kws.fixedpoint.decisions.base import Detection


@dataclass
class DecisionReport:
    """What the posteriors of a script came to.

    Attributes:
        scenes: stretches of posteriors, each from a reset.
        frames: frames in all of them.
        detections: what the rules make of them.
        reached: how often each rule was come to.
        impossible: rules that the model's settings rule out, whatever the posteriors.
        missed: rules that were not come to, though they could be.
        engines: engines that were driven, the reference first.
        borrowers: engines that have no decision of their own.
    """

    scenes: int
    frames: int
    detections: int
    reached: dict[str, int]
    impossible: list[str]
    missed: list[str]
    engines: list[str] = field(default_factory=list)
    borrowers: list[str] = field(default_factory=list)

    @property
    def rules(self) -> tuple[int, int]:
        """Rules that were come to, and rules that the model's settings allow."""
        possible = len(self.reached) - len(self.impossible)
        return possible - len(self.missed), possible

    def __str__(self) -> str:
        reached, possible = self.rules
        others = f" ({len(self.impossible)} without meaning at this model's settings)" if self.impossible else ""
        engines = f"{len(self.engines)} engine" + "s" * (len(self.engines) != 1)
        return (
            f"decision: {reached} of {possible} rules reached{others},"
            f" {self.detections} detections in {engines}: {', '.join(self.engines)}"
        )


def describe(script: Script) -> DecisionReport:
    """The report on a script that nothing has been driven with yet."""
    return DecisionReport(
        scenes=len(script.scenes),
        frames=sum(len(scene.posteriors) for scene in script.scenes),
        detections=sum(len(scene.detections) for scene in script.scenes),
        reached=script.reached,
        impossible=sorted(script.impossible),
        missed=script.missed,
    )


def play(script: Script, engine: Engine) -> Iterator[tuple[Scene, list[Detection]]]:
    """Each scene with what the engine detected in it, from a reset."""
    for scene in script.scenes:
        engine.reset()
        # In two parts: what the first leaves, the second goes on with.
        half = len(scene.posteriors) // 2
        yield scene, engine.decide(scene.posteriors[:half]) + engine.decide(scene.posteriors[half:])
