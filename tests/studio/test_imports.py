"""Files that are dropped on the page, in every form that it names."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import soundfile
from studio_server import request, serving

from kws import audio

RATE = 48000
FORMS = {
    "wav": ("WAV", "PCM_16"),
    "wav of 24 bits": ("WAV", "PCM_24"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return tmp_path_factory.mktemp("lamp")


@pytest.fixture(scope="module")
def port(project):
    with serving(project) as port:
        yield port


def words(count):
    """Bursts of half a second, a second of a faint room after each."""
    time = np.arange(round(1.5 * count * RATE)) / RATE
    burst = 0.3 * np.sin(2 * np.pi * 440 * time) * ((time - 0.5) % 1.5 < 0.5)
    return burst + np.random.default_rng(1).normal(0, 1e-4, len(time))


def sent(port, samples, form, word="yes"):
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=form[0], subtype=form[1])
    address = f"/api/upload/clip?word={word}&speaker=anna"
    headers = [("Origin", f"http://127.0.0.1:{port}")]
    status, _, content = request(port, "POST", address, headers, file.getvalue())
    return status, json.loads(content)


@pytest.mark.parametrize("form", FORMS)
def test_a_take_and_a_recording_of_many(form, port, project):
    status, found = sent(port, words(1), FORMS[form])
    assert (status, found["refused"], len(found["paths"])) == (201, [], 1)
    take = audio.read(project / found["paths"][0])
    assert abs(len(take) - 24000) < 2000
    assert np.abs(take).max() > 5000
    status, found = sent(port, words(4), FORMS[form])
    assert (status, found["refused"], len(found["paths"])) == (201, [], 4)
    assert all(len(audio.read(project / path)) == 16000 for path in found["paths"])
    # What was sent is kept as takes, and not once more.
    assert {path.suffix for path in project.rglob("*") if path.is_file()} == {".wav"}


def test_channels_that_cancel_are_told_and_nothing_is_kept(port, project):
    one = words(1)
    before = sorted(project.rglob("*.wav"))
    status, found = sent(port, np.stack([one, -one], axis=1), FORMS["wav"])
    assert (status, found["error"]) == (422, audio.CANCELLING)
    assert sorted(project.rglob("*.wav")) == before
    status, found = sent(port, np.stack([one, one], axis=1), FORMS["wav"])
    assert status == 201
