"""The whole state of a training after an epoch, in one file, so that its parts cannot disagree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import runs
from kws.errors import KwsError
from kws.files import parse_json, replacing
from kws.npz import DAMAGE
from kws.training.history import History
from kws.training.optimizer import AveragingOptimizer

Arrays = dict[str, npt.NDArray[Any]]


def save(optimizer: AveragingOptimizer, history: History, run: Path) -> None:
    """Write weights, their average, the optimizer and the history.

    Raises:
        KwsError: the file cannot be written.
    """
    arrays: dict[str, Any] = {**optimizer.state(), "history": np.array(json.dumps(history.as_dict()))}
    with replacing(run / runs.CHECKPOINT) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def load(run: Path) -> tuple[Arrays, History] | None:
    """What :func:`save` wrote: the optimizer's state and the history; None where there is none.

    Raises:
        KwsError: the file is damaged.
    """
    path = run / runs.CHECKPOINT
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return arrays, History.from_dict(parse_json(str(arrays.pop("history"))))
    except DAMAGE as error:
        raise KwsError(f"{path} is damaged ({error}); train with --restart to begin afresh") from error


def restore(optimizer: AveragingOptimizer, arrays: Arrays, run: Path) -> None:
    """Go on from a state.

    Raises:
        KwsError: it is another network's.
    """
    try:
        optimizer.restore(arrays)
    except (KeyError, ValueError) as error:
        raise KwsError(f"{run / runs.CHECKPOINT} does not fit the network; train with --restart") from error
