"""Jobs in processes: every result once, errors and the dead reported."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from kws import interrupts, workers
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


@pytest.fixture
def on_ctrl_c():
    """Set what Ctrl-C does in this process; a shell that starts tests in the background makes it do nothing."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGINT, before)


def interrupt_a_start(reached: list[str]) -> None:
    """Ctrl-C comes while a process is being started."""
    with interrupts.held():
        # As by another thread, which does not block it: Python's handler runs in this one.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.raise_signal(signal.SIGINT)
        reached.append("the end")
    reached.append("too far")


def test_an_interruption_waits_until_a_process_is_known(on_ctrl_c):
    on_ctrl_c(signal.default_int_handler)
    reached: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupt_a_start(reached)
    assert reached == ["the end"]
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_where_ctrl_c_does_nothing_it_stays_so(on_ctrl_c):
    on_ctrl_c(signal.SIG_IGN)
    reached: list[str] = []
    interrupt_a_start(reached)
    assert reached == ["the end", "too far"]
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


PARENT = """
import sys
sys.path[:0] = {path!r}
import test_workers
from kws import interrupts, workers

if __name__ == "__main__":
    for _, pid in workers.run(test_workers.Sleeper(), range(4), 2):
        print(pid, flush=True)
"""


@dataclass
class Sleeper:
    """Says who it is, and then has nothing to do for long."""

    def __call__(self, job: int) -> int:
        if job > 1:
            time.sleep(60)
        return os.getpid()

    def close(self) -> None:
        pass


def test_processes_end_with_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(path=[str(Path(__file__).parent), str(Path(workers.__file__).parents[1])]))
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        state = Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        if state == "Z":  # dead, and nobody has asked yet
            return
        time.sleep(0.1)
    pytest.fail("the process lives on")


def test_no_jobs():
    assert list(workers.run(Squares(), [])) == []
