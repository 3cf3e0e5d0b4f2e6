"""The microphone as an iterator of chunks, whatever rate and channels the device has."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from kws import audio
from kws.config import SAMPLE_RATE
from kws.errors import KwsError, MissingError
from kws.types import Pcm

_KEPT_SECONDS = 10
_TIMEOUT = 5.0
_LOOK_SECONDS = 0.5
_RATES = (48_000, 44_100)
# A channel is left for a louder one where that is louder by this factor of power, 3 dB ...
_LOUDER = 2.0
# ... in the mean of about this time.
_MEMORY_SECONDS = 0.5


def devices() -> list[tuple[int, str, float]]:
    """List the input devices as (index, name, default rate in Hz).

    Raises:
        MissingError: PortAudio is missing.
        KwsError: the sound system's settings are broken.
    """
    sounddevice = _sounddevice()
    try:
        found = sounddevice.query_devices()
    except sounddevice.PortAudioError as error:
        raise KwsError(f"cannot list the microphones: {error}; check the sound system's settings") from error
    return [
        (int(d["index"]), str(d["name"]), float(d["default_samplerate"])) for d in found if d["max_input_channels"] > 0
    ]


def look_again() -> None:
    """Let PortAudio look for what has been plugged in; it lists the devices once. No microphone may be open.

    Raises:
        MissingError: PortAudio is missing.
        KwsError: the sound system does not answer.
    """
    sounddevice = _sounddevice()
    try:
        sounddevice._terminate()
        sounddevice._initialize()
    except sounddevice.PortAudioError as error:
        raise KwsError(f"cannot list the microphones: {error}; check the sound system's settings") from error


def microphone(device: int | str | None, samples: int) -> Microphone:
    """Open a microphone as an endless iterator of int16 ``[samples]`` arrays, mono, 16 kHz.

    A device that refuses 16 kHz is opened at its own rate and resampled (soxr, HQ). Of one that opens with
    several channels only, the loudest is heard. Close it, or use it in a ``with`` block.

    Args:
        device: index, a part of the name, or None for the system's default input.
        samples: samples an array.

    Raises:
        KwsError: PortAudio or the device is missing or busy; while iterating, the device went away.
    """
    return Microphone(device, samples)


def play(pcm: Pcm) -> None:
    """Play int16 ``[samples]`` at 16 kHz on the system's default output, and wait for its end.

    Raises:
        MissingError: PortAudio is missing.
        KwsError: there is no output, or it is busy.
    """
    sounddevice = _sounddevice()
    rate = SAMPLE_RATE
    try:
        try:
            sounddevice.check_output_settings(channels=1, dtype="int16", samplerate=rate)
        except sounddevice.PortAudioError:
            rate = round(sounddevice.query_devices(None, "output")["default_samplerate"])
            pcm = audio.to_int16(soxr.resample(pcm.astype(np.float32), SAMPLE_RATE, rate))
        sounddevice.play(pcm, rate, blocking=True)
    except (sounddevice.PortAudioError, ValueError, OSError) as error:
        raise KwsError(f"cannot play: {error}; check that there is a loudspeaker, or leave out --replay") from error


class Microphone(Iterator[Pcm]):
    """An open microphone; see `microphone`.

    Attributes:
        overflows: how often samples were lost, in the driver or because the reader fell
            more than ten seconds behind.
        sample_rate: rate the device runs at, in Hz.
        channels: how many the device was opened with.
        name: what the system calls it.
    """

    def __init__(self, device: int | str | None, samples: int, every_channel: bool = False) -> None:
        """Open it.

        Args:
            device, samples: as of `microphone`.
            every_channel: open two channels, or all that it takes, even where the device would give one.
        """
        if samples < 1:
            raise KwsError(f"the block length must be at least 1 sample, not {samples}")
        sounddevice = _sounddevice()
        self.overflows = 0
        try:
            found = sounddevice.query_devices(device, "input")
            self.name = str(found["name"])
            self.sample_rate, self.channels = _settings(sounddevice, device, found, every_channel)
            block = max(1, samples * self.sample_rate // SAMPLE_RATE)
            # The callback runs on the audio thread, which must never wait for a slow reader.
            self._queue: queue.Queue[bytes] = queue.Queue(max(2, _KEPT_SECONDS * self.sample_rate // block))
            self._stream = sounddevice.RawInputStream(
                samplerate=self.sample_rate,
                blocksize=block,
                device=device,
                channels=self.channels,
                dtype="int16",
                callback=self._hear,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError, OSError) as error:
            if not devices():
                raise KwsError(
                    "PortAudio finds no microphone at all; plug one in (kws listen --list-devices lists them)"
                ) from error
            which = "the default microphone" if device is None else f"the microphone {device!r}"
            raise KwsError(f"cannot open {which}: {error}; check its name and that nothing else is using it") from error
        self._blocks = audio.reblocked(self._resampled(), samples)

    def __next__(self) -> Pcm:
        return next(self._blocks)

    def __enter__(self) -> Microphone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and give the device back."""
        self._stream.close()

    def forget(self) -> None:
        """Leave out what was heard and not yet taken, such as what was played meanwhile."""
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                return

    def every_channel(self) -> Iterator[npt.NDArray[np.int16]]:
        """What the device delivers, at its own rate: int16 ``[samples, channels]``, in place of iterating.

        Raises:
            KwsError: the device went away.
        """
        waited = 0.0
        while True:
            try:
                data = self._queue.get(timeout=min(_LOOK_SECONDS, _TIMEOUT))
            except queue.Empty:
                waited += _LOOK_SECONDS
                # What was unplugged is not active any more; a driver that hangs says nothing.
                if waited < _TIMEOUT and self._stream.active:
                    continue
                raise KwsError("the microphone stopped delivering audio; check that it is still connected") from None
            waited = 0.0
            yield np.frombuffer(data, np.int16).reshape(-1, self.channels)

    def _hear(self, data: Any, frames: int, time: Any, status: Any) -> None:
        del frames, time
        self.overflows += bool(status.input_overflow)
        try:
            self._queue.put_nowait(bytes(data))
        except queue.Full:
            self.overflows += 1

    def _resampled(self) -> Iterator[Pcm]:
        loudest = LoudestChannel(self.sample_rate)
        mono = (loudest.process(x) for x in self.every_channel())
        if self.sample_rate == SAMPLE_RATE:
            return mono
        return audio.resampled((x.astype(np.float32) for x in mono), self.sample_rate)


class LoudestChannel:
    """Of several channels the loudest, by its mean power without its offset.

    A mean of the channels would cancel two that have opposite signs, and halve one whose other is dead.
    """

    def __init__(self, sample_rate: int) -> None:
        """For a stream of ``sample_rate`` Hz."""
        self.chosen = 0
        self._memory = _MEMORY_SECONDS * sample_rate
        self._powers: npt.NDArray[np.float64] | None = None

    def process(self, x: npt.NDArray[np.int16]) -> Pcm:
        """Of int16 ``[samples, channels]`` the samples of one, int16 ``[samples]``."""
        if x.shape[1] == 1:
            return x[:, 0]
        powers = np.var(x.astype(np.float64), axis=0) if len(x) else np.zeros(x.shape[1])
        weight = min(1.0, len(x) / self._memory)
        self._powers = powers if self._powers is None else (1 - weight) * self._powers + weight * powers
        best = int(np.argmax(self._powers))
        if self._powers[best] > _LOUDER * self._powers[self.chosen]:
            self.chosen = best
        return np.ascontiguousarray(x[:, self.chosen])


def _settings(sounddevice: Any, device: int | str | None, found: Any, every_channel: bool) -> tuple[int, int]:
    """Rate and channels to open a device with: 16 kHz and one channel, or what comes nearest."""
    most = max(1, int(found["max_input_channels"]))
    own = round(found["default_samplerate"])
    # Sound servers offer 32 and make them up; microphones that need more than two refuse two.
    channels = [min(most, 2)] if every_channel else []
    channels += [n for n in dict.fromkeys((1, 2, most)) if n <= most and n not in channels]
    # The rate before the channels: resampling is exact enough, a missing channel is missing.
    wanted = [(rate, n) for n in channels for rate in dict.fromkeys((SAMPLE_RATE, own, *_RATES))]
    for rate, count in wanted:
        try:
            sounddevice.check_input_settings(device=device, channels=count, dtype="int16", samplerate=rate)
        except sounddevice.PortAudioError:
            continue
        return rate, count
    return own, 1


def _sounddevice() -> Any:
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise MissingError(
            f"cannot use a microphone: {error}; install PortAudio (Debian: apt install libportaudio2)"
        ) from error
    except Exception as error:
        # PortAudioError, a class of the very module that could not be loaded.
        raise KwsError(
            f"cannot use a microphone: {error}; check the sound system's settings (~/.asoundrc, /etc/asound.conf)"
        ) from error
    return sounddevice
