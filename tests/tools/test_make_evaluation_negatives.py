from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kws import audio
from kws.datasets import negatives, transcripts
from kws.datasets.transcripts import Stretch
from kws.errors import KwsError

TOOL = Path(__file__).resolve().parents[2] / "tools/make_evaluation_negatives.py"
SOUNDS = """
    librosa_hungarian_dance_number_5_allegro_in_f_sharp_minor_ sonicpi_tabla sonicpi_ambi sonicpi_perc esc10_baby_cry
    esc10_clock_tick esc10_dog_bark esc10_fire_crackling esc10_helicopter esc10_person_sneeze esc10_rain esc10_rooster
    esc10_sea_waves esc10_chainsaw blanket_boat
"""


def test_what_is_taken(tmp_path: Path) -> None:
    tone = (8000 * np.sin(np.arange(32000) / 9)).astype(np.int16)
    speech = tmp_path / "natural_speech"
    for name in ("librispeech_7", "speechocean762_1", "speechocean762_2", "other_3"):
        audio.write(speech / "validation" / f"{name}.flac", tone)
    for name in SOUNDS.split():
        audio.write(tmp_path / "noise/validation" / f"{name}.wav", tone)
    rows = [
        Stretch("validation/librispeech_7.flac", 0, 1, "it rained"),
        Stretch("validation/librispeech_7.flac", 1, 2, "they go on", ("on",)),
        Stretch("validation/speechocean762_1.flac", 0, 1, "a sentence", ("?",)),
        Stretch("validation/speechocean762_1.flac", 1, 2, "stop the train"),
        Stretch("validation/speechocean762_2.flac", 0.5, 1.5, "the cat slept"),
        Stretch("validation/other_3.flac", 0, 1, "another licence"),
    ]
    transcripts.write(speech, rows)
    out = tmp_path / "out"
    subprocess.run([sys.executable, str(TOOL), str(tmp_path), str(out)], check=True)
    made = transcripts.read(out)
    assert [(s.text, s.voice) for s in made if s.text] == [
        ("it rained", "librispeech_7"),
        ("the cat slept", "speechocean762_2"),
    ]
    assert sorted(s.voice for s in made if not s.text) == sorted(SOUNDS.split())
    for _, pcm in negatives.cuts(out, made):
        assert np.abs(pcm).max() > 5000
    assert "speech of 2 people" in (out / "README.md").read_text(encoding="utf-8")
    with pytest.raises(KwsError, match="never trained on"):
        negatives.refuse_to_train([out])
