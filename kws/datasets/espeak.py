"""espeak-ng through ctypes: text to samples and to phonemes.

It comes from the espeakng_loader package or from the system (Debian: libespeak-ng1). Its C
interface is documented in espeak-ng's ``speak_lib.h``.
"""

from __future__ import annotations

import _ctypes
import contextlib
import ctypes
import ctypes.util
import functools
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from kws import interrupts
from kws.config import SAMPLE_RATE
from kws.errors import KwsError, MissingError
from kws.extras import how_to_install
from kws.types import Floats

_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_PHONEME_SEPARATOR = ord("_") << 8
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_lock = threading.Lock()


def _find() -> tuple[str, str | None]:
    try:
        import espeakng_loader
    except ImportError:
        library = ctypes.util.find_library("espeak-ng")
        if library is None:
            raise MissingError(f"cannot find espeak-ng; {_remedy()}") from None
        return library, None
    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where this process keeps a library of its own; removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="kws-espeak-", ignore_cleanup_errors=True)


@functools.cache
def _own(path: str) -> str:
    """A copy of the library: while somebody else holds the same file open, loading it anew loads nothing."""
    if not Path(path).is_file():
        return path  # a name that the loader looks for
    return shutil.copy2(path, _folder().name)


def _remedy() -> str:
    return f"run `{how_to_install('synthetic')}`, or install it from the system (Debian: apt install libespeak-ng1)"


@contextlib.contextmanager
def _espeak() -> Iterator[tuple[Any, int]]:
    """Load espeak-ng afresh; give the library and its sample rate in Hz.

    Its voices' flutter and noise live in static variables that no call resets, so that only a
    library loaded anew gives the same samples for the same arguments. Loading takes 2 ms.
    """
    path, data = _find()
    with _lock:
        try:
            library = ctypes.CDLL(_own(path))
        except OSError as error:
            raise MissingError(f"cannot load espeak-ng: {error}; {_remedy()}") from error
        try:
            rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode() if data else None, _DONT_EXIT)
            if rate <= 0:
                raise MissingError(f"espeak-ng cannot find its data; {_remedy()}")
            library.espeak_TextToPhonemes.restype = ctypes.c_char_p
            library.espeak_Info.restype = ctypes.c_char_p
            yield library, rate
        finally:
            library.espeak_Terminate()
            handle = library._handle
            del library
            getattr(_ctypes, "dlclose", getattr(_ctypes, "FreeLibrary", lambda _: None))(handle)


def _has_variant(library: Any, voice: str) -> bool:
    """espeak-ng takes an unknown variant for none without a word."""
    data = ctypes.c_char_p()
    library.espeak_Info(ctypes.byref(data))
    variant = voice.partition("+")[2]
    return not variant or Path((data.value or b"").decode(), "voices", "!v", variant).is_file()


def version() -> str:
    """The version of espeak-ng.

    Raises:
        KwsError: espeak-ng is missing.
    """
    with _espeak() as (library, _):
        return str(library.espeak_Info(None).decode())


def say(text: str, voice: str, pitch: int = 50, pitch_range: int = 50, rate: int = 160, seed: int = 1) -> Floats:
    """Speak ``text``; the same samples for the same arguments, whatever was said before.

    Args:
        text: English words.
        voice: an accent and a variant, such as ``en-us+f3``.
        pitch: 0 to 100, 50 is the voice's own.
        pitch_range: 0 (monotonous) to 100.
        rate: words a minute, 80 to 450.
        seed: of the noise in the voice.

    Returns:
        float32 ``[samples]`` at 16 kHz, full scale 32,768, silence trimmed at both ends.

    Raises:
        KwsError: espeak-ng is missing, has no such voice, or makes no sound of the text.
    """
    pieces: list[bytes] = []

    def hear(samples: int | None, count: int, events: int | None) -> int:
        del events
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _CALLBACK(hear)
    with _espeak() as (library, source_rate):
        library.espeak_SetSynthCallback(callback)
        if hasattr(library, "espeak_ng_SetRandSeed"):
            library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        if library.espeak_SetVoiceByName(voice.encode()) != 0 or not _has_variant(library, voice):
            raise MissingError(f"this espeak-ng has no voice {voice!r}; one that has: {_remedy()}")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode()
        # Out of a callback no exception comes: ctypes prints a traceback, and the end that was asked for is lost.
        with interrupts.held():
            library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 1, 0, _UTF8, None, None)
            library.espeak_Synchronize()
    heard = np.frombuffer(b"".join(pieces), np.int16).astype(np.float32)
    if not heard.any():
        raise KwsError(f"espeak-ng makes no sound of {text!r}; give a word it can pronounce")
    speech = soxr.resample(heard, source_rate, SAMPLE_RATE, quality="HQ")
    loud = np.flatnonzero(np.abs(speech) > 0.005 * np.abs(speech).max())
    trimmed: Floats = speech[loud[0] : loud[-1] + 1]
    return trimmed


def phonemes(words: Sequence[str]) -> list[tuple[str, ...]]:
    """The phonemes of each word in espeak-ng's ASCII notation, American English, without stress.

    Raises:
        KwsError: espeak-ng is missing.
    """
    found = []
    with _espeak() as (library, _):
        library.espeak_SetVoiceByName(b"en-us")
        for word in words:
            text = ctypes.c_void_p(ctypes.cast(ctypes.c_char_p(word.encode()), ctypes.c_void_p).value)
            spoken = library.espeak_TextToPhonemes(ctypes.byref(text), _UTF8, _PHONEME_SEPARATOR) or b""
            bare = spoken.decode().translate(str.maketrans(" ", "_", "',%=|:;"))
            found.append(tuple(p for p in bare.split("_") if p))
    return found
