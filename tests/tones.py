"""A data folder whose "words" are tones and chirps, which a tiny network learns in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from kws.config import AugmentConfig, DataConfig, Experiment, TrainingConfig
from kws.network import LstmConfig

WORDS = {"low": (400, 400), "high": (2500, 2500), "rise": (400, 3000), "fall": (3000, 400)}
MODEL_WORDS = {"yes": (400, 400), "no": (2000, 2000), "up": (400, 3000), "down": (3000, 400)}
"""The words that the models of random_models.py know."""
RATE = 16000


def write(root: Path, speakers: int = 30, words: dict[str, tuple[int, int]] | None = None) -> Path:
    """``root`` with one clip of 0.5 s of each word by each speaker, and an unknown word."""
    rng = np.random.default_rng(5)
    for word, (first, last) in {**(words or WORDS), "other": (1200, 1200)}.items():
        (root / word).mkdir(parents=True)
        for speaker in range(speakers):
            t = np.arange(RATE // 2) / RATE
            pitch = rng.uniform(0.8, 1.2)
            phase = 2 * np.pi * pitch * (first * t + (last - first) * t**2)
            envelope = np.clip(np.minimum(t - 0.1, 0.4 - t) * 50, 0, 1)
            x = 10 ** rng.uniform(-1.2, -0.3) * envelope * np.sin(phase) + 0.001 * rng.standard_normal(len(t))
            soundfile.write(root / word / f"s{speaker:02}_nohash_0.wav", x, RATE, "PCM_16")
    return root


def experiment(units: tuple[int, ...] = (24,), **training: object) -> Experiment:
    """Small enough for two seconds of training, hard enough to be worth it."""
    settings = {"epochs": 25, "batch_size": 24, "learning_rate": 0.02, "calibration_clips": 40, **training}
    return Experiment(
        name="tones",
        data=DataConfig(words=tuple(WORDS), clip_ms=500, validation_percent=25, testing_percent=5),
        augment=AugmentConfig(variants=3, time_shift_ms=30, speed_percent=3, time_masks=1, band_masks=1),
        network=LstmConfig(lstm_units=units, dropout=0.1),
        training=TrainingConfig(**settings),
    )
