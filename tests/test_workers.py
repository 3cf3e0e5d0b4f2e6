"""Jobs in processes: every result once, errors and the dead reported."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass

import pytest

from kws import workers
from kws.errors import KwsError


@dataclass
class Squares:
    wrong: int = -1
    killed: int = -1
    closed: bool = False

    def __call__(self, job: int) -> tuple[int, int]:
        if job == self.wrong:
            raise KwsError(f"job {job} went wrong")
        if job == self.killed:
            os.kill(os.getpid(), signal.SIGKILL)
        return job * job, os.getpid()

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("processes", [1, 2])
def test_every_job_once(processes):
    found = dict(workers.run(Squares(), range(20), processes))
    assert {job: result for job, (result, _) in found.items()} == {i: i * i for i in range(20)}
    others = {pid for _, pid in found.values()} - {os.getpid()}
    assert bool(others) == (processes > 1)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_arrives_as_it_is(processes):
    with pytest.raises(KwsError, match="job 3 went wrong"):
        list(workers.run(Squares(wrong=3), range(5), processes))


def test_a_killed_process_is_told():
    with pytest.raises(KwsError, match="killed"):
        list(workers.run(Squares(killed=2), range(5), 2))


def test_closed_even_where_the_caller_stops_early():
    worker = Squares()
    with contextlib.closing(workers.run(worker, range(5), 1)) as results:
        next(results)
        assert not worker.closed
    assert worker.closed


@dataclass
class Masks:
    """What a process does when Ctrl-C comes."""

    def __call__(self, job: int) -> tuple[bool, bool]:
        blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        return blocked, signal.getsignal(signal.SIGINT) == signal.SIG_IGN

    def close(self) -> None:
        pass


def test_ctrl_c_passes_processes_by():
    found = dict(workers.run(Masks(), range(4), 2))
    assert set(found.values()) == {(True, True)}
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_no_jobs():
    assert list(workers.run(Squares(), [])) == []
