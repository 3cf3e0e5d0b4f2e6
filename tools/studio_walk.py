"""Walk through `kws studio` in the distribution's Chromium, with a fake microphone: `python tools/studio_walk.py`.

Draws the pictures of docs/studio.md. The slow test tests/studio/test_walk.py walks the same way and checks it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import browser
import numpy as np
from PIL import Image

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets import synthetic
from kws.files import replacing, scratch
from kws.types import Floats, Pcm

ROOT = Path(__file__).resolve().parents[1]
WORDS = ("yes", "no")
ROOMS = ("start", "record", "data", "train", "judge", "live", "board")
TAKES = 15
_GAP_SECONDS = 0.9
# Of a picture.
_COLOURS, _SETTLED_MS = 128, 2000
PATIENCE = 300_000
"""Milliseconds; a machine that does other work starves the browser."""
QUICK = {"epochs": "2", "patience": "2", "variants": "2", "pack": "false", "calibration_clips": "30"}
"""What one may write into words.toml to have a result at once."""


def spoken(word: str, takes: int, seed: int) -> Pcm:
    """A word by several voices, a second of quiet before the first, and nearly one after each."""
    rng = np.random.default_rng(seed)
    quiet = np.zeros(round(_GAP_SECONDS * SAMPLE_RATE), np.float32)
    parts: list[Floats] = [np.zeros(SAMPLE_RATE, np.float32)]
    for voice in synthetic.voices(takes).values():
        parts += [0.3 * synthetic.utter(word, voice, rng), quiet]
    x = np.concatenate(parts)
    return audio.to_int16(32768 * (x + rng.normal(0, 3e-4, len(x))))


@contextlib.contextmanager
def studio(folder: Path) -> Iterator[Studio]:
    """A running ``kws studio`` of a folder."""
    running = Studio(folder)
    running.start()
    try:
        yield running
    finally:
        running.end()


class Studio:
    """``kws studio`` as a process, which may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        """Of a folder."""
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.address = ""

    def start(self) -> None:
        """Start it and wait for its address."""
        command = [sys.executable, "-m", "kws", "studio", str(self._folder), "--no-browser"]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")
        assert self._process.stderr is not None
        found = None
        while found is None:
            line = self._process.stderr.readline()
            if not line:
                raise RuntimeError(f"kws studio ended with code {self._process.wait()}")
            found = re.search(r"http://\S+", line)
        self.address = found[0]

    @property
    def process(self) -> int:
        """Its id."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """As Ctrl-C does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()


@contextlib.contextmanager
def page_with(microphone: Path, width: int = 1280, scheme: str = "light") -> Iterator[Any]:
    """A page of a browser whose microphone plays a WAV file, again and again."""
    with browser.chromium(microphone, again=True) as opened:
        # The policy of the page keeps out axe too, which the tests inject.
        context = opened.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
        context.set_default_timeout(PATIENCE)
        yield context.new_page()


def enter(page: Any, room: str) -> None:
    """Go to a room by its link."""
    page.click(f'nav a[href="#{room}"]')
    page.wait_for_selector(f'nav a[href="#{room}"][aria-current]')


def make_project(page: Any, address: str) -> None:
    """Answer the three questions."""
    page.goto(address)
    page.fill("#words", ", ".join(WORDS))
    page.select_option("select[name=board]", "nrf52840")
    page.click("text=Make the project")
    page.wait_for_selector('nav a[href="#board"]')


def record(page: Any, word: str, takes: int) -> None:
    """Record until there are so many takes."""
    enter(page, "record")
    page.select_option("#word", word)
    page.click("text=Start recording")
    page.wait_for_function(f"document.querySelectorAll('li.clip').length >= {takes}")
    page.click("text=Stop >> visible=true")


def bring(page: Any, word: str, file: Path) -> None:
    """Import a file as takes of a word."""
    page.select_option("#word", word)
    page.set_input_files("input[type=file]", str(file))
    page.wait_for_selector(f"text={file.name}:")


def quicken(project: Path, **more: str) -> None:
    """Write :data:`QUICK`, and other keys, into the project's settings, as a person with a text editor may."""
    path = project / "words.toml"
    text = path.read_text(encoding="utf-8")
    for key, value in (QUICK | more).items():
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")


def drag(page: Any, parts: Sequence[float]) -> float:
    """Drag the point on Judge's curve over parts of the chart's width; returns the budget that is then offered."""
    chart = page.locator(".chart.draggable")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    for i, part in enumerate(parts):
        page.mouse.move(box["x"] + part * box["width"], box["y"] + box["height"] / 2)
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    return float(re.findall(r"Write thresholds for (\S+) false", page.inner_text("main"))[0])


def press(page: Any, kind: str, button: str) -> None:
    """Press a button that starts a job and wait until it is done."""
    before = page.evaluate("fetch('/api/state').then(r => r.json()).then(s => s.jobs.length ? s.jobs[0].id : '')")
    page.click(f"button:has-text('{button}')")
    await_job(page, kind, before)


def await_job(page: Any, kind: str, before: str) -> None:
    """Wait until a job of a kind that is newer than ``before`` is done.

    Raises:
        RuntimeError: it failed.
    """
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline:
        jobs = page.evaluate("fetch('/api/state').then(r => r.json()).then(s => s.jobs)")
        found = next((job for job in jobs if job["kind"] == kind and job["id"] > before), None)
        if found is not None and found["status"] == "done":
            return
        if found is not None and found["status"] != "running":
            raise RuntimeError(f"{kind} {found['status']}: {found['error'] or found['lines']}")
        page.wait_for_timeout(300)
    raise RuntimeError(f"{kind} took longer than {PATIENCE / 1000:.0f} s")


# Puts what a reader has in place of this machine's paths.
_RENAME = """pairs => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    for (const [here, there] of pairs) walker.currentNode.data = walker.currentNode.data.replaceAll(here, there);
  }
}"""


def picture(page: Any, path: Path, project: Path, from_heading: str | None = None) -> None:
    """Write a PNG of what the window shows, of few colours, which is a third of the bytes.

    Args:
        page: it.
        path: the file.
        project: whose page it is; it and the checkout are shown as a reader's.
        from_heading: what to scroll to; the top of the page if None.
    """
    page.evaluate("document.querySelectorAll('.toast').forEach((e) => e.remove()); scrollTo(0, 0)")
    if from_heading is not None:
        page.evaluate(
            "text => scrollTo(0, [...document.querySelectorAll('h2')].find((e) => e.textContent === text)"
            ".parentElement.getBoundingClientRect().top - 16)",
            from_heading,
        )
    page.wait_for_timeout(_SETTLED_MS)
    page.evaluate(_RENAME, [[str(project), "/home/me/lamp"], [str(ROOT), "/home/me/kws"]])
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    with replacing(path) as temporary:
        shown.quantize(_COLOURS, dither=Image.Dither.NONE).save(temporary, "PNG", optimize=True)


def main() -> None:
    """Draw the pictures of the documentation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures", metavar="DIR")
    out = parser.parse_args().out
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with scratch("studio") as folder:
        microphone, other = folder / "yes.wav", folder / "no.wav"
        audio.write(microphone, spoken("yes", TAKES, 1))
        audio.write(other, spoken("no", TAKES, 2))
        project = folder / "lamp"
        with studio(project) as running, page_with(microphone) as page:
            make_project(page, running.address)
            quicken(project, epochs="20", patience="20", pack="true")
            record(page, "yes", TAKES)
            picture(page, out / "studio-record.png", project)
            bring(page, "no", other)
            enter(page, "train")
            press(page, "train", "Train")
            page.wait_for_selector("td:has-text('20 of 20')")
            picture(page, out / "studio-train.png", project, "Progress")
            enter(page, "data")
            page.wait_for_selector(".map")
            picture(page, out / "studio-data.png", project)
            enter(page, "judge")
            press(page, "judge", "Judge it")
            page.wait_for_selector("input[type=range]")
            drag(page, (0.5, 0.6))
            picture(page, out / "studio-judge.png", project, "What these figures cannot tell")
            report = page.context.new_page()
            report.goto((project / "runs" / "first" / "report.html").as_uri())
            picture(report, out / "report.png", project, "In a room")
            report.close()
            enter(page, "live")
            page.click("button:has-text('Listen')")
            page.wait_for_selector("ul.heard li:nth-child(3) strong")
            picture(page, out / "studio-live.png", project)
            page.click("button:text-is('Stop')")
            enter(page, "board")
            press(page, "build", "Build the image")
            page.wait_for_selector("a[download]")
            picture(page, out / "studio-board.png", project)


if __name__ == "__main__":
    main()
