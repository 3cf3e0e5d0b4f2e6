"""Words in synthetic voices: a stand-in where there are no recordings yet, and more voices where there are few."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets import clips, near_words, unfinished
from kws.datasets.augment import COLOURS, coloured_noise
from kws.datasets.seeds import seeds
from kws.datasets.splits import TRAINING, split_of
from kws.datasets.voices.base import TooLongError, VoiceEngine
from kws.datasets.voices.espeak_ng import EspeakNg
from kws.errors import KwsError
from kws.files import write_atomic
from kws.types import Floats, Progress

DEFAULT_VOICES = 60

_NOISE_SECONDS = 20
# Of a clip, at least, in seconds.
_PAUSE = 0.05
_BABBLE_VOICES = 8


def voices(count: int = DEFAULT_VOICES) -> dict[str, str]:
    """Choose ``count`` voices of espeak-ng: speaker id to voice name; see `VoiceEngine.speakers`.

    Raises:
        KwsError: fewer than one voice or more than there are.
    """
    return EspeakNg().speakers(count)


def utter(
    word: str, voice: str, rng: np.random.Generator, longest: float = 0.95, engine: VoiceEngine[Any] | None = None
) -> Floats:
    """Say a word as the engine draws it, in a drawn small room.

    Args:
        word: what to say.
        voice: one of the engine's.
        rng: of every draw.
        longest: seconds that it may take.
        engine: who speaks; espeak-ng if not given.

    Returns:
        float32 ``[samples]`` at 16 kHz with peak 1, at most ``longest`` seconds.

    Raises:
        KwsError: as for `VoiceEngine.speak`.
    """
    speech = (engine or EspeakNg()).speak(word, voice, rng, longest)
    wet = _room(speech, rng)[: round(longest * SAMPLE_RATE)]
    wet /= np.abs(wet).max()
    return wet


def _room(speech: Floats, rng: np.random.Generator) -> Floats:
    """Convolve with exponentially decaying noise after the direct sound (Polack's model of reverberation)."""
    decay = rng.uniform(0.08, 0.35)
    time = np.arange(round(0.2 * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * np.exp(-6.9 * time / decay)
    tail *= 10 ** (rng.uniform(-24, -10) / 20) / np.sqrt((tail**2).sum())
    tail[0] = 1
    size = len(speech) + len(tail) - 1
    fast = 1 << (size - 1).bit_length()
    spectrum = np.fft.rfft(speech, fast) * np.fft.rfft(tail, fast)
    wet: Floats = np.fft.irfft(spectrum, fast)[:size].astype(np.float32)
    return wet


def _clip(
    engine: VoiceEngine[Any], word: str, voice: str, rng: np.random.Generator, samples: int
) -> npt.NDArray[np.int16]:
    speech = utter(word, voice, rng, samples / SAMPLE_RATE - _PAUSE, engine)
    speech *= 32768 * 10 ** (rng.uniform(-24, -2) / 20)
    level = np.sqrt(np.mean(speech**2)) * 10 ** (-rng.uniform(20, 50) / 20)
    x = level * coloured_noise(rng, samples, rng.uniform(0, 2))
    start = int(rng.integers(0, samples - len(speech) + 1))
    x[start : start + len(speech)] += speech
    return audio.to_int16(x)


def _require_letters(words: Sequence[str]) -> None:
    """Refuse what is no word: espeak-ng says "exclamation" of marks alone."""
    for word in words:
        if not any(map(str.isalnum, word)):
            raise KwsError(f"nobody can say {word!r}: it has no letter and no digit; spell it as it is said")


def make(
    words: Sequence[str],
    out: str | Path,
    *,
    voice_count: int | None = None,
    takes_per_voice: int = 3,
    clip_ms: float = 1000.0,
    near_misses: bool = True,
    seed: int = 1,
    engine: VoiceEngine[Any] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a data set of synthetic speech in Speech Commands' layout.

    Every voice says every word ``takes_per_voice`` times, in clips with drawn position,
    level (peak -24 to -2 dB), room and coloured noise (20 to 50 dB under the speech). With
    ``near_misses``, words that sound similar are said once by a third of the voices each.
    ``_background_noise_`` has white, pink and brown noise, hum and babble. ``synthetic.json``
    marks the folder, ``voices.json`` maps speakers to voices and ``README.txt`` says it plainly.
    The same arguments and the same engine give the same files, sample for sample with espeak-ng,
    flite and Festival. When the work was interrupted, the same call goes on.

    Args:
        words: the words to spot.
        out: a folder that does not exist yet; it appears when it is complete.
        voice_count: see `VoiceEngine.speakers`; 60, or as many as the engine has, if not given.
        takes_per_voice: clips of a word by one voice.
        clip_ms: length of a clip in milliseconds.
        near_misses: whether to add the words of the function of this name.
        seed: of every draw.
        engine: who speaks; espeak-ng if not given.
        progress: called with (clips done, clips in total).

    Raises:
        KwsError: ``out`` exists or another is making it, a word cannot be a folder or has no letter, more than a
            quarter of its takes are longer than a clip, or the engine is missing; with ``near_misses``, or espeak-ng
            is.
    """
    out = Path(out)
    engine = engine or EspeakNg()
    bad = [w for w in words if not w or w.startswith(("_", ".")) or "/" in w or w != w.strip()]
    if bad or not words or takes_per_voice < 1:
        raise KwsError(f"cannot make clips of {bad or list(words)}; give words and at least one take")
    _require_letters(words)
    unfinished.require_absent(out)
    count = min(DEFAULT_VOICES, engine.most()) if voice_count is None else voice_count
    speakers = engine.speakers(count)
    unknown = near_words.near_misses(words, seed=seed) if near_misses else []
    plan = [(w, s, n) for w in dict.fromkeys(words) for s in speakers for n in range(takes_per_voice)]
    for word in unknown:
        some = np.random.default_rng(seeds(seed, word)).permutation(list(speakers))[: -(-len(speakers) // 3)]
        plan += [(word, str(s), 0) for s in some]
    samples = round(clip_ms / 1000 * SAMPLE_RATE)
    settings = _settings(engine, words, unknown, speakers, takes_per_voice, samples, seed)
    slow: Counter[str] = Counter()
    with unfinished.making(out, settings | {"speakers": speakers}) as partial:
        try:
            for done, (word, speaker, take) in enumerate(plan, start=1):
                path = partial / word / f"{speaker}_nohash_{take}.wav"
                if not path.exists():
                    rng = np.random.default_rng(seeds(seed, word, speaker, take))
                    try:
                        audio.write(path, _clip(engine, word, speakers[speaker], rng, samples))
                    except TooLongError:
                        # One slow voice of many is no reason to go without the others.
                        slow[word] += 1
                        if word in words and slow[word] > len(speakers) * takes_per_voice // 4:
                            raise
                if progress is not None:
                    progress(done, len(plan))
            _write_background(engine, partial / clips.BACKGROUND, unknown or ["one", "two", "three"], seed)
            _write_description(partial, engine, settings, speakers)
        except KwsError:
            # Nothing that a second try would mend: a word that no voice can say, say.
            unfinished.drop(out)
            raise
    return out


def _write_background(engine: VoiceEngine[Any], folder: Path, words: Sequence[str], seed: int) -> None:
    rng = np.random.default_rng(seeds(seed, clips.BACKGROUND))
    samples = _NOISE_SECONDS * SAMPLE_RATE
    noises = {name: coloured_noise(rng, samples, exponent) for name, exponent in COLOURS.items()}
    time = np.arange(samples) / SAMPLE_RATE
    mains = sum(np.sin(2 * np.pi * 50 * k * time + rng.uniform(0, 6.28)) / k for k in range(1, 9))
    noises["hum"] = (mains + 0.05 * noises["pink"]).astype(np.float32)
    babble = np.zeros(samples, np.float32)
    for voice in engine.voice_names(min(_BABBLE_VOICES, engine.most())):
        text = ", ".join(rng.permutation(list(words) * 3)[:60])
        talk = engine.say(text, voice, engine.natural(seed))
        babble += np.roll(np.resize(talk, samples), int(rng.integers(samples)))
    noises["babble"] = babble
    for name, noise in noises.items():
        audio.write(folder / f"{name}.wav", audio.to_int16(noise * (1000 / np.sqrt(np.mean(noise**2)))))


def _settings(
    engine: VoiceEngine[Any],
    words: Sequence[str],
    unknown: Sequence[str],
    speakers: dict[str, str],
    takes: int,
    samples: int,
    seed: int,
) -> dict[str, Any]:
    return {
        "synthetic": True,
        "engine": engine.version(),
        "licence": engine.licence,
        "words": list(words),
        "near_misses": list(unknown),
        "voices": len(speakers),
        "takes_per_voice": takes,
        "clip_ms": 1000 * samples / SAMPLE_RATE,
        "seed": seed,
    }


def _write_description(
    folder: Path, engine: VoiceEngine[Any], settings: dict[str, Any], speakers: dict[str, str]
) -> None:
    write_atomic(folder / clips.SYNTHETIC, json.dumps(settings, indent=2) + "\n")
    write_atomic(folder / "voices.json", json.dumps(speakers, indent=2) + "\n")
    write_atomic(
        folder / "README.txt",
        f"""SYNTHETIC SPEECH. No human speaks in these clips: they were made by {settings["engine"]}.
A model trained on them alone is a demonstration and will not understand people well;
accuracy measured on them says nothing about real use.

words:        {" ".join(settings["words"])}
near misses:  {" ".join(settings["near_misses"]) or "none"}
voices:       {len(speakers)} (voices.json), {settings["takes_per_voice"]} takes of each word by each
licence:      {engine.licence}
seed:         {settings["seed"]}
""",
    )


def draw_script(words: Sequence[str], repeats: int, seed: int = 1, gap: float = 3.0) -> list[tuple[str, float]]:
    """Draw an order and times for `recording`: each word ``repeats`` times, ``gap`` +- 0.5 s apart.

    Returns:
        (word, start in seconds) in order of time.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation([w for w in words for _ in range(repeats)])
    starts = 1.5 + np.arange(len(order)) * gap + rng.uniform(-0.5, 0.5, len(order))
    return [(str(w), round(float(t), 3)) for w, t in zip(order, starts, strict=True)]


def recording(
    script: Sequence[tuple[str, float]],
    out_wav: str | Path,
    *,
    seed: int = 1,
    voice_count: int = DEFAULT_VOICES,
    near_misses: bool = True,
    snr_db: float = 25.0,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Write one continuous recording of words at known times, and what is where beside it.

    The voices are those of ``voices(voice_count)`` that the hash rule keeps out of training.
    With ``near_misses``, a similar word is put into each gap of 2 s or more. Pink noise lies
    under everything. ``out_wav`` with the suffix ``.json`` says what is where.

    Args:
        script: (word, start in seconds), in any order; see `draw_script`.
        out_wav: the file to write.
        seed: of every draw.
        voice_count: voices of the data set a model was trained on.
        near_misses: whether to fill gaps with similar words.
        snr_db: level of a typical word over the noise, in dB.
        progress: called with (words done, words in total).

    Returns:
        One dictionary a word, in order of time: ``word``, ``start`` and ``end`` in seconds,
        ``keyword`` (False for a near miss), ``speaker``, ``voice``.

    Raises:
        KwsError: an empty script, a word without a letter, words that overlap, no held-out voice, or espeak-ng is
            missing.
    """
    out_wav = Path(out_wav)
    held_out = {s: v for s, v in voices(voice_count).items() if split_of(s) != TRAINING}
    if not script or min(start for _, start in script) < 0:
        raise KwsError("the script needs at least one word, and no start may be negative")
    _require_letters([word for word, _ in script])
    if not held_out:
        raise KwsError(f"none of {voice_count} voices is held out from training; ask for more voices")
    rng = np.random.default_rng(seeds(seed, "recording"))
    events: list[dict[str, Any]] = []
    sounds: list[Floats] = []

    def place(word: str, start: float, keyword: bool) -> None:
        speaker = str(rng.choice(list(held_out)))
        speech = utter(word, held_out[speaker], rng) * np.float32(32768 * 10 ** (rng.uniform(-14, -6) / 20))
        end = start + len(speech) / SAMPLE_RATE
        events.append({"word": word, "start": round(start, 3), "end": round(end, 3), "keyword": keyword})
        events[-1] |= {"speaker": speaker, "voice": held_out[speaker]}
        sounds.append(speech)

    for done, (word, start) in enumerate(sorted(script, key=lambda item: item[1]), start=1):
        if events and start < events[-1]["end"]:
            raise KwsError(f"{word!r} at {start} s overlaps the word before it; put the words at least 1 s apart")
        place(word, start, True)
        if progress is not None:
            progress(done, len(script))
    if near_misses:
        similar = near_words.near_misses([word for word, _ in script], seed=seed)
        for before, after in list(itertools.pairwise(events)):
            gap = after["start"] - before["end"]
            if gap >= 2:
                place(str(rng.choice(similar)), before["end"] + gap / 2 - 0.4, False)
    x = np.zeros(round((max(e["end"] for e in events) + 1.5) * SAMPLE_RATE), np.float32)
    for event, speech in zip(events, sounds, strict=True):
        first = round(event["start"] * SAMPLE_RATE)
        x[first : first + len(speech)] += speech
    typical = float(np.median([np.sqrt(np.mean(speech**2)) for speech in sounds]))
    x += typical * 10 ** (-snr_db / 20) * coloured_noise(rng, len(x), COLOURS["pink"])
    events.sort(key=lambda e: float(e["start"]))
    audio.write(out_wav, audio.to_int16(x))
    description = {"synthetic": True, "seconds": len(x) / SAMPLE_RATE, "snr_db": snr_db, "seed": seed, "events": events}
    out_wav.with_suffix(".json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    return events
