"""The whole way through `kws studio` as a person goes it, with a clock; `make studio-walk` runs it.

Two words of 15 takes each from the fake microphone, a training with the settings that the studio writes (from
commands12, with the pack of negatives), figures, thresholds, live detection, an image for the nRF52840, which the
simulator boots and lets hear the same takes. Nothing is made quicker than it is for a person. Times are printed beside
what was set for two idle cores, and beside CPU seconds and the machine's load; only facts are asserted, since a machine
that does other work is slower, not worse.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

import numpy as np
import studio_walk as walk
from conftest import needs, needs_browser
from detection_lines import detection_lines
from simulator.nrf52840 import Nrf52840

from kws import audio
from kws.boards import find
from kws.cli import console
from kws.image.build import compiled
from kws.model.file import Model

TO_LIVE_SECONDS, TRAINING_SECONDS, PAINT_SECONDS, PAGE_BYTES = 600, 120, 0.5, 400_000
PATIENCE = 3_000_000
PAINTED = """() => new Promise((found) => {
  new PerformanceObserver((list) => {
    const paint = list.getEntries().find((e) => e.name === "first-contentful-paint");
    if (paint) found(paint.startTime);
  }).observe({ type: "paint", buffered: true });
})"""
BYTES = """() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
  .filter((e) => !e.name.includes("/api/")).reduce((sum, e) => sum + e.decodedBodySize, 0)"""


class Clock:
    """Wall clock and CPU seconds of each step; CPU is that of a process and of its ended children."""

    def __init__(self, process):
        self.process, self.began, self.steps = process, time.monotonic(), []
        self.load = os.getloadavg()[0]

    @contextlib.contextmanager
    def step(self, name):
        began, cpu = time.monotonic(), self.cpu()
        yield
        seconds = time.monotonic() - began
        # The server has to notice that the child has ended.
        time.sleep(2)
        self.began += 2
        self.steps.append((name, seconds, self.cpu() - cpu))
        console.messages.print(f"{name}: {seconds:.1f} s, {self.steps[-1][2]:.1f} s of CPU")

    def cpu(self):
        fields = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        # utime, stime, cutime and cstime of proc(5).
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def first_paint(page, address):
    """Seconds until something is painted, the least of five loads, and the page's bytes."""
    times = []
    for _ in range(5):
        page.goto(address)
        page.wait_for_selector("main h1")
        times.append(page.evaluate(PAINTED) / 1000)
    return min(times), page.evaluate(BYTES)


def booted(run, folder, pcm):
    """What the simulated nRF52840 hears of ``pcm``, and what the harness does."""
    model = Model.load(run)
    with compiled(model, find("nrf52840"), "spotter", folder=folder) as built:
        board = Nrf52840(pcm=pcm)
        board.machine.load(built.elf)
        board.machine.run(until=lambda: board.source.ended)
        board.machine.run(seconds=0.5)
    greeting, *heard = (json.loads(line) for line in board.line.lines)
    assert greeting["model"] == model.id
    silent = np.concatenate([pcm, np.zeros(9600, np.int16)])
    return heard, detection_lines(model.require_info(), model.spotter().process(silent[None]).detections[0])


@needs("make", "cc", "arm-none-eabi-gcc")
@needs_browser
def test_two_words_from_an_empty_folder_to_a_board(tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "PATIENCE", PATIENCE)
    for number, word in enumerate(walk.WORDS, 1):
        audio.write(tmp_path / f"{word}.wav", walk.spoken(word, walk.TAKES, number))
    project = tmp_path / "lamp"
    with walk.studio(project) as running:
        with walk.page_with(tmp_path / f"{walk.WORDS[0]}.wav") as page:
            painted, size = first_paint(page, running.address)
            clock = Clock(running.process)
            with clock.step("three answers"):
                walk.make_project(page, running.address)
            with clock.step(f"{walk.TAKES} takes of {walk.WORDS[0]}"):
                walk.record(page, walk.WORDS[0], walk.TAKES)
        with walk.page_with(tmp_path / f"{walk.WORDS[1]}.wav") as page:
            page.goto(running.address)
            with clock.step(f"{walk.TAKES} takes of {walk.WORDS[1]}"):
                walk.record(page, walk.WORDS[1], walk.TAKES)
            walk.enter(page, "train")
            with clock.step("training"):
                walk.press(page, "train", "Train")
            walk.enter(page, "judge")
            with clock.step("judging"):
                walk.press(page, "judge", "Judge it")
            with clock.step("tuning"):
                page.check("label:has-text('Write them even where') input")
                walk.press(page, "tune", "Write thresholds")
            walk.enter(page, "live")
            with clock.step("live, until a word is detected"):
                page.click("button:has-text('Listen')")
                page.wait_for_selector(f"ul.heard strong:text-is('{walk.WORDS[1]}')")
            live = time.monotonic() - clock.began
            page.click("button:text-is('Stop')")
            walk.enter(page, "board")
            with clock.step("building"):
                walk.press(page, "build", "Build the image")
                page.wait_for_selector("a[download]")
    pcm = np.concatenate([audio.read(tmp_path / f"{word}.wav") for word in walk.WORDS])
    heard, wanted = booted(project / "runs" / "first", tmp_path, pcm)
    told(clock, painted, size, live, len(heard))
    assert heard
    assert heard == wanted[: len(heard)]
    assert len(heard) >= len(wanted) - 1
    assert size < PAGE_BYTES


def told(clock, painted, size, live, words):
    console.table(("step", "wall clock", "CPU"), [(n, f"{w:.1f} s", f"{c:.1f} s") for n, w, c in clock.steps])
    training = next(wall for name, wall, _ in clock.steps if name == "training")
    for text, good in (
        (f"first paint after {1000 * painted:.0f} ms, {1000 * PAINT_SECONDS:.0f} allowed", painted < PAINT_SECONDS),
        (f"{size / 1000:.1f} KB of page, {PAGE_BYTES / 1000:.0f} allowed", size < PAGE_BYTES),
        (f"{live:.0f} s to the first live detection, {TO_LIVE_SECONDS} allowed", live < TO_LIVE_SECONDS),
        (f"{training:.0f} s of training, {TRAINING_SECONDS} allowed", training < TRAINING_SECONDS),
        (f"the board boots and hears {words} words, those of the harness", words > 0),
    ):
        console.out.print(f"{'yes' if good else 'NO '}  {text}", markup=False)
    loads = f"{clock.load:.1f} before, {os.getloadavg()[0]:.1f} after"
    console.out.print(f"load of the machine of {os.cpu_count()} cores: {loads}", markup=False)
