"""The distribution's Chromium on a page of kws, and what the page saved."""

from __future__ import annotations

import contextlib
import csv
import functools
import re
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import make_web
import numpy as np

from kws.engines.base import Output

TIMEOUT_MS = 120_000
"""A starved browser takes its time; nothing is measured by it."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(make_web.Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Visit:
    """A page that was opened, with everything that it complained of and asked for."""

    def __init__(self, browser, address: str, script: str = "", **settings) -> None:
        self.context = browser.new_context(**settings)
        self.page = self.context.new_page()
        self.page.set_default_timeout(TIMEOUT_MS)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        if script:
            self.page.add_init_script(script)
        self.page.goto(address)
        self.page.get_by_text("Ready.", exact=True).wait_for()

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def heard(self) -> list[str]:
        """The words in the list, the oldest first."""
        return self.page.locator("#heard .word").all_inner_texts()[::-1]

    def hear_file(self, *paths: Path) -> None:
        """Open recordings or models as a person would, and wait until the last is through."""
        self.page.set_input_files("#file", paths)
        through = self.page.locator("#state", has_text=re.compile(f"^{re.escape(paths[-1].name)}: "))
        through.or_(self.page.locator("#message:visible")).first.wait_for()

    def save(self, button: str, path: Path) -> Path:
        """What one of the buttons under Numbers saves."""
        self.page.locator("#numbers").evaluate("numbers => { numbers.open = true; }")
        with self.page.expect_download() as download:
            self.page.click(button)
        download.value.save_as(path)
        return path


def check_numbers(path: Path, expected: Output) -> None:
    """A saved table is an engine's output, value by value."""
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    values = np.array(rows, np.int64)
    bands = sum(name.startswith("feature_") for name in head)
    np.testing.assert_array_equal(values[:, 0], np.arange(len(values)))
    np.testing.assert_array_equal(values[:, 1 : 1 + bands], expected.features)
    np.testing.assert_array_equal(values[:, 1 + bands : -2], expected.posteriors)
    found = [(int(r[0]), int(r[-2]), int(r[-1])) for r in values if r[-2] >= 0]
    assert found == [(d.frame, d.label, d.score) for d in expected.detections]
