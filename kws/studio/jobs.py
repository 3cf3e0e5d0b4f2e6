"""Verbs that run as jobs: processes of their own, which go on when the page or the server is closed.

A job is a folder of ``.kws-studio/jobs``:

============  ==========================================================================
``job.json``  what it is for, and its command lines
``lock``      held as long as it runs, by the job's process or the verb that outlives it
``log``       what the verbs say on standard error, and the commands
``out``       what the last verb printed on standard output: JSON, with ``--json``
``end.json``  the exit code, and after how many seconds
============  ==========================================================================
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kws import locks
from kws.errors import KwsError
from kws.files import parse_json, write_atomic
from kws.studio.safe import Refused

HIDDEN = ".kws-studio"
_STARTING_SECONDS = 60.0
RUNNING, DONE, FAILED, STOPPED, LOST = "running", "done", "failed", "stopped", "lost"
_STOPPED = (130, 143)
_TAIL = 24_000
_SHOWN_LINES = 60
_PROGRESS = re.compile(r"^(?P<stage>[^:\n]{1,80}): (?P<done>\d+) of (?P<total>\d+)$")
_ERROR = "kws: error: "
_KEPT = 200


@dataclass(frozen=True)
class Job:
    """One job as its folder says.

    Attributes:
        id: the folder's name.
        kind: such as ``train``.
        about: what it is about, such as the run's name.
        commands: the arguments of each ``kws``, in order.
        started: seconds since 1970.
        status: one of the constants here.
        code: the exit code, if it has ended by itself.
        seconds: it took, or takes by now.
        progress: the last (stage, done, total) that was said, if any.
        lines: the last lines of the log, without progress.
        error: the sentence that it failed with; empty if it did not.
    """

    id: str
    kind: str
    about: str
    commands: tuple[tuple[str, ...], ...]
    started: float
    status: str
    code: int | None
    seconds: float
    progress: tuple[str, int, int] | None
    lines: tuple[str, ...]
    error: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "id": self.id,
            "kind": self.kind,
            "about": self.about,
            "commands": [shlex.join(["kws", *c]) for c in self.commands],
            "started": self.started,
            "status": self.status,
            "code": self.code,
            # A state that is sent only where it has changed says when, not how long.
            "seconds": None if self.status == RUNNING else round(self.seconds, 1),
            "progress": self.progress,
            "lines": list(self.lines),
            "error": self.error,
        }


class Jobs:
    """The jobs of a project's folder."""

    def __init__(self, root: Path) -> None:
        """Of the project ``root``."""
        self._root = root
        self._folder = root / HIDDEN / "jobs"
        self._ended: dict[str, Job] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, kind: str, about: str, commands: Sequence[Sequence[str]]) -> str:
        """Start verbs one after the other; returns the job's id.

        Raises:
            Refused: a job of this kind runs already.
            KwsError: its folder cannot be written, be it by the job itself.
        """
        with self._locked():
            busy = next((job for job in self.all() if job.status == RUNNING and job.kind == kind), None)
            if busy is not None:
                raise Refused(409, f"{kind} runs already; wait for it, or stop it")
            name = f"{1 + max((int(n) for n in self._names()), default=0):05}"
            record = {"kind": kind, "about": about, "commands": [list(c) for c in commands], "started": time.time()}
            write_atomic(self._folder / name / "job.json", json.dumps(record) + "\n")
            child = self._children[name] = subprocess.Popen(
                # Modules are those of kws: a file random.py in the project's folder is none, whoever put it there.
                [sys.executable, "-P", "-m", "kws.studio.job", str(self._folder / name)],
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # The server's Ctrl-C is not the job's.
                start_new_session=True,
                env=environment(),
            )
            if not self._is_begun(name, child):
                shutil.rmtree(self._folder / name, ignore_errors=True)
                raise KwsError(f"{kind} cannot begin: nothing can be written to {self._folder}; is the disk full?")
            self._forget_old()
        return name

    def _locked(self) -> contextlib.AbstractContextManager[int]:
        """Two servers, or two tabs, start one job at a time."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return locks.locked(self._folder / "lock")
        except OSError as error:
            raise KwsError(f"cannot write {self._folder}: {error.strerror or error}") from error

    def _is_begun(self, name: str, child: subprocess.Popen[bytes]) -> bool:
        """Wait until the job says that it runs: a job without its lock counts as ended."""
        mark = self._folder / name / "pid"
        while not mark.exists() and child.poll() is None:
            time.sleep(0.01)
        return mark.exists()

    def _names(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        return sorted(p.name for p in self._folder.iterdir() if p.name.isdecimal() and (p / "job.json").exists())

    def _forget_old(self) -> None:
        """Remove the oldest jobs that have ended."""
        for name in self._names()[:-_KEPT]:
            try:
                running = self.find(name).status == RUNNING
            except Refused:
                # What is damaged is no longer of use, and no reason to begin nothing any more.
                running = False
            if not running:
                shutil.rmtree(self._folder / name, ignore_errors=True)

    def all(self) -> list[Job]:
        """Every job, the newest first."""
        self._reap()
        found = []
        for name in reversed(self._names()):
            with contextlib.suppress(Refused):
                found.append(self.find(name))
        return found

    def _reap(self) -> None:
        """Take leave of processes that have ended; a job says that it has ended a moment before its process does."""
        for name, child in list(self._children.items()):
            if child.poll() is not None:
                self._children.pop(name, None)

    def find(self, name: str) -> Job:
        """One job.

        Raises:
            Refused: there is none of this name, or its record is damaged.
        """
        if name in self._ended:
            return self._ended[name]
        folder = self._folder / name
        if not name.isdecimal() or not (folder / "job.json").exists():
            raise Refused(404, "there is no such job")
        try:
            record = parse_json((folder / "job.json").read_bytes())
            commands = tuple(tuple(map(str, c)) for c in record["commands"])
            kind, about, started = str(record["kind"]), str(record["about"]), float(record["started"])
        except (OSError, ValueError, KeyError, TypeError):
            raise Refused(404, f"the record of job {name} is damaged; delete {folder}") from None
        job = self._seen(folder, Job(name, kind, about, commands, started, RUNNING, None, 0.0, None, (), ""))
        if job.status != RUNNING:
            self._ended[name] = job
        return job

    def _seen(self, folder: Path, job: Job) -> Job:
        # Before the end is read: a job that ends in between would be lost.
        free = _is_free(folder / "lock")
        progress, lines, error = _read_log(folder / "log")
        if job.kind == "monitor":
            # What a board says is what its job is for.
            lines += tuple(_read_tail(folder / "out", _TAIL).splitlines()[-_SHOWN_LINES:])
        status, code, seconds = RUNNING, None, time.time() - job.started
        try:
            end = parse_json((folder / "end.json").read_bytes())
            code, seconds = int(end["code"]), float(end["seconds"])
            status = DONE if code == 0 else STOPPED if code in _STOPPED else FAILED
        except (OSError, ValueError, KeyError, TypeError):
            # A process takes a moment until it holds its lock.
            starting = not (folder / "pid").exists() and seconds < _STARTING_SECONDS
            if free and not starting:
                status = LOST
        return Job(
            job.id, job.kind, job.about, job.commands, job.started, status, code, seconds, progress, lines,
            error if status == FAILED else "",
        )  # fmt: skip

    def stop(self, name: str) -> None:
        """Ctrl-C for a job; a training keeps what it has and goes on with the same command.

        Raises:
            Refused: there is no such job.
        """
        if self.find(name).status != RUNNING:
            return
        with contextlib.suppress(OSError, ValueError):
            os.killpg(int((self._folder / name / "pid").read_text(encoding="ascii")), signal.SIGINT)

    def output(self, name: str) -> Any:
        """What the last verb printed, as JSON; None if it is none."""
        self.find(name)
        text = _read_tail(self._folder / name / "out", 4_000_000)
        for line in reversed(text.splitlines()):
            with contextlib.suppress(ValueError):
                return parse_json(line)
        return None


def environment() -> Mapping[str, str]:
    """Of a job: progress is said often, and nothing is written for a terminal."""
    return {**os.environ, "KWS_PROGRESS_SECONDS": "0.5", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "110"}


def _is_free(path: Path) -> bool:
    try:
        with locks.if_free(path) as free:
            return free
    except OSError:
        return True


def _read_tail(path: Path, size: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - size))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _read_log(path: Path) -> tuple[tuple[str, int, int] | None, tuple[str, ...], str]:
    progress = None
    lines: list[str] = []
    error = ""
    for line in _read_tail(path, _TAIL).splitlines():
        said = _PROGRESS.match(line)
        if said:
            progress = (said["stage"], int(said["done"]), int(said["total"]))
        elif line.strip():
            # What follows a command's start is not the command's before it.
            progress = None if line.startswith("$ ") else progress
            lines.append(line)
        if line.startswith(_ERROR):
            error = line.removeprefix(_ERROR)
    return progress, tuple(lines[-_SHOWN_LINES:]), error
