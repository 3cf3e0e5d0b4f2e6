"""The distribution's Chromium, by Playwright."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MUTED = """
    navigator.mediaDevices.getUserMedia = async () => {
        const context = new AudioContext();
        const out = context.createMediaStreamDestination();
        const none = context.createConstantSource();
        none.offset.value = 0;
        none.connect(out);
        none.start();
        globalThis.track = out.stream.getAudioTracks()[0];
        return out.stream;
    };
"""
"""A script after which a page's microphone delivers zeros; its track is `track`."""


def found() -> str | None:
    """Its program; None where it or Playwright is not installed."""
    if importlib.util.find_spec("playwright") is None:
        return None
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def chromium(microphone: Path | None = None, again: bool = False) -> Iterator[Any]:
    """A running browser.

    Args:
        microphone: a WAV file that its microphone plays.
        again: whether it plays it again and again, and is not silent at its end.
    """
    from playwright.sync_api import sync_playwright

    options = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    if microphone is not None:
        options.append(f"--use-file-for-fake-audio-capture={microphone.resolve()}{'' if again else '%noloop'}")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found(), args=options)
        try:
            yield running
        finally:
            running.close()
