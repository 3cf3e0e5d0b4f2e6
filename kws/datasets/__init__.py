"""Where clips come from: folders of recordings, Speech Commands, synthetic speech; splits and augmentation."""

from kws.datasets.augment import NoiseSource, augment, spec_augment
from kws.datasets.clips import Clip, Example, background, everything, examples, index, load, speaker_of, split_of

__all__ = [
    "Clip",
    "Example",
    "NoiseSource",
    "augment",
    "background",
    "everything",
    "examples",
    "index",
    "load",
    "spec_augment",
    "speaker_of",
    "split_of",
]
