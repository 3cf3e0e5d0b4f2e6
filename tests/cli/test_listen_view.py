"""``kws listen``: the view as the terminal has it, lines elsewhere, keys, summaries, an hour of sound."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import wave
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from random_models import spotting_model
from rich.console import Console

from kws import audio, microphone
from kws.cli import exit_codes
from kws.cli import main as cli
from kws.cli.listen_view import KEYS, Shown, View, _stretched
from kws.decisions import CtcConfig
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError
from kws.live.condition import SILENT
from kws.live.listen import listen
from kws.model.file import Model, with_decision

ROOT = Path(__file__).resolve().parents[2]
KWS = [sys.executable, "-m", "kws"]
PATIENCE = 60.0


@pytest.fixture(scope="module")
def model():
    return spotting_model(4, units=(32,))


@pytest.fixture
def file(model, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(model.content)
    return path


@pytest.fixture
def talk(speech, tmp_path):
    audio.write(tmp_path / "talk.wav", speech)
    return tmp_path / "talk.wav"


class FakeMicrophone:
    """Hears chunks, and is then unplugged; ``overflows`` are what was lost."""

    overflows = 2
    name = "Fake"
    sample_rate = 16000

    def __init__(self, pcm):
        self.pcm = pcm

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def __iter__(self):
        for i in range(0, len(self.pcm), 640):
            yield self.pcm[i : i + 640]
        raise KwsError("the microphone stopped delivering audio; check that it is still connected")


def found(model, pcm):
    info = model.require_info()
    return [info.labels[d.label] for d in NumpyEngine(model).process(pcm).detections]


def drawn(model, pcm, width, height, colour=None, keys=True, **shown):
    """The lines of the view after some sound."""
    console = Console(width=width, height=height, color_system=colour, force_terminal=True, legacy_windows=False)
    info = model.require_info()
    thresholds = () if info.decision.transcribes else info.thresholds
    shown = Shown("kws listen  model  engine numpy", info.words, thresholds, info.first_word, keys=keys, **shown)
    view = View(shown, info.frontend.features, console)
    for heard in listen(model, NumpyEngine(model), [pcm[i : i + 640] for i in range(0, len(pcm), 640)]):
        view.show(heard)
    return console.render_lines(view, console.options.update(width=width, height=height), pad=False)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (40, 12), (80, 8)])
@pytest.mark.parametrize("colour", [None, "256", "truecolor"])
def test_the_view_fits(width, height, colour, speech, model):
    lines = drawn(model, speech[:32000], width, height, colour, last=deque(["1.00 s  yes"] * 30))
    text = ["".join(segment.text for segment in line) for line in lines]
    assert len(text) <= height
    assert all(len(line) <= width for line in text)
    shown = "\n".join(text)
    assert "2.0 s" in text[0]
    assert all(word in shown for word in model.require_info().words)
    assert "real-time factor" in shown
    assert "1.00 s  yes" in shown
    assert "│" in shown  # the thresholds
    if height >= 24:
        assert shown.count("▀" if colour else "▓") > height
        assert {segment.style.color for line in lines for segment in line if segment.style} or not colour


def test_the_view_tells_what_is_wrong(model):
    lines = drawn(model, np.zeros(48000, np.int16), 160, 30)
    assert SILENT in "".join(s.text for line in lines for s in line)
    square = np.tile(np.repeat(np.array([32767, -32768], np.int16), 20), 1200)
    text = "".join(s.text for line in drawn(model, square, 160, 30, dropped=3) for s in line)
    assert "CLIPPING" in text
    assert "3 blocks dropped" in text
    text = "".join(s.text for line in drawn(model, square, 160, 30, gone="it went away") for s in line)
    assert "it went away" not in text  # there is sound again
    assert "waiting for sound" in "".join(s.text for line in drawn(model, square[:0], 80, 24) for s in line)


def test_bands_to_pixels():
    image = np.arange(40)[None]
    for pixels in (1, 7, 16, 40, 64, 80):
        out = _stretched(image, pixels)
        assert out.shape == (1, pixels)
        assert (np.diff(out[0]) >= 0).all()
        assert out[0, -1] == 39
    assert "f" not in KEYS
    assert len(set(KEYS)) == len(KEYS)


def test_a_microphone_that_is_unplugged(file, model, speech, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(microphone, "microphone", lambda *_: FakeMicrophone(speech))
    dump = tmp_path / "kept"
    arguments = ["listen", str(file), "--engine", "numpy", "--dump", str(dump), "--speaker", "jo", "--wait", "0"]
    assert cli.main(arguments) == exit_codes.BAD_INPUT
    said = capsys.readouterr()
    words = found(model, speech)
    assert len(said.out.splitlines()) == len(words)
    assert "6.0 s heard" in said.err
    assert f"{len(words)} detections" in said.err
    assert "2 blocks dropped" in said.err
    assert "stopped delivering" in said.err
    kept = sorted(p.relative_to(dump).as_posix() for p in dump.rglob("*.wav"))
    assert kept == sorted(f"{w}/jo_{i + 1:02}.wav" for w in set(words) for i in range(words.count(w)))


def test_a_microphone_that_is_plugged_in_again(file, model, speech, monkeypatch, capsys):
    """Twice there is none when it is looked for; what it then hears has a second of silence before it."""
    answers = iter([FakeMicrophone(speech), KwsError("no microphone"), FakeMicrophone(speech)])

    def opened(*_):
        answer = next(answers, KwsError("no microphone"))
        if isinstance(answer, KwsError):
            raise answer
        return answer

    looked = []
    monkeypatch.setattr(microphone, "microphone", opened)
    monkeypatch.setattr(microphone, "look_again", lambda: looked.append(True))
    monkeypatch.setattr("kws.live.reconnecting._RETRY_SECONDS", 0.01)
    assert cli.main(["listen", str(file), "--engine", "numpy", "--wait", "0.05"]) == exit_codes.BAD_INPUT
    said = capsys.readouterr()
    words = found(model, np.concatenate([speech, np.zeros(16000, np.int16), speech]))
    assert [line.split()[2] for line in said.out.splitlines()] == words
    assert "listening again to Fake" in said.err
    assert "13.0 s heard" in said.err
    assert "4 blocks dropped, unplugged 1 times" in said.err
    assert "did not come back within 0.05 s (no microphone)" in said.err
    assert len(looked) >= 3


def test_what_is_odd_is_told_in_lines(file, monkeypatch, capsys):
    monkeypatch.setattr(microphone, "microphone", lambda *_: FakeMicrophone(np.zeros(64000, np.int16)))
    assert cli.main(["listen", str(file), "--engine", "numpy", "--wait", "0"]) == exit_codes.BAD_INPUT
    assert capsys.readouterr().err.count(SILENT) == 1


def test_dump_and_fake_latency_of_a_recording(file, talk, model, speech, capsys, tmp_path):
    arguments = ["listen", str(file), "--engine", "numpy", "--input", str(talk)]
    assert cli.main([*arguments, "--json", "--dump", str(tmp_path / "d")]) == 0
    said = capsys.readouterr()
    assert [json.loads(line)["word"] for line in said.out.splitlines()] == found(model, speech)
    assert "nothing dropped; clips kept:" in said.err
    assert cli.main([*arguments, "--fake-latency", "60"]) == 0
    slow = capsys.readouterr()
    assert "blocks dropped" in slow.err
    (tmp_path / "f").touch()
    assert cli.main([*arguments, "--dump", str(tmp_path / "f")]) == exit_codes.BAD_INPUT
    assert "not a folder" in capsys.readouterr().err
    assert cli.main([*arguments, "--dump", str(tmp_path / "d"), "--speaker", "a/b"]) == exit_codes.BAD_INPUT
    # Found out before anything is heard.
    assert cli.main([*arguments, "--dump", "/proc/kws"]) == exit_codes.BAD_INPUT
    assert "s heard" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--near", "0.5"], "--dump"),
        (["--realtime"], "--input"),
        (["--input", "talk.wav", "--device", "3"], "leave out --device"),
        (["--input", "talk.wav", "--serial", "/dev/ttyACM0"], "leave out --engine, --input"),
    ],
)
def test_options_that_would_do_nothing(options, told, file, capsys):
    assert cli.main(["listen", str(file), *options]) == exit_codes.USAGE
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("found", [[], [(3, "Fake", 44100.0)]])
def test_microphones_are_listed(found, monkeypatch, capsys):
    monkeypatch.setattr(microphone, "devices", lambda: found)
    assert cli.main(["listen", "--list-devices"]) == exit_codes.OK
    said = capsys.readouterr()
    assert ("44100 Hz" in said.out) == bool(found)
    assert ("finds no microphone" in said.err) == (not found)


class Tmux:
    """A terminal of its own in which a command runs."""

    def __init__(self, name, width, height, command):
        self.server = ["tmux", "-L", name]
        self.run("new-session", "-d", "-x", str(width), "-y", str(height), command)

    def run(self, *arguments):
        return subprocess.run(
            [*self.server, *arguments],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        ).stdout

    def screen(self):
        return self.run("capture-pane", "-p").splitlines()

    def wait(self, *texts):
        """The screen as soon as it shows all of these."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            screen = self.screen()
            if all(text in "\n".join(screen) for text in texts):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"{texts} did not appear:\n" + "\n".join(self.screen()))

    def close(self):
        subprocess.run([*self.server, "kill-server"], capture_output=True, check=False)


tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="not installed: tmux")


@tmux
@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
def test_on_a_terminal(width, height, file, speech, model, tmp_path):
    """The screen read back: the picture, a miss and a false accept by key, and the terminal as it was after Ctrl-C."""
    pipe = tmp_path / "pipe.wav"
    audio.write(pipe, np.concatenate([speech, np.tile(speech[:16000] // 50, 300)]))
    word = found(model, speech)[-1]
    listening = [*KWS, "listen", str(file), "--engine", "numpy", "--input", str(pipe), "--realtime", "--dump", "kept"]
    environment = f"PYTHONPATH={ROOT} LC_ALL=C.UTF-8 XDG_CACHE_HOME={os.environ['XDG_CACHE_HOME']}"
    command = (
        f"cd {tmp_path}; stty -g > before; {environment} {shlex.join(listening)}; echo code $?; stty -g > after; cat"
    )
    terminal = Tmux(f"kws-{os.getpid()}-{width}", width, height, command)
    try:
        words = model.require_info().words
        screen = terminal.wait("real-time factor", f"s  {word}")
        assert len(screen) <= height
        assert "kws listen" in screen[0]
        terminal.wait("▀" * (width // 2))
        assert all(any(f"{w} " in line for line in screen) for w in words)
        assert any("that word was missed" in line for line in screen)
        terminal.run("send-keys", "1")
        terminal.wait(f"missed: kept as kept/{words[0]}/me_")
        terminal.run("send-keys", "f")
        terminal.wait("false: kept as kept/not_")
        terminal.run("send-keys", "C-c")
        screen = terminal.wait("code 0")
        text = "\n".join(screen)
        assert "▀" not in text
        assert "Traceback" not in text
        assert "s heard" in text
        assert f"kws why {file} kept/{words[0]}/me_" in "".join(line.ljust(width) for line in screen)
        assert f"s  {word}" in text
        before, after = (tmp_path / name for name in ("before", "after"))
        terminal.wait("code 0")
        end = time.monotonic() + PATIENCE
        while not (after.exists() and after.read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        assert after.read_text() == before.read_text()
        assert terminal.run("display-message", "-p", "#{alternate_on} #{cursor_flag}").strip() == "0 1"
        assert list((tmp_path / "kept" / words[0]).glob("me_*.wav"))
    finally:
        terminal.close()


PEAK = """
import resource, sys
from kws.__main__ import main
code = main()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.slow
def test_an_hour_at_full_speed(file, speech, tmp_path):
    """Nothing is dropped, all is heard, and the memory is that of half a minute."""
    period = np.concatenate([speech, speech // 4, speech[::-1] // 2])
    peaks, lines = {}, {}
    for name, times in (("short", 2), ("hour", 200)):
        path = tmp_path / f"{name}.wav"
        with wave.open(str(path), "wb") as out:
            out.setparams((1, 2, 16000, 0, "NONE", ""))
            for _ in range(times):
                out.writeframes(period.tobytes())
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                PEAK,
                "listen",
                str(file),
                "--input",
                str(path),
                "--json",
                "--dump",
                str(tmp_path / name),
            ],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        summary, peak = done.stderr.splitlines()[-2:]
        assert f"{times * 18:.1f} s heard" in summary
        assert "nothing dropped" in summary
        peaks[name], lines[name] = int(peak), done.stdout.splitlines()
    assert len(lines["hour"]) > 50 * len(lines["short"])
    assert len(list((tmp_path / "hour").rglob("*.wav"))) == len(lines["hour"])
    # ru_maxrss is in KiB: 115 MB of samples must not be in it.
    assert peaks["hour"] - peaks["short"] < 20_000
    last = json.loads(lines["hour"][-1])
    assert last["seconds"] > 3500


def test_a_transcription_runs_along(model, talk, tmp_path, capsys):
    transcriber = Model.from_bytes(with_decision(model, CtcConfig(0.2)))
    path = tmp_path / "ctc.tflite"
    path.write_bytes(transcriber.content)
    assert cli.main(["listen", str(path), "--input", str(talk), "--lines", "--engine", "numpy"]) == exit_codes.OK
    lines = capsys.readouterr().out.splitlines()
    words = [line.split()[2] for line in lines if " s  " in line]
    sequences = [line for line in lines if " s  " not in line]
    assert words
    assert " ".join(sequences).split() == words
    said = "yes no " * 40 + "stop"
    shown = drawn(transcriber, audio.read(talk)[:16000], 80, 24, None, last=deque(["1.00 s  yes"] * 30), said=said)
    text = ["".join(segment.text for segment in line) for line in shown]
    assert any(line.rstrip().endswith("yes no stop") for line in text)
    assert len(text) <= 24
    assert all(len(line) <= 80 for line in text)
