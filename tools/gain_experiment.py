"""Does a gain normalisation in the front end earn its place? Trains small networks with and without it.

    python tools/gain_experiment.py configs/commands12.toml --data data/speech_commands

The normalisation tried is a per-band noise floor in the integer log-mel domain: it falls to a
band's value at once, rises by one step (0.6 dB) every 160 ms, and is subtracted. Prints float
accuracy on the validation clips at several gains (clipped at full scale), which decides: a
network trained on many gains may need no normalisation (docs/DESIGN.md).
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws import config
from kws.cli import console
from kws.datasets import clips as clip_lists
from kws.datasets.augment import NoiseSource
from kws.errors import KwsError
from kws.network import LstmConfig
from kws.training import features as feature_maker
from kws.training import sources
from kws.training.batches import TrainingSet, ValidationSet
from kws.training.stream_trainer import StreamTrainer

GAINS_DB = (-30, -20, -10, 0, 6, 12)
_RISE_MS = 160.0
# Where the floor comes to lie among the int8 features.
_FLOOR = -90


def normalise(features: npt.NDArray[np.int8], rise: int) -> npt.NDArray[np.int8]:
    """Subtract each band's slow floor, which rises every ``rise`` frames: int8 [n, frames, bands] to the same."""
    x = features.astype(np.int16)
    out = np.empty_like(features)
    floor = x[:, 0].copy()
    for t in range(x.shape[1]):
        floor = np.minimum(floor + (t % rise == 0), x[:, t])
        out[:, t] = np.clip(x[:, t] - floor + _FLOOR, -128, 127)
    return out


def _features(pcm: npt.NDArray[np.int16], experiment: config.Experiment) -> npt.NDArray[np.int8]:
    return np.concatenate([experiment.frontend.twin(len(block)).process(block) for block in np.array_split(pcm, 64)])


def main() -> None:
    """Run the experiment."""
    parser = argparse.ArgumentParser(description="accuracy by gain, with and without a floor subtracted")
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--units", type=int, default=48, help="LSTM width")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--cache", type=Path, help="where features are kept")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    options = parser.parse_args()
    base = config.load(options.config)
    if not isinstance(base.network, LstmConfig):
        raise KwsError(f"{options.config} does not train LSTMs; take configs/commands12.toml")
    cache = options.cache or Path(tempfile.mkdtemp(prefix="kws-gain-"))
    rise = base.frontend.frames_in(_RISE_MS)
    validation = sources.recipes(base, [options.data])["validation"]
    noise = NoiseSource(validation.background, base.data.clip_samples, base.augment.seed)
    pcm, labels = clip_lists.load(validation.examples, base.data, noise)
    order = np.random.default_rng(0).permutation(len(labels))
    pcm, labels = pcm[order], labels[order]
    heard = []
    with console.progress("gains") as progress:
        for done, gain in enumerate(GAINS_DB, 1):
            louder = np.clip(np.rint(pcm * 10 ** (gain / 20)), -32768, 32767).astype(np.int16)
            heard.append(_features(louder, base))
            progress(done, len(GAINS_DB))
    recipe = sources.recipes(base, [options.data])["training"]
    with console.progress("features") as progress:
        made = feature_maker.features(recipe, cache, progress, shared=True)
    trained_labels = np.array([e.label for e in recipe.examples], np.int32)
    rows = []
    for with_floor in (False, True):
        for seed in options.seeds:
            experiment = dataclasses.replace(
                base,
                network=LstmConfig((options.units,), base.network.dropout),
                training=dataclasses.replace(base.training, epochs=options.epochs, seed=seed),
            )
            x = made.features
            if with_floor:
                x = normalise(x.reshape(-1, *x.shape[2:]), rise).reshape(x.shape)
            trainer = StreamTrainer(experiment, TrainingSet(x, made.ends, trained_labels))
            for epoch in range(1, options.epochs + 1):
                with console.progress(f"epoch {epoch}") as progress:
                    trainer.epoch(epoch, progress)
            row = ["floor" if with_floor else "plain", str(seed)]
            for seen in heard:
                metrics = trainer.validate(ValidationSet(normalise(seen, rise) if with_floor else seen, labels))
                row.append(f"{100 * metrics.from_reset:.2f}")
            rows.append(row)
    console.table(("features", "seed", *(f"{g:+d} dB" for g in GAINS_DB)), rows, "accuracy by gain, per cent")


if __name__ == "__main__":
    main()
