"""Hours of synthetic sentences that say none of the words to spot: negatives for training."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets import clips, sentences, transcripts, unfinished
from kws.datasets.seeds import seeds
from kws.datasets.transcripts import Stretch
from kws.datasets.voices.base import VoiceEngine
from kws.errors import KwsError
from kws.files import replacing, write_atomic
from kws.types import Floats, Pcm, Progress

SENTENCES_A_FILE = 6
PHRASES = 0.2
_VOICES = 200
_OPUS_BITS = 16_000


@dataclass(frozen=True)
class Amount:
    """How much to say: exactly one of the two is set.

    Attributes:
        seconds: of audio, pauses included; the last file may go beyond.
        count: of sentences and phrases.
    """

    seconds: float | None = None
    count: int | None = None

    @classmethod
    def parse(cls, text: str) -> Amount:
        """``2h``, ``40min`` or a number of sentences.

        Raises:
            KwsError: it is none of these, or not positive.
        """
        for unit, seconds in (("min", 60.0), ("h", 3600.0)):
            number = text.removesuffix(unit).strip()
            if text.endswith(unit) and number.replace(".", "", 1).isdigit() and 0 < float(number) <= 1000:
                return cls(seconds=float(number) * seconds)
        if text.isdigit() and 0 < int(text) <= 10_000_000:
            return cls(count=int(text))
        raise KwsError(f"{text!r} is no amount of sentences; give hours (2h), minutes (40min) or a number (500)")


def write_opus(path: Path, pcm: Pcm) -> None:
    """Write int16 ``[samples]`` as Ogg Opus, mono, 16 kHz, about 16 kbit/s.

    Raises:
        KwsError: the file cannot be written, or this libsndfile has no Opus.
    """
    # libsndfile: bits per second = 6,000 + 250,000 (1 - level)
    level = 1 - (_OPUS_BITS - 6000) / 250_000
    with replacing(path) as temporary:
        try:
            soundfile.write(temporary, pcm, SAMPLE_RATE, format="OGG", subtype="OPUS", compression_level=level)
        except (TypeError, ValueError, soundfile.SoundFileError) as error:
            raise KwsError(f"cannot write {path} as Opus: {error}; soundfile 0.13 or later can") from error


WRITERS: dict[str, Callable[[Path, Pcm], None]] = {".flac": audio.write, ".wav": audio.write, ".opus": write_opus}


def make(
    words: Sequence[str],
    out: str | Path,
    amount: Amount,
    engine: VoiceEngine[Any],
    *,
    texts: Sequence[str],
    near: Sequence[str] = (),
    voice_count: int | None = None,
    phrases: float = PHRASES,
    suffix: str = ".flac",
    seed: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Write a folder of continuous synthetic speech that says none of ``words``, with transcripts.

    A file is one voice that says six sentences or short phrases with pauses of 0.2 to 0.6 s, at
    a peak level drawn from -20 to -3 dB. The voices take turns. ``transcripts.tsv`` says what is
    where, ``synthetic.json`` marks the folder and ``README.txt`` says it plainly. A file depends on
    its number and the settings alone: when the work was interrupted, the same call goes on.

    Args:
        words: words or phrases to spot.
        out: a folder that does not exist yet; it appears when it is complete.
        amount: when to stop.
        engine: who speaks.
        texts: sentences; those that say one of ``words`` are left out.
        near: words that sound like ``words``, for the phrases.
        voice_count: voices that take turns; 200, or as many as the engine has, if not given.
        phrases: their share among the sentences, 0 up to 1.
        suffix: ``.flac``, ``.wav`` or ``.opus``.
        seed: of every draw.
        progress: called with (seconds or sentences done, in total).

    Raises:
        KwsError: ``out`` exists or another is making it, no text is left, or as the engine's methods.
    """
    out = Path(out)
    unfinished.require_absent(out)
    usable = sentences.without(texts, words)
    if not usable:
        raise KwsError("every sentence of the text says a word to spot; give a longer text")
    count = min(_VOICES, engine.most()) if voice_count is None else voice_count
    speakers = engine.speakers(count)
    settings = {
        "synthetic": True,
        "engine": engine.version(),
        "licence": engine.licence,
        "without": list(words),
        "near_words": list(near),
        "sentences": len(usable),
        "phrases": phrases,
        "voices": len(speakers),
        "seed": seed,
    }
    order = sentences.stream(usable, near, words, phrases, seeds(seed, "sentences"))
    rows: list[Stretch] = []
    seconds = 0.0
    with unfinished.making(out, settings | {"suffix": suffix, "text": seeds("\n".join(usable))}) as partial:
        for number in itertools.count():
            left = SENTENCES_A_FILE if amount.count is None else min(SENTENCES_A_FILE, amount.count - len(rows))
            if progress is not None:
                progress(*((len(rows), amount.count) if amount.count else (int(seconds), int(amount.seconds or 0))))
            if left <= 0 or (amount.seconds is not None and seconds >= amount.seconds):
                break
            said = list(itertools.islice(order, left))
            speaker = list(speakers)[number % len(speakers)]
            name = f"{engine.name}-{speaker}_{number:04}{suffix}"
            kept = partial / unfinished.ROWS / f"{number:04}"
            if not ((kept / transcripts.NAME).exists() and (partial / name).exists()):
                rng = np.random.default_rng(seeds(seed, "sentences", number))
                pcm, stretches = _recording(engine, name, speakers[speaker], said, rng)
                WRITERS[suffix](partial / name, pcm)
                transcripts.write(kept, stretches)
            rows += transcripts.read(kept)
            seconds += audio.info(partial / name).seconds
        _describe(partial, rows, settings, seconds)
    return out


def _recording(
    engine: VoiceEngine[Any], name: str, voice: str, said: Sequence[str], rng: np.random.Generator
) -> tuple[Pcm, list[Stretch]]:
    pieces: list[Floats] = []
    rows = []
    at = 0

    def pause() -> int:
        pieces.append(np.zeros(int(rng.uniform(0.2, 0.6) * SAMPLE_RATE), np.float32))
        return len(pieces[-1])

    for text in said:
        at += pause()
        pieces.append(engine.speak(text, voice, rng))
        end = at + len(pieces[-1])
        rows.append(Stretch(name, at / SAMPLE_RATE, end / SAMPLE_RATE, text, (), voice))
        at = end
    pause()
    x = np.concatenate(pieces)
    peak = 32768 * 10 ** (rng.uniform(-20, -3) / 20)
    return audio.to_int16(x * (peak / np.abs(x).max())), rows


def _describe(partial: Path, rows: Sequence[Stretch], settings: dict[str, Any], seconds: float) -> None:
    transcripts.write(partial, rows)
    used = len({row.voice for row in rows})
    marker = settings | {"voices": used, "seconds": round(seconds, 1), "said": len(rows)}
    write_atomic(partial / clips.SYNTHETIC, json.dumps(marker, indent=2) + "\n")
    write_atomic(
        partial / "README.txt",
        f"""SYNTHETIC SPEECH. No human speaks in these recordings: they were made by {settings["engine"]}.
They are other speech to train with. A model's false accepts are counted on recordings of people.

licence:   {settings["licence"]}
content:   {len(rows)} sentences and phrases, {seconds / 60:.1f} minutes; what is said where: {transcripts.NAME}
without:   {" ".join(settings["without"]) or "no word was left out"}
voices:    {used}
seed:      {settings["seed"]}
""",
    )
