"""Words missed where models fire equally often: how docs/wake-word.md judges a wake word.

The least threshold, one for all words, at which no more than a number of false accepts is made in the recordings of
speech, music and noise together; with it the share of the validation words that is missed, as recorded and with noise.
A few dozen takes and an hour of speech show no more than that: both counts and their limits are printed.

    python tools/equal_false_accepts.py MODEL... --data WORDS --speech DIR --noise DIR --false-accepts 0 1 4
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import equal_misses
import numpy as np

from kws.datasets.roles import Folders
from kws.evaluation.clip.conditions import CLEAN, Condition
from kws.evaluation.poisson import most_per_hour
from kws.fixedpoint.decisions.detector import detect, moving_sums
from kws.fixedpoint.posterior import POSTERIOR_SCALE
from kws.model.file import Model


@dataclass(frozen=True)
class Row:
    """What is missed at one threshold.

    Attributes:
        threshold: of the mean posterior.
        fired: false accepts.
        missed: words in each condition.
    """

    threshold: float
    fired: int
    missed: tuple[int, ...]


def measure(model: Model, heard: equal_misses.Heard, frames: int, most: Sequence[int]) -> list[Row]:
    """A row for each number of false accepts.

    Args:
        model: that heard.
        heard: words and recordings (`equal_misses.listen`).
        frames: of the mean.
        most: false accepts in all recordings together.
    """
    sums = [moving_sums(posteriors, frames, heard.first) for _, _, posteriors in heard.recordings]
    conditions = heard.words[0][1].shape[0]
    scores = [np.array(heard.scores(frames, condition)) for condition in range(conditions)]

    def fired(least: int) -> int:
        detector = equal_misses.detector_at(model, frames, least)
        return sum(len(detect(stream, detector)) for stream in sums)

    rows = []
    for limit in most:
        low, high = 1, 255 * frames + 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if fired(middle) <= limit else (middle + 1, high)
        missed = tuple(int((scored < low).sum()) for scored in scores)
        rows.append(Row(low * POSTERIOR_SCALE / frames, fired(low), missed))
    return rows


def main() -> None:
    """Print the shares of each model."""
    parser = equal_misses.parser_of(__doc__)
    parser.add_argument("--average-ms", type=float, nargs="+", default=[500.0, 700.0])
    parser.add_argument("--false-accepts", type=int, nargs="+", default=[0, 1, 4])
    parser.add_argument("--snr", type=float, nargs="+", default=[10.0, 5.0], metavar="DB")
    a = parser.parse_args()
    folders = Folders(speech=tuple(a.speech), noise=tuple(a.noise))
    conditions = (CLEAN, *(Condition("snr", db) for db in a.snr))
    for path in a.models:
        model = Model.load(path)
        heard = equal_misses.listen(model, a.data, folders, conditions)
        words, hours = sum(len(batch) for batch, _ in heard.words), sum(heard.hours.values())
        print(f"{path}: {words} takes, {', '.join(f'{h:.2f} h of {source}' for source, h in heard.hours.items())}")
        for milliseconds in a.average_ms:
            frames = model.require_info().frontend.frames_in(milliseconds)
            for row in measure(model, heard, frames, a.false_accepts):
                shares = ", ".join(
                    f"{'clean' if condition is CLEAN else f'{condition.db:g} dB'} {100 * missed / words:.1f} %"
                    for condition, missed in zip(conditions, row.missed, strict=True)
                )
                rate = f"{row.fired} false accepts, at most {most_per_hour(row.fired, hours):.1f} an hour"
                print(f"  {milliseconds:g} ms, threshold {row.threshold:.3f}: {rate}; missed {shares}", flush=True)


if __name__ == "__main__":
    main()
