"""``kws train``: epoch by epoch, and what to do next."""

from __future__ import annotations

import argparse
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from kws import runs
from kws.cli import console, exit_codes, trainings
from kws.cli.options import add_cluster, add_json, jobs, on_cluster
from kws.datasets.splits import VALIDATION
from kws.errors import UsageError
from kws.evaluation.poisson import most_per_hour
from kws.network import ClipNetworkConfig
from kws.training import start
from kws.training.history import Epoch, History
from kws.training.side_by_side import Training, train_all
from kws.training.train import TrainOptions, train

# Out of the way of RUNS/*.
_SHARED_CACHE = f".{runs.CACHE}"


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws train``."""
    trainings.add_options(parser, f"RUN, or RUNS/{_SHARED_CACHE}", several=True)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="RUN",
        help="folder of the run; of several CONFIGs, a folder RUNS with a run named after each",
    )
    parser.add_argument(
        "--same-network",
        action="store_true",
        help="with --from: take the model's network and front end in place of CONFIG's",
    )
    parser.add_argument("--restart", action="store_true", help="start afresh even if RUN holds another run")
    parser.add_argument(
        "--jobs",
        type=jobs,
        metavar="N",
        help="of several CONFIGs: trainings side by side, each in one thread (default: one a core)",
    )
    add_cluster(parser)
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws train``."""
    if a.same_network and a.start is None:
        raise UsageError("--same-network takes the network of a model; name one with --from")
    # All are read before the first is trained.
    experiments = [trainings.experiment(path) for path in a.config]
    if a.same_network:
        experiments = [start.load(a.start, e.network).taken_over(e) for e in experiments]
    how = trainings.train_options(a, a.restart)
    several = len(experiments) > 1
    outs = _outs(a.config, a.out) if several else [a.out]
    given = [Training(experiment, out) for experiment, out in zip(experiments, outs, strict=True)]
    try:
        found = _train_all(a, given, how) if several else [_train(a, given[0], how)]
    except KeyboardInterrupt:
        console.messages.print(f"kws: interrupted; the same command goes on from {a.out}")
        return exit_codes.INTERRUPTED
    if a.json:
        said = [{"run": str(out), **history.as_dict()} for out, history in zip(outs, found, strict=True)]
        console.print_json({"runs": said} if several else said[0])
    return exit_codes.OK


def _outs(configs: list[Path], out: Path) -> list[Path]:
    """A run's folder for each configuration.

    Raises:
        UsageError: two of them have the same name.
    """
    names = [path.stem for path in configs]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UsageError(f"two configurations are called {', '.join(twice)}; train them into folders of their own")
    return [out / name for name in names]


def _train(a: argparse.Namespace, training: Training, how: TrainOptions) -> History:
    def report(epoch: Epoch, is_best: bool) -> None:
        missed = "" if epoch.missed is None else f"  missed {100 * epoch.missed:5.1f} %"
        console.messages.print(
            f"epoch {epoch.epoch:3d}  loss {epoch.loss:.4f}  training {100 * epoch.accuracy:5.1f} %"
            f"  validation {100 * epoch.validation_accuracy:5.1f} %"
            f"  in a stream {100 * epoch.stream_accuracy:5.1f} %{missed}{'  best' if is_best else ''}"
        )

    with on_cluster(a), console.stages() as progress:
        history = train(training.experiment, a.data, training.run, progress, report, how)
    _tell(a, training, history)
    return history


def _train_all(a: argparse.Namespace, given: list[Training], how: TrainOptions) -> list[History]:
    how = replace(how, cache=how.cache or a.out / _SHARED_CACHE)
    found = {}
    with (
        on_cluster(a),
        console.stages() as progress,
        closing(train_all(given, a.data, how, a.jobs, progress)) as trained,
    ):
        for training, history in trained:
            found[training] = history
            console.messages.print(f"{training.run}: epoch {len(history.epochs)}; {len(found)} of {len(given)} ended")
    for training in given:
        _tell(a, training, found[training])
    return [found[training] for training in given]


def _tell(a: argparse.Namespace, training: Training, history: History) -> None:
    """Say what came of a training, what it did without, and what is next."""
    out = training.run
    kept = history.kept
    data = runs.load_json(out / runs.PROVENANCE)["data"]
    for label in (label for label, count in data["clips"]["training"].items() if not count):
        console.messages.print(
            f"kws: warning: there was no clip of {label} to learn from; for _unknown_, add folders of other words"
        )
    if (said := data.get("sentences")) and not a.json:
        others = "".join(f"; {count} {reason}" for reason, count in said["left_out"].items())
        console.messages.print(
            f"kws: note: {said['count']} sentences of {said['hours']:.2f} hours were learned from; left out: "
            f"{others[2:] or 'none'}"
        )
    if (left_out := data.get("left_out")) and not a.json:
        console.messages.print(f"kws: note: {left_out} training clips were left out, as {a.leave_out} says")
    if kept.missed is not None and not a.json:
        _tell_what_compared(training.experiment.negatives.false_accepts_per_hour, data["negatives"])
    is_teacher = isinstance(training.experiment.network, ClipNetworkConfig)
    following = f"kws train CONFIG.toml --teacher {out}" if is_teacher else f"kws convert {out}"
    if not a.json:
        console.out.print(
            f"{out}: {100 * kept.validation_accuracy:.2f} % on validation (float, epoch {kept.epoch} of"
            f" {len(history.epochs)}); history in {out / 'history.png'}; next: {following}"
        )


def _tell_what_compared(per_hour: float, negatives: list[dict[str, Any]]) -> None:
    """Say on how many hours *missed* stands, and how many false accepts those allow."""
    hours = sum(sum(n["hours"].values()) for n in negatives if n["split"] == VALIDATION)
    allowed = int(per_hour * hours)
    most = most_per_hour(allowed, hours)
    limit = "" if most is None else f"; at most {most:.1f} per hour with 95 % confidence"
    console.messages.print(
        f"kws: note: epochs were compared by words missed at {per_hour:g} false accepts per hour, which are {allowed}"
        f" in {hours:.2f} hours of validation speech and noise{limit}"
    )
