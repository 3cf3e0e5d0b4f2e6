"""Where clips come from: folders of recordings, Speech Commands, synthetic speech; splits and augmentation."""

from kws.datasets.augment import NoiseSource, spec_augment
from kws.datasets.clips import (
    Clip,
    Example,
    background,
    everything,
    examples,
    index,
    is_synthetic,
    load,
)
from kws.datasets.splits import speaker_of, split_of

__all__ = [
    "Clip",
    "Example",
    "NoiseSource",
    "background",
    "everything",
    "examples",
    "index",
    "is_synthetic",
    "load",
    "speaker_of",
    "spec_augment",
    "split_of",
]
