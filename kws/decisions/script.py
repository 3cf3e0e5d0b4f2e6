"""Posteriors that drive a decision through its rules: what `kws verify` plays to every engine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from kws.fixedpoint.decisions.base import Detection

_Rule = TypeVar("_Rule", bound=StrEnum)


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


class Walk(Protocol):
    """A decision's rules taken one by one, apart from both twins.

    Attributes:
        detections: those since the reset.
    """

    detections: list[Detection]

    def reset(self) -> None:
        """Forget everything but how often the rules were come to."""

    def step(self, row: Sequence[int]) -> None:
        """Take a frame's posteriors, 0 to 255 each, one a label."""


def played(walk: Walk, scenes: Iterable[tuple[str, npt.ArrayLike]]) -> tuple[Scene, ...]:
    """What a walk makes of scenes: of each its name and posteriors from 0 to 255, [frames, labels]."""
    found = []
    for name, posteriors in scenes:
        rows = np.asarray(posteriors)
        walk.reset()
        for row in rows.tolist():
            walk.step(row)
        found.append(Scene(name, (rows - 128).astype(np.int8), walk.detections))
    return tuple(found)


def saying(labels: int, *said: tuple[int, int]) -> list[int]:
    """A frame in which some of so many labels have posteriors, as (label, posterior); the others have none."""
    values = [0] * labels
    for label, value in said:
        values[label] = value
    return values


def those_of(rules: Mapping[_Rule, bool]) -> frozenset[str]:
    """The texts of the rules that a statement is true of."""
    return frozenset(rule.value for rule, true in rules.items() if true)


def log_of(posterior: int) -> int:
    """The logarithm of a posterior of 0 to 255, in sixteenths of a nat, apart from the twins' table of it."""
    return round(16 * math.log((posterior or 0.5) / 256))
