"""Synthetic speech by espeak-ng: a stand-in where there are no recordings yet."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets import clips, espeak
from kws.datasets.augment import COLOURS, coloured_noise
from kws.datasets.splits import TRAINING, split_of
from kws.errors import KwsError

Progress = Callable[[int, int], None]
Floats = npt.NDArray[np.float32]

ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc")
# espeak-ng's voice variants without the robots, whispers and jokes. Their number is odd, so that
# walking both lists in step meets every pair of accent and variant once (`voices`).
_VARIANTS = """
    f1 m1 f2 m2 f3 m3 f4 m4 f5 m5 m6 m7 m8 Alicia Andy Annie Alex Andrea Denis anika Diogo linda Gene belinda Gene2
    steph Hugo aunty Jacky steph2 Lee steph3 Marco shelby Mario grandma Michael Mike antonio boris ed grandpa gustave
    ian iven iven2 john marcelo max michel miguel norbert pablo paul pedro quincy rob robert sandro travis victor
"""
VARIANTS = tuple(_VARIANTS.split())
DEFAULT_VOICES = 60

_NOISE_SECONDS = 20

_CONSONANTS = {
    sound: group
    for group, sounds in enumerate(("p b", "t d t#", "k g", "f v T D", "s z S Z tS dZ", "m n N", "l r r- w j", "h"))
    for sound in sounds.split()
}


def phoneme_distance(a: Sequence[str], b: Sequence[str]) -> float:
    """Edit distance of two pronunciations over the length of the longer, 0 to 1.

    Exchanging sounds of one kind (two vowels, p and b, s and z, ...) costs a half, every
    other edit 1 (Levenshtein with weighted exchanges).
    """
    row = [float(j) for j in range(len(b) + 1)]
    for i, x in enumerate(a, start=1):
        before, row[0] = row[0], float(i)
        for j, y in enumerate(b, start=1):
            exchange = 0.0 if x == y else 0.5 if _CONSONANTS.get(x) == _CONSONANTS.get(y) else 1.0
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + exchange)
    return row[-1] / max(len(a), len(b), 1)


def near_misses(words: Sequence[str], nearest: int = 6, spread: int = 16, seed: int = 1) -> list[str]:
    """Words that sound like ``words`` but are not, for the unknown label.

    The ``nearest`` for each word by `phoneme_distance`, from a built-in list of common English
    words without the words themselves and their homophones, then ``spread`` others at random.

    Returns:
        Distinct words, in alphabetical order.

    Raises:
        KwsError: espeak-ng is missing.
    """
    text = Path(__file__).with_name("words.txt").read_text(encoding="utf-8")
    common = [w for line in text.splitlines() if not line.startswith("#") for w in line.split()]
    sounds = espeak.phonemes([*words, *common])
    targets = sounds[: len(words)]
    spoken = {w.lower() for w in words}
    candidates = {
        w: s for w, s in zip(common, sounds[len(words) :], strict=True) if w not in spoken and s not in targets
    }
    chosen: set[str] = set()
    for target in targets:
        ranked = sorted(candidates, key=lambda w: (phoneme_distance(target, candidates[w]), w))
        chosen.update(ranked[:nearest])
    rest = [w for w in candidates if w not in chosen]
    chosen.update(np.random.default_rng(seed).permutation(rest)[:spread].tolist())
    return sorted(chosen)


def _unknown(words: Sequence[str], seed: int) -> list[str]:
    return near_misses(words, seed=seed)


def voices(count: int = DEFAULT_VOICES) -> dict[str, str]:
    """Choose ``count`` voices: speaker id (8 hexadecimal digits of the name's SHA-1) to voice name.

    Up to `len(VARIANTS)` voices no variant is used twice, so that no timbre is in two splits.

    Raises:
        KwsError: fewer than one voice or more than there are.
    """
    most = len(ACCENTS) * len(VARIANTS)
    if not 1 <= count <= most:
        raise KwsError(f"the number of voices must be 1 to {most}, not {count}")
    names = [f"{ACCENTS[i % len(ACCENTS)]}+{VARIANTS[i % len(VARIANTS)]}" for i in range(count)]
    return {hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:8]: name for name in names}


def utter(word: str, voice: str, rng: np.random.Generator, longest: float = 0.95) -> Floats:
    """Say a word with drawn pitch, intonation and rate in a drawn small room.

    Returns:
        float32 ``[samples]`` at 16 kHz with peak 1, at most ``longest`` seconds.

    Raises:
        KwsError: as for `say`, or the word cannot be said in ``longest`` seconds.
    """
    pitch, pitch_range, rate = (int(rng.integers(low, high)) for low, high in ((35, 66), (25, 76), (115, 196)))
    seed = int(rng.integers(1, 1 << 31))
    most = round(longest * SAMPLE_RATE)
    speech = espeak.say(word, voice, pitch, pitch_range, rate, seed)
    if len(speech) > most:
        speech = espeak.say(word, voice, pitch, pitch_range, min(450, int(1.1 * rate * len(speech) / most)), seed)
    if len(speech) > most:
        raise KwsError(f"{word!r} takes longer than {longest:g} s even when said fast; choose a shorter word")
    wet = _room(speech, rng)[:most]
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


def _clip(word: str, voice: str, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    speech = utter(word, voice, rng)
    speech *= 32768 * 10 ** (rng.uniform(-24, -2) / 20)
    level = np.sqrt(np.mean(speech**2)) * 10 ** (-rng.uniform(20, 50) / 20)
    x = level * coloured_noise(rng, SAMPLE_RATE, rng.uniform(0, 2))
    start = int(rng.integers(0, SAMPLE_RATE - len(speech) + 1))
    x[start : start + len(speech)] += speech
    return audio.to_int16(x)


def make(
    words: Sequence[str],
    out: str | Path,
    *,
    voice_count: int = DEFAULT_VOICES,
    takes_per_voice: int = 3,
    near_misses: bool = True,
    seed: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Write a data set of synthetic speech in Speech Commands' layout.

    Every voice says every word ``takes_per_voice`` times, in clips of 1 s with drawn position,
    level (peak -24 to -2 dB), room and coloured noise (20 to 50 dB under the speech). With
    ``near_misses``, words that sound similar are said once by a third of the voices each.
    ``_background_noise_`` has white, pink and brown noise, hum and babble. ``synthetic.json``
    marks the folder, ``voices.json`` maps speakers to voices and ``README.txt`` says it plainly.
    The same arguments and the same espeak-ng give the same files.

    Args:
        words: the words to spot.
        out: a folder that does not exist yet; it appears when it is complete.
        voice_count: see `voices`.
        takes_per_voice: clips of a word by one voice.
        near_misses: whether to add the words of the function of this name.
        seed: of every draw.
        progress: called with (clips done, clips in total).

    Raises:
        KwsError: ``out`` exists, a word cannot be a folder or be said in 1 s, or espeak-ng is missing.
    """
    out = Path(out)
    bad = [w for w in words if not w or w.startswith(("_", ".")) or "/" in w or w != w.strip()]
    if bad or not words or takes_per_voice < 1:
        raise KwsError(f"cannot make clips of {bad or list(words)}; give words and at least one take")
    if out.exists():
        raise KwsError(f"{out} already exists; name another folder or delete it")
    speakers = voices(voice_count)
    unknown = _unknown(words, seed) if near_misses else []
    plan = [(w, s, n) for w in dict.fromkeys(words) for s in speakers for n in range(takes_per_voice)]
    for word in unknown:
        some = np.random.default_rng(_seeds(seed, word)).permutation(list(speakers))[: -(-voice_count // 3)]
        plan += [(word, str(s), 0) for s in some]
    partial = out.with_name(f".{out.name}.making")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for done, (word, speaker, take) in enumerate(plan, start=1):
            rng = np.random.default_rng(_seeds(seed, word, speaker, take))
            (partial / word).mkdir(parents=True, exist_ok=True)
            audio.write(partial / word / f"{speaker}_nohash_{take}.wav", _clip(word, speakers[speaker], rng))
            if progress is not None:
                progress(done, len(plan))
        _write_background(partial / clips.BACKGROUND, unknown or ["one", "two", "three"], seed)
        _write_description(partial, words, unknown, speakers, takes_per_voice, seed)
        partial.replace(out)
    except OSError as error:
        raise KwsError(f"cannot write {out}: {error}; check the folder and the free space") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def _seeds(*parts: str | int) -> list[int]:
    """Seeds that depend on each part alone, so that adding a word leaves the clips of the others as they were."""
    return [int.from_bytes(hashlib.sha256(str(p).encode()).digest()[:8], "little") for p in parts]


def _write_background(folder: Path, words: Sequence[str], seed: int) -> None:
    folder.mkdir()
    rng = np.random.default_rng(_seeds(seed, clips.BACKGROUND))
    samples = _NOISE_SECONDS * SAMPLE_RATE
    noises = {name: coloured_noise(rng, samples, exponent) for name, exponent in COLOURS.items()}
    time = np.arange(samples) / SAMPLE_RATE
    mains = sum(np.sin(2 * np.pi * 50 * k * time + rng.uniform(0, 6.28)) / k for k in range(1, 9))
    noises["hum"] = (mains + 0.05 * noises["pink"]).astype(np.float32)
    babble = np.zeros(samples, np.float32)
    for voice in list(voices(8).values()):
        text = ", ".join(rng.permutation(list(words) * 3)[:60])
        talk = espeak.say(text, voice, seed=seed)
        babble += np.roll(np.resize(talk, samples), int(rng.integers(samples)))
    noises["babble"] = babble
    for name, noise in noises.items():
        audio.write(folder / f"{name}.wav", audio.to_int16(noise * (1000 / np.sqrt(np.mean(noise**2)))))


def _write_description(
    folder: Path, words: Sequence[str], unknown: Sequence[str], speakers: dict[str, str], takes: int, seed: int
) -> None:
    version = espeak.version()
    settings: dict[str, Any] = {
        "synthetic": True,
        "engine": f"espeak-ng {version}",
        "words": list(words),
        "near_misses": list(unknown),
        "voices": len(speakers),
        "takes_per_voice": takes,
        "seed": seed,
    }
    (folder / clips.SYNTHETIC).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    (folder / "voices.json").write_text(json.dumps(speakers, indent=2) + "\n", encoding="utf-8")
    (folder / "README.txt").write_text(
        f"""SYNTHETIC SPEECH. No human speaks in these clips: they were made by espeak-ng {version}.
A model trained on them alone is a demonstration and will not understand people well;
accuracy measured on them says nothing about real use.

words:        {" ".join(words)}
near misses:  {" ".join(unknown) or "none"}
voices:       {len(speakers)} (voices.json), {takes} takes of each word by each
seed:         {seed}
""",
        encoding="utf-8",
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
        KwsError: an empty script, words that overlap, no held-out voice, or espeak-ng is missing.
    """
    out_wav = Path(out_wav)
    held_out = {s: v for s, v in voices(voice_count).items() if split_of(s) != TRAINING}
    if not script or min(start for _, start in script) < 0:
        raise KwsError("the script needs at least one word, and no start may be negative")
    if not held_out:
        raise KwsError(f"none of {voice_count} voices is held out from training; ask for more voices")
    rng = np.random.default_rng(_seeds(seed, "recording"))
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
        similar = _unknown([word for word, _ in script], seed)
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
