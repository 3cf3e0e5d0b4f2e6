"""What ``kws train`` and ``kws sweep`` share: the options that say what is learnt from what."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws import config, configs
from kws.cli.options import A_CONFIGURATION, A_DATA_FOLDER, add_roles, roles_of
from kws.config import Experiment
from kws.training import labels
from kws.training.train import TrainOptions


def add_options(parser: argparse.ArgumentParser, kept: str, several: bool = False) -> None:
    """The experiment, the data, teachers.

    Args:
        parser: what gets the options.
        kept: where features are kept, for the help.
        several: whether there may be more than one experiment.
    """
    parser.add_argument(
        "config",
        type=Path,
        metavar="CONFIG",
        nargs="+" if several else None,
        help=f"the experiment's settings: {A_CONFIGURATION}"
        + ("; several are trained side by side, features made once" if several else ""),
    )
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help=f"{A_DATA_FOLDER}; may be given several times: recordings and synthetic speech, say",
    )
    add_roles(parser)
    parser.add_argument(
        "--from",
        type=Path,
        dest="start",
        metavar="MODEL",
        help="start from the weights of this .tflite file or run, whose words may be others",
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help='run of a teacher (network.kind = "teacher") to learn from; may be given several times',
    )
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help=f"keep features here, for several runs, instead of in {kept}"
    )
    parser.add_argument(
        "--leave-out",
        type=Path,
        metavar="FILE",
        help="do not train on the clips that it names, such as those of kws data check --teacher; validation keeps"
        " them all",
    )


def experiment(given: Path) -> Experiment:
    """The experiment of a file, or of one that comes with kws under a bare name.

    Raises:
        KwsError: it is missing, or says what there is not.
    """
    return config.load(configs.meant(given))


def train_options(a: argparse.Namespace, restart: bool = False) -> TrainOptions:
    """How to train, from the options of :func:`add_options`.

    Raises:
        KwsError: the list of clips to leave out cannot be read.
    """
    leave_out = frozenset[str]() if a.leave_out is None else labels.read(a.leave_out)
    return TrainOptions(restart, tuple(a.teacher), a.start, a.cache, roles_of(a), leave_out)
