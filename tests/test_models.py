"""The shipped models: each has a card that tells of this very file, and runs alike on all engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from kws.evaluation.verify import verify
from kws.quantize.model import Model

MODELS = sorted((Path(__file__).resolve().parents[1] / "models").glob("*.tflite"))


def test_there_is_a_model():
    assert MODELS


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_model_and_card(path, speech, tmp_path):
    from kws import audio

    model = Model.load(path)
    card = path.with_suffix(".md").read_text()
    assert model.id in card
    assert f"{len(model.content):,} bytes" in card
    assert all(label in card for label in model.info.labels)
    assert "/" not in model.info.provenance["data"]["name"]
    audio.write(tmp_path / "speech.wav", speech)
    report = verify(model, ["tflm", "c"], random=2, files=[tmp_path / "speech.wav"])
    assert report.ok
    assert report.detections > 0
