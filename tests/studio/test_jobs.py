"""Jobs: verbs in processes of their own, which are found again, stopped, and known to be dead."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time

import pytest

from kws.errors import KwsError
from kws.project import COMMANDS, CONFIG
from kws.studio import job, state
from kws.studio import jobs as jobs_of_a_page
from kws.studio.jobs import DONE, FAILED, HIDDEN, LOST, RUNNING, STOPPED, Jobs
from kws.studio.safe import Refused


@pytest.fixture
def waiting():
    """A verb that waits: for what a board at a pseudo-terminal never says."""
    board, port = os.openpty()
    yield ["monitor", os.ttyname(port)]
    os.close(board)
    os.close(port)


def ended(jobs, name):
    while (job := jobs.find(name)).status == RUNNING:
        time.sleep(0.05)
    return job


def test_a_stop_that_comes_before_there_is_a_verb_reaches_it(tmp_path, waiting):
    # As a job has it: where the tests run in the background, SIGINT is ignored, and would be so in the verb.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with (tmp_path / "out").open("wb") as out:
            assert job._run(waiting, out.fileno(), out.fileno(), out.fileno(), [signal.SIGINT]) == 130
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_ended_process_is_taken_leave_of(tmp_path):
    jobs = Jobs(tmp_path)
    child_of = jobs._children
    name = jobs.start("new", "", [["configs", "--json"]])
    child = child_of[name]
    # It has ended, and is still to be waited for.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert jobs.all()[0].status == DONE
    assert (child.returncode, child_of) == (0, {})


def test_verbs_one_after_the_other_and_the_first_that_fails_ends_it(tmp_path):
    jobs = Jobs(tmp_path)
    new = ["new", ".", "--words", "yes", "--source", "microphone", "--board", "none", "--json"]
    job = ended(jobs, jobs.start("new", "", [new]))
    assert (job.status, job.code, job.error) == (DONE, 0, "")
    assert jobs.output(job.id)["files"] == [CONFIG, COMMANDS]
    assert any(line.startswith("$ kws new . --words yes") for line in job.lines)
    again = ended(jobs, jobs.start("new", "", [new, ["configs"]]))
    assert (again.status, again.code) == (FAILED, 3)
    assert "is there already" in again.error
    assert not any("configs" in line for line in again.lines)
    assert [j.id for j in jobs.all()] == [again.id, job.id]


def test_a_file_of_the_project_is_no_module_of_a_job(tmp_path):
    """Whoever made the folder: a json.py in it is not what `import json` means."""
    for name in ("json.py", "kws.py"):
        (tmp_path / name).write_text("raise SystemExit('run from the project')", encoding="utf-8")
    jobs = Jobs(tmp_path)
    found = ended(jobs, jobs.start("new", "", [["configs", "--json"]]))
    assert (found.status, found.code) == (DONE, 0)


def test_a_job_goes_on_without_the_server_and_is_stopped_by_the_next_one(tmp_path, waiting):
    name = Jobs(tmp_path).start("monitor", "", [waiting])
    later = Jobs(tmp_path)
    assert later.find(name).status == RUNNING
    with pytest.raises(Refused, match="runs already"):
        later.start("monitor", "", [waiting])
    while not any("listening" in line for line in later.find(name).lines):
        time.sleep(0.05)
    later.stop(name)
    job = ended(later, name)
    # The verb ends in order at Ctrl-C; that is its way to be done.
    assert job.status in (STOPPED, DONE)
    later.stop(name)


def test_a_job_that_was_killed_is_lost_and_not_running(tmp_path, waiting):
    jobs = Jobs(tmp_path)
    name = jobs.start("monitor", "", [waiting])
    os.killpg(int((tmp_path / HIDDEN / "jobs" / name / "pid").read_text()), signal.SIGKILL)
    job = ended(jobs, name)
    assert (job.status, job.code) == (LOST, None)
    assert Jobs(tmp_path).find(name).status == LOST


def test_a_job_that_has_just_been_written_down_is_not_lost(tmp_path, waiting):
    folder = tmp_path / HIDDEN / "jobs" / "00001"
    folder.mkdir(parents=True)
    record = {"kind": "monitor", "about": "", "commands": [waiting], "started": time.time()}
    (folder / "job.json").write_text(json.dumps(record))
    jobs = Jobs(tmp_path)
    assert jobs.find("00001").status == RUNNING
    (folder / "pid").write_text("1")
    assert jobs.find("00001").status == LOST


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"kind": 1}', '{"kind": "a", "about": "", "commands": 3, "started": 0}']
)
def test_a_damaged_record_is_no_job(text, tmp_path):
    folder = tmp_path / HIDDEN / "jobs" / "00001"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(text)
    jobs = Jobs(tmp_path)
    assert jobs.all() == []
    with pytest.raises(Refused):
        jobs.find("00001")


def test_what_the_log_says(tmp_path):
    folder = tmp_path / HIDDEN / "jobs" / "00001"
    folder.mkdir(parents=True)
    record = '{"kind": "train", "about": "a", "commands": [["train", "a b"]], "started": 1}'
    (folder / "job.json").write_text(record)
    (folder / "log").write_text("$ kws train\nfeatures: 3 of 7\nepoch 1  loss\nfeatures: 5 of 7\n")
    job = Jobs(tmp_path).find("00001")
    assert job.progress == ("features", 5, 7)
    assert job.lines == ("$ kws train", "epoch 1  loss")
    assert job.as_dict()["commands"] == ["kws train 'a b'"]
    (folder / "log").write_text("$ kws train\nfeatures: 3 of 7\n$ kws convert\nkws: error: no such run\n")
    (folder / "end.json").write_text('{"code": 3, "seconds": 1.5}')
    job = Jobs(tmp_path).find("00001")
    assert (job.progress, job.status, job.error) == (None, FAILED, "no such run")


def test_a_damaged_record_of_long_ago_keeps_no_job_from_beginning(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs_of_a_page, "_KEPT", 1)
    old = tmp_path / HIDDEN / "jobs" / "00001"
    old.mkdir(parents=True)
    (old / "job.json").write_text("{")
    jobs = Jobs(tmp_path)
    assert ended(jobs, jobs.start("new", "", [["configs", "--json"]])).status == DONE
    assert not old.exists()


def test_a_job_that_cannot_write_is_no_running_one(tmp_path, monkeypatch):
    """On a full disk there is room for its record, perhaps, and none for what it writes then."""
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    jobs = Jobs(tmp_path)
    with pytest.raises(KwsError, match="is the disk full"):
        jobs.start("new", "", [["configs"]])
    assert jobs.all() == []


def test_what_still_runs_is_shown_however_many_jobs_came_after_it(tmp_path, waiting):
    """Its Stop is on the page, and without it no other of its kind begins."""
    jobs = Jobs(tmp_path)
    name = jobs.start("monitor", "", [waiting])
    for i in range(2, 20):
        folder = tmp_path / HIDDEN / "jobs" / f"{i:05}"
        folder.mkdir()
        (folder / "job.json").write_text('{"kind": "check", "about": "", "commands": [], "started": 1}')
        (folder / "end.json").write_text('{"code": 0, "seconds": 1}')
    shown = [job["id"] for job in state.state(tmp_path, jobs)["jobs"]]
    jobs.stop(name)
    ended(jobs, name)
    assert (shown[0], shown[-1]) == ("00019", name)
    assert name not in [job["id"] for job in state.state(tmp_path, jobs)["jobs"]]
