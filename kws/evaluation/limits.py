"""What the figures of an evaluation cannot tell, in sentences: who was heard, and what was not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kws.config import BY_TAKE, DataConfig
from kws.datasets import clips as clip_lists
from kws.datasets.clips import Clip
from kws.datasets.splits import TRAINING, speaker_of
from kws.evaluation.negatives import Negatives
from kws.evaluation.poisson import upper_limit
from kws.evaluation.stream.spec import StreamSpec
from kws.model.file import ModelInfo

FEW_SPEAKERS = 20
"""Fewer people than that say little about people in general."""
FEW_OTHERS = 100
"""Fewer clips of other words than that say little about other words."""


@dataclass(frozen=True)
class Scope:
    """Whom and what an evaluation heard.

    Attributes:
        split: what was evaluated.
        speakers: how many people say the words to spot.
        trained: how many of them speak in training clips, too; all clips of the data folder's
            training split are taken for such.
        by_take: whether the model's data were split by take.
        others: clips of other words that were heard.
        synthetic: whether the data folder says that it is synthetic speech.
        same_data: whether the model was trained on a folder of that name.
    """

    split: str
    speakers: int
    trained: int
    by_take: bool
    others: int
    synthetic: bool
    same_data: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return dataclasses.asdict(self)


def scope(info: ModelInfo, data: DataConfig, root: Path, split: str, heard: Iterable[Clip]) -> Scope:
    """Whom and what an evaluation heard.

    Args:
        info: of the model.
        data: how its clips were split.
        root: the data folder.
        split: what was evaluated.
        heard: the clips.

    Raises:
        KwsError: as `kws.datasets.clips.index`.
    """
    clips = list(heard)
    training = {c.speaker for c in clip_lists.index(root, data) if c.split == TRAINING}
    people = {c.speaker for c in clips if c.word in info.spoken}
    return Scope(
        split,
        len(people),
        len(people & training),
        data.split_by == BY_TAKE,
        sum(c.word not in info.spoken for c in clips),
        clip_lists.is_synthetic(root),
        root.resolve().name in _trained_on(info),
    )


def scope_of_stream(info: ModelInfo, data: DataConfig, root: Path, spec: StreamSpec) -> Scope:
    """Whom and what a stream was made of; see `scope`."""
    named = [(word, name) for word, names in spec.wanted.items() for name in names]
    named += [(Path(name).parts[0], name) for name in spec.unwanted]
    heard = [Clip(root / name, word, speaker_of(name), spec.split) for word, name in named]
    return scope(info, data, root, spec.split, heard)


def _trained_on(info: ModelInfo) -> set[str]:
    """The names of the folders that a model was trained on, as far as its provenance tells."""
    folders = (folder for data in info.training_data for folder in data.get("folders", [data]))
    return {str(f["name"]) for f in folders if isinstance(f, dict) and "name" in f}


def sentences(
    found: Scope, negatives: Negatives, speech: tuple[float, int] | None = None, familiar: Sequence[str] = ()
) -> list[str]:
    """What the figures cannot tell, the most important first.

    Args:
        found: whom and what the evaluation heard.
        negatives: false accepts on the recordings that come with kws.
        speech: hours of different speech of the user's in which false accepts were counted, and recordings of it.
        familiar: collections that were trained on by other recordings.
    """
    said = []
    if found.synthetic:
        said.append("synthetic speech: this says nothing about people")
    said += _of_people(found)
    if not found.others:
        said.append("no other words in the data: whether it refuses them shows on the shipped negatives alone")
    elif found.others < FEW_OTHERS:
        said.append(f"{found.others} clips of other words only: this says little about the words it should refuse")
    if speech is None:
        return said + of_negatives(negatives)
    return [*said, of_speech(*speech), *of_familiar(familiar)]


def of_speech(hours: float, recordings: int) -> str:
    """What false accepts on so much different speech cannot tell."""
    if not hours:
        return "all of the speech says a word to spot, or was not written down: false accepts on it are not measured"
    amount = f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"
    return (
        f"{amount} of different speech, of {recordings} recordings: no event in T hours means at most 3/T per"
        f" hour, here {upper_limit(0) / hours:.1f}, so a lower rate cannot be shown; what comes from one place speaks"
        " for that place"
    )


def of_familiar(collections: Sequence[str]) -> list[str]:
    """What false accepts on collections that were trained on, by other recordings, cannot tell."""
    if not collections:
        return []
    names = ", ".join(collections)
    return [f"other recordings of {names} were trained on: sources that were not give more false accepts"]


def _of_people(found: Scope) -> list[str]:
    said = []
    few = f"{found.speakers} speaker{'s' if found.speakers != 1 else ''} only"
    if found.split == TRAINING:
        said.append("the clips of the training itself: others will do worse")
    elif found.split == "all" and found.same_data:
        said.append("every clip of a folder that was trained on: clips of the training are among these")
    elif found.split == "all":
        said.append("every clip of the folder: whether the model was trained on these speakers cannot be told")
    elif found.trained:
        rule = "split by take: " if found.by_take else ""
        who = "the same person is" if found.speakers == 1 else f"{found.trained} of {found.speakers} speakers are"
        said.append(f"{rule}{who} in training and here, so this says nothing about other people")
    if found.speakers < FEW_SPEAKERS:
        said.append(f"{few}: how many strangers are missed is not measured")
    return said


def of_negatives(negatives: Negatives) -> list[str]:
    """What the false accepts on the shipped negatives cannot tell."""
    total, speech = negatives.total, negatives.speech
    said = []
    if not total.seconds:
        return ["no foreign speech in the data, and all that is shipped says the words: false accepts are not measured"]
    if not speech.seconds:
        said.append("the words to spot are said all over the shipped speech: false accepts on speech are not measured")
    said.append(
        f"no foreign speech in the data: false accepts are counted on {total.seconds / 60:.1f} minutes that come with"
        f" kws, {speech.voices} speakers of English, music and noise: no event in T hours means at most 3/T per hour,"
        f" here {upper_limit(0) / total.hours:.0f}, so a lower rate cannot be shown"
    )
    if negatives.said:
        said.append(f"{negatives.said:.0f} s of the shipped speech say a word to spot and are left out")
    return said
