"""Posteriors that drive a decision through its rules: what `kws verify` plays to every engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.decisions.base import Detection


@dataclass(frozen=True)
class Scene:
    """Posteriors that are played from a reset.

    Attributes:
        name: what it tries.
        posteriors: int8 [frames, labels], zero point -128.
        detections: what the rules make of it.
    """

    name: str
    posteriors: npt.NDArray[np.int8]
    detections: list[Detection]


@dataclass(frozen=True)
class Script:
    """Scenes to be played one after another, a reset before each.

    What one scene leaves behind is what the next one's reset has to clear, so the order counts.

    Attributes:
        scenes: what to play.
        reached: how often the scenes come to each rule of the decision, by the rule's text.
        impossible: rules among them that the model's settings rule out, whatever the posteriors.
    """

    scenes: tuple[Scene, ...]
    reached: dict[str, int]
    impossible: frozenset[str]

    @property
    def missed(self) -> list[str]:
        """Rules that posteriors could come to, but these don't."""
        return [rule for rule, times in self.reached.items() if times == 0 and rule not in self.impossible]
