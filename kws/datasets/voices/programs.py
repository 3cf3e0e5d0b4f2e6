"""Synthesizers that are programs of the system: flite and Festival."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import soundfile

from kws.datasets.voices.base import TRACTS, Delivery, NeuralEngine, split_tract, trimmed, with_tracts
from kws.errors import KwsError
from kws.types import Floats

_SECONDS = 60


class _Program(NeuralEngine):
    """A program that writes a WAV file.

    Its few voices become more speakers by other vocal tracts (`with_tracts`).
    """

    program: ClassVar[str]
    package: ClassVar[str]

    def most(self) -> int:
        """See `VoiceEngine.most`."""
        return TRACTS * len(self._installed)

    def voice_names(self, count: int) -> list[str]:
        """See `VoiceEngine.voice_names`."""
        return with_tracts(self._installed, count)

    def say(self, text: str, voice: str, delivery: Delivery) -> Floats:
        """See `VoiceEngine.say`."""
        name, tract = split_tract(voice)
        if name not in self._installed:
            raise KwsError(f"{self.name} has no voice {name!r}; it has {', '.join(self._installed)}")
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "speech.wav")
            # Played faster by `tract` afterwards, so spoken slower by as much.
            self._run(*self._command(text, name, tract / delivery.speed, out))
            try:
                speech, rate = soundfile.read(out, dtype="float32")
            except (OSError, soundfile.SoundFileError) as error:
                raise KwsError(f"{self.name} makes no sound of {text!r}; give a word it can pronounce") from error
        return trimmed(speech * 32768, round(rate * tract), text, self.name)

    @abstractmethod
    def _command(self, text: str, voice: str, stretch: float, out: Path) -> tuple[list[str], str]:
        """The command line that speaks into ``out``, ``stretch`` times as long as the voice would, and its input."""

    @property
    @abstractmethod
    def _installed(self) -> list[str]:
        """The voices that are installed, sorted."""

    def _run(self, command: list[str], text: str = "", exit_code: int = 0) -> str:
        path = shutil.which(command[0])
        if path is None:
            raise KwsError(f"there is no program {command[0]}; install it (Debian: apt install {self.package})")
        try:
            done = subprocess.run(
                [path, *command[1:]], input=text, capture_output=True, timeout=_SECONDS, check=False, encoding="utf-8"
            )
        except (OSError, UnicodeDecodeError, subprocess.SubprocessError) as error:
            raise KwsError(f"{command[0]} fails: {error}; is it whole (Debian: apt install {self.package})?") from error
        if done.returncode != exit_code:
            why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise KwsError(f"{command[0]} fails: {why}; is it whole (Debian: apt install {self.package})?")
        return done.stdout


class Flite(_Program):
    """Flite, Carnegie Mellon University's small synthesizer."""

    name = "flite"
    licence = "flite and its voices: BSD-like (Carnegie Mellon University)"
    program = "flite"
    package = "flite"

    def version(self) -> str:
        """See `VoiceEngine.version`."""
        found = re.search(r"flite-(\S+)", self._run([self.program, "--version"], exit_code=1))
        return f"flite {found[1] if found else ''}".strip()

    def _command(self, text: str, voice: str, stretch: float, out: Path) -> tuple[list[str], str]:
        setting = f"duration_stretch={stretch:.3f}"
        return [self.program, "-voice", voice, "--setf", setting, "-t", f" {text}", "-o", str(out)], ""

    @cached_property
    def _installed(self) -> list[str]:
        names = self._run([self.program, "-lv"]).partition(":")[2].split()
        # One says only times of day, the other is kal16 at 8 kHz.
        return sorted(set(names) - {"awb_time", "kal"})


class Festival(_Program):
    """Festival, the University of Edinburgh's synthesizer."""

    name = "festival"
    licence = "Festival: BSD-like (University of Edinburgh); each voice package has its own licence"
    program = "text2wave"
    package = "festival festvox-kallpc16k"

    def version(self) -> str:
        """See `VoiceEngine.version`."""
        found = re.search(r"\d[\d.]*", self._run(["festival", "--version"]).partition(":")[2])
        return f"Festival {found[0] if found else ''}".strip()

    def _command(self, text: str, voice: str, stretch: float, out: Path) -> tuple[list[str], str]:
        scheme = f"(begin (voice_{voice}) (Parameter.set 'Duration_Stretch {stretch:.3f}))"
        return [self.program, "-eval", scheme, "-o", str(out)], text

    @cached_property
    def _installed(self) -> list[str]:
        return sorted(re.findall(r"\w+", self._run(["festival", "-b", "(print (voice.list))"])))
