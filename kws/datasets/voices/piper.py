"""Piper, neural voices in files that the user brings. GPL: it is loaded only when it is asked for."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kws.datasets.voices.base import TRACTS, Delivery, NeuralEngine, split_tract, trimmed, with_tracts
from kws.errors import KwsError, MissingError
from kws.extras import how_to_install
from kws.types import Floats


class Piper(NeuralEngine):
    """Voices of Piper from one voice file; a file with many speakers gives voices ``name#0`` to ``name#903``, say.

    More speakers than the file has are made by other vocal tracts (`with_tracts`). Piper's
    network draws noise that takes no seed: a second run says the same with other samples.
    """

    name = "piper"
    licence = "piper-tts: GPL 3.0, used as a tool; the voice file has its own licence, see its model card"

    def __init__(self, voice_file: Path) -> None:
        """Name the voice; nothing is loaded yet.

        Args:
            voice_file: an ``.onnx`` file with its ``.onnx.json`` beside it.
        """
        self._voice_file = voice_file

    def version(self) -> str:
        """See `VoiceEngine.version`."""
        _require_package()
        return f"piper-tts {importlib.metadata.version('piper-tts')}, voice {self._voice_file.stem}"

    def most(self) -> int:
        """See `VoiceEngine.most`."""
        return TRACTS * max(int(self._voice.config.num_speakers), 1)

    def voice_names(self, count: int) -> list[str]:
        """See `VoiceEngine.voice_names`."""
        number = max(int(self._voice.config.num_speakers), 1)
        stem = self._voice_file.stem
        # Neighbours in these files are often alike; a fixed shuffle spreads a few speakers over all.
        order = np.random.default_rng(number).permutation(number)
        every = [f"{stem}#{i}" for i in order] if number > 1 else [stem]
        return with_tracts(every, count)

    def say(self, text: str, voice: str, delivery: Delivery) -> Floats:
        """See `VoiceEngine.say`."""
        name, tract = split_tract(voice)
        stem, _, number = name.partition("#")
        speakers = max(int(self._voice.config.num_speakers), 1)
        if stem != self._voice_file.stem or (speakers > 1) != number.isdigit() or int(number or 0) >= speakers:
            raise KwsError(f"{self._voice_file} has no voice {name!r}; it has {speakers} speakers")
        from piper import SynthesisConfig

        # Played faster by `tract` afterwards, so spoken slower by as much.
        settings = SynthesisConfig(speaker_id=int(number) if number else None, length_scale=tract / delivery.speed)
        chunks = list(self._voice.synthesize(text, settings))
        if not chunks:
            raise KwsError(f"Piper makes no sound of {text!r}; give a word it can pronounce")
        speech = np.concatenate([c.audio_float_array for c in chunks])
        return trimmed(speech * 32768, round(chunks[0].sample_rate * tract), text, "Piper")

    @cached_property
    def _voice(self) -> Any:
        _require_package()
        from piper import PiperVoice

        settings = Path(f"{self._voice_file}.json")
        for needed in (self._voice_file, settings):
            if not needed.is_file():
                raise KwsError(f"there is no file {needed}; a voice of Piper is an .onnx file and its .onnx.json")
        try:
            return PiperVoice.load(self._voice_file)
        except Exception as error:  # onnxruntime's own kinds, which are no one class
            raise KwsError(f"{self._voice_file} is no voice of Piper: {error}; download it again") from error


def _require_package() -> None:
    if importlib.util.find_spec("piper") is None:
        raise MissingError(f"Piper (piper-tts) is not installed; run `{how_to_install('piper')}`")
