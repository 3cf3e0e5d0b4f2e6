"""Phrases in streams: how many are found, how often one is reported that was not said, and thresholds for that.

Phrases are said by one speaker each (`kws.evaluation.sequences`). False accepts are counted in the
streams of single words of `kws stream-test`, where a phrase may be said by chance: that is none, and
no miss either. Continuous speech may be added, of which nothing is left that says one of the words.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import workers
from kws.config import SAMPLE_RATE
from kws.decisions.grammar import GrammarConfig, Phrase, require_grammar
from kws.engines import create
from kws.evaluation.negatives import Heard
from kws.evaluation.sequences import Said, SequenceSettings, Voices, render
from kws.evaluation.stream.run import DEFAULTS, Runner, StreamOptions, posteriors, require_words
from kws.evaluation.stream.score import Truth
from kws.evaluation.stream.spec import StreamSpec, halves
from kws.fixedpoint.decisions.detector import moving_sums
from kws.fixedpoint.decisions.grammar import completions
from kws.model.file import Model, ModelInfo
from kws.types import Progress

SAID_A_STREAM = 40
SHORTEST, LONGEST = 0.0, 300.0
"""Pauses between the words of a phrase, in milliseconds."""

Sums = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class PhraseRates:
    """How one phrase does.

    Attributes:
        name: what it is reported as.
        said, found: how often it was said, and how often it was found then.
        false_accepts, hours: in streams of single words.
        speech_false_accepts, speech_hours: in continuous speech.
    """

    name: str
    said: int
    found: int
    false_accepts: int
    hours: float
    speech_false_accepts: int
    speech_hours: float

    @property
    def found_rate(self) -> float | None:
        """Share of those said that were found."""
        return self.found / self.said if self.said else None

    @property
    def false_accepts_per_hour(self) -> float:
        """In streams of single words."""
        return self.false_accepts / self.hours if self.hours else 0.0

    def __add__(self, other: PhraseRates) -> PhraseRates:
        counts = [f.name for f in dataclasses.fields(self) if f.name != "name"]
        return PhraseRates(self.name, *(getattr(self, n) + getattr(other, n) for n in counts))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        rates = {"found_rate": self.found_rate, "false_accepts_per_hour": self.false_accepts_per_hour}
        return {**dataclasses.asdict(self), **rates}


@dataclass(frozen=True)
class _Piece:
    """A stream that was listened to: of phrases (``said``), of single words (``truth``), or of other speech."""

    half: int
    phrase: int
    posteriors: npt.NDArray[np.int8]
    said: tuple[Said, ...] = ()
    truth: Truth | None = None
    samples: int = 0


@dataclass
class _Listener:
    """Renders and runs streams; a job is a half, and a phrase with its repeat or a piece of single words."""

    runner: Runner
    root: Path
    specs: tuple[StreamSpec, ...]
    phrases: tuple[Phrase, ...]

    def __call__(self, job: tuple[int, int, int]) -> _Piece:
        half, phrase, piece = job
        spec = self.specs[half]
        if phrase < 0:
            rows, truth = self.runner.run(spec, piece)
            return _Piece(half, phrase, rows, truth=truth, samples=truth.samples)
        settings = SequenceSettings((SHORTEST, LONGEST), snr_db=spec.snr_db, level_dbfs=spec.level_dbfs)
        sequences = [self.phrases[phrase].words] * SAID_A_STREAM
        pcm, said = render(Voices.of_stream(self.root, spec), sequences, (spec.seed, phrase, piece), settings)
        return _Piece(half, phrase, posteriors(self.runner.engine(), pcm), tuple(said))

    def close(self) -> None:
        self.runner.close()


class PhraseBench:
    """Everything that a model's phrases are tried on, heard once.

    Attributes:
        info: of the model.
        halves: how many disjoint halves of speakers there are: 2, or 1 where they cannot be halved.
    """

    def __init__(
        self,
        model: Model,
        spec: StreamSpec,
        root: Path,
        options: StreamOptions = DEFAULTS,
        *,
        said: int = 200,
        speech: Sequence[Heard] = (),
        progress: Progress | None = None,
    ) -> None:
        """Listen.

        Args:
            model: the model, which has phrases.
            spec: the stream of single words, whose speakers also say the phrases.
            root: the data folder.
            options: how the model is run.
            said: how often each phrase is said, about.
            speech: continuous speech, as the model hears it.
            progress: called with (streams done, in total).

        Raises:
            KwsError: the model has no phrases, or other words than the stream; or as `evaluate_stream`.
        """
        self.info: ModelInfo = require_words(model, spec)
        grammar = require_grammar(self.info.decision)
        create(options.engine, model).close()
        specs = halves(spec)
        self.halves = len(specs)
        self.tolerance = options.tolerance
        self._speech = [recording for heard in speech for recording in heard.recordings]
        listener = _Listener(Runner(model, options.engine, root), root, specs, grammar.phrases)
        repeats = max(1, round(said / SAID_A_STREAM / len(specs)))
        jobs = [(h, p, r) for h in range(len(specs)) for p in range(len(grammar.phrases)) for r in range(repeats)]
        jobs += [(h, -1, piece) for h, one in enumerate(specs) for piece in range(one.pieces)]
        self._pieces: list[_Piece] = []
        with contextlib.closing(workers.run(listener, jobs, options.processes)) as results:
            for done, (_, piece) in enumerate(results, start=1):
                self._pieces.append(piece)
                if progress is not None:
                    progress(done, len(jobs))
        self._pieces.sort(key=lambda p: (p.half, p.phrase))
        self._sums: dict[int, list[Sums]] = {}
        self._speech_sums: dict[int, list[Sums]] = {}

    def count(self, grammar: GrammarConfig, which: Sequence[int] = (0, 1)) -> list[PhraseRates]:
        """How each phrase of a grammar does, with the words' own places in time left out of account.

        Args:
            grammar: phrases of the same words in the same order, any thresholds.
            which: halves of the speakers. Speech counts with the first.
        """
        return [self.rates(grammar, number, which) for number in range(len(grammar.phrases))]

    def rates(self, grammar: GrammarConfig, number: int, which: Sequence[int] = (0, 1)) -> PhraseRates:
        """How one phrase does; as :meth:`count`."""
        info, phrase = self.info, grammar.phrases[number]
        one = dataclasses.replace(grammar, phrases=(phrase,), wake="", window_frames=0, report_words=True)
        phrases = one.parameters(info.labels).phrases
        sums = self._all_sums(grammar.average_frames)
        in_speech = self._speech_sums[grammar.average_frames]

        def ends(of: Sequence[Sums]) -> Callable[[int], Iterable[int]]:
            return lambda index: (frame for frame, _ in completions(of[index], phrases, info.first_word)[0])

        return self._rates(phrase, number, which, ends(sums), ends(in_speech))

    def rates_by(
        self, number: int, phrase: Phrase, ends: Callable[[npt.NDArray[np.int8]], Iterable[int]]
    ) -> PhraseRates:
        """How a phrase does by another decision.

        Args:
            number: of the phrase in the model's grammar.
            phrase: that phrase.
            ends: gives, of a stream's int8 posteriors [frames, labels], the frames in which the phrase is reported.
        """
        both = (0, 1)
        return self._rates(
            phrase,
            number,
            both,
            lambda index: ends(self._pieces[index].posteriors),
            lambda index: ends(self._speech[index].posteriors),
        )

    def _rates(
        self,
        phrase: Phrase,
        number: int,
        which: Sequence[int],
        ends: Callable[[int], Iterable[int]],
        ends_in_speech: Callable[[int], Iterable[int]],
    ) -> PhraseRates:
        said = found = false = samples = 0
        for index, piece in enumerate(self._pieces):
            if piece.half not in which or piece.phrase not in (-1, number):
                continue
            times = [self.info.samples(frame) for frame in ends(index)]
            if piece.truth is None:
                said += len(piece.said)
                found += sum(any(s.starts[-1] <= t <= s.ends[-1] + self.tolerance for t in times) for s in piece.said)
            else:
                samples += piece.samples
                false += sum(not self._by_chance(piece.truth, phrase, t) for t in times)
        speech = self._speech if 0 in which else []
        spoken = sum(len(list(ends_in_speech(index))) for index in range(len(speech)))
        hours = [n / SAMPLE_RATE / 3600 for n in (samples, sum(r.samples for r in speech))]
        return PhraseRates(phrase.title, said, found, false, hours[0], spoken, hours[1])

    def _all_sums(self, average: int) -> list[Sums]:
        if average not in self._sums:
            self._sums = {average: [moving_sums(p.posteriors, average, self.info.first_word) for p in self._pieces]}
            self._speech_sums = {
                average: [moving_sums(r.posteriors, average, self.info.first_word) for r in self._speech]
            }
        return self._sums[average]

    def _by_chance(self, truth: Truth, phrase: Phrase, time: int) -> bool:
        """Whether the words of a phrase happen to be said in order just then."""
        words = [self.info.words.index(word) for word in phrase.words]
        within = phrase.within_frames * self.info.frontend.hop + self.tolerance
        heard = np.flatnonzero((truth.starts <= time) & (time <= truth.ends + self.tolerance)).tolist()
        now = [e for e in heard if truth.words[e] == words[-1]]
        for word in reversed(words[:-1]):
            now = [
                e
                for later in now
                for e in range(later)
                if truth.words[e] == word and truth.starts[later] - truth.ends[e] <= within
            ]
        return bool(now)
