"""How well do words of one's own do with few recordings? Measures what docs/own-words.md says.

    python tools/own_words.py configs/own-words.toml --data data/speech_commands --from models/commands12.tflite

Plays a person with a few recordings of each of the configuration's words, or none: of each, some clips
by different speakers from the data set's training split become "my recordings"; espeak-ng says
the same words and similar ones, or ``--synthetic`` names what other voices said; the data set's other words are
"other recordings". Then networks are trained on several mixtures of these, and evaluated on the data set's
validation clips: all of the words, and a few of each other word. Nobody is in both.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import config, runs
from kws.cli import console
from kws.cli.options import add_roles, roles_of
from kws.datasets import clips as clip_lists
from kws.datasets import synthetic
from kws.datasets.splits import LISTS, TESTING, TRAINING, VALIDATION
from kws.decisions import first_word
from kws.evaluation.clip.decision import clip_labels
from kws.training import features as feature_maker
from kws.training.train import TrainOptions, train
from kws.types import Floats

# How it starts, on what it learns: m(y recordings), s(ynthetic speech), o(ther recordings).
ARMS = (("all", "mso"), ("head", "mso"), ("scratch", "mso"), ("all", "mo"), ("all", "ms"), ("all", "so"))
_FROM_SCRATCH_RATE = 0.003
_OTHER_CLIPS = 12
_MOST_NATS, _HALVINGS = 12.0, 16


def _play(
    experiment: config.Experiment, data: Path, takes: int, out: Path, synthetic_takes: Path | None
) -> dict[str, Path]:
    """Make the folders of a person with few recordings; returns them by their letter."""
    rng = np.random.default_rng(1)
    listed = clip_lists.index(data)
    folders = {"m": out / "mine", "s": synthetic_takes or out / "synthetic", "o": out / "others"}
    for letter in "mo":
        shutil.rmtree(folders[letter], ignore_errors=True)
    for word in experiment.data.words:
        clips = [c for c in listed if c.word == word and c.split == TRAINING]
        by_speaker = {clips[i].speaker: clips[i] for i in rng.permutation(len(clips))}
        (folders["m"] / word).mkdir(parents=True)
        for number, clip in enumerate(list(by_speaker.values())[:takes], start=1):
            shutil.copy(clip.path, folders["m"] / word / f"me_{number:02}{clip.path.suffix}")
    folders["o"].mkdir()
    held_out = {(c.word, c.path.stem) for c in listed if c.split != TRAINING}
    (folders["o"] / LISTS[TESTING]).write_text(
        "".join(f"{word}/{stem}.wav\n" for word, stem in sorted(held_out)), encoding="utf-8", errors="surrogateescape"
    )
    for folder in (*clip_lists.word_folders(data), data / clip_lists.BACKGROUND):
        if folder.name not in experiment.data.words and folder.is_dir():
            (folders["o"] / folder.name).symlink_to(folder.resolve())
    if not folders["s"].exists():
        with console.progress("speaking") as progress:
            synthetic.make(experiment.data.words, folders["s"], takes_per_voice=2, progress=progress)
    return folders


def _evaluated(experiment: config.Experiment, data: Path) -> feature_maker.Recipe:
    held_out = [c for c in clip_lists.index(data) if c.split == VALIDATION]
    rng = np.random.default_rng(2)
    chosen = [c for c in held_out if c.word in experiment.data.words]
    for word in sorted({c.word for c in held_out} - set(experiment.data.words)):
        clips = [c for c in held_out if c.word == word]
        chosen += [clips[i] for i in rng.permutation(len(clips))[:_OTHER_CLIPS]]
    examples = tuple(clip_lists.everything(chosen, experiment.data))
    return feature_maker.Recipe(experiment, TESTING, examples, (), 1)


def _right_where_refused(
    posteriors: Floats, labels: npt.NDArray[np.integer[Any]], experiment: config.Experiment, refused: float
) -> float:
    """The share of the words named right where the share ``refused`` of the other words is refused.

    Networks are compared so, since how readily one names a word follows from how many other words it was given:
    what is no word of the user's weighs more or less, by a factor as `tools/shift_logits.py` would set it.
    """
    first = first_word(experiment.data.labels)
    spoken = labels >= first

    def heard(nats: float) -> npt.NDArray[np.integer[Any]]:
        weighed = posteriors.copy()
        weighed[..., :first] *= np.exp(nats)
        weighed /= weighed.sum(axis=-1, keepdims=True)
        return clip_labels(weighed, experiment.data.labels, experiment.frontend)

    low, high = -_MOST_NATS, _MOST_NATS
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if np.mean(heard(middle)[~spoken] < first) >= refused:
            high = middle
        else:
            low = middle
    return float(np.mean((heard(high) == labels)[spoken]))


def main() -> None:
    """Run the experiment."""
    parser = argparse.ArgumentParser(description="accuracy on words of one's own, by start and by data")
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="Speech Commands, or a data set of its layout")
    parser.add_argument("--from", dest="start", type=Path, required=True, help="the model to start from")
    parser.add_argument("--out", type=Path, default=Path("runs/own-words"), help="folder for clips and runs")
    parser.add_argument("--takes", type=int, default=30, help="recordings of a word")
    parser.add_argument(
        "--synthetic", type=Path, metavar="DIR", help="synthetic clips, by kws data make (default: espeak-ng's)"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--arms", nargs="+", default=["/".join(arm) for arm in ARMS], metavar="HOW/DATA")
    parser.add_argument(
        "--refused",
        type=float,
        nargs="+",
        default=[75.0],
        metavar="PERCENT",
        help="of the other words, where words are counted, too",
    )
    add_roles(parser)
    options = parser.parse_args()
    base = config.load(options.config)
    folders = _play(base, options.data, options.takes, options.out, options.synthetic)
    recipe = _evaluated(base, options.data)
    features = feature_maker.features(recipe, options.out / "cache", shared=True).features[:, 0]
    labels = np.array([e.label for e in recipe.examples])
    names = base.data.labels
    first = first_word(names)
    spoken = labels >= first
    rows = []
    for how, letters in (arm.split("/") for arm in options.arms):
        for seed in options.seeds:
            changed: dict[str, Any] = {"seed": seed, "patience": base.training.epochs}
            if how == "scratch":
                changed["learning_rate"] = _FROM_SCRATCH_RATE
            changed["trainable"] = "head" if how == "head" else "all"
            experiment = dataclasses.replace(base, training=dataclasses.replace(base.training, **changed))
            run = options.out / f"{how}-{letters}-{seed}"
            began, cpu = time.monotonic(), time.process_time()
            with console.stages() as progress:
                train(
                    experiment,
                    [folders[letter] for letter in letters],
                    run,
                    progress,
                    options=TrainOptions(
                        start=None if how == "scratch" else options.start,
                        cache=options.out / "cache",
                        others=roles_of(options),
                    ),
                )
            posteriors = runs.load_network(run).run(features)
            heard = clip_labels(posteriors, names, base.frontend)
            rows.append(
                (
                    how,
                    letters,
                    str(seed),
                    *(f"{100 * np.mean(heard[labels == named] == named):.1f}" for named in range(first, len(names))),
                    f"{100 * np.mean((heard == labels)[spoken]):.1f}",
                    f"{100 * np.mean(heard[~spoken] < first):.1f}",
                    *(f"{100 * _right_where_refused(posteriors, labels, base, r / 100):.1f}" for r in options.refused),
                    f"{time.monotonic() - began:.0f}",
                    f"{time.process_time() - cpu:.0f}",
                )
            )
            console.table(
                (
                    "start",
                    "data",
                    "seed",
                    *base.data.words,
                    f"words, of {spoken.sum()}",
                    f"other words, of {(~spoken).sum()}",
                    *(f"words where {r:g} % refused" for r in options.refused),
                    "s",
                    "CPU s",
                ),
                rows,
                "named right, per cent (float)",
            )


if __name__ == "__main__":
    main()
