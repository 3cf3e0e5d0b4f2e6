"""The phones of words, asked of espeak-ng where a configuration does not spell them."""

from __future__ import annotations

import dataclasses

from kws.config import Experiment
from kws.datasets import espeak
from kws.spelling import PHONES


def with_phones(experiment: Experiment) -> Experiment:
    """The experiment with spellings of its words; as it is, where it needs none or has them.

    Raises:
        KwsError: espeak-ng is missing.
    """
    data = experiment.data
    if data.tokens != PHONES or data.spellings:
        return experiment
    lines = tuple(" ".join([word, *said]) for word, said in zip(data.words, espeak.phonemes(data.words), strict=True))
    return dataclasses.replace(experiment, data=dataclasses.replace(data, spellings=lines))
