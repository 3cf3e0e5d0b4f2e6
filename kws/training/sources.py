"""The clips of a training: what is made of its folders, and what its provenance says of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kws import audio
from kws.config import BY_SPEAKER, SAMPLE_RATE, AugmentConfig, Experiment
from kws.datasets import clips as clip_lists
from kws.datasets import negatives, roles
from kws.datasets.clips import Clip
from kws.datasets.splits import TRAINING, VALIDATION, key
from kws.errors import KwsError
from kws.text import decoded
from kws.training import features as feature_maker
from kws.training import losses, negative_features, sentence_features
from kws.training import sentences as sentence_lists
from kws.training.features import Recipe
from kws.training.negative_features import Recipe as NegativeRecipe
from kws.training.sentence_features import Recipe as SentenceRecipe
from kws.training.sentences import Sentences

_TAKES = 'or, where one person or very few speak, set data.split_by = "take"'


LISTENING = "listening"
"""Validation clips of words, as recorded and at 10 dB."""
_LISTENING_DB = 10.0
PACK = "pack"
"""Name of the negatives that come with kws."""


@dataclass(frozen=True)
class Sources:
    """What a training hears.

    Attributes:
        clips: what makes the features of clips, by split; :data:`LISTENING` where there are negatives to validate with.
        negatives: what makes the features of negatives.
        left_out: how many training clips were left out.
        sentences: what is learned from as transcribed, or None.
    """

    clips: dict[str, Recipe]
    negatives: list[NegativeRecipe]
    left_out: int = 0
    sentences: Sentences | None = None

    def settled(self, experiment: Experiment) -> Experiment:
        """The experiment with what only its recordings tell: the tokens of sentences."""
        return experiment if self.sentences is None else self.sentences.settled(experiment)

    def sentence_recipe(self, experiment: Experiment) -> SentenceRecipe | None:
        """What makes the features of the sentences; they are heard in the rooms and over the noise that words are."""
        if self.sentences is None:
            return None
        words = self.clips[TRAINING]
        stretches = tuple(s.stretch for s in self.sentences.chosen)
        return SentenceRecipe(experiment, stretches, words.background, words.rooms)

    @property
    def splits(self) -> dict[str, Recipe]:
        """What makes the features of training and validation clips."""
        return {split: recipe for split, recipe in self.clips.items() if split != LISTENING}


def find(
    experiment: Experiment,
    folders: Sequence[Path],
    others: roles.Folders = roles.NOTHING,
    leave_out: Collection[str] = (),
) -> Sources:
    """What a training hears in its folders.

    Args:
        experiment: the settings.
        folders: folders of word folders.
        others: folders of the other roles; ``negatives.pack`` adds the one that comes with kws.
        leave_out: training clips not to hear, as split lists name them; clips of other splits stay.

    Raises:
        KwsError: a folder is missing, holds nothing or is for evaluation alone; a word has no
            clip to train on, or none has one to validate with; no clip to leave out is there; no sentence is left.
    """
    negatives.refuse_to_train([*folders, *others.speech, *others.noise, *others.rooms])
    recordings = roles.everything(others, experiment.data)
    listed, left_out = _kept(clip_lists.collect(folders, experiment.data), leave_out)
    made = _recipes(experiment, folders, listed, recordings)
    config = experiment.negatives
    pack = roles.speech(negatives.TRAINING_PACK, experiment.data) if config.pack else []
    said = None
    if experiment.training.sentences:
        packs = [negatives.TRAINING_PACK] if config.pack else []
        said = sentence_lists.find(experiment, [*others.speech, *packs])
        recordings, pack = said.without(recordings), said.without(pack)
    if config.share == 0:
        return Sources(made, [], left_out, said)
    found = negative_features.recipes(experiment, recordings, made[VALIDATION].background)
    if pack:
        found += negative_features.recipes(experiment, pack, made[VALIDATION].background, PACK)
    # Listening takes means over half a second, and what orders words names each for a frame or two.
    spikes = losses.named(experiment.training.loss).orders_words
    if not spikes and any(r.split == VALIDATION for r in found):
        words = [e for e in made[VALIDATION].examples if not experiment.data.labels[e.label].startswith("_")]
        under = [r.path for r in negative_features.of_split(recordings, roles.NOISE, VALIDATION)]
        noisy = AugmentConfig(
            variants=2,
            speed_percent=0,
            time_shift_ms=0,
            gain_db=(0, 0),
            noise_probability=1,
            snr_db=(_LISTENING_DB, _LISTENING_DB),
            babble_probability=0,
            rooms_probability=0,
            seed=experiment.augment.seed,
        )
        background = tuple(under) or made[VALIDATION].background
        made[LISTENING] = Recipe(
            experiment, VALIDATION, tuple(words), background, noisy.variants, augment=noisy, purpose=LISTENING
        )
    return Sources(made, found, left_out, said)


def _kept(listed: Sequence[Clip], leave_out: Collection[str]) -> tuple[list[Clip], int]:
    """Clips without the training clips that are named (``word/file``), and how many those were."""
    named = {clip for clip in listed if decoded(key(clip.path)) in leave_out} if leave_out else set()
    if leave_out and not named:
        raise KwsError(f"none of the {len(leave_out)} clips to leave out is in the data; is the list another folder's?")
    out = {clip for clip in named if clip.split == TRAINING}
    return [clip for clip in listed if clip not in out], len(out)


def recipes(
    experiment: Experiment, folders: Sequence[Path], others: Sequence[roles.Recording] = ()
) -> dict[str, Recipe]:
    """What makes the features of the training and of the validation clips of all folders.

    Training clips have ``augment.variants`` variants, validation clips are as recorded. Testing
    clips are left alone.

    Args:
        experiment: the settings.
        folders: folders of word folders.
        others: recordings of the other roles, in which and over which training clips may be heard.

    Raises:
        KwsError: a folder is missing, holds no clips or is for evaluation alone; a word has no
            clip to train on, or none has one to validate with.
    """
    negatives.refuse_to_train(folders)
    return _recipes(experiment, folders, clip_lists.collect(folders, experiment.data), others)


def _recipes(
    experiment: Experiment, folders: Sequence[Path], listed: Sequence[Clip], others: Sequence[roles.Recording]
) -> dict[str, Recipe]:
    background = tuple(path for folder in folders for path in clip_lists.background(folder))
    made = {}
    speech, noise = (
        tuple(r.path for r in negative_features.of_split(others, role, TRAINING))
        for role in (roles.SPEECH, roles.NOISE)
    )
    # What never sounds under a word makes no difference to its features.
    speech = speech if experiment.augment.babble_probability else ()
    rooms = tuple(r.path for r in others if r.role == roles.ROOMS)
    for split, variants in ((TRAINING, experiment.augment.variants), (VALIDATION, 1)):
        chosen = clip_lists.examples(listed, experiment.data, split, experiment.augment.seed)
        made[split] = Recipe(experiment, split, tuple(chosen), background, variants)
    made[TRAINING] = replace(made[TRAINING], background=(*background, *noise), speech=speech, rooms=rooms)
    _require_clips(made)
    return made


def _require_clips(made: dict[str, Recipe]) -> None:
    config = made[TRAINING].experiment.data
    takes = f", {_TAKES}" if config.split_by == BY_SPEAKER else ""
    spoken = {i for i, label in enumerate(config.labels) if not label.startswith("_")}
    trained = {e.label for e in made[TRAINING].examples}
    silent = [config.labels[i] for i in sorted(spoken - trained)]
    if silent:
        raise KwsError(
            f"no clips of {', '.join(silent)} are left for training; record more speakers, "
            f"lower data.validation_percent and data.testing_percent{takes}"
        )
    if not any(e.label in spoken for e in made[VALIDATION].examples):
        raise KwsError(
            "no clips are left for validation; record more speakers, raise data.validation_percent, "
            f"list some clips in validation_list.txt{takes}"
        )


def provenance(folders: Sequence[Path], found: Sources, others: roles.Folders = roles.NOTHING) -> dict[str, Any]:
    """What a run's provenance says of the folders: names, numbers of clips and a fingerprint, but no paths.

    Of negatives it says the hours, by source.
    """
    made = found.splits
    listed = [feature_maker.listing(r) for r in made.values()]
    if found.negatives:
        listed.append([negative_features.listing(r) for r in found.negatives])
    said = found.sentences
    if said is not None and (recipe := found.sentence_recipe(made[TRAINING].experiment)) is not None:
        listed.append([sentence_features.listing(recipe), [s.tokens for s in said.chosen]])
    listing = json.dumps(listed)
    each = [{"name": f.resolve().name, "synthetic": clip_lists.is_synthetic(f)} for f in folders]
    return {
        "name": " + ".join(str(folder["name"]) for folder in each),
        "synthetic": all(folder["synthetic"] for folder in each),
        **({"folders": each} if len(each) > 1 else {}),
        "clips": {split: _counts(r) for split, r in made.items()},
        **({"left_out": found.left_out} if found.left_out else {}),
        **({"others": _others(others)} if found.negatives or said is not None else {}),
        **({"negatives": [_hours(r) for r in found.negatives]} if found.negatives else {}),
        **({"sentences": _told(said)} if said is not None else {}),
        "fingerprint": hashlib.sha256(listing.encode()).hexdigest()[:16],
    }


def _told(said: Sentences) -> dict[str, Any]:
    tokens = sum(len(s.tokens) for s in said.chosen)
    return {"count": len(said.chosen), "hours": round(said.hours, 3), "tokens": tokens, "left_out": said.left_out}


def _others(others: roles.Folders) -> dict[str, list[str]]:
    named = {"speech": others.speech, "noise": others.noise, "rooms": others.rooms}
    return {role: [folder.resolve().name for folder in folders] for role, folders in named.items() if folders}


def _hours(recipe: NegativeRecipe) -> dict[str, Any]:
    hours: dict[str, float] = {}
    for r in recipe.recordings:
        samples = round(audio.info(r.path).seconds * SAMPLE_RATE)
        heard = sum(last - first for first, last in roles.usable(r, samples, recipe.doubtful))
        hours[r.source] = hours.get(r.source, 0.0) + heard / SAMPLE_RATE / 3600
    return {
        "kind": recipe.name or recipe.kind,
        "split": recipe.split,
        "hours": {source: round(value, 3) for source, value in sorted(hours.items())},
    }


def _counts(recipe: Recipe) -> dict[str, int]:
    labels = recipe.experiment.data.labels
    counts = np.bincount([e.label for e in recipe.examples], minlength=len(labels))
    return {label: int(n) for label, n in zip(labels, counts, strict=True)}
