"""Posteriors that take a detector through all its rules, made from its own thresholds.

A scene is written as paths: the moving sum that each word shall have, frame by frame. Which posteriors
give those sums is solved for, so that a word can stand one below its threshold, rise to it in this frame
and fall in the next, whatever the thresholds and the average are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kws.decisions.detector_walk import Rule, Walk
from kws.decisions.script import Script, played
from kws.fixedpoint.decisions.detector import DetectorParameters

Rows = npt.NDArray[np.int64]
"""Posteriors from 0 to 255, int64 [frames, labels]."""
Paths = Mapping[int, Sequence[int]]
"""The moving sums that labels shall have, by label: the first once the average is full, then one a frame."""
Named = Iterator[tuple[str, Rows]]

_GREATEST = 255
_RANDOM_SCENES, _RANDOM_FRAMES = 3, 300


def detector_script(parameters: DetectorParameters) -> Script:
    """Scenes for a detector, and how often they come to each of its rules.

    Args:
        parameters: the detector; every scene is made from its thresholds, average and cool-down.
    """
    walk = Walk(parameters)
    scenes = played(walk, _Stage(parameters).scenes())
    return Script(scenes, walk.finish(), impossible(parameters))


def impossible(p: DetectorParameters) -> frozenset[str]:
    """The rules that no posteriors can come to, with these settings."""
    full = _GREATEST * p.average_frames
    sums, words, cooldown = p.threshold_sums, len(p.threshold_sums), p.cooldown_frames
    least, most = min(sums), max(sums)
    possible = {
        Rule.FILL: least <= full - _GREATEST,
        Rule.DROP_OUT: p.average_frames > 1 and least < full,
        Rule.REARMED_IN_COOLDOWN: cooldown > 0,
        Rule.COOLDOWN_FIRST: cooldown > 0 and words > 1,
        Rule.COOLDOWN_LAST: cooldown > (0 if words > 1 else 1),
        Rule.COOLDOWN_OVER: cooldown > 0 or words > 1,
        Rule.LAPSED: cooldown > (0 if words > 1 else 1),
        Rule.ABOVE_THRESHOLD: least < full,
        Rule.GREATEST_HIGHER: any(s < full for s in sums[:-1]),
        Rule.GREATEST_LOWER: any(s < full for s in sums[1:]),
        Rule.TIE: words > 1,
        Rule.OWN_THRESHOLD: most - least > 1,
        Rule.OTHERS_ALONE: p.first_word > 0,
        Rule.OTHERS_GREATER: p.first_word > 0 and least < full,
        Rule.HELD_KEEPS_BACK: words > 1,
        Rule.REPLACED: words > 1,
        Rule.FREED: words > 1,
        Rule.RESET_WINDOW: least <= full - _GREATEST,
        Rule.RESET_COOLDOWN: -(-least // _GREATEST) <= cooldown,
        Rule.RESET_HELD: least <= _GREATEST,
    }
    return frozenset(rule.value for rule, can_be in possible.items() if not can_be)


class _Stage:
    """Makes the scenes of one detector."""

    def __init__(self, parameters: DetectorParameters) -> None:
        self._p = parameters
        self._full = _GREATEST * parameters.average_frames
        self._words = range(parameters.first_word, parameters.labels)
        self._lowest = min(self._words, key=self._threshold)
        self._highest = max(self._words, key=self._threshold)

    def scenes(self) -> Named:
        """Name and posteriors of each scene, in an order in which each reset has something to clear."""
        for word in self._words:
            t = self._threshold(word)
            yield from self._paths(f"word {word} at its threshold", {word: [t - 1, t, t]})
            yield from self._paths(f"word {word} one above its threshold", {word: [t - 1, t + 1]})
        for word in dict.fromkeys((self._lowest, self._words[-1])):
            yield from self._alone(word)
        for other in range(self._p.first_word):
            yield from self._paths(f"label {other} alone", {other: [self._full] * 3})
            t = self._threshold(self._lowest)
            rising = {other: [self._full] * 2, self._lowest: [t - 1, t]}
            yield from self._paths(f"label {other} beside word {self._lowest}", rising)
        neighbours = [(a, b) for a in self._words for b in (a - 1, a + 1) if b in self._words]
        extremes = [(self._lowest, self._highest)] if self._lowest != self._highest else []
        for a, b in dict.fromkeys(extremes + neighbours):
            yield from self._two(a, b)
        yield from self._drop_out(self._lowest)
        for name in ("at once", "at once after a reset"):
            rows = np.zeros((-(-self._threshold(self._lowest) // _GREATEST), self._p.labels), np.int64)
            rows[:, self._lowest] = _GREATEST
            yield f"word {self._lowest} {name}", rows
        for seed in range(_RANDOM_SCENES):
            yield f"sums at random {seed}", self._wander(np.random.default_rng(seed))

    def _threshold(self, word: int) -> int:
        return self._p.threshold_sums[word - self._p.first_word]

    def _alone(self, word: int) -> Named:
        t, wait, frames = self._threshold(word), self._p.cooldown_frames, self._p.average_frames
        # Whole averages apart, the same posterior can rise and fall: the only way next to 0 and to the greatest sum.
        apart = [t - 1, *[t] * (-(-(wait + 3) // frames) * frames), *[t - 1] * frames, *[t] * frames, t - 1]
        yield from self._paths(f"word {word} held, let go and back, slowly", {word: apart})
        apart = [t - 1, t, *[t - 1] * frames, *[t] * (wait + 1)]
        yield from self._paths(f"word {word} let go within the cool-down", {word: apart})
        held = [t - 1, *[t] * (wait + 3), t - 1, t, t, t - 1]
        yield from self._paths(f"word {word} held, let go and back", {word: held})
        back = [t - 1, t, t - 1, *[t] * (wait + 1)]
        yield from self._paths(f"word {word} let go and back within the cool-down", {word: back})
        gone = [t - 1, t, t - 1, t, *[t - 1] * (wait + 1)]
        yield from self._paths(f"word {word} back and gone within the cool-down", {word: gone})

    def _two(self, a: int, b: int) -> Named:
        ta, tb, wait = self._threshold(a), self._threshold(b), self._p.cooldown_frames
        first = [ta - 1, ta, ta - 1]
        after = [tb - 1, tb - 1, *[tb] * (wait + 2)]
        yield from self._paths(f"word {b} after word {a}", {a: first, b: after})
        lapsed = [tb - 1, tb - 1, tb, *[tb - 1] * (wait + 1)]
        yield from self._paths(f"word {b} within the cool-down of word {a}", {a: first, b: lapsed})
        top = max(ta, tb)
        yield from self._paths(f"words {a} and {b} equal", {a: [ta - 1, top], b: [tb - 1, top]})
        yield from self._paths(f"word {b} above word {a}", {a: [ta - 1, top], b: [tb - 1, top + 1]})
        if ta + 1 < tb:
            yield from self._paths(f"word {b} greater, but below its threshold", {a: [ta - 1, ta], b: [tb - 1] * 2})
        above, over = min(top + 1, self._full), min(top + 2, self._full)
        climb = self._climb(tb - 1, top)
        stay = [above] * (wait + 1)
        sums_a = [ta - 1, *[ta] * (wait + 2 + len(climb) + len(stay)), *self._climb(ta, over), over]
        sums_b = [tb - 1, *[tb - 1] * (wait + 2), *climb, *stay]
        yield from self._paths(f"word {b} overtakes word {a} and is overtaken", {a: sums_a, b: sums_b})
        sums_a = [ta - 1, ta]
        sums_b = [tb - 1, *[tb - 1] * (wait + 2), *climb, *stay, *self._climb(above, tb - 1), tb - 1]
        yield from self._paths(f"word {b} overtakes word {a} and falls", {a: sums_a, b: sums_b})

    def _climb(self, start: int, end: int) -> list[int]:
        """Sums from above ``start`` to ``end``, so evenly that no posterior needs to be above 255."""
        frames = self._p.average_frames
        return [start + (end - start) * (i + 1) // frames for i in range(frames)]

    def _paths(self, name: str, paths: Paths) -> Named:
        """Posteriors with these moving sums; nothing where there are none."""
        length = max(map(len, paths.values()))
        rows = np.zeros((self._p.average_frames + length - 1, self._p.labels), np.int64)
        for label, sums in paths.items():
            column = self._solve([*sums, *[sums[-1]] * (length - len(sums))])
            if column is None:
                return
            rows[:, label] = column
        yield name, rows

    def _solve(self, sums: Sequence[int]) -> Rows | None:
        """One label's posteriors, int64 [average_frames + len(sums) - 1], or None where there are none.

        A frame's posterior is what the sum grows by, plus the one that drops out, average_frames before.
        All are settled by the first average_frames ones, which share the first sum.
        """
        frames = self._p.average_frames
        steps = np.diff(sums)
        rounds = -(-len(steps) // frames)
        grown = np.zeros((rounds + 1, frames), np.int64)
        grown[1:] = np.cumsum(np.resize(np.pad(steps, (0, rounds * frames - len(steps))), (rounds, frames)), axis=0)
        least = -grown.min(axis=0)
        room = _GREATEST - grown.max(axis=0) - least
        wanted = sums[0] - least.sum()
        if (room < 0).any() or not 0 <= wanted <= room.sum():
            return None
        first = least + np.clip(wanted - (np.cumsum(room) - room), 0, room)
        column: Rows = (first + grown).reshape(-1)[: frames + len(steps)]
        return column

    def _drop_out(self, word: int) -> Named:
        """The word at its threshold, until its first posterior leaves; those that come stay as they are."""
        frames, t = self._p.average_frames, self._threshold(word)
        if frames == 1 or t == self._full:
            return
        each, more = divmod(t, frames)
        column = np.full(frames + 2, each, np.int64)
        column[:more] += 1
        if more == 0:
            column[0] += 1
            column[frames - 1 :] -= 1
        rows = np.zeros((frames + 2, self._p.labels), np.int64)
        rows[:, word] = column
        yield f"word {word} drops out", rows

    def _wander(self, rng: np.random.Generator) -> Rows:
        """Sums that go from one drawn target to the next, most of them close to a threshold."""
        p = self._p
        rows = np.zeros((_RANDOM_FRAMES, p.labels), np.int64)
        thresholds = np.array([0] * p.first_word + list(p.threshold_sums))
        targets, sums, until = np.zeros(p.labels, np.int64), np.zeros(p.labels, np.int64), 0
        for frame in range(_RANDOM_FRAMES):
            if frame == until:
                until += int(rng.integers(1, p.average_frames + 3))
                near = thresholds + rng.integers(-1, 3, p.labels)
                choice = rng.integers(0, 5, p.labels)
                targets = np.select([choice < 2, choice == 4], [0, self._full], near)
            leaving = rows[frame - p.average_frames] if frame >= p.average_frames else np.zeros(p.labels, np.int64)
            rows[frame] = np.clip(targets - sums + leaving, 0, _GREATEST)
            sums += rows[frame] - leaving
        return rows
