"""Posteriors that take a sliding mean through all its rules, made from its own cut-off.

What the rules make of them is worked out step by step, with nothing shared with
``kws/fixedpoint/decisions/sliding_mean.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np

from kws.decisions.script import Scene, Script
from kws.fixedpoint.decisions.base import Detection
from kws.fixedpoint.decisions.sliding_mean import SlidingMeanParameters

_GREATEST = 255
_RANDOM_SCENES, _RANDOM_STRETCHES = 3, 40


class Rule(StrEnum):
    """What SPEC says of the sliding mean, a rule each."""

    DROP_OUT = "SLIDE/1: the oldest posterior drops out of the window"
    FILL = "SLIDE/2: nothing before the window is full"
    AT_CUTOFF = "SLIDE/3: nothing at the cut-off"
    ABOVE = "SLIDE/3: a detection one above the cut-off"
    REARMED = "SLIDE/3: a word that has fallen to the cut-off is reported again"
    COOLDOWN = "SLIDE/4: nothing in the cool-down"
    COOLDOWN_OVER = "SLIDE/4: a report in the first frame after the cool-down"
    HELD = "SLIDE/5: a word that stays above the cut-off is reported once"
    RESET_WINDOW = "reset: the window is emptied"
    RESET_COOLDOWN = "reset: the cool-down ends"
    RESET_HELD = "reset: the word is not held"


def sliding_mean_script(parameters: SlidingMeanParameters) -> Script:
    """Scenes for a sliding mean, and how often they come to each of its rules."""
    reached: Counter[Rule] = Counter()
    left = (0, False, 0)
    scenes = []
    for name, values in _scenes(parameters):
        detections, after = _walk(parameters, values, left, reached)
        left = after
        rows = (np.array(values)[:, None] - 128).astype(np.int8)
        scenes.append(Scene(name, rows, detections))
    return Script(tuple(scenes), {rule.value: reached[rule] for rule in Rule}, _impossible(parameters))


def _impossible(p: SlidingMeanParameters) -> frozenset[str]:
    # How many frames it takes to fall to the cut-off and come back: a window's where certainty alone is above it.
    back = p.window + 1 if p.window > 1 and p.limit + 1 == _GREATEST * p.window else 2
    possible = {
        Rule.FILL: p.window > 1 and p.limit < _GREATEST * (p.window - 1),
        Rule.RESET_WINDOW: p.window > 1,
        Rule.COOLDOWN: p.cooldown_frames >= back,
        Rule.COOLDOWN_OVER: p.cooldown_frames >= back - 1,
        Rule.RESET_COOLDOWN: p.cooldown_frames >= p.window,
    }
    return frozenset(rule.value for rule, can_be in possible.items() if not can_be)


def _level(p: SlidingMeanParameters, total: int, frames: int, start: int) -> list[int]:
    """Posteriors that any whole window of them sums to ``total``; ``start`` is the first one's frame."""
    each, more = divmod(total, p.window)
    return [each + ((start + i) % p.window < more) for i in range(frames)]


def _stretches(p: SlidingMeanParameters, *parts: tuple[int, int]) -> list[int]:
    values: list[int] = []
    for total, frames in parts:
        values += _level(p, total, frames, len(values))
    return values


def _dip(p: SlidingMeanParameters) -> list[int]:
    """One above the cut-off, at it for as short as can be, above it to the end of the cool-down and further."""
    w, total = p.window, p.limit + 1
    # The second posterior leaves room for one more; all others share the rest, the first one first.
    second = max(0, total - _GREATEST * (w - 1)) if w > 1 else 0
    values = [min(_GREATEST, total - second)] + [second] * (w > 1)
    while len(values) < w:
        values.append(min(_GREATEST, total - sum(values)))
    steps = [-1, 1] if w == 1 or second < _GREATEST else [-1] + [0] * (w - 1) + [1]
    for frame in range(w, 2 * w + p.cooldown_frames + 3):
        step = steps[frame - w] if frame - w < len(steps) else 0
        values.append(values[frame - w] + step)
    return values


def _scenes(p: SlidingMeanParameters) -> Iterator[tuple[str, list[int]]]:
    """Name and posteriors, 0 to 255, of each scene, in an order in which each reset has something to clear."""
    w, c, low, high, full = p.window, p.cooldown_frames, p.limit, p.limit + 1, _GREATEST * p.window
    yield "at the cut-off", _stretches(p, (low, w + 3))
    yield "one above the cut-off", _stretches(p, (high, w + c + 3))
    yield "loud until the window is nearly full", [_GREATEST] * (w - 1) + [0] * (w + 1)
    yield "held, let go and back", _stretches(p, (low, 2), (high, w + c + 2), (low, w), (high, w))
    yield "dips", _dip(p)
    yield "falls at once and comes back", _stretches(p, (full, w), (0, w), (full, c + 2 * w))
    yield "at once", [_GREATEST] * w
    yield "at once after a reset", [_GREATEST] * w
    # A window that keeps what came before a reset is full, or too full, at once.
    yield "quiet after a reset", [0] * (w - 1) + _level(p, low, w, 0)
    for seed in range(_RANDOM_SCENES):
        rng = np.random.default_rng(seed)
        totals = rng.choice([0, max(low - 1, 0), low, high, min(high + 1, full), full], _RANDOM_STRETCHES)
        lengths = rng.integers(1, 2 * w + 2 + c // 4, _RANDOM_STRETCHES)
        yield f"levels at random {seed}", _stretches(p, *zip(totals.tolist(), lengths.tolist(), strict=True))


def _walk(
    p: SlidingMeanParameters, values: Sequence[int], left: tuple[int, bool, int], reached: Counter[Rule]
) -> tuple[list[Detection], tuple[int, bool, int]]:
    """What the rules make of a scene, and what it leaves behind: cool-down, whether held, the window's sum."""
    detections: list[Detection] = []
    cooldown, held, fell = 0, False, False
    for frame in range(len(values)):
        window = values[max(0, frame - p.window + 1) : frame + 1]
        total, whole = sum(window), len(window) == p.window
        above = whole and total > p.limit
        reached[Rule.FILL] += not whole and total > p.limit
        reached[Rule.AT_CUTOFF] += whole and total == p.limit
        reached[Rule.DROP_OUT] += frame >= p.window and not above and sum(values[: frame + 1]) > p.limit
        if not above:
            fell, held = fell or held, False
        if cooldown > 0:
            cooldown -= 1
            reached[Rule.COOLDOWN] += above and not held
            continue
        reached[Rule.HELD] += above and held
        if not above or held:
            continue
        reached[Rule.ABOVE] += total == p.limit + 1
        reached[Rule.REARMED] += fell
        last = detections[-1].frame if detections else -1
        reached[Rule.COOLDOWN_OVER] += last >= 0 and frame == last + p.cooldown_frames + 1 and frame > last + 1
        if not detections:
            reached[Rule.RESET_COOLDOWN] += left[0] > frame
            reached[Rule.RESET_HELD] += left[1]
            reached[Rule.RESET_WINDOW] += left[2] > 0
        detections.append(Detection(frame, 0, total))
        held, cooldown = True, p.cooldown_frames
    return detections, (cooldown, held, sum(values[-p.window :]))
