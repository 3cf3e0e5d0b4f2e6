"""Rooms in a browser while what they show changes: focus and marks stay, a run goes on from where it began."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import studio_walk as walk
from conftest import needs_browser
from test_rooms import NAME, STOP, word, write

from kws import audio, shipped
from kws.model.file import Model
from kws.project import MICROPHONE, Project
from kws.studio.jobs import HIDDEN, Jobs

pytestmark = [pytest.mark.slow, needs_browser]

ROW = "tr:has(td:text-is('second'))"


@pytest.fixture
def project(tmp_path):
    """A project whose folder's name is no file name of old."""
    made = Project(tmp_path / "mein Lämpchen ☃", ("yes", "no"), MICROPHONE, None)
    made.write()
    root = tmp_path / "mein Lämpchen ☃"
    for take in range(1, 50):
        audio.write(root / "recordings" / "yes" / f"anna_{take:02}.wav", word(500, take))
    audio.write(tmp_path / "microphone.wav", word(500, 1))
    return root


@pytest.fixture
def visit(project):
    with walk.studio(project) as studio, walk.page_with(project.parent / "microphone.wav") as page:
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(studio.address)
        page.wait_for_selector("nav a[href='#board']")
        yield studio, page
        assert faults == []


def test_focus_stays_where_it_is_while_a_job_goes_on(visit, project):
    _, page = visit
    board, port = os.openpty()
    # A board at a pseudo-terminal, which never says anything.
    Jobs(project).start("monitor", "", [["monitor", os.ttyname(port)]])
    walk.enter(page, "board")
    page.focus("button:text-is('Stop')")
    for step in (1, 2):
        with (project / HIDDEN / "jobs" / "00001" / "log").open("a", encoding="utf-8") as log:
            log.write(f"listening: {step} of 9\n")
        page.wait_for_selector(f"text=listening: {step} of 9")
        assert page.evaluate(NAME) == "Stop"
    page.keyboard.press("Enter")
    page.wait_for_selector("button:text-is('Stop')", state="detached")
    os.close(board)
    os.close(port)


def test_marks_stay_and_an_emptied_page_is_left(visit, project):
    _, page = visit
    walk.enter(page, "data")
    page.check("input[aria-label='mark recordings/yes/anna_01.wav']")
    # As while voices are made: another word grows.
    audio.write(project / "recordings" / "no" / "anna_01.wav", word(900, 1))
    page.wait_for_selector("#clips-of option:has-text('no (1)')", state="attached")
    assert page.is_checked("input[aria-label='mark recordings/yes/anna_01.wav']")
    # The word itself grows.
    audio.write(project / "recordings" / "yes" / "anna_50.wav", word(500, 1))
    page.wait_for_selector("text=1 to 48 of 50")
    assert page.is_checked("input[aria-label='mark recordings/yes/anna_01.wav']")
    assert page.is_visible("text=1 marked")
    page.click("button:text-is('On')")
    for take in (49, 50):
        page.click(f"button[aria-label='Delete recordings/yes/anna_{take}.wav']")
        page.wait_for_selector(f"li[data-path='recordings/yes/anna_{take}.wav']", state="detached")
    page.wait_for_selector("li[data-path='recordings/yes/anna_48.wav']")
    assert page.locator("li.clip").count() == 48


def test_a_run_goes_on_from_the_model_that_it_began_with(project, visit):
    _, page = visit
    run = project / "runs" / "second"
    run.mkdir(parents=True)
    shutil.copy(project / "words.toml", run / "config.toml")
    name = "always-on/commands12-crnn"
    model = Model.load(shipped.models()[name])
    write(run / "run.json", {"start": {"name": "commands12-crnn", "id": model.id}})
    epoch = {"epoch": 1, "loss": 1.0, "validation_loss": 1.0, "seconds": 1.0}
    epoch |= dict.fromkeys(("accuracy", "validation_accuracy", "stream_accuracy"), 0.5)
    write(run / "history.json", {"epochs": [epoch], "best_epoch": 1})
    walk.enter(page, "train")
    page.click(f"{ROW} >> button:text-is('Go on')")
    page.wait_for_selector(".tag:has-text('train second')")
    command = f"kws train words.toml --from {shipped.models()[name]} --same-network --data recordings --out runs/second"
    job = json.loads((project / HIDDEN / "jobs" / "00001" / "job.json").read_bytes())
    assert " ".join(["kws", *job["commands"][0]]) == f"{command} --json"
    page.evaluate(STOP, "/api/jobs/00001/stop")


def test_misheard_clips_are_those_of_the_folder_that_was_heard(project, visit):
    """Voices were judged; since then people have recorded."""
    _, page = visit
    run = project / "runs" / "first"
    run.mkdir(parents=True)
    shutil.copy(shipped.models()["yes-no"], run / "model.tflite")
    audio.write(project / "synthetic" / "no" / "voice_01.wav", word(900, 1))
    clip = {"clip": "no/voice_01.wav", "label": "no", "heard": "yes", "probability": 0.9, "split": "testing"}
    write(run / "clips.json", {"data": "synthetic", "clips": [clip | {"x": 1.0, "y": 1.0}]})
    for room in ("judge", "data"):
        walk.enter(page, room)
        page.wait_for_selector("li[data-path='synthetic/no/voice_01.wav']")


def test_why_the_server_refuses_is_said(visit, project):
    """What the page knew was deleted, and a new token made: to wait would not help."""
    studio, page = visit
    studio.kill()
    page.wait_for_selector("text=No answer.")
    (project / HIDDEN / "token").unlink()
    studio.start()
    page.wait_for_selector("text=open the address that `kws studio` printed")
