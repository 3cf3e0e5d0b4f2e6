"""Engines that speak: espeak-ng, which always works, and others where they are installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kws.datasets.voices.base import VoiceEngine
from kws.errors import UsageError, no_such

NAMES = ("espeak", "kokoro", "piper", "flite", "festival")
WITH_FILES = ("kokoro", "piper")

__all__ = ["NAMES", "WITH_FILES", "VoiceEngine", "make"]


def make(name: str = "espeak", voice_file: Path | None = None) -> VoiceEngine[Any]:
    """Make an engine; what it needs is loaded when it is used.

    Args:
        name: one of :data:`NAMES`.
        voice_file: of Kokoro or Piper.

    Raises:
        UsageError: no such engine, a voice file for an engine that takes none, or none for Piper.
    """
    if voice_file is not None and name not in WITH_FILES:
        raise UsageError(f"{name} takes no voice file; {' and '.join(WITH_FILES)} do")
    if name == "espeak":
        from kws.datasets.voices.espeak_ng import EspeakNg

        return EspeakNg()
    if name == "kokoro":
        from kws.datasets.voices.kokoro import Kokoro

        return Kokoro(voice_file)
    if name == "piper":
        from kws.datasets.voices.piper import Piper

        if voice_file is None:
            raise UsageError("Piper needs a voice; give its .onnx file with --voice-file")
        return Piper(voice_file)
    if name in ("flite", "festival"):
        from kws.datasets.voices.programs import Festival, Flite

        return Flite() if name == "flite" else Festival()
    raise no_such("there is no voice engine", name, NAMES)
