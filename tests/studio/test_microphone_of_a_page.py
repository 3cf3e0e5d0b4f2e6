"""The microphone on the page: refused, muted, gone; two tabs at once; the server killed while one speaks."""

from __future__ import annotations

import contextlib
import json
import shutil

import numpy as np
import pytest
import studio_walk as walk
from browser import MUTED
from conftest import needs, needs_browser

from kws import audio
from kws.project import MICROPHONE, Project

pytestmark = [pytest.mark.slow, needs_browser]

REFUSED = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('x', 'NotAllowedError'); };"
HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
# What hears a line's answers, to be called with one that comes late.
KEPT = """
  const { set, get } = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage');
  const keep = function (hear) { globalThis.hear = hear; set.call(this, hear); };
  Object.defineProperty(WebSocket.prototype, 'onmessage', { set: keep, get, configurable: true });
"""
LATE = """hear({ data: '{"odd": ["late"], "scores": [], "detections": []}' })"""
GONE = "text=The microphone went away. Plug it in again"
BUTTON = {"record": "Start recording", "live": "Listen"}


@pytest.fixture
def project(tmp_path):
    Project(tmp_path / "lamp", ("yes", "no"), MICROPHONE, None).write()
    # Quiet, then a burst of half a second every second and a half.
    time = np.arange(60 * 16000) / 16000
    burst = 9000 * np.sin(2 * np.pi * 440 * time) * ((time - 1) % 1.5 < 0.5) * (time > 1)
    audio.write(tmp_path / "yes.wav", audio.to_int16(burst + np.random.default_rng(1).normal(0, 3, len(time))))
    return tmp_path / "lamp"


@contextlib.contextmanager
def opened(project):
    with walk.studio(project) as studio, walk.page_with(project.parent / "yes.wav") as page:
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield studio, page
        assert faults == []


@needs("make", "cc")
def test_refused_muted_and_gone(project):
    with opened(project) as (studio, page):
        page.add_init_script(KEPT)
        page.goto(studio.address)
        page.wait_for_selector("nav a[href='#live']")
        for room, button in BUTTON.items():
            walk.enter(page, room)
            page.evaluate(f"() => {{ {REFUSED} }}")
            page.click(f"button:text-is('{button}')")
            page.wait_for_selector("text=The browser was not allowed to use the microphone")
            page.evaluate(f"() => {{ {MUTED} }}")
            page.click(f"button:text-is('{button}')")
            page.wait_for_selector("text=only zeros: is the microphone muted")
            page.evaluate("track.dispatchEvent(new Event('ended'))")
            page.wait_for_selector(GONE)
            page.evaluate(LATE)
            assert page.is_visible(GONE)
            assert page.is_enabled(f"button:text-is('{button}')")
    assert list(project.rglob("*.wav")) == []


def test_a_server_that_is_killed_while_one_speaks(project):
    with opened(project) as (studio, page):
        page.goto(studio.address)
        walk.enter(page, "record")
        page.click("button:text-is('Start recording')")
        page.wait_for_selector("li.clip >> nth=1")
        studio.kill()
        page.wait_for_selector("text=Recording has ended.")
        kept = sorted((project / "recordings" / "yes").iterdir())
        # Whole files, none that is half written.
        assert [path.name for path in kept] == [f"me_{i:02}.wav" for i in range(1, len(kept) + 1)]
        assert all(len(audio.read(path)) == 16000 for path in kept)
        studio.start()
        page.wait_for_selector("text=No answer.", state="hidden")
        page.click("button:text-is('Start recording')")
        page.wait_for_selector(f"text=me_{len(kept) + 1:02}.wav")
        page.click("button:text-is('Stop')")


@needs("make", "cc")
def test_two_tabs_and_what_was_missed(project):
    with opened(project) as (studio, page):
        page.goto(studio.address)
        other = page.context.new_page()
        other.goto(studio.address)
        for tab in (page, other):
            walk.enter(tab, "record")
        # Both record the same word of the same speaker: every take has a number of its own.
        for tab in (page, other):
            tab.click("button:text-is('Start recording')")
        for tab in (page, other):
            tab.wait_for_selector("li.clip >> nth=1")
            tab.click("button:text-is('Stop')")
        names = [
            set(tab.locator("li.clip").evaluate_all("all => all.map(e => e.dataset.path)")) for tab in (page, other)
        ]
        assert not names[0] & names[1]
        # What has changed is shown; a tab that nobody looks at asks for nothing until it is looked at again.
        walk.enter(other, "data")
        other.evaluate(HIDE, True)
        shutil.copytree(project / "recordings" / "yes", project / "recordings" / "chatter")
        page.wait_for_selector("span.tag:has-text('chatter')")
        chatter = "option:has-text('chatter')"
        assert other.locator(chatter).count() == 0
        other.evaluate(HIDE, False)
        other.locator(chatter).first.wait_for(state="attached")
        other.close()

        walk.enter(page, "live")
        page.click("button:text-is('Listen')")
        page.wait_for_selector("text=Listening with")
        page.click("button:text-is('You missed “yes”')")
        page.wait_for_selector("text=kept as recordings/yes/me_")
        path = page.inner_text("p:has-text('kept as recordings/yes/me_')").split()[2].rstrip(";")
        assert len(audio.read(project / path)) == 16000


@needs("make", "cc", "clang", "wasm-ld")
def test_the_library_in_the_tab_hears_what_the_server_does(project):
    """The same samples from the same first one on: every detection that is shown is the server's, at its very time."""
    audio.write(project.parent / "yes.wav", walk.spoken("yes", 6, 1))
    with opened(project) as (studio, page):
        told = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda m: told.extend(detected(m))))
        page.goto(studio.address)
        walk.enter(page, "live")
        page.select_option("#live-model", "shipped:commands12")
        page.click("button:text-is('Listen')")
        page.wait_for_selector("text=the C library as WebAssembly, in this tab")
        page.wait_for_selector("ul.heard li:nth-child(4) strong")
        page.click("text=The last detection was wrong")
        page.wait_for_selector("text=kept as recordings/not_")
        page.click("button:text-is('Stop')")
        shown = [text.partition(",")[0] for text in page.locator("ul.heard li").all_inner_texts()[::-1]]
        assert len(told) >= 4
        assert shown[: len(told)] == told[: len(shown)]
        # Without clang the server's engine is heard, and the page says why.
        missing = '{"error": "clang is not installed"}'
        page.route("**/api/module*", lambda route: route.fulfill(status=422, body=missing))
        page.click("button:text-is('Listen')")
        page.wait_for_selector("text=engine c, on this machine; not in this tab: clang is not installed")
        page.wait_for_selector("ul.heard li strong")


def detected(message):
    return [f"{d['word']} at {d['seconds']:.2f} s" for d in json.loads(message).get("detections", [])]
