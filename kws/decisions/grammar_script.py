"""Posteriors that take a grammar through all its rules, made from its own thresholds.

A scene is a list of pulses: in which frame a label's moving sum comes to which value. The greatest
posteriors lead up to it, so that this can be done whatever the thresholds and the average are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.decisions.detector_script import detector_script
from kws.decisions.grammar_walk import GrammarWalk, Rule
from kws.decisions.script import Script, played
from kws.fixedpoint.decisions.grammar import GrammarParameters, PhraseParameters

Rows = npt.NDArray[np.int64]
"""Posteriors from 0 to 255, int64 [frames, labels]."""
Named = Iterator[tuple[str, Rows]]

_GREATEST = 255
_RANDOM_SCENES, _RANDOM_FRAMES = 3, 500


@dataclass(frozen=True)
class _Pulse:
    label: int
    frame: int
    total: int


def grammar_script(parameters: GrammarParameters) -> Script:
    """Scenes for a grammar, and how often they come to each of its rules.

    Args:
        parameters: the grammar; every scene is made from its thresholds, waits and window.
    """
    walk = GrammarWalk(parameters)
    stage = _Stage(parameters)
    words = detector_script(parameters.detector)
    of_words = [(scene.name, scene.posteriors.astype(np.int64) + 128) for scene in words.scenes]
    scenes = played(walk, (*stage.scenes(), *of_words))
    reached = walk.finish()
    expected = {rule.value for rule in stage.expected()}
    impossible = frozenset(r for r, n in reached.items() if n == 0 and r not in expected)
    if parameters.report_words and parameters.window == 0:
        # Otherwise little of what the detector finds is reported.
        reached, impossible = reached | words.reached, impossible | words.impossible
    return Script(scenes, reached, impossible)


class _Stage:
    """Makes the scenes of one grammar."""

    def __init__(self, parameters: GrammarParameters) -> None:
        p = self._p = parameters
        self._average, self._cooldown = p.detector.average_frames, p.detector.cooldown_frames
        self._words = range(p.detector.first_word, p.detector.labels)
        # From here on nothing that a pulse leads up to lies before the scene's start.
        self._start = self._average + 1

    def scenes(self) -> Named:
        """Name and posteriors of each scene, in an order in which each reset has something to clear."""
        for word in self._words:
            t = self._threshold(word)
            yield self._scene(f"word {word} alone", [_Pulse(word, self._start, t)])
        for number, phrase in enumerate(self._p.phrases):
            yield from self._phrase(number, phrase)
        for (i, a), (j, b) in itertools.combinations(enumerate(self._p.phrases), 2):
            if not set(a.words) & set(b.words):
                at = self._start + max(self._span(a), self._span(b))
                yield self._scene(f"phrases {i} and {j} at once", [*self._chain(a, at), *self._chain(b, at)])
        if self._p.window > 0:
            yield from self._window()
        for seed in range(_RANDOM_SCENES):
            yield f"sums at random {seed}", self._wander(np.random.default_rng(seed))

    def expected(self) -> set[Rule]:
        """The rules that the scenes must come to; any others they may."""
        p, average, cooldown = self._p, self._average, self._cooldown
        ordinary = [a for a in p.phrases if _ordinary(a, average)]
        apart = [a for a in ordinary if a.words[-1] != a.words[-2]]
        beside = [a for a in ordinary if self._beside(a) is not None]
        found: set[Rule] = set()
        if p.report_words or p.wake in self._words:
            found.add(Rule.WORD)
        if not p.report_words and any(word != p.wake for word in self._words):
            found.add(Rule.ALONE)
        if ordinary:
            found |= {Rule.STAYS, Rule.LAST_FRAME, Rule.TOO_LATE, Rule.CONSUMED}
            if len(ordinary) == len(p.phrases):
                found |= {Rule.AT_THRESHOLD, Rule.BELOW_THRESHOLD, Rule.COMPLETE}
        if apart:
            found |= {Rule.TOO_EARLY, Rule.AT_ONCE, Rule.RESET_WAIT}
        if any(a.words[0] not in a.words[1:] for a in ordinary):
            found.add(Rule.RENEWED)
        if any(not set(a.words) & set(b.words) for a, b in itertools.combinations(ordinary, 2)):
            found.add(Rule.FIRST_PHRASE)
        if any(a.within > cooldown and self._lower(a) for a in beside):
            found.add(Rule.PHRASE_FIRST)
        if beside and cooldown >= average and p.report_words:
            found.add(Rule.QUIET_OVER)
            if any(a.threshold_sums[-1] < self._threshold(a.words[-1]) for a in beside):
                found.add(Rule.QUIET)
        return found | self._expected_of_window()

    def _expected_of_window(self) -> set[Rule]:
        p = self._p
        target = self._target()
        if p.window == 0 or target is None or not all(_ordinary(a, self._average) for a in p.phrases):
            return set()
        if p.wake < 0 or (p.wake >= p.detector.labels and self._hidden(p.wake - p.detector.labels)):
            return {Rule.CLOSED}
        if target >= p.detector.labels and p.wake in p.phrases[target - p.detector.labels].words:
            # What completes the phrase opens the window on the way.
            return {Rule.WAKE}
        found = {Rule.CLOSED, Rule.WAKE}
        room = 2 * self._average + self._cooldown + max((self._span(a) for a in p.phrases), default=0) + 2
        if p.window > room:
            found |= {Rule.WINDOW_LAST, Rule.WINDOW_OVER, Rule.WAKE_AGAIN, Rule.RESET_OPEN}
        return found

    def _threshold(self, word: int) -> int:
        return self._p.detector.threshold_sums[word - self._p.detector.first_word]

    def _lower(self, phrase: PhraseParameters) -> bool:
        """Whether the last word completes the phrase no later than it is detected alone."""
        alone, completes = self._threshold(phrase.words[-1]), phrase.threshold_sums[-1]
        return -(-completes // _GREATEST) <= -(-alone // _GREATEST)

    def _beside(self, phrase: PhraseParameters) -> int | None:
        """A word that is not in a phrase."""
        return next((word for word in self._words if word not in phrase.words and word != self._p.wake), None)

    def _span(self, phrase: PhraseParameters) -> int:
        return phrase.within * (len(phrase.words) - 1)

    def _chain(self, phrase: PhraseParameters, last: int, step: int | None = None) -> list[_Pulse]:
        """The phrase, complete in frame ``last``, each word as late as it may be or ``step`` after the one before."""
        step = phrase.within if step is None else step
        places = list(zip(phrase.words, phrase.threshold_sums, strict=True))
        return [_Pulse(word, last - step * i, t) for i, (word, t) in enumerate(reversed(places))][::-1]

    def _phrase(self, number: int, phrase: PhraseParameters) -> Named:
        at = self._start + self._span(phrase)
        chain, average = self._chain(phrase, at), self._average
        last, least = phrase.words[-1], phrase.threshold_sums[-1]
        name = f"phrase {number}"
        yield self._scene(f"{name} in the last frames", chain, hold=2)
        yield self._scene(f"{name} too late", [*chain[:-1], _Pulse(last, at + 1, least)])
        for i, pulse in enumerate(chain):
            below = _Pulse(pulse.label, pulse.frame, pulse.total - 1)
            yield self._scene(f"{name}, word {i} one below", [*chain[:i], below, *chain[i + 1 :]])
        again = _Pulse(last, at + average + 1, least)
        yield self._scene(f"{name}, its last word twice", [*chain, again])
        once = [*chain[:-2], _Pulse(chain[-2].label, at, chain[-2].total), chain[-1]]
        yield self._scene(f"{name}, the last words at once", once)
        shift = min(average + 1, phrase.within)
        later = [_Pulse(p.label, p.frame + shift, p.total) for p in chain]
        yield self._scene(f"{name}, its first word twice", [chain[0], *later])
        yield self._scene(f"{name}, up to its last word", chain[:-1], tail=0)
        yield self._scene(f"{name}, its last word alone", [_Pulse(last, -(-least // _GREATEST) - 1, least)])
        other = self._beside(phrase)
        if other is None:
            return
        t = self._threshold(other)
        yield self._scene(f"{name} and word {other} at once", [*chain, _Pulse(other, at, t)])
        for wait in sorted({1, self._cooldown, self._cooldown + 1}):
            after = _Pulse(other, at + wait, t)
            yield self._scene(f"{name} and word {other} {wait} frames later", [*chain, after])

    def _target(self) -> int | None:
        """What is reported, but for the wake word: a word, or a phrase."""
        p = self._p
        words = [word for word in self._words if word != p.wake] if p.report_words else []
        numbers = [i for i in range(len(p.phrases)) if p.detector.labels + i != p.wake and not self._hidden(i)]
        return next(iter(words + [p.detector.labels + i for i in numbers]), None)

    def _hidden(self, number: int) -> bool:
        """Whether a phrase ends as one before it does, which is complete in the same frame and is reported."""
        words = self._p.phrases[number].words
        return any(words[-len(other.words) :] == other.words for other in self._p.phrases[:number])

    def _report(self, label: int, at: int, quick: bool = False) -> list[_Pulse]:
        """What makes a word or phrase reported in a frame."""
        labels = self._p.detector.labels
        if label < labels:
            return [_Pulse(label, at, self._threshold(label))]
        return self._chain(self._p.phrases[label - labels], at, 1 if quick else None)

    def _window(self) -> Named:
        p, target = self._p, self._target()
        longest = max((self._span(a) for a in p.phrases), default=0)
        at = self._start + longest
        if target is not None:
            yield self._scene("window closed", self._report(target, at))
        if p.wake < 0:
            return
        wake = self._report(p.wake, at)
        if target is not None:
            for later in (p.window, p.window + 1):
                yield self._scene(f"{later} frames after the wake word", [*wake, *self._report(target, at + later)])
        again = at + self._average + self._cooldown + longest + 1
        twice = [*wake, *self._report(p.wake, again)]
        if target is not None and again < at + p.window:
            twice += self._report(target, again + p.window)
        yield self._scene("the wake word twice", twice)
        yield self._scene("window left open", wake, tail=0)
        if target is not None:
            soon = self._average + (8 if target >= p.detector.labels else 0)
            yield self._scene("after a reset", self._report(target, soon, quick=True))

    def _scene(self, name: str, pulses: Sequence[_Pulse], tail: int = 3, hold: int = 0) -> tuple[str, Rows]:
        """Posteriors with these sums in these frames; each sum stays for ``hold`` frames more."""
        length = max(pulse.frame for pulse in pulses) + 1 + tail + hold
        rows = np.zeros((length, self._p.detector.labels), np.int64)
        for pulse in pulses:
            full, rest = divmod(pulse.total, _GREATEST)
            rising = [_GREATEST] * full + [rest] * (rest > 0)
            start = max(pulse.frame + 1 - len(rising), 0)
            rows[start : start + len(rising), pulse.label] = rising[: length - start]
            if hold:
                # What comes is what drops out.
                column = rows[:, pulse.label]
                for frame in range(pulse.frame + 1, min(pulse.frame + 1 + hold, length)):
                    column[frame] = column[frame - self._average] if frame >= self._average else 0
        return name, rows

    def _wander(self, rng: np.random.Generator) -> Rows:
        """Sums that go from one drawn target to the next, most of them close to a threshold."""
        p, average = self._p, self._average
        labels = p.detector.labels
        near: list[list[int]] = [[0] for _ in range(labels)]
        for word in self._words:
            near[word] = [self._threshold(word)]
        for phrase in p.phrases:
            for word, least in zip(phrase.words, phrase.threshold_sums, strict=True):
                near[word].append(least)
        rows = np.zeros((_RANDOM_FRAMES, labels), np.int64)
        targets, sums, until = np.zeros(labels, np.int64), np.zeros(labels, np.int64), 0
        for frame in range(_RANDOM_FRAMES):
            if frame == until:
                until += int(rng.integers(1, average + 3))
                around = np.array([rng.choice(values) for values in near]) + rng.integers(-1, 3, labels)
                choice = rng.integers(0, 5, labels)
                targets = np.select([choice < 2, choice == 4], [0, _GREATEST * average], around)
            leaving = rows[frame - average] if frame >= average else np.zeros(labels, np.int64)
            rows[frame] = np.clip(targets - sums + leaving, 0, _GREATEST)
            sums += rows[frame] - leaving
        return rows


def _ordinary(phrase: PhraseParameters, average: int) -> bool:
    """Whether its words' pulses leave each other alone, so that the scenes are what their names say."""
    distinct = len(set(phrase.words)) == len(phrase.words)
    if distinct:
        return phrase.within > average + 1
    # A word that stands at two places must not rise for the first on its way up to the second's threshold.
    rising = [-(-least // _GREATEST) for least in phrase.threshold_sums]
    places = itertools.combinations(zip(phrase.words, rising, strict=True), 2)
    sudden = all(a != b or frames >= later for (a, frames), (b, later) in places)
    return sudden and phrase.within > 2 * average + 2
