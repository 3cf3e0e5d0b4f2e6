"""``kws train``: epoch by epoch, and what to do next."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws import runs
from kws.cli import console, exit_codes, trainings
from kws.cli.options import add_cluster, add_json, on_cluster
from kws.errors import UsageError
from kws.network import ClipNetworkConfig
from kws.training.history import Epoch
from kws.training.start import Start
from kws.training.train import train


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws train``."""
    trainings.add_options(parser, "RUN")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
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
    experiment = trainings.experiment(a)
    if a.same_network:
        if a.start is None:
            raise UsageError("--same-network takes the network of a model; name one with --from")
        experiment = Start.load(a.start).taken_over(experiment)

    def report(epoch: Epoch, is_best: bool) -> None:
        missed = "" if epoch.missed is None else f"  missed {100 * epoch.missed:5.1f} %"
        console.messages.print(
            f"epoch {epoch.epoch:3d}  loss {epoch.loss:.4f}  training {100 * epoch.accuracy:5.1f} %"
            f"  validation {100 * epoch.validation_accuracy:5.1f} %"
            f"  in a stream {100 * epoch.stream_accuracy:5.1f} %{missed}{'  best' if is_best else ''}"
        )

    try:
        with on_cluster(a), console.stages() as progress:
            history = train(
                experiment,
                a.data,
                a.out,
                progress,
                report,
                trainings.train_options(a, a.restart),
            )
    except KeyboardInterrupt:
        console.messages.print(f"kws: interrupted; the same command goes on from {a.out}")
        return exit_codes.INTERRUPTED
    best = history.best
    data = runs.load_json(a.out / runs.PROVENANCE)["data"]
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
    following = f"kws train CONFIG.toml --teacher {a.out}" if is_teacher else f"kws convert {a.out}"
    if a.json:
        console.print_json({"run": str(a.out), **history.as_dict()})
    else:
        console.out.print(
            f"{a.out}: {100 * best.validation_accuracy:.2f} % on validation (float, epoch {best.epoch} of"
            f" {len(history.epochs)}); history in {a.out / 'history.png'}; next: {following}"
        )
    return exit_codes.OK
