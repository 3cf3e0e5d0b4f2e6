"""The clips of a training: what is made of its folders, and what its provenance says of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kws.config import BY_SPEAKER, Experiment
from kws.datasets import clips as clip_lists
from kws.datasets import negatives
from kws.datasets.splits import TRAINING, VALIDATION
from kws.errors import KwsError
from kws.training import features as feature_maker
from kws.training.features import Recipe

_TAKES = 'or, where one person or very few speak, set data.split_by = "take"'


def recipes(experiment: Experiment, folders: Sequence[Path]) -> dict[str, Recipe]:
    """What makes the features of the training and of the validation clips of all folders.

    Training clips have ``augment.variants`` variants, validation clips are as recorded. Testing
    clips are left alone.

    Raises:
        KwsError: a folder is missing, holds no clips or is for evaluation alone; a word has no
            clip to train on, or none has one to validate with.
    """
    negatives.refuse_to_train(folders)
    listed = clip_lists.collect(folders, experiment.data)
    background = tuple(path for folder in folders for path in clip_lists.background(folder))
    made = {}
    for split, variants in ((TRAINING, experiment.augment.variants), (VALIDATION, 1)):
        chosen = clip_lists.examples(listed, experiment.data, split, experiment.augment.seed)
        made[split] = Recipe(experiment, split, tuple(chosen), background, variants)
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


def provenance(folders: Sequence[Path], made: dict[str, Recipe]) -> dict[str, Any]:
    """What a run's provenance says of the folders: names, numbers of clips and a fingerprint, but no paths."""
    listing = json.dumps([feature_maker.listing(r) for r in made.values()])
    each = [{"name": f.resolve().name, "synthetic": clip_lists.is_synthetic(f)} for f in folders]
    return {
        "name": " + ".join(str(folder["name"]) for folder in each),
        "synthetic": all(folder["synthetic"] for folder in each),
        **({"folders": each} if len(each) > 1 else {}),
        "clips": {split: _counts(r) for split, r in made.items()},
        "fingerprint": hashlib.sha256(listing.encode()).hexdigest()[:16],
    }


def _counts(recipe: Recipe) -> dict[str, int]:
    labels = recipe.experiment.data.labels
    counts = np.bincount([e.label for e in recipe.examples], minlength=len(labels))
    return {label: int(n) for label, n in zip(labels, counts, strict=True)}
