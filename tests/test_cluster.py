"""Jobs on a Dask cluster: the same bytes as here, also where a worker is killed; what is missing is told."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tones

from kws import cluster, workers
from kws.cli import exit_codes
from kws.cli.main import main
from kws.datasets.splits import TRAINING
from kws.errors import KwsError, MissingError
from kws.training import features as feature_maker
from kws.training import sources

ROOT = Path(__file__).parents[1]


@dataclass
class Job:
    """Says who does it; one job does something else."""

    kill_at: int = -1
    wrong_at: int = -1
    seconds: float = 0.0

    def __call__(self, job: int) -> tuple[int, int]:
        time.sleep(self.seconds)
        if job == self.wrong_at:
            raise KwsError(f"job {job} went wrong")
        if job == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return job * job, os.getpid()

    def close(self) -> None:
        pass


class Processes:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._file = folder / "scheduler.json"
        # Somebody else's scheduler has no kws.
        (folder / "without").mkdir()
        (folder / "without" / "kws.py").write_text("raise ImportError")
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.scheduler = self._start("scheduler", *options, PYTHONPATH=str(folder / "without"))
        while not self._file.exists():
            assert self.scheduler.poll() is None
            time.sleep(0.05)
        self.address = json.loads(self._file.read_text())["address"]

    def worker(self, **environment: str) -> subprocess.Popen[bytes]:
        return self._start("worker", "--no-nanny", "--no-dashboard", "--nthreads", "1", **environment)

    def _start(self, what: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--scheduler-file", self._file, *options]
        with (self._folder / f"{what}.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self._folder, stderr=log, stdout=log, env={**os.environ, "PYTHONPATH": path, **environment}
            )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process


@pytest.fixture
def processes(tmp_path):
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    with contextlib.ExitStack() as stack:
        yield Processes(tmp_path, stack)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch, capsys, tmp_path, tiny_file, spoken):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingError, match=r"pip install .*cluster"), workers.on("tcp://127.0.0.1:1"):
        pass
    line = ["stream-test", str(tiny_file), "--data", str(spoken), "--split", "all", "--minutes", "1"]
    assert main([*line, "--cluster", "tcp://127.0.0.1:1"]) == exit_codes.MISSING
    assert "distributed" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main([*line, "--cluster", "localhost"])
    assert stop.value.code == exit_codes.USAGE


def test_where_no_scheduler_answers(monkeypatch):
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    monkeypatch.setattr(cluster, "_ANSWER_SECONDS", 0.2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(KwsError, match=f"no scheduler answers at {address}.*dask scheduler"), workers.on(address):
            pass
    with pytest.raises(KwsError, match="no scheduler answers"), workers.on("nonsense://x"):
        pass


def test_another_kws_is_refused(monkeypatch):
    packed = cluster._Packed("t", {**cluster.versions(), "numpy": "0.1"}, b"")
    with pytest.raises(KwsError, match=r"numpy .* instead of 0\.1"):
        cluster._unpack(packed)


@pytest.mark.slow
def test_a_killed_worker_is_survived(processes):
    processes.worker(), processes.worker()
    found, by, killed = {}, {}, 0
    with workers.on(processes.address), contextlib.closing(workers.run(Job(seconds=0.05), range(60))) as results:
        for job, (result, pid) in results:
            found[job], by[job] = result, pid
            if not killed and len(set(by.values())) == 2:
                killed, at = pid, len(by)
                os.kill(pid, signal.SIGKILL)
    assert found == {i: i * i for i in range(60)}
    # What it had done and not yet told may have arrived, no more.
    assert sum(pid == killed for pid in list(by.values())[at:]) < 20
    assert len(set(by.values())) == 2


@pytest.mark.slow
def test_errors_arrive_and_jobs_that_kill_are_told(processes, monkeypatch):
    monkeypatch.setattr(cluster, "_ALONE_SECONDS", 1.0)
    with workers.on(processes.address):
        with pytest.raises(KwsError, match="has no workers"):
            list(workers.run(Job(), range(5)))
        assert os.getpid() in {pid for _, (_, pid) in workers.run(Job(), range(5), 1, here=True)}
        one = processes.worker()
        monkeypatch.setattr(cluster, "_ALONE_SECONDS", 60.0)
        with pytest.raises(KwsError, match="job 3 went wrong"):
            list(workers.run(Job(wrong_at=3), range(5)))
        for _ in range(4):
            processes.worker()
        with pytest.raises(KwsError, match="killed several workers"):
            list(workers.run(Job(kill_at=3), range(5)))
        assert one.poll() in (None, -signal.SIGKILL)
        processes.worker()
        running = workers.run(Job(seconds=0.1), range(1000))
        next(running)
        processes.scheduler.kill()
        with pytest.raises(KwsError, match="went away"):
            list(running)


@pytest.mark.slow
def test_the_same_bytes_as_here(processes, tmp_path, tiny_file, spoken, monkeypatch, capsys):
    two = [processes.worker(XDG_CACHE_HOME=os.environ["XDG_CACHE_HOME"]) for _ in range(2)]
    assert all(worker.poll() is None for worker in two)
    data = tones.write(tmp_path / "tones", speakers=60)
    recipe = sources.recipes(tones.experiment(), [data])[TRAINING]
    monkeypatch.setattr(feature_maker, "_JOB_VARIANTS", 30)
    here = feature_maker.features(recipe, tmp_path / "here")
    with workers.on(processes.address):
        there = feature_maker.features(recipe, tmp_path / "there")
    np.testing.assert_array_equal(here.features, there.features)
    (one,), (other,) = ((tmp_path / name).iterdir() for name in ("here", "there"))
    assert (one.name, one.read_bytes()) == (other.name, other.read_bytes())
    # A relative path: the workers are in another folder.
    monkeypatch.chdir(spoken.parent)
    line = ["--data", spoken.name, "--split", "all", "--minutes"]
    said = []
    for more in (["--jobs", "1"], ["--cluster", processes.address]):
        assert main(["stream-test", str(tiny_file), *line, "20", *more, "--json"]) == exit_codes.OK
        report = json.loads(capsys.readouterr().out)
        said.append({k: v for k, v in report.items() if k not in ("wall_seconds", "hours_per_minute")})
    assert said[0] == said[1]
    tuned = []
    for name, more in (("a", ["--jobs", "1"]), ("b", ["--cluster", processes.address])):
        out = tmp_path / f"{name}.tflite"
        assert main(["tune", str(tiny_file), *line, "3", *more, "--anyway", "--budget", "100", "--out", str(out)]) == 0
        tuned.append(out.read_bytes())
    assert tuned[0] == tuned[1]
