"""The page's modules by themselves, as a browser runs them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from browser import chromium
from browser_pages import served
from conftest import needs_browser

from kws.audio import to_int16
from kws.web.page import assets

pytestmark = [pytest.mark.slow, needs_browser]

RATES = (8000, 22050, 44100, 48000, 96000)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assets")
    for name, text in assets().items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "index.html").write_text("<!doctype html><title>modules</title>", encoding="utf-8")
    with served(folder) as address, chromium() as browser:
        opened = browser.new_page()
        opened.goto(address)
        yield opened


def test_rounding_is_kwss_own(page):
    rng = np.random.default_rng(1)
    halves = (np.arange(-40, 40) + 0.5) / 32768
    floats = np.concatenate([halves, [1.0, -1.0, 1.5, -1.5, 0.0, 32767.5 / 32768], rng.uniform(-1, 1, 2000)])
    found = page.evaluate(
        "async x => [...(await import('./sound.js')).toInt16(Float32Array.from(x))]", floats.astype(np.float32).tolist()
    )
    np.testing.assert_array_equal(found, to_int16(floats.astype(np.float32).astype(np.float64) * 32768))


def resampled(page, x, rate, chunk):
    code = """async ([x, rate, chunk]) => {
        const { Resampler } = await import('./sound.js');
        const resampler = new Resampler(rate);
        const input = Float32Array.from(x);
        const out = [];
        for (let at = 0; at < input.length; at += chunk) out.push(...resampler.process(input.subarray(at, at + chunk)));
        return out;
    }"""
    return np.array(page.evaluate(code, [x.tolist(), rate, chunk]))


@pytest.mark.parametrize("rate", RATES)
def test_the_resampler_keeps_what_fits_and_drops_the_rest(page, rate):
    t = np.arange(rate // 4) / rate
    for hertz in (100, 1000, 3000):
        found = resampled(page, 0.5 * np.sin(2 * np.pi * hertz * t), rate, 960)
        assert abs(len(found) - 4000) <= 60
        expected = 0.5 * np.sin(2 * np.pi * hertz * np.arange(len(found)) / 16000)
        middle = slice(200, -200)
        error = np.sqrt(np.mean((found - expected)[middle] ** 2) / np.mean(expected[middle] ** 2))
        assert error < 1e-3, f"{hertz} Hz: {20 * np.log10(error):.0f} dB"
    if rate > 22050:
        above = resampled(page, 0.5 * np.sin(2 * np.pi * 11_000 * t), rate, 960)
        assert np.abs(above[200:-200]).max() < 5e-4


def test_the_resampler_gives_the_same_however_it_is_fed(page):
    x = np.random.default_rng(2).normal(0, 0.1, 9000)
    whole = resampled(page, x, 44100, len(x))
    for chunk in (1, 128, 997):
        np.testing.assert_array_equal(resampled(page, x, 44100, chunk), whole)


def test_levels(page):
    values = page.evaluate(
        """async () => {
            const { level } = await import('./sound.js');
            return JSON.stringify([new Int16Array(8), Int16Array.from([16384, -16384]), new Int16Array(0)].map(level));
        }"""
    )
    silence, loud, nothing = json.loads(values)
    assert silence == {"rms": -90, "peak": -90, "zeros": True}
    assert loud["rms"] == pytest.approx(-6.02, abs=0.01)
    assert loud["peak"] == pytest.approx(-6.02, abs=0.01)
    assert not loud["zeros"]
    assert nothing["rms"] == -90
