"""Clips that are perhaps not what their folder says: independently trained teachers agree on something else."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import runs
from kws.config import Experiment
from kws.datasets import clips as clip_lists
from kws.datasets.clips import Clip
from kws.datasets.splits import TRAINING, key, named
from kws.errors import KwsError, UsageError
from kws.files import read_file, scratch, write_atomic
from kws.text import decoded
from kws.training import features as feature_maker
from kws.training.distillation import Teacher, as_labels
from kws.training.features import Recipe
from kws.types import Floats, StageProgress, silent

COLUMNS = ("clip", "split", "speaker", "label", "heard_as", "probability")
FEWEST = 2
"""Teachers: what one alone says against a label may be its own mistake."""


@dataclass(frozen=True)
class Doubt:
    """A clip that all teachers hear as the same other label.

    Attributes:
        clip: the clip.
        label: what its folder says.
        heard: what they hear.
        probability: of that, mean over the teachers.
    """

    clip: Clip
    label: str
    heard: str
    probability: float

    @property
    def name(self) -> str:
        """``word/file`` without the suffix, as split lists name clips."""
        return decoded(key(self.clip.path))

    @property
    def is_trained_on(self) -> bool:
        """Whether leaving it out changes a training: in other splits it is listed, and stays."""
        return self.clip.split == TRAINING


def doubts(root: Path, teachers: Sequence[Path], progress: StageProgress | None = None) -> list[Doubt]:
    """The clips of a folder on which all teachers agree against the label; by split, the surest first.

    The words are the first teacher's; clips of other words count as unknown.

    Args:
        root: a folder of word folders.
        teachers: runs of teachers, trained independently of each other.
        progress: called with (stage, clips done, clips in total).

    Raises:
        UsageError: fewer than two teachers, or the same one twice.
        KwsError: not the run of a teacher; teachers that lack the first one's words; no clips.
    """
    if len(teachers) < FEWEST:
        raise UsageError(f"labels are doubted where {FEWEST} teachers or more agree; give --teacher again")
    weights = [runs.digest(run / runs.WEIGHTS) for run in teachers]
    if len(set(weights)) < len(weights):
        raise UsageError("two of the teachers are the same network; train them independently, with other seeds")
    tell = progress if progress is not None else silent
    # All of them are read before hours of clips are heard by the first.
    loaded = [Teacher.load(run) for run in teachers]
    first = loaded[0][1]
    listed = clip_lists.index(root, first.data)
    examples = tuple(clip_lists.everything(listed, first.data))
    recipe = Recipe(first, TRAINING, examples, (), 1)
    heard = [_posteriors(run, *one, first, recipe, tell) for run, one in zip(teachers, loaded, strict=True)]
    guesses = np.stack([p.argmax(axis=1) for p in heard])
    labels = np.array([e.label for e in examples])
    against = (guesses == guesses[0]).all(axis=0) & (guesses[0] != labels)
    mean = np.mean(heard, axis=0)
    names = first.data.labels
    found = [
        Doubt(listed[i], names[labels[i]], names[guesses[0, i]], float(mean[i, guesses[0, i]]))
        for i in np.flatnonzero(against)
    ]
    return sorted(found, key=lambda d: (d.clip.split != TRAINING, d.clip.split, -d.probability, d.name))


def _posteriors(
    run: Path, teacher: Teacher, settings: Experiment, first: Experiment, recipe: Recipe, tell: StageProgress
) -> Floats:
    """A teacher's posteriors of clips as they are recorded, in the first one's labels, float32 [clips, labels]."""
    own = Recipe(settings, recipe.split, recipe.examples, recipe.background, recipe.variants)
    with scratch("labels") as folder:
        made = feature_maker.features(own, folder, lambda done, total: tell(f"features for {run.name}", done, total))
    posteriors = teacher.posteriors(made.features[:, 0], lambda done, total: tell(f"asking {run.name}", done, total))
    return as_labels(posteriors, settings, first)


def table(found: Sequence[Doubt]) -> str:
    """The list as tab-separated text with a line of column names; `read` takes it."""
    out = io.StringIO()
    rows = csv.writer(out, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    rows.writerow(COLUMNS)
    for d in found:
        cells = (d.name, d.clip.split, decoded(d.clip.speaker), d.label, d.heard)
        rows.writerow([*(" ".join(cell.split()) for cell in cells), f"{d.probability:.3f}"])
    return out.getvalue()


def write(found: Sequence[Doubt], path: Path) -> None:
    """Write the list.

    Raises:
        KwsError: the file cannot be written.
    """
    write_atomic(path, table(found))


def read(path: Path) -> frozenset[str]:
    """The clips that a list names: ``word/file``, with or without suffix, first in each line.

    Raises:
        KwsError: the file cannot be read or names no clip.
    """
    try:
        lines = read_file(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KwsError(f"cannot read {path}: {error}; it is text, one word/file a line") from error
    clips = [line.split("\t")[0].strip() for line in lines]
    found = frozenset(named(clip) for clip in clips if "/" in clip.replace("\\", "/"))
    if not found and clips[:1] != [COLUMNS[0]]:
        raise KwsError(f"{path} names no clip; it is text, one word/file a line")
    return found
