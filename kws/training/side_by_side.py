"""Several trainings at once, each in one thread, so that none depends on how many: here or on a cluster."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kws import runs, workers
from kws.config import Experiment
from kws.errors import KwsError
from kws.files import parse_json
from kws.training.history import History
from kws.training.train import TrainOptions, prepare, train
from kws.types import StageProgress, silent

_LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class Training:
    """An experiment and the folder of its run."""

    experiment: Experiment
    run: Path


def train_all(
    trainings: Sequence[Training],
    data: Sequence[Path],
    options: TrainOptions,
    processes: int | None = None,
    progress: StageProgress | None = None,
    finished: Collection[Training] = (),
) -> Generator[tuple[Training, History], None, None]:
    """Train experiments, or go on where interrupted trainings stopped; features are made once.

    Close the generator, whatever happens.

    Args:
        trainings: what to train.
        data: folders of word folders.
        options: of each training; they name a cache.
        processes: trainings side by side here; all cores if None.
        progress: called with (stage, done, total), the epochs of ``finished`` included.
        finished: what was trained before.

    Yields:
        Each training with its history, in the order in which they end.

    Raises:
        KwsError: as `kws.training.train.train`; there is no cache.
    """
    if options.cache is None:
        raise KwsError("several trainings share their features; name a folder for them")
    tell = progress if progress is not None else silent
    options = replace(options, cache=options.cache.absolute())
    seen = set()
    for training in trainings:
        about = what_is_heard(training.experiment)
        if about not in seen:
            seen.add(about)
            prepare(training.experiment, data, options, tell)
    worker = _Trainer(tuple(d.absolute() for d in data), options)
    jobs = [Training(t.experiment, t.run.absolute()) for t in trainings]
    given = dict(zip(jobs, trainings, strict=True))
    done = {training.run for training in finished}
    with _watching([*trainings, *finished], done, tell), closing(workers.run(worker, jobs, processes)) as found:
        for job, history in found:
            training = given[job]
            done.add(training.run)
            yield training, history


def what_is_heard(experiment: Experiment) -> str:
    """All settings that features may depend on, as text."""
    plain = experiment.as_dict()
    heard = {name: values for name, values in plain.items() if name not in ("name", "network", "training")}
    training = plain["training"]
    if training["sentences"]:
        # Which sentences fit depends on the rows.
        heard["rows"] = [training[name] for name in ("words_a_row", "gap_ms")]
    return json.dumps(heard)


@dataclass(frozen=True)
class _Trainer:
    """The worker (`kws.workers`)."""

    data: tuple[Path, ...]
    options: TrainOptions

    def __call__(self, job: Training) -> History:
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            os.environ.setdefault(name, "1")
        return train(job.experiment, self.data, job.run, options=self.options)

    def close(self) -> None:
        pass


@contextmanager
def _watching(trainings: Sequence[Training], done: set[Path], tell: StageProgress) -> Iterator[None]:
    """Tell of epochs while trainings run, wherever they do: their histories are files."""
    total = sum(t.experiment.training.epochs for t in trainings)
    over = threading.Event()

    def epochs(training: Training) -> int:
        most = training.experiment.training.epochs
        return most if training.run in done else _epochs(training.run, most)

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            tell("training (epochs)", sum(map(epochs, trainings)), total)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _epochs(run: Path, most: int) -> int:
    try:
        return min(len(parse_json((run / runs.HISTORY).read_bytes())["epochs"]), most)
    except (OSError, ValueError, KeyError, TypeError):
        return 0
