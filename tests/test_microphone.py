"""The microphone: any rate, any channels, what is lost and what is unplugged; PortAudio is a fake here."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from kws import microphone
from kws.errors import KwsError, MissingError

RATE = 16000


def tone(rate: int, seconds: float = 1.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)


class FakePortAudio(types.ModuleType):
    """The part of sounddevice that a microphone uses; without rates, no microphone.

    It hears ``x``, of ``[samples]`` or ``[samples, channels]``; it opens with ``opens`` channels only.
    """

    class PortAudioError(Exception):
        pass

    def __init__(self, rates: tuple[int, ...], x: np.ndarray, opens: tuple[int, ...] = (1,), default: int = 0) -> None:
        super().__init__("sounddevice")
        self.rates, self.x, self.opens, self.closed = rates, x, opens, False
        self.default = default or (rates[0] if rates else 0)

    def query_devices(self, device: object = None, kind: str | None = None) -> object:
        if not self.rates:
            if kind:
                raise self.PortAudioError("Error querying device -1")
            return []
        entry = {
            "index": 3,
            "name": "Fake",
            "max_input_channels": max(self.opens),
            "default_samplerate": float(self.default),
        }
        if device == "Nobody":
            raise ValueError("No input device matching 'Nobody'")
        return entry if kind else [entry, {**entry, "name": "Speaker", "max_input_channels": 0}]

    def check_input_settings(self, samplerate: int, channels: int, **_: object) -> None:
        if samplerate not in self.rates:
            raise self.PortAudioError("Invalid sample rate")
        if channels not in self.opens:
            raise self.PortAudioError("Invalid number of channels")

    def RawInputStream(self, samplerate: int, blocksize: int, callback: object, **kw: object) -> object:
        assert samplerate in self.rates
        assert kw["channels"] in self.opens
        assert kw["dtype"] == "int16"
        fake = self

        class Stream:
            active = False

            def start(self) -> None:
                for i in range(0, len(fake.x), blocksize):
                    status = types.SimpleNamespace(input_overflow=i == blocksize)
                    callback(fake.x[i : i + blocksize].tobytes(), blocksize, None, status)

            def close(self) -> None:
                fake.closed = True

        return Stream()


def test_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakePortAudio((16000,), np.arange(3200, dtype=np.int16))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    assert microphone.devices() == [(3, "Fake", 16000.0)]
    with microphone.microphone(None, 320) as opened:
        got = [next(opened) for _ in range(10)]
        assert (opened.name, opened.channels) == ("Fake", 1)
    np.testing.assert_array_equal(np.concatenate(got), np.arange(3200))
    assert opened.overflows == 1
    assert fake.closed


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 96000])
def test_microphone_at_another_rate_is_resampled(rate, monkeypatch: pytest.MonkeyPatch) -> None:
    x = (32768 * tone(rate)).astype(np.int16)
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio((rate,), x))
    with microphone.microphone("Fake", 320) as opened:
        assert opened.sample_rate == rate
        got = np.concatenate([next(opened) for _ in range(40)])
    assert np.abs(got[500:12000] - 32768 * tone(16000)[500:12000]).max() < 5


def test_a_device_whose_own_rate_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    x = (32768 * tone(48000)).astype(np.int16)
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio((48000,), x, default=44100))
    with microphone.microphone(None, 320) as opened:
        assert opened.sample_rate == 48000


@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize(("left", "right"), [(1.0, -1.0), (0.0, 1.0), (1.0, 0.0), (0.1, 1.0), (1.0, 0.2)])
def test_of_several_channels_the_loudest(rate, left, right, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = 32000 * tone(rate)
    # The quieter one of the two has an offset, which is no loudness.
    x = np.stack([left * sound + 9000 * (abs(left) < abs(right)), right * sound], 1).astype(np.int16)
    fake = FakePortAudio((rate,), np.ascontiguousarray(x), opens=(2, 4))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    with microphone.microphone(None, 320) as opened:
        assert opened.channels == 2
        got = np.concatenate([next(opened) for _ in range(40)])
    assert np.std(got[500:12000]) == pytest.approx(16000 / np.sqrt(2), rel=0.03)


def test_the_channel_does_not_flutter() -> None:
    rng = np.random.default_rng(1)
    loudest = microphone.LoudestChannel(RATE)
    chosen = []
    for _ in range(200):
        loudest.process(rng.normal(0, 1000, (640, 2)).astype(np.int16))
        chosen.append(loudest.chosen)
    assert len(set(chosen)) == 1
    for _ in range(25):
        loudest.process(rng.normal(0, [1000, 8000], (640, 2)).astype(np.int16))
    assert loudest.chosen == 1
    assert loudest.process(np.zeros((0, 2), np.int16)).shape == (0,)


def test_every_channel_is_there_for_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.arange(12800, dtype=np.int16).reshape(-1, 2)
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio((44100,), x, opens=(1, 2)))
    with microphone.Microphone(None, 640, every_channel=True) as opened:
        assert (opened.sample_rate, opened.channels) == (44100, 2)
        chunks = opened.every_channel()
        np.testing.assert_array_equal(np.concatenate([next(chunks) for _ in range(3)]), x[: 3 * 1764])


def test_microphone_that_falls_silent_or_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "_TIMEOUT", 0.01)
    monkeypatch.setattr(microphone, "_KEPT_SECONDS", 1)
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio((16000,), np.zeros(32000, np.int16)))
    opened = microphone.microphone(None, 1600)
    assert opened.overflows == 11
    for _ in range(10):
        next(opened)
    with pytest.raises(KwsError, match="stopped delivering"):
        next(opened)


def test_microphone_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio((16000,), np.zeros(0, np.int16)))
    with pytest.raises(KwsError, match="Nobody"):
        microphone.microphone("Nobody", 320)
    with pytest.raises(KwsError, match="at least 1 sample"):
        microphone.microphone(None, 0)
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio((), np.zeros(0, np.int16)))
    with pytest.raises(KwsError, match="no microphone at all"):
        microphone.microphone(None, 320)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingError, match="install PortAudio"):
        microphone.microphone(None, 320)


def test_what_was_not_taken_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone, "_TIMEOUT", 0.01)
    monkeypatch.setitem(sys.modules, "sounddevice", FakePortAudio((16000,), np.arange(3200, dtype=np.int16)))
    with microphone.microphone(None, 320) as opened:
        np.testing.assert_array_equal(next(opened), np.arange(320))
        opened.forget()
        with pytest.raises(KwsError, match="stopped delivering"):
            next(opened)


@pytest.mark.parametrize("rate", [16000, 48000])
def test_playing(rate, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakePortAudio((rate,), np.zeros(0, np.int16))
    played = []
    fake.check_output_settings = lambda samplerate, **_: fake.check_input_settings(samplerate, 1)
    fake.play = lambda pcm, samplerate, blocking: played.append((pcm, samplerate, blocking))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    pcm = (32768 * tone(16000)).astype(np.int16)
    microphone.play(pcm)
    [(sound, samplerate, blocking)] = played
    assert (samplerate, blocking, sound.dtype) == (rate, True, np.int16)
    expected = 32768 * tone(rate)
    assert np.abs(sound[1000:12000] - expected[1000:12000]).max() < 5

    def refuse(*_: object, **__: object) -> None:
        raise fake.PortAudioError("no output")

    fake.play = refuse
    with pytest.raises(KwsError, match="cannot play"):
        microphone.play(pcm)
