"""``kws train``: epoch by epoch, and what to do next."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path

from kws import runs
from kws.cli import console, exit_codes, trainings
from kws.cli.options import add_cluster, add_json, on_cluster
from kws.config import Experiment
from kws.errors import UsageError
from kws.network import ClipNetworkConfig
from kws.training.history import Epoch, History
from kws.training.start import Start
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
    add_cluster(parser)
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws train``."""
    if a.same_network and a.start is None:
        raise UsageError("--same-network takes the network of a model; name one with --from")
    # All are read before the first is trained.
    experiments = [trainings.experiment(path) for path in a.config]
    if a.same_network:
        experiments = [Start.load(a.start).taken_over(experiment) for experiment in experiments]
    how, outs = trainings.train_options(a, a.restart), [a.out]
    if len(experiments) > 1:
        outs = _outs(a.config, a.out)
        how = replace(how, cache=how.cache or a.out / _SHARED_CACHE)
    found = []
    for experiment, out in zip(experiments, outs, strict=True):
        if len(outs) > 1:
            console.messages.print(f"{out}:")
        try:
            found.append(_train(a, experiment, out, how))
        except KeyboardInterrupt:
            console.messages.print(f"kws: interrupted; the same command goes on from {out}")
            return exit_codes.INTERRUPTED
    if a.json:
        said = [{"run": str(out), **history.as_dict()} for out, history in zip(outs, found, strict=True)]
        console.print_json(said[0] if len(said) == 1 else {"runs": said})
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


def _train(a: argparse.Namespace, experiment: Experiment, out: Path, how: TrainOptions) -> History:
    def report(epoch: Epoch, is_best: bool) -> None:
        missed = "" if epoch.missed is None else f"  missed {100 * epoch.missed:5.1f} %"
        console.messages.print(
            f"epoch {epoch.epoch:3d}  loss {epoch.loss:.4f}  training {100 * epoch.accuracy:5.1f} %"
            f"  validation {100 * epoch.validation_accuracy:5.1f} %"
            f"  in a stream {100 * epoch.stream_accuracy:5.1f} %{missed}{'  best' if is_best else ''}"
        )

    with on_cluster(a), console.stages() as progress:
        history = train(experiment, a.data, out, progress, report, how)
    best = history.best
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
    is_teacher = isinstance(experiment.network, ClipNetworkConfig)
    following = f"kws train CONFIG.toml --teacher {out}" if is_teacher else f"kws convert {out}"
    if not a.json:
        console.out.print(
            f"{out}: {100 * best.validation_accuracy:.2f} % on validation (float, epoch {best.epoch} of"
            f" {len(history.epochs)}); history in {out / 'history.png'}; next: {following}"
        )
    return history
