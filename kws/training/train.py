"""The training loop: from an experiment and a folder of clips to a run's folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import locks, runs
from kws.config import HEAD, Experiment
from kws.datasets.roles import NOTHING, Folders
from kws.datasets.splits import TRAINING, VALIDATION
from kws.errors import KwsError
from kws.files import replacing, user_cache
from kws.network import ClipNetworkConfig, ClipWeights, FloatNetwork, StreamNetworkConfig
from kws.network.tensorflow import require_tensorflow
from kws.training import checkpoint, distillation, losses, negative_features, provenance, sentence_features, sources
from kws.training import features as feature_maker
from kws.training import start as starts
from kws.training.batches import TrainingSet, ValidationSet
from kws.training.clip_trainer import ClipTrainer
from kws.training.cuts import Negatives
from kws.training.history import Epoch, History
from kws.training.listening import Listening
from kws.training.phones import with_phones
from kws.training.sentence_rows import SentenceRows
from kws.training.sources import Sources
from kws.training.start import Start
from kws.training.stream_trainer import StreamTrainer
from kws.training.trainer import Metrics, Trainer
from kws.types import StageProgress, silent

"""Called with (what is being done, how much is done, how much there is)."""
Report = Callable[[Epoch, bool], None]
"""Called after each epoch with it and whether it is the best so far."""

# A picture takes as long as many a short epoch.
_PLOT_SECONDS = 10.0
_LOCK = ".lock"


@dataclass(frozen=True)
class TrainOptions:
    """How an experiment is trained.

    Attributes:
        restart: throw away what an earlier training left in the run's folder.
        teachers: runs of teachers (``network.kind = "teacher"``) to learn from; the mean of
            their posteriors counts ``training.distillation`` against the labels.
        start: .tflite file or run's folder to start from (`kws.training.start`).
        cache: where features are kept, to be shared by several runs; by default in the run's folder.
        others: folders of other speech, of noise and music, and of room impulse responses.
        leave_out: training clips not to learn from (`kws.training.labels.read`).
    """

    restart: bool = False
    teachers: tuple[Path, ...] = ()
    start: Path | None = None
    cache: Path | None = None
    others: Folders = NOTHING
    leave_out: frozenset[str] = frozenset()


_DEFAULT = TrainOptions()


def train(
    experiment: Experiment,
    data: Path | Sequence[Path],
    run: Path,
    progress: StageProgress | None = None,
    report: Report | None = None,
    options: TrainOptions = _DEFAULT,
) -> History:
    """Train a network on folders of clips, or go on where an interrupted training stopped.

    A network that hears streams learns on endless ones (`kws.training.stream_trainer`), so that it
    works both from reset and after hours of listening. The weights that are kept are a running average,
    of the epoch with the best validation accuracy (mean of from reset and in a stream, if states are
    carried); where there is other speech or noise to validate with, of the epoch that misses the fewest words at
    ``negatives.false_accepts_per_hour`` (`kws.training.listening`); with ``training.keep = "last"``, of the last epoch.

    After each epoch the folder holds all that is needed to go on: an interrupt (Ctrl-C) loses at
    most the epoch under way, and the resumed training takes the same random draws.

    Args:
        experiment: the settings.
        data: folder of word folders (`kws.datasets`), or several (`kws.datasets.clips.collect`).
            Testing clips are never read.
        run: the run's folder (`kws.runs`), made if missing.
        progress: called often.
        report: called after each epoch.
        options: what else to say.

    Returns:
        What each epoch brought, those before an interrupt included.

    Raises:
        KwsError: unusable data; no validation clips; no such loss; a model that cannot be started from;
            ``run`` holds a training with other settings, data or start, or another process is training
            into it; TensorFlow is not installed; no room.
    """
    require_tensorflow()
    losses.named(experiment.training.loss)
    experiment = with_phones(experiment)
    tell = progress if progress is not None else silent
    folders = [data] if isinstance(data, Path) else list(data)
    found = sources.find(experiment, folders, options.others, options.leave_out)
    experiment = found.settled(experiment)
    start = _start(experiment, options.start, run)
    _require_teachers(experiment, options.teachers, run)
    said = _provenance(experiment, found, data, options, start)
    with _alone(run):
        # Nothing of the old run goes before all that the new one stands on was read.
        if options.restart:
            _clear(run)
        before = provenance.require_same(said, run)
        saved = checkpoint.load(run)
        # What trained the weights that are there is said by the run that made them.
        said |= {key: before[key] for key in ("kws", "versions", "best") if key in before}
        runs.save_json(said, run / runs.PROVENANCE)
        runs.write_config(experiment, run)
        cache = run / runs.CACHE if options.cache is None else options.cache
        clips, validation = _features(experiment, found, cache, options.cache is not None, tell)
        if isinstance(experiment.network, StreamNetworkConfig):
            _save_calibration(experiment, clips, run)
        history = saved[1] if saved is not None else None
        if history is None or not _finished(experiment, history):
            clips = distillation.distilled(experiment, clips, options.teachers, cache, tell)
            trainer = _trainer(experiment, clips, start)
            if saved is not None:
                checkpoint.restore(trainer.optimizer, saved[0], run)
            history = _epochs(trainer, validation, history, _Output(run, said, tell, report))
        _save_history(history, said, run)
        history.plot(run / runs.PLOT, experiment.name)
        return history


def prepare(
    experiment: Experiment, data: Sequence[Path], options: TrainOptions, progress: StageProgress | None = None
) -> None:
    """Make in ``options.cache`` whatever a training of the same arguments takes from it.

    Raises:
        KwsError: as for `train`, or there is no cache.
    """
    if options.cache is None:
        raise KwsError("features are prepared in a cache; name a folder for it")
    tell = progress if progress is not None else silent
    experiment = with_phones(experiment)
    found = sources.find(experiment, data, options.others, options.leave_out)
    experiment = found.settled(experiment)
    distillation.require_fit(experiment, options.teachers)
    clips, _ = _features(experiment, found, options.cache, True, tell)
    distillation.distilled(experiment, clips, options.teachers, options.cache, tell)


def _start(experiment: Experiment, start: Path | None, run: Path) -> Start | None:
    """What to start from, if it is not random weights."""
    if experiment.training.trainable == HEAD:
        if isinstance(experiment.network, ClipNetworkConfig):
            raise KwsError(f'training.trainable = "{HEAD}" is for networks that hear streams; a teacher learns whole')
        if start is None:
            raise KwsError(
                f'training.trainable = "{HEAD}" leaves the layers below it as they are, so they must come from a'
                " trained model; name one with --from"
            )
    if start is None:
        return None
    if os.path.realpath(start) in map(os.path.realpath, (run, run / runs.MODEL)):
        raise KwsError(f"{run} cannot start from itself; train into another folder")
    found = starts.load(start, experiment.network)
    # Refused now, not after an hour of features.
    found.network_for(experiment)
    return found


def _require_teachers(experiment: Experiment, teachers: Sequence[Path], run: Path) -> None:
    if os.path.realpath(run) in map(os.path.realpath, teachers):
        raise KwsError(f"{run} cannot learn from itself; train into another folder")
    distillation.require_fit(experiment, teachers)


@contextlib.contextmanager
def _alone(run: Path) -> Iterator[None]:
    """Keep other trainings out of a run's folder: two would write halves of two runs."""
    busy = f"another training is writing into {run}; wait for its end, or train into another folder"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.only(run / _LOCK, busy))
        except OSError as error:
            raise KwsError(f"cannot write into {run}: {error.strerror or error}") from error
        yield


def _provenance(
    experiment: Experiment,
    found: Sources,
    data: Path | Sequence[Path],
    options: TrainOptions,
    start: Start | None,
) -> dict[str, Any]:
    folders = [data] if isinstance(data, Path) else list(data)
    said = provenance.of(experiment, sources.provenance(folders, found, options.others))
    if options.teachers:
        said["teachers"] = [distillation.provenance(path) for path in options.teachers]
    if start is not None:
        said["start"] = start.provenance()
    return said


def _clear(run: Path) -> None:
    # The checkpoint first: without what belongs to it, it could neither be gone on from nor be refused.
    (run / runs.CHECKPOINT).unlink(missing_ok=True)
    # Never the whole folder: it may hold files of the user's.
    for name in (runs.PROVENANCE, runs.HISTORY, runs.PLOT, runs.WEIGHTS, runs.CALIBRATION, runs.MODEL):
        (run / name).unlink(missing_ok=True)
    shutil.rmtree((run / runs.CHECKPOINT).parent, ignore_errors=True)


def _features(
    experiment: Experiment, found: Sources, cache: Path, shared: bool, progress: StageProgress
) -> tuple[TrainingSet, ValidationSet]:
    made = {}
    labels = {}
    for name, recipe in found.clips.items():

        def tell(done: int, total: int, what: str = f"features of {name} clips") -> None:
            progress(what, done, total)

        labels[name] = np.array([e.label for e in recipe.examples], np.int32)
        made[name] = feature_maker.features(recipe, cache, tell, shared)
    heard = []
    for negative in found.negatives:

        def hear(done: int, total: int, what: str = f"features of {negative.split} {negative.kind}") -> None:
            progress(what, done, total)

        # The pack is the same for everybody: its features are made once for all runs.
        ours = negative.name == sources.PACK
        place = user_cache() / runs.CACHE if ours else cache
        heard.append((negative, negative_features.features(negative, place, hear, shared and not ours)))
    # Streams of validation clips must be mixed.
    order = np.random.default_rng(0).permutation(len(labels[VALIDATION]))
    training = TrainingSet(made[TRAINING].features, made[TRAINING].ends, labels[TRAINING])
    learned = [(recipe.kind, f) for recipe, f in heard if recipe.split == TRAINING]
    if learned:
        negatives = Negatives.make(experiment, learned, training.features, training.labels)
        training = replace(training, negatives=negatives)
    training = replace(training, sentences=_sentences(experiment, found, training, cache, shared, progress))
    listening = None
    if sources.LISTENING in made:
        judged = [f for recipe, f in heard if recipe.split == VALIDATION]
        quiet = training.noise(experiment)
        listening = Listening(experiment, made[sources.LISTENING].features, labels[sources.LISTENING], quiet, judged)
    return training, ValidationSet(made[VALIDATION].features[order, 0], labels[VALIDATION][order], listening)


def _sentences(
    experiment: Experiment, found: Sources, clips: TrainingSet, cache: Path, shared: bool, progress: StageProgress
) -> SentenceRows | None:
    recipe = found.sentence_recipe(experiment)
    if recipe is None or found.sentences is None:
        return None

    def tell(done: int, total: int) -> None:
        progress("features of sentences", done, total)

    made = sentence_features.features(recipe, cache, tell, shared)
    return SentenceRows(experiment, made, [s.tokens for s in found.sentences.chosen], clips.noise(experiment))


def _save_calibration(experiment: Experiment, clips: TrainingSet, run: Path) -> None:
    """Keep what sets the int8 ranges: clips, and as large a share of negatives and of sentences as a batch has."""
    config = experiment.training
    rng = np.random.default_rng([config.seed, 0])
    count = min(config.calibration_clips, len(clips.features))
    negatives = clips.negatives
    others = round(count * experiment.negatives.share) if negatives is not None and negatives.rows(count) else 0
    said = round((count - others) * config.sentences) if clips.sentences is not None else 0
    chosen: npt.NDArray[np.int64] = rng.permutation(len(clips.features))[: count - others - said]
    which = rng.integers(clips.features.shape[1], size=len(chosen))
    heard = clips.features[chosen, which]
    if negatives is not None and others:
        heard = np.concatenate([heard, negatives.draw(rng, others, heard.shape[1])[0]])
    if clips.sentences is not None and said:
        heard = np.concatenate([heard, clips.sentences.draw(rng, said, heard.shape[1])[0]])
    with replacing(run / runs.CALIBRATION) as temporary, temporary.open("wb") as file:
        np.save(file, heard)


def _trainer(experiment: Experiment, clips: TrainingSet, start: Start | None) -> Trainer:
    initial = start.network_for(experiment) if start is not None else None
    if isinstance(experiment.network, StreamNetworkConfig):
        assert initial is None or isinstance(initial, FloatNetwork)
        return StreamTrainer(experiment, clips, initial)
    assert initial is None or isinstance(initial, ClipWeights)
    return ClipTrainer(experiment, clips, initial)


@dataclass(frozen=True)
class _Output:
    """Where epochs go: the run's folder with its provenance, and whoever wants to know."""

    run: Path
    provenance: dict[str, Any]
    progress: StageProgress
    report: Report | None


def _epochs(trainer: Trainer, validation: ValidationSet, history: History | None, output: _Output) -> History:
    """Train to the end, from after the epochs in ``history`` on."""
    plotted = 0.0
    experiment, run = trainer.experiment, output.run
    for epoch in _each(trainer, validation, len(history.epochs) if history is not None else 0, output.progress):
        history = history.and_then(epoch) if history is not None else History((epoch,), experiment.training.keep)
        if history.kept is epoch:
            trainer.save(run / runs.WEIGHTS)
        checkpoint.save(trainer.optimizer, history, run)
        _save_history(history, output.provenance, run)
        if time.monotonic() - plotted > _PLOT_SECONDS:
            history.plot(run / runs.PLOT, experiment.name)
            plotted = time.monotonic()
        if output.report is not None:
            output.report(epoch, history.best is epoch)
        if _finished(experiment, history):
            break
    assert history is not None
    return history


def _each(trainer: Trainer, validation: ValidationSet, done: int, progress: StageProgress) -> Iterator[Epoch]:
    training = trainer.experiment.training
    for number in range(1 + done, training.epochs + 1):
        begin = time.monotonic()

        def tell(done: int, total: int, what: str = f"epoch {number}") -> None:
            progress(what, done, total)

        loss, accuracy = trainer.epoch(number, tell)
        metrics = trainer.validate(validation)
        yield Epoch(
            epoch=number,
            learning_rate=trainer.optimizer.learning_rate,
            loss=loss,
            accuracy=accuracy,
            validation_loss=metrics.loss,
            validation_accuracy=metrics.from_reset,
            stream_accuracy=metrics.in_stream,
            score=_score(metrics, training.carry_state > 0),
            seconds=round(time.monotonic() - begin, 2),
            missed=metrics.missed,
        )


def _score(metrics: Metrics, carries: bool) -> float:
    """What epochs are compared by: words heard at few false accepts, or else accuracy."""
    if metrics.missed is not None:
        return 1 - metrics.missed
    return (metrics.from_reset + metrics.in_stream) / 2 if carries else metrics.from_reset


def _finished(experiment: Experiment, history: History) -> bool:
    since_best = len(history.epochs) - history.best.epoch
    return len(history.epochs) >= experiment.training.epochs or since_best >= experiment.training.patience


def _save_history(history: History, said: dict[str, Any], run: Path) -> None:
    kept = history.kept
    result = {
        "best": {
            "epoch": kept.epoch,
            "validation_accuracy": round(kept.validation_accuracy, 4),
            "stream_accuracy": round(kept.stream_accuracy, 4),
            **({"missed": round(kept.missed, 4)} if kept.missed is not None else {}),
        }
    }
    runs.save_json({**said, **result}, run / runs.PROVENANCE)
    runs.save_json(history.as_dict(), run / runs.HISTORY)
