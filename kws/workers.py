"""Jobs on all cores, in processes of their own, or on a cluster."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from multiprocessing import util
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

from kws import interrupts
from kws.errors import KwsError
from kws.files import scratch

if TYPE_CHECKING:
    from kws.cluster import Cluster

_PATIENCE_SECONDS = 0.5
"""For a process to close what its jobs opened, before it is killed."""

J = TypeVar("J")
R = TypeVar("R")
J_contra = TypeVar("J_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Worker(Protocol[J_contra, R_co]):
    """Does jobs; each process has one of its own. It must survive pickling before its first job."""

    def __call__(self, job: J_contra) -> R_co:
        """Do one job; the result depends on the job alone."""

    def close(self) -> None:
        """Release what the jobs opened."""


class _Here:
    """A process's worker, whether it has anything to close, and whether a job is under way."""

    worker: Worker[Any, Any]
    worked = False
    working = False


_cluster: ContextVar[Cluster | None] = ContextVar("_cluster", default=None)


@contextlib.contextmanager
def on(address: str | None) -> Iterator[None]:
    """Hand the jobs of every `run` inside the block to a Dask cluster; nothing else about them changes.

    Args:
        address: of the scheduler, such as ``tcp://host:8786``; None leaves the jobs here.

    Raises:
        MissingError: ``distributed`` is not installed.
        KwsError: nothing answers there.
    """
    if address is None:
        yield
        return
    from kws.cluster import connected

    with connected(address) as cluster:
        token = _cluster.set(cluster)
        try:
            yield
        finally:
            _cluster.reset(token)


def run(
    worker: Worker[J, R], jobs: Sequence[J], processes: int | None = None, *, here: bool = False
) -> Generator[tuple[J, R], None, None]:
    """Yield each job with its result, in any order.

    Close the generator, whatever happens: its processes must not outlive the caller's interest.

    Args:
        worker: what does the jobs.
        jobs: what to do; a few for each process are on their way at a time.
        processes: how many; all cores if None. With one, the work is done in this process. On a cluster
            (`on`), as many as it has.
        here: never on a cluster: the jobs read what was just written here.

    Raises:
        KwsError: as the worker does, a process was killed, or a cluster fails (`kws.cluster`).
    """
    cluster = None if here else _cluster.get()
    if cluster is not None and jobs:
        yield from cluster.run(worker, jobs)
        return
    processes = min(len(jobs), processes or os.cpu_count() or 1)
    if processes <= 1:
        try:
            for job in jobs:
                yield job, worker(job)
        finally:
            worker.close()
        return
    with scratch("workers") as folder:
        yield from _spread(worker, jobs, processes, folder / "worker")


def _spread(
    worker: Worker[J, R], jobs: Sequence[J], processes: int, handed: Path
) -> Generator[tuple[J, R], None, None]:
    # By a file: a pipe holds 64 KB, and a model is more. This process would wait until the other one has
    # started and reads, and if it is ended meanwhile, the other one has half a worker and a traceback.
    handed.write_bytes(pickle.dumps(worker))
    # Spawned, not forked: threads of libraries in this process would not survive a fork.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _initialise, (handed,))
    waiting: dict[Future[R], J] = {}
    remaining = list(reversed(jobs))
    done = False
    try:
        while remaining or waiting:
            while remaining and len(waiting) < 2 * processes:
                job = remaining.pop()
                with interrupts.held():
                    waiting[pool.submit(_work, job)] = job
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield waiting.pop(future), future.result()
        done = True
    except BrokenProcessPool as error:
        raise KwsError("a process was killed at its work, perhaps for want of memory; try again") from error
    finally:
        # A second Ctrl-C in the middle of this would leave it half done, and hang for good.
        with interrupts.held():
            _stop(pool, abandoned=not done)


def _stop(pool: ProcessPoolExecutor, abandoned: bool) -> None:
    """Shut the pool down; where its work is abandoned, without waiting for the jobs under way."""
    if abandoned:
        processes = multiprocessing.active_children()
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
            process.kill()
    pool.shutdown(wait=True, cancel_futures=True)


def _initialise(handed: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _Here.worker = pickle.loads(handed.read_bytes())
    except FileNotFoundError:
        # Who wanted the work is gone.
        os._exit(1)
    signal.signal(signal.SIGTERM, _end)
    threading.Thread(target=_follow, daemon=True).start()
    sys.unraisablehook = _unraisable
    util.Finalize(None, _close, exitpriority=10)


def _end(*_: object) -> None:
    """Unwind the job under way, which closes what it opened; between jobs there is nothing to unwind."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if _Here.working:
        raise SystemExit
    _leave()


def _leave() -> NoReturn:
    """End with the worker closed, but without what else Python does at its end, which prints tracebacks."""
    _close()
    os._exit(128 + signal.SIGTERM)


def _close() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if _Here.worked:
        _Here.worked = False
        _Here.worker.close()


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """A finalizer of the job swallowed the end that was asked for; it comes all the same."""
    if unraisable.exc_type is SystemExit:
        _leave()
    sys.__unraisablehook__(unraisable)


def _follow() -> None:
    """End with the parent, even where it was killed and could not say so."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Any) -> Any:
    _Here.worked = True
    try:
        _Here.working = True
        result = _Here.worker(job)
        _Here.working = False
    except SystemExit:
        # The pool would take it for the job's result, and go on.
        _leave()
    except BaseException:
        _Here.working = False
        raise
    return result
