"""Jobs on all cores, in processes of their own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import util
from typing import Any, Protocol, TypeVar

from kws.errors import KwsError

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
    """A process's worker."""

    worker: Worker[Any, Any]


def run(worker: Worker[J, R], jobs: Sequence[J], processes: int | None = None) -> Generator[tuple[J, R], None, None]:
    """Yield each job with its result, in any order.

    Close the generator, whatever happens: its processes must not outlive the caller's interest.

    Args:
        worker: what does the jobs.
        jobs: what to do; a few for each process are on their way at a time.
        processes: how many; all cores if None. With one, the work is done in this process.

    Raises:
        KwsError: as the worker does, or a process was killed.
    """
    processes = min(len(jobs), processes or os.cpu_count() or 1)
    if processes <= 1:
        try:
            for job in jobs:
                yield job, worker(job)
        finally:
            worker.close()
        return
    # Spawned, not forked: threads of libraries in this process would not survive a fork.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _initialise, (worker,))
    waiting: dict[Future[R], J] = {}
    remaining = list(reversed(jobs))
    try:
        while remaining or waiting:
            while remaining and len(waiting) < 2 * processes:
                job = remaining.pop()
                with _uninterrupted():
                    waiting[pool.submit(_work, job)] = job
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield waiting.pop(future), future.result()
    except BrokenProcessPool as error:
        raise KwsError("a process was killed at its work, perhaps for want of memory; try again") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Start processes that Ctrl-C passes by; here it waits until the end of this.

    It reaches every process of the terminal, and the parent alone decides what to do. What is
    blocked stays so in a process from its first instruction on; the parent's other threads do not
    block it, so its handler must wait too, or a process might be started that nobody knows of.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    waiting: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: waiting.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
        if waiting:
            signal.raise_signal(signal.SIGINT)


def _initialise(worker: Worker[Any, Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()
    _Here.worker = worker
    util.Finalize(None, worker.close, exitpriority=10)


def _follow() -> None:
    """End with the parent, even where it was killed and could not say so."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Any) -> Any:
    return _Here.worker(job)
