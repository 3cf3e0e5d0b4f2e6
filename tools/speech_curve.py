"""How false accepts fall with the minutes of speech that a network is trained on, as a table and a plot.

For each amount a model is trained on so much of the folders of other speech and then listens to other recordings, all
of them, training parts too. A threshold is that at which a share of the validation words is missed
(`tools/equal_misses.py`), for means of several lengths.

    python tools/speech_curve.py CONFIG --data WORDS --speech DIR --judge DIR --noise DIR --rooms DIR \\
        --minutes 0 20 40 80 --out DIR

What is trained on must not hold what judges. An amount holds every smaller one. What is done is not done again.
CONFIG should name `negatives.pack = false`, or 40 minutes come on top.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import one_source_out
from one_source_out import Heard

from kws import config
from kws.config import DataConfig
from kws.datasets import roles
from kws.datasets.roles import Recording
from kws.datasets.splits import TRAINING, VALIDATION
from kws.errors import KwsError
from kws.evaluation import plots
from kws.evaluation.poisson import most_per_hour
from kws.files import write_atomic


def first(recordings: Sequence[Recording], most: float) -> list[Recording]:
    """Recordings of at most so many minutes, in an order that names decide, so that more hold fewer.

    Raises:
        KwsError: there are fewer minutes.
    """
    taken: list[Recording] = []
    minutes = 0.0
    for r in sorted(recordings, key=lambda r: hashlib.blake2b(r.path.name.encode()).digest()):
        minutes += one_source_out.minutes([r])
        if minutes > most:
            return taken
        taken.append(r)
    # A recording is of some minutes.
    if minutes < 0.95 * most:
        raise KwsError(f"there are {minutes:.0f} minutes to train on, fewer than {most:g}; give more --speech")
    return taken


def folders(
    speech: Sequence[Path], judge: Sequence[Path], data: DataConfig, most: float, out: Path
) -> tuple[Path | None, Path]:
    """Make a folder of so many minutes to train on, None of none, and one of all that judges.

    Raises:
        KwsError: fewer minutes than that, or as `kws.datasets.roles.speech`.
    """
    heard = out / "judge"
    one_source_out.link(judge, data, (heard,), lambda _: (heard, VALIDATION))
    if not most:
        return None, heard
    known = out / "speech"
    mine = {r.path for r in first([r for f in speech for r in roles.speech(f, data) if r.split == TRAINING], most)}
    one_source_out.link(speech, data, (known,), lambda r: (known, TRAINING) if r.path in mine else None)
    return known, heard


def plot(found: Mapping[float, Heard], averages: Sequence[float], path: Path) -> None:
    """Draw rates with their upper 95 % limits over the minutes; none stand at the left end."""
    drawn = plots.figure(6.0, 4.0)
    axes = drawn.add_subplot()
    for i, average in enumerate(averages):
        counts = [heard.false_accepts[i] for heard in found.values()]
        hours = [heard.hours for heard in found.values()]
        rates = [n / t for n, t in zip(counts, hours, strict=True)]
        limits = [(most_per_hour(n, t) or rate) - rate for n, t, rate in zip(counts, hours, rates, strict=True)]
        axes.errorbar(list(found), rates, [[0.0] * len(limits), limits], marker="o", label=f"mean of {average:g} ms")
    axes.set_xscale("symlog", linthresh=max(1.0, min((m for m in found if m), default=1.0)), linscale=0.3)
    axes.set_xticks(list(found), [f"{m:g}" for m in found])
    axes.minorticks_off()
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("minutes of speech trained on")
    axes.set_ylabel("false accepts per hour of speech")
    axes.legend()
    plots.save(drawn, path)


def main() -> None:
    """Train on each amount, print the table and draw the plot."""
    parser = one_source_out.parser_of(__doc__)
    parser.add_argument("--judge", type=Path, action="append", required=True, metavar="DIR", help="speech of people")
    parser.add_argument("--minutes", type=float, nargs="+", required=True, metavar="M")
    a = parser.parse_args()
    data = config.load(Path(a.config)).data
    found: dict[float, Heard] = {}
    for most in sorted(a.minutes):
        out = a.out / f"{most:g}"
        found[most] = one_source_out.trained(a, out, functools.partial(folders, a.speech, a.judge, data, most, out))
    text = one_source_out.table({f"{m:g}": heard for m, heard in found.items()}, a.averages_ms, "minutes")
    write_atomic(a.out / "curve.md", text + "\n")
    plot(found, a.averages_ms, a.out / "curve.png")
    print(text)


if __name__ == "__main__":
    main()
