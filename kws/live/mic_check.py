"""Whether a microphone is fit: what is wrong with it, and what it will cost."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kws.files import parse_json
from kws.live.board_microphone import BoardMicrophone
from kws.live.findings import SPEECH_COMMANDS_DB, Finding, band_faults, hum_fault, signal_faults
from kws.live.sound import Recording, Sound, measure
from kws.microphone import Microphone

# What the card of a model says of noise: "| noise at 20, 10 dB | 94.5, 92.1 % |", or, in a card of several,
# "| noise at 20, 10 dB, NAME |"; and of its absence on the same clips, or else on those of the card's first table.
_CARD = r"^\| noise at ([\d., -]+) dB{} \| ([\d., ]+) % \|$"
_CARD_CLEAN = (r"^\| no noise{} \| ([\d.]+) % \|$", r"^\| this file{}.*?\*\*([\d.]+) %\*\*")
_SHARED_CARD = "README.md"
# A device whose clock differs by more says a rate that it has not.
_RATE_TOLERANCE = 0.03
_NOISY_DB = 20.0
_SPEECH_DB = 10.0


@dataclass(frozen=True)
class Table:
    """A model's accuracy by signal-to-noise ratio, in per cent.

    Attributes:
        source: where it stands.
        snr_db: ratios, falling.
        accuracy: at each of them.
        clean: without noise; None if it is not told.
    """

    source: str
    snr_db: tuple[float, ...]
    accuracy: tuple[float, ...]
    clean: float | None

    def at(self, snr_db: float) -> float:
        """Accuracy at a ratio, between the table's own by straight lines; beyond them the nearest."""
        return float(np.interp(snr_db, self.snr_db[::-1], self.accuracy[::-1]))


@dataclass(frozen=True)
class MicCheck:
    """What `check` found.

    Attributes:
        sound: the measurements.
        measured_rate: samples a second by the clock, in Hz; None of a file.
        speech: whether somebody spoke.
        faults: what makes the microphone unfit.
        cost: what its noise costs, as a sentence; empty where that is not known.
    """

    sound: Sound
    measured_rate: float | None
    speech: bool
    faults: tuple[Finding, ...]
    cost: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "fit": not self.faults,
            "faults": [f.__dict__ for f in self.faults],
            "speech": self.speech,
            "measured_rate": self.measured_rate,
            "cost": self.cost,
            "sound": self.sound.as_dict(),
        }


def check(
    recording: Recording, table: Table | None = None, measured_rate: float | None = None, lost: int = 0
) -> MicCheck:
    """Judge some seconds of a microphone, of which some are silent and in some somebody speaks.

    Args:
        recording: every channel, at the device's rate.
        table: of the model that will listen.
        measured_rate: samples a second by the clock, in Hz.
        lost: blocks of samples that were lost on the way.
    """
    sound = measure(recording)
    if sound.channels > 1:
        # As kws listens: to the loudest one.
        loudest = recording.samples[:, [sound.channel_db.index(max(sound.channel_db))]]
        channels = {name: getattr(sound, name) for name in ("channels", "channel_db", "cancelled_db")}
        sound = replace(measure(Recording(loudest, recording.sample_rate)), **channels)
    speech = sound.snr_db >= _SPEECH_DB and not sound.constant
    faults = list(_faults(sound, speech, measured_rate))
    if lost:
        faults.append(
            Finding("lost blocks", f"{lost} blocks of samples were lost: the board or its serial line is too slow")
        )
    return MicCheck(sound, measured_rate, speech, tuple(faults), _cost(sound, speech, table))


def _faults(sound: Sound, speech: bool, measured_rate: float | None) -> Iterator[Finding]:
    if measured_rate is not None and abs(measured_rate / sound.sample_rate - 1) > _RATE_TOLERANCE:
        yield Finding(
            "wrong rate",
            f"the device says {sound.sample_rate} Hz and delivers {measured_rate:.0f} samples a second: blocks are"
            " lost, or its clock is another",
        )
    yield from signal_faults(sound)
    if sound.constant:
        return
    yield from hum_fault(sound)
    if speech:
        yield from band_faults(sound)
    if speech and sound.level_db < SPEECH_COMMANDS_DB[0]:
        yield Finding(
            "too soft",
            f"the voice comes to {sound.level_db:.0f} dB at its loudest, and clear recordings to"
            f" {SPEECH_COMMANDS_DB[0]:.0f} dB and more: raise the gain, or come closer",
        )
    if speech and sound.snr_db < _NOISY_DB:
        yield Finding(
            "noise", f"the voice is only {sound.snr_db:.0f} dB over the room ({sound.room_db:.0f} dB): find the noise"
        )
    if not speech:
        yield Finding(
            "no speech",
            f"nobody was heard over the room ({sound.room_db:.0f} dB): speak during the check",
        )


def _cost(sound: Sound, speech: bool, table: Table | None) -> str:
    if table is None or not speech:
        return ""
    if sound.snr_db > table.snr_db[0] + 10:
        return f"its noise costs nothing that {table.source} could tell"
    accuracy = table.at(sound.snr_db)
    loss = f", {table.clean - accuracy:.1f} points less than without noise" if table.clean is not None else ""
    return f"at {sound.snr_db:.0f} dB of signal to noise, {table.source} says {accuracy:.1f} % accuracy{loss}"


def table_of(model: Path) -> Table | None:
    """The accuracy by noise of a model, from its card or its run's ``evaluation.json``.

    The card is ``NAME.md`` beside it, or a ``README.md`` whose rows name the models of its folder.
    """
    if model.is_file():
        for card, which in ((model.with_suffix(".md"), ""), (model.with_name(_SHARED_CARD), f", {model.stem}")):
            if card.is_file() and (found := _from_card(card, re.escape(which))):
                return found
    evaluation = (model if model.is_dir() else model.parent) / "evaluation.json"
    if evaluation.is_file():
        try:
            return _from_evaluation(parse_json(evaluation.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
    return None


def _from_card(card: Path, which: str) -> Table | None:
    text = card.read_text(encoding="utf-8", errors="replace")
    found = re.search(_CARD.format(which), text, re.MULTILINE)
    if found is None:
        return None
    snr, accuracy = ([float(v) for v in found[i].split(",")] for i in (1, 2))
    clean = next((m for row in _CARD_CLEAN if (m := re.search(row.format(which), text, re.MULTILINE))), None)
    return _sorted(f"its card ({card.name})", snr, accuracy, float(clean[1]) if clean else None)


def _from_evaluation(values: Any) -> Table | None:
    rows = [c for c in values["conditions"] if c["kind"] == "snr"]
    return _sorted("evaluation.json", [float(c["db"]) for c in rows], [100 * float(c["accuracy"]) for c in rows], None)


def _sorted(source: str, snr: Sequence[float], accuracy: Sequence[float], clean: float | None) -> Table | None:
    if not snr or len(snr) != len(accuracy):
        return None
    pairs = sorted(zip(snr, accuracy, strict=True), reverse=True)
    return Table(source, tuple(s for s, _ in pairs), tuple(a for _, a in pairs), clean)


def hear(microphone: Microphone | BoardMicrophone, seconds: float) -> Iterator[tuple[float, Recording, float]]:
    """Listen to all channels of a microphone: seconds so far, all that was heard, and samples a second by the clock.

    Raises:
        KwsError: it went away.
    """
    parts: list[np.ndarray[Any, np.dtype[np.float64]]] = []
    heard, start, first = 0, 0.0, 0
    for block in microphone.every_channel():
        now = time.monotonic()
        if not parts:
            # What lay in the driver comes at once and tells nothing of the clock.
            start, first = now, len(block)
        parts.append(block.astype(np.float64) / 32768)
        heard += len(block)
        elapsed = now - start
        rate = (heard - first) / elapsed if elapsed > 1 else float(microphone.sample_rate)
        done = heard / microphone.sample_rate
        yield done, Recording(np.concatenate(parts) if done >= seconds else parts[-1], microphone.sample_rate), rate
        if done >= seconds:
            return
