"""Jobs on a Dask cluster that the user already has (``distributed``): the same jobs, the same results.

kws must be installed on the workers in this very version, and recordings must lie there at the same
place as here, as on a shared disk. A worker process keeps one of ours for each job it does at a
time, and makes it when the first job comes. Dask gives the jobs of a worker that is lost to the others.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import pickle
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import kws
from kws import firmware
from kws.errors import KwsError, MissingError
from kws.extras import how_to_install

_ANSWER_SECONDS = 15
"""For a scheduler to answer."""
_ALONE_SECONDS = 60.0
"""For a first worker to come, or another when all are lost."""
_LOOK_SECONDS = 2.0
_LEAST_WAITING = 16
# What a result may depend on, bit for bit, beside kws itself.
_LIBRARIES = ("numpy", "soundfile", "soxr")

J = TypeVar("J")
R = TypeVar("R")


@dataclass(frozen=True)
class _Packed:
    """A worker of ours on its way, and what it must find there."""

    token: str
    versions: dict[str, str]
    content: bytes


class Cluster:
    """A connection to a scheduler."""

    def __init__(self, client: Any, distributed: Any, address: str) -> None:
        self._client, self._distributed, self._address = client, distributed, address

    def run(self, worker: Any, jobs: Sequence[J]) -> Generator[tuple[J, Any], None, None]:
        """Yield each job with its result, in any order; as `kws.workers.run`.

        Raises:
            KwsError: as the worker does; the scheduler or all workers are gone; kws there is another.
        """
        token = uuid.uuid4().hex
        packed = pickle.dumps(_Packed(token, versions(), pickle.dumps(worker)))
        waiting: dict[Any, J] = {}
        task = _task()
        try:
            # As a task of its own it is made again where the worker that held it is lost.
            common = self._client.submit(bytes, packed, key=f"kws-{token}", pure=False)
            remaining = list(reversed(jobs))
            looked, room, seen = 0.0, 0, time.monotonic()
            while remaining or waiting:
                if time.monotonic() - looked > _LOOK_SECONDS:
                    threads = sum(self._client.nthreads().values())
                    looked, room = time.monotonic(), max(2 * threads, _LEAST_WAITING)
                    seen = looked if threads else seen
                    self._require_workers(looked - seen)
                while remaining and len(waiting) < room:
                    job = remaining.pop()
                    # Pickled, so that Dask does not look for its own things in it.
                    waiting[self._client.submit(task, common, pickle.dumps(job), pure=False)] = job
                for future in self._finished(list(waiting)):
                    yield waiting.pop(future), self._result(future)
        except (self._distributed.CancelledError, OSError) as error:
            raise KwsError(f"the scheduler at {self._address} went away: {_said(error)}; start it again") from error
        finally:
            self._abandon(list(waiting), token)

    def close(self) -> None:
        """Give the connection up."""
        with contextlib.suppress(Exception):
            self._client.close(timeout=1)

    def _require_workers(self, alone: float) -> None:
        if alone > _ALONE_SECONDS:
            raise KwsError(
                f"the scheduler at {self._address} has no workers; start some with `dask worker {self._address}`"
            )

    def _finished(self, futures: list[Any]) -> list[Any]:
        with contextlib.suppress(TimeoutError), self._client.as_current():
            return list(self._distributed.wait(futures, timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED").done)
        return []

    def _result(self, future: Any) -> Any:
        if future.status != "error":
            return future.result()
        error = future.exception()
        if isinstance(error, self._distributed.KilledWorker):
            raise KwsError(
                "a job killed several workers of the cluster, perhaps for want of memory; give each more, or fewer"
                " threads (`dask worker --nthreads 1`)"
            ) from error
        if isinstance(error, RuntimeError) and "task graph" in str(error):
            raise KwsError(
                f"the scheduler at {self._address} does not understand this Python; run the same version there"
            ) from error
        if isinstance(error, ModuleNotFoundError):
            raise KwsError(
                f"the cluster's workers lack {error.name}; install kws {kws.__version__} there with what it needs"
            ) from error
        # An error of a disk over there is not one of the scheduler.
        if isinstance(error, OSError):
            raise KwsError(f"on the cluster: {_said(error)}") from error
        raise error

    def _abandon(self, futures: list[Any], token: str) -> None:
        with contextlib.suppress(Exception):
            self._client.cancel(futures)
            self._client.run(_forget, token, on_error="ignore")


@contextlib.contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to a scheduler.

    Args:
        address: such as ``tcp://host:8786``.

    Raises:
        MissingError: ``distributed`` is not installed.
        KwsError: nothing answers there.
    """
    try:
        import dask
        import distributed
    except ImportError as error:
        raise MissingError(f"a cluster needs the package distributed; {how_to_install('cluster')}") from error
    for name in ("distributed", "distributed.client", "distributed.core"):
        # What is wrong is said once, in an error of ours.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # The packed worker travels as a task, however many clips it names.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})
    try:
        client = distributed.Client(address, timeout=_ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise KwsError(
            f"no scheduler answers at {address}: {_said(error)}; start one with `dask scheduler` and give its address"
        ) from error
    cluster = Cluster(client, distributed, address)
    try:
        yield cluster
    finally:
        cluster.close()


@cache
def versions() -> dict[str, str]:
    """What results depend on here: kws with a digest of its sources, and libraries."""
    folders = (Path(kws.__file__).parent, firmware.sources_dir())
    files = [(f.relative_to(folder), f) for folder in folders for f in folder.rglob("*") if f.suffix in _SOURCES]
    digest = hashlib.sha256()
    for name, path in sorted(files):
        digest.update(name.as_posix().encode() + b"\0" + path.read_bytes())
    libraries = {name: metadata.version(name) for name in _LIBRARIES}
    return {"kws": f"{kws.__version__} ({digest.hexdigest()[:8]})", **libraries}


_SOURCES = (".py", ".c", ".h", ".S", ".def", ".mk")


def _said(error: BaseException | None) -> str:
    return " ".join(str(error).split()) or type(error).__name__


class _There:
    """What a worker process of the cluster keeps: workers of ours that have no job, by token."""

    lock = threading.Lock()
    free: dict[str, list[Any]]


_There.free = {}


def _task() -> Callable[[bytes, bytes], Any]:
    """What the cluster is given to call: a function within one travels by value, so that a scheduler needs no kws."""

    def task(packed: bytes, job: bytes) -> Any:
        from kws import cluster  # noqa: PLW0406 - looked up over there

        return cluster.work(packed, job)

    return task


def work(content: bytes, job: bytes) -> Any:
    """On the cluster: do one job.

    Args:
        content: a pickled `_Packed`.
        job: pickled.

    Raises:
        KwsError: as the worker in it does, or kws here is another.
    """
    packed: _Packed = pickle.loads(content)
    with _There.lock:
        spare = _There.free.get(packed.token)
        worker = spare.pop() if spare else None
    if worker is None:
        worker = _unpack(packed)
    try:
        result = worker(pickle.loads(job))
    except BaseException:
        worker.close()
        raise
    with _There.lock:
        old = [w for token, kept in _There.free.items() if token != packed.token for w in kept]
        _There.free = {packed.token: [*_There.free.get(packed.token, []), worker]}
    _close(old)
    return result


def _unpack(packed: _Packed) -> Any:
    here = versions()
    other = [
        f"{name} {here[name]} instead of {wanted}" for name, wanted in packed.versions.items() if here[name] != wanted
    ]
    if other:
        raise KwsError(f"a worker of the cluster has {', '.join(other)}, and might compute otherwise; install the same")
    return pickle.loads(packed.content)


def _forget(token: str) -> None:
    with _There.lock:
        old = _There.free.pop(token, [])
    _close(old)


def _close(old: list[Any]) -> None:
    for worker in old:
        worker.close()
