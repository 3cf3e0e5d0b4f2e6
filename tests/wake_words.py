"""microWakeWord's own models as pymicro-wakeword ships them, what runs them there, and speech that they hear."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pymicro_wakeword
from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

from kws.datasets import voices

FOLDER = Path(pymicro_wakeword.__file__).parent / "models"
WORDS = {path.stem: json.loads(path.read_text())["wake_word"] for path in sorted(FOLDER.glob("*.json"))}


@functools.cache
def speech(word, count=10):
    """The word in ``count`` of espeak-ng's voices, each in noise that is hardly heard: int16 [samples]."""
    engine, rng = voices.make("espeak"), np.random.default_rng(1)
    parts = [rng.normal(0, 20, 16000)]
    for voice in engine.voice_names(count):
        said = engine.speak(word, voice, rng)
        parts += [said * 20000 / np.abs(said).max() + rng.normal(0, 20, len(said)), rng.normal(0, 20, 24000)]
    return np.clip(np.round(np.concatenate(parts)), -32768, 32767).astype(np.int16)


def peer(manifest, pcm):
    """What pymicro-wakeword, as it is, makes of int16 [samples]: of each call whether the mean is above the cut-off."""
    model, features = MicroWakeWord.from_config(manifest), MicroWakeWordFeatures()
    means = [model.process_streaming_prob(row) for row in features.process_streaming(pcm.astype("<i2").tobytes())]
    # It takes features one by one, and calls the network with every so many.
    return np.array(means[model.stride - 1 :: model.stride]) > model.probability_cutoff


def detections(above, cooldown):
    """The calls at which a caller reports a word who waits until it is gone, and for a while."""
    found, held, ready = [], False, 0
    for call, is_above in enumerate(above):
        if not is_above:
            held = False
        elif not held and call >= ready:
            found.append(call)
            held, ready = True, call + cooldown + 1
    return found
