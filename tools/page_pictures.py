"""Photograph the page in the distribution's Chromium: ``python tools/page_pictures.py``.

It hears the words of tools/pictures.py. Fonts are this machine's, so the pictures' bytes are, too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import browser
import pictures
from make_web import MODELS

from kws import audio
from kws.files import scratch
from kws.model.file import Model
from kws.web.page import single_page, web_model

# Width and height of the window.
LIGHT, DARK = ("web", 1100, 790), ("web-phone", 400, 900)
TIMEOUT_MS = 120_000


def main() -> None:
    """Take all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=pictures.ROOT / "docs/pictures", help="folder to write")
    folder = parser.parse_args().out
    if browser.found() is None:
        sys.exit("error: install chromium and playwright first (tools/setup.sh)")
    model = web_model(Model.load(pictures.ROOT / f"models/{MODELS[0]}.tflite"))
    with scratch("page-pictures") as here, browser.chromium() as chromium:
        (here / "page.html").write_text(single_page(model), encoding="utf-8")
        audio.write(here / "talk.wav", pictures.talk())
        for name, width, height in (LIGHT, DARK):
            page = chromium.new_page(viewport={"width": width, "height": height})
            page.emulate_media(color_scheme="dark" if name == DARK[0] else "light")
            page.set_default_timeout(TIMEOUT_MS)
            page.goto((here / "page.html").as_uri())
            page.get_by_text("Ready.", exact=True).wait_for()
            page.set_input_files("#file", here / "talk.wav")
            page.get_by_text("times faster than real time").wait_for()
            # The one figure that is this machine's.
            page.locator("#state").evaluate("s => { s.textContent = s.textContent.split(',')[0]; }")
            page.screenshot(path=folder / f"{name}.png", full_page=True)
            print(folder / f"{name}.png")


if __name__ == "__main__":
    main()
