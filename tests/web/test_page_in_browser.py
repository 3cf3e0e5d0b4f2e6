"""The page in a real browser: microphone, recordings, models, screens, keyboard."""

from __future__ import annotations

import base64
import re

import numpy as np
import pictures
import pytest
import soundfile
import soxr
from browser import MUTED, chromium
from browser_pages import Visit, check_numbers, served
from conftest import needs, needs_browser

from kws import audio
from kws.engines.c_engine import CEngine
from kws.model.file import Model
from kws.web.page import single_page, web_model, write_site

pytestmark = [pytest.mark.slow, needs_browser, needs("cc", "make", "clang", "wasm-ld")]

MODELS = ("commands12", "yes-no")


@pytest.fixture(scope="module")
def models():
    return {name: Model.load(f"{pictures.ROOT}/models/{name}.tflite") for name in MODELS}


@pytest.fixture(scope="module")
def modules(models):
    return {name: web_model(model) for name, model in models.items()}


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Words after a second of quiet, and so much quiet behind them that a browser may lose the beginning."""
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    rng = np.random.default_rng(1)
    quiet = np.rint(rng.normal(0, 20, 8000)).astype(np.int16)
    audio.write(path, np.concatenate([quiet, pictures.talk(), quiet]))
    return path


@pytest.fixture(scope="module")
def site(modules, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_site(folder, list(modules.values()))
    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser(talk):
    with chromium(talk) as opened:
        yield opened


def engine_output(model, pcm):
    with CEngine(model) as engine:
        return engine.process(pcm)


def listen_until(visit, word):
    visit.page.click("#listen")
    visit.page.locator("#heard .word", has_text=word).first.wait_for()


def check_heard(visit, model, folder):
    """What the page received, replayed in C, gives the numbers that the page shows and saves."""
    pcm = audio.read(visit.save("#save-sound", folder / "heard.wav"))
    assert np.abs(pcm.astype(np.int32)).max() > 3000, "the browser delivered silence"
    expected = engine_output(model, pcm)
    check_numbers(visit.save("#save-numbers", folder / "heard.csv"), expected)
    info = model.require_info()
    assert visit.heard() == [info.names[d.label] for d in expected.detections]


def test_the_microphones_words_appear(browser, site, models, tmp_path):
    with Visit(browser, site) as visit:
        loaded = len(visit.requests)
        listen_until(visit, "right")
        visit.page.click("#listen")
        assert visit.page.inner_text("#listen") == "Listen"
        assert "yes" in visit.heard()
        check_heard(visit, models["commands12"], tmp_path)
        assert visit.complaints == []
        fetched = [url for url in visit.requests[loaded:] if not url.startswith(("blob:", "data:"))]
        assert fetched == []


def test_one_file_opens_without_a_server(browser, models, modules, tmp_path):
    page = tmp_path / "mine.html"
    page.write_text(single_page(modules["commands12"]), encoding="utf-8")
    assert page.stat().st_size < 180_000
    with Visit(browser, page.as_uri()) as visit:
        listen_until(visit, "right")
        visit.page.click("#listen")
        check_heard(visit, models["commands12"], tmp_path)
        assert visit.complaints == []
        assert {url for url in visit.requests if not url.startswith(("blob:", "data:"))} == {page.as_uri()}


def test_a_browser_with_a_context_of_one_rate(browser, site, models, tmp_path):
    """As Firefox: a microphone connects to a context of the device's rate only, so the page resamples."""
    script = """
        const real = AudioContext.prototype.createMediaStreamSource;
        AudioContext.prototype.createMediaStreamSource = function (stream) {
            if (this.sampleRate === 16000) throw new DOMException("another rate", "NotSupportedError");
            globalThis.rate = this.sampleRate;
            return real.call(this, stream);
        };
    """
    with Visit(browser, site, script) as visit:
        listen_until(visit, "right")
        assert visit.page.evaluate("rate") in {44100, 48000}
        visit.page.click("#listen")
        check_heard(visit, models["commands12"], tmp_path)
        assert visit.complaints == []


def drop(visit, content, name):
    """Drag a file over the page and let it go."""
    make = """([text, name]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
        return transfer;
    }"""
    transfer = visit.page.evaluate_handle(make, [base64.b64encode(content).decode(), name])
    for kind in ("dragenter", "dragover", "drop"):
        visit.page.dispatch_event("#picture", kind, {"dataTransfer": transfer})
        assert visit.page.locator("body.dropping").count() == (kind != "drop")
    visit.page.locator("#state", has_text=re.compile(f"^{re.escape(name)}: ")).wait_for()


def test_recordings(browser, site, talk, models, tmp_path):
    pcm = audio.read(talk)
    expected = engine_output(models["commands12"], pcm)
    names = models["commands12"].require_info().names
    words = [names[d.label] for d in expected.detections]
    assert {"yes", "right"} <= set(words)
    stereo = soxr.resample(np.stack([pcm, pcm], axis=1).astype(np.float32) / 32768, 16000, 44100)
    soundfile.write(tmp_path / "stereo.flac", stereo, 44100)
    with Visit(browser, site) as visit:
        visit.hear_file(talk)
        assert visit.heard() == words
        check_numbers(visit.save("#save-numbers", tmp_path / "file.csv"), expected)
        drop(visit, talk.read_bytes(), "dropped.wav")
        assert visit.heard() == words
        visit.hear_file(tmp_path / "stereo.flac")
        assert set(visit.heard()) >= {"yes", "right"}
        assert visit.page.locator("#message").is_hidden()
        soundfile.write(tmp_path / "opposite.wav", np.stack([pcm, -pcm], axis=1), 16000)
        visit.hear_file(tmp_path / "opposite.wav")
        assert visit.heard() == []
        assert "opposite signs" in visit.page.inner_text("#message")
        (tmp_path / "bad.wav").write_bytes(b"RIFF, but no sound")
        visit.hear_file(tmp_path / "bad.wav")
        assert visit.page.inner_text("#message") == "This browser cannot read that file as sound"
        assert visit.complaints == []


def test_models(browser, site, talk, models, modules, tmp_path):
    with Visit(browser, site) as visit:
        assert visit.page.locator("#model option").all_inner_texts() == list(MODELS)
        visit.page.select_option("#model", label="yes-no")
        visit.page.get_by_text("Ready.", exact=True).wait_for()
        assert visit.page.locator(".kws-word-name").all_inner_texts() == ["yes", "no"]
        visit.hear_file(talk)
        expected = engine_output(models["yes-no"], audio.read(talk))
        check_numbers(visit.save("#save-numbers", tmp_path / "small.csv"), expected)
        # One's own, and the recording with it.
        (tmp_path / "mine.wasm").write_bytes(modules["commands12"].module)
        visit.hear_file(tmp_path / "mine.wasm", talk)
        assert visit.page.locator(".kws-word").count() == 10
        check_numbers(
            visit.save("#save-numbers", tmp_path / "own.csv"), engine_output(models["commands12"], audio.read(talk))
        )
        (tmp_path / "other.wasm").write_bytes(b"\0asm\1\0\0\0")
        visit.hear_file(tmp_path / "other.wasm")
        assert "is no model of kws" in visit.page.inner_text("#message")
        (tmp_path / "none.wasm").write_bytes(b"text")
        visit.page.set_input_files("#file", tmp_path / "none.wasm")
        visit.page.get_by_text("This file is no WebAssembly module").wait_for()
        # What was there before goes on.
        visit.hear_file(talk)
        assert "yes" in visit.heard()
        assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phones_and_keyboards(browser, site, talk, scheme):
    small = {"width": 400, "height": 800}
    with Visit(browser, site, color_scheme=scheme, viewport=small, reduced_motion="reduce") as visit:
        page = visit.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "listen"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        page.locator("#heard .word", has_text="right").first.wait_for()
        page.keyboard.press("Enter")
        assert page.inner_text("#listen") == "Listen"
        reached = []
        for _ in range(3):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert reached[:2] == ["open", "model"]
        page.locator("summary").focus()
        page.keyboard.press("Enter")
        page.locator("#features", has_text="-").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == small["width"]
        background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        light = sum(int(n) for n in background.removeprefix("rgb(").rstrip(")").split(",")) / 3
        assert light > 200 if scheme == "light" else light < 60
        assert visit.complaints == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("NotAllowedError", "The browser was not allowed to use the microphone"),
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "another program may be using it"),
    ],
)
def test_trouble_with_the_microphone(browser, site, talk, name, told):
    script = f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('x', '{name}'); }};"
    with Visit(browser, site, script) as visit:
        visit.page.click("#listen")
        visit.page.get_by_text(told).wait_for()
        assert visit.page.inner_text("#listen") == "Listen"
        visit.hear_file(talk)
        assert visit.page.locator("#message").is_hidden()
        assert "yes" in visit.heard()
        assert visit.complaints == []


GONE = """
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.asked = [];
navigator.mediaDevices.getUserMedia = async (wanted) => {
  asked.push(wanted.audio.deviceId?.exact);
  if (wanted.audio.deviceId?.exact === "gone") {
    throw new OverconstrainedError("deviceId");
  }
  return open(wanted);
};
"""


def test_a_microphone_with_another_identity_is_heard_again(browser, site):
    """As after it was unplugged: there is a single one, so nobody could choose it."""
    with Visit(browser, site, GONE) as visit:
        visit.page.evaluate("document.getElementById('device').add(new Option('mine', 'gone', true, true))")
        listen_until(visit, "yes")
        assert visit.page.evaluate("asked") == ["gone", None]
        assert visit.page.evaluate("document.getElementById('device').value") not in ("", "gone")
        assert visit.complaints == []


def test_a_page_that_may_not_listen_still_reads_files(browser, site, talk):
    script = "Object.defineProperty(navigator, 'mediaDevices', {value: undefined});"
    with Visit(browser, site, script) as visit:
        visit.page.get_by_text("This browser gives pages no microphone").wait_for()
        assert visit.page.locator("#listen").is_disabled()
        visit.hear_file(talk)
        assert "yes" in visit.heard()


def test_a_microphone_that_is_muted_or_goes_away(browser, site):
    with Visit(browser, site, MUTED) as visit:
        visit.page.click("#listen")
        visit.page.get_by_text("The microphone delivers only zeros").wait_for()
        visit.page.evaluate("track.dispatchEvent(new Event('ended'))")
        visit.page.get_by_text("The microphone went away").wait_for()
        assert visit.page.inner_text("#listen") == "Listen"
        assert visit.complaints == []
