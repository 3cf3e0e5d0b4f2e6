"""From measurements and trials to sentences: what is wrong with a recording, the most telling first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kws import audio
from kws.live.sound import Sound
from kws.model.file import ModelInfo

if TYPE_CHECKING:
    from kws.live.why import Trial

SPEECH_COMMANDS_DB = (-35.0, -7.0)
"""Loudest 20 ms of 400 clips of Speech Commands, 5th and 95th percentile, in dB of full scale."""

# A change of the audio explains a miss when it raises the word's score by so much at least.
_MAIN = 0.2
# Means that differ by less say the same.
_ALIKE = 0.05
# A detection of another word that is no accident.
_SURE = 0.85
# What the speed is multiplied with so that speech sounds natural; beyond these it is no person's.
_SLOWEST, _FASTEST = 0.62, 1.8


@dataclass(frozen=True)
class Finding:
    """One thing that is to be said.

    Attributes:
        kind: a name for programs, such as ``clipped``.
        text: a sentence: what is so, and what to do.
    """

    kind: str
    text: str


def training_levels(info: ModelInfo) -> tuple[float, float]:
    """Between which levels training heard words, in dB of full scale (of the loudest 20 ms): as far as is known."""
    settings = info.provenance.get("settings", {})
    augment = settings.get("augment", settings) if isinstance(settings, dict) else {}
    gains = augment.get("gain_db") if isinstance(augment, dict) else None
    low, high = gains if isinstance(gains, list | tuple) and len(gains) == 2 else (0.0, 0.0)
    return SPEECH_COMMANDS_DB[0] + float(low), min(0.0, SPEECH_COMMANDS_DB[1] + float(high))


def findings(word: str, threshold: float, sound: Sound, trials: Sequence[Trial], info: ModelInfo) -> list[Finding]:
    """What is to be said of a recording; the first is the answer.

    Args:
        word: that should be heard.
        threshold: of that word.
        sound: the measurements.
        trials: how the audio was heard as it is (the first), and changed.
        info: the model's.
    """
    heard = trials[0].heard
    found = list(_findings(word, threshold, sound, trials, info))
    if heard:
        at = trials[0]
        text = f"{word!r} is heard, with a mean of {at.score:.2f} where {threshold:.2f} is enough"
        return [*found, Finding("heard", text)]
    return found or [Finding("nothing found", _nothing_found(word, trials[0]))]


def _findings(word: str, threshold: float, sound: Sound, trials: Sequence[Trial], info: ModelInfo) -> Iterator[Finding]:
    spoilt = list(signal_faults(sound, trials))
    yield from spoilt
    grave = {"silent", "bytes swapped", "channels cancel", "wrong rate"}
    if any(f.kind in grave for f in spoilt):
        return
    limits = list(_sound(word, sound, trials, info))
    yield from limits
    if trials[0].heard:
        return
    yield from _model(word, threshold, sound, trials, bool(spoilt or limits))


def signal_faults(sound: Sound, trials: Sequence[Trial] = ()) -> Iterator[Finding]:
    """What is wrong with the samples themselves, speech or not."""
    if sound.constant:
        what = "only zeros" if sound.offset == 0 else "one value only"
        yield Finding("silent", f"it holds {what}: the microphone is muted, or the program had no permission to use it")
        return
    if sound.swapped:
        yield Finding("bytes swapped", "the bytes of each sample are in the wrong order: big-endian read as little")
        return
    if sound.channels > 1 and sound.cancelled_db > 15:
        alone = _best(trials, "channel alone")
        which = f"channel {alone.value:.0f}" if alone is not None else "one channel"
        yield Finding(
            "channels cancel",
            f"the channels have opposite signs: their mean loses {sound.cancelled_db:.0f} dB; use {which} alone",
        )
        return
    if sound.channels > 1 and max(sound.channel_db) - min(sound.channel_db) > 30:
        dead = sound.channel_db.index(min(sound.channel_db)) + 1
        yield Finding("dead channel", f"channel {dead} is dead ({min(sound.channel_db):.0f} dB): use the other one")
    if _speed(sound, trials) == "wrong rate":
        rate = _best(trials, "as if the rate were")
        assert rate is not None
        alike = [t for t in trials if t.kind == rate.kind and t.heard and t.score > rate.score - _ALIKE]
        rates = " or ".join(f"{t.value / 1000:g}" for t in sorted(alike, key=lambda t: t.value))
        yield Finding(
            "wrong rate",
            f"it says {sound.sample_rate / 1000:g} kHz and sounds like {rates} kHz: played so, the word's mean is"
            f" {rate.score:.2f}; correct the header, or the settings of what recorded it",
        )
    if sound.holes >= 3:
        yield Finding("holes", f"{sound.holes} holes in the sound: blocks of samples were lost while it was recorded")
    if sound.clipped > 0.002:
        yield Finding(
            "clipped",
            f"clipped: {100 * sound.clipped:.1f} % of the samples are cut off; turn the microphone down, or move away",
        )
    if abs(sound.offset) > 0.02:
        cured = _helps(trials, "without offset")
        yield Finding(
            "offset",
            f"a constant offset of {100 * sound.offset:.1f} % of full scale: the microphone's supply or amplifier"
            f" is faulty{cured}",
        )


def _sound(word: str, sound: Sound, trials: Sequence[Trial], info: ModelInfo) -> Iterator[Finding]:
    """What is wrong with the sound: bands, room, level, edges, speed."""
    yield from hum_fault(sound, trials)
    if sound.seconds < 0.35:
        yield Finding("too short", f"only {sound.seconds:.2f} s long: a word and its mean need about a second")
    yield from _edges(word, sound)
    yield from band_faults(sound)
    quiet, _ = training_levels(info)
    soft = sound.level_db < max(quiet, -60.0)
    if sound.snr_db < 6 and not soft and not (sound.begins_inside and sound.ends_inside and sound.seconds < 0.8):
        yield Finding(
            "no speech",
            f"nothing stands out from the room ({sound.room_db:.0f} dB): nobody speaks here, or the noise drowns it",
        )
        return
    if sound.snr_db < 15 and sound.seconds >= 0.8 and not soft:
        yield Finding(
            "noise",
            f"noise: the voice is {sound.snr_db:.0f} dB over the room ({sound.room_db:.0f} dB): come closer",
        )
    if soft:
        louder = _cure(trials, "gain")
        by = f"at {louder.value:+.0f} dB it is heard" if louder is not None else "louder it is not heard either"
        yield Finding(
            "too soft",
            f"too soft: the loudest 20 ms are at {sound.level_db:.0f} dB, and training heard {quiet:.0f} dB and more;"
            f" raise the gain by {SPEECH_COMMANDS_DB[0] - sound.level_db + 10:.0f} dB ({by})",
        )


def hum_fault(sound: Sound, trials: Sequence[Trial] = ()) -> Iterator[Finding]:
    """Mains hum, if there is any."""
    if sound.hum_db > max(-50.0, sound.level_db - 20) and sound.hum_db > sound.band_db[2] - 10:
        yield Finding(
            "hum",
            f"mains hum at {sound.hum_db:.0f} dB, {sound.level_db - sound.hum_db:.0f} dB below the voice: check the"
            f" ground and the cable{_helps(trials, 'without rumble')}",
        )


def band_faults(sound: Sound) -> Iterator[Finding]:
    """Bands that are missing."""
    voice, highs = max(sound.band_db[:4]), max(sound.band_db[4:])
    if sound.cutoff_hz:
        yield Finding(
            "empty upper half",
            f"nothing above {sound.cutoff_hz / 1000:g} kHz: the source had 8 kHz, or was a telephone or headset;"
            f" that costs {audio.NARROW_BAND_POINTS} points of accuracy; record at 16 kHz",
        )
    elif voice - highs > 32 and sound.level_db > -60:
        yield Finding(
            "muffled", f"muffled: above 2 kHz it is {voice - highs:.0f} dB weaker; is something before the microphone?"
        )
    elif max(sound.band_db[3:]) - max(sound.band_db[:2]) > 22:
        yield Finding("thin", "low frequencies are missing: a filter, or a loudspeaker too small; check the equaliser")


def _edges(word: str, sound: Sound) -> Iterator[Finding]:
    edge = {(True, False): "beginning", (False, True): "end", (True, True): "beginning and end"}
    where = edge.get((sound.begins_inside, sound.ends_inside))
    if where is not None and (sound.snr_db >= 15 or sound.seconds < 0.8):
        yield Finding(
            "cut at its " + where,
            f"the {where} lies inside the sound: {word!r} is cut off; record a little before and after it",
        )


def _model(word: str, threshold: float, sound: Sound, trials: Sequence[Trial], spoilt: bool) -> Iterator[Finding]:
    """What the model makes of sound that is as it should be, or might be."""
    as_is = trials[0]
    gain, around = _cure(trials, "gain"), _cure(trials, "with room around", 0.05)
    other = as_is.other_score > max(as_is.score, 0.3)
    pace = _speed(sound, trials)
    if pace in ("too fast", "too slow"):
        fast = pace == "too fast"
        speed = _best(trials, "at the speed")
        assert speed is not None
        yield Finding(
            pace,
            f"{pace} and {'high' if fast else 'low'}: played at {speed.value:g} times the speed the mean is"
            f" {speed.score:.2f}; say it {'slower' if fast else 'faster'}, or train with more `speed_percent`"
            " (or the header states a wrong rate)",
        )
    if around is not None and not spoilt:
        yield Finding("no room around", "with half a second around it, it is heard: leave some before and after")
    if gain is not None and not spoilt:
        yield Finding("level", f"at {gain.value:+.0f} dB it is heard ({gain.score:.2f}): change the microphone's gain")
    if other:
        what = "another word" if as_is.other.startswith("_") else f"{as_is.other!r}"
        yield Finding(
            "heard as another",
            f"heard as {what} ({as_is.other_score:.2f} against {as_is.score:.2f} for {word!r}): eight takes of your"
            " own voice will help (`kws record`, then `kws train --from`)",
        )
    elif as_is.score > 0.6 * threshold:
        yield Finding(
            "nearly",
            f"nearly: the mean was {as_is.score:.2f} and {threshold:.2f} is needed; a lower threshold hears it"
            " (`kws tune` with a larger budget), and more false ones",
        )


def _nothing_found(word: str, trial: Trial) -> str:
    return (
        f"nothing is wrong with the sound, and {word!r} comes to {trial.score:.2f}: it is said in a way that the model"
        " does not know; eight takes of your own voice will help (`kws record`, then `kws train --from`)"
    )


def _best(trials: Sequence[Trial], kind: str) -> Trial | None:
    return max((t for t in trials if t.kind == kind), key=lambda t: t.score, default=None)


def _cure(trials: Sequence[Trial], kind: str, gained: float = _MAIN) -> Trial | None:
    """The best trial of a kind, where the word is heard in it and its score is clearly less as it is."""
    best = _best([t for t in trials if t.heard], kind)
    if best is None:
        return None
    as_is = trials[0]
    return best if not as_is.heard and best.score > as_is.score + gained else None


def _speed(sound: Sound, trials: Sequence[Trial]) -> str:
    """``wrong rate``, ``too fast`` or ``too slow`` where other speeds are heard and the audio as it is is not.

    Which, the middle of the speeds says that are heard: people speak half as fast again, not twice as fast.
    """
    rate, speed = _cure(trials, "as if the rate were"), _cure(trials, "at the speed")
    if rate is None and speed is None:
        return ""
    as_is = trials[0]
    known = as_is.detected and as_is.other_score > _SURE
    cut = (sound.begins_inside or sound.ends_inside) and _cure(trials, "with room around", 0.05) is not None
    if known or cut:
        return ""
    factors = [t.value / sound.sample_rate for t in trials if t.kind == "as if the rate were" and t.heard]
    factors += [t.value for t in trials if t.kind == "at the speed" and t.heard]
    middle = math.exp(sum(map(math.log, factors)) / len(factors))
    if rate is not None and not _SLOWEST <= middle <= _FASTEST:
        return "wrong rate"
    return "too fast" if middle < 1 else "too slow"


def _helps(trials: Sequence[Trial], kind: str) -> str:
    best = _best(trials, kind)
    return "; without it the word is heard" if best is not None and best.heard and not trials[0].heard else ""
