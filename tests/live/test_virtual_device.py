"""A recording played into a virtual sound card, whose other end PortAudio opens: the path of a real microphone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import foreground
import numpy as np
import pytest
import soundfile
from test_why import RATE, spoken

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models/commands12.tflite"
PATIENCE = 120.0
PROGRAMS = ("pulseaudio", "pactl", "paplay")
missing = [name for name in PROGRAMS if shutil.which(name) is None]
plugin = any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing) or not plugin, reason="not installed: pulseaudio with libasound2-plugins"),
]


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.1)


@pytest.fixture
def card(tmp_path):
    """The environment in which the only sound card is a virtual one: what is played on it is heard by it."""
    settings = tmp_path / "asound.conf"
    settings.write_text("</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n")
    own = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PULSE_RUNTIME_PATH": str(tmp_path)}
    # A socket's path may not be long.
    environment = {**os.environ, **own, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}
    socket = Path("/tmp") / f"kws-pulse-{os.getpid()}"
    environment |= {"PULSE_SERVER": f"unix:{socket}", "ALSA_CONFIG_PATH": str(settings)}
    with sound_server(environment):
        yield environment


@contextlib.contextmanager
def sound_server(environment):
    socket = Path(environment["PULSE_SERVER"].removeprefix("unix:"))
    command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--system=no"]
    modules = [
        f"module-native-protocol-unix socket={socket} auth-anonymous=1",
        "module-null-sink sink_name=kws rate=48000 channels=2",
    ]
    own = {name: value for name, value in environment.items() if name != "PULSE_SERVER"}
    server = subprocess.Popen(
        [*command, *(f"--load={module}" for module in modules)],
        env=own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: pactl(environment, "info").returncode == 0, "the sound server did not start")
        assert pactl(environment, "set-default-source", "kws.monitor").returncode == 0
        yield
    finally:
        server.terminate()
        server.wait(PATIENCE)
        socket.unlink(missing_ok=True)


def pactl(environment, *arguments):
    return subprocess.run(["pactl", *arguments], env=environment, capture_output=True, text=True, check=False)


def kws(environment, *arguments):
    return subprocess.Popen(
        [*foreground.KWS, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def listening(environment):
    return pactl(environment, "list", "short", "source-outputs").stdout.strip() != ""


def said_until(program, words):
    while words not in (line := program.stderr.readline()):
        assert line


def hearing(program):
    """Audio arrives: two seconds of zeros, and it is told."""
    said_until(program, "only zeros")


def play(environment, path):
    subprocess.run(["paplay", "--device=kws", str(path)], env=environment, check=True, timeout=PATIENCE)


def test_words_that_are_played_are_heard(card, tmp_path):
    soundfile.write(tmp_path / "yes.wav", spoken(), RATE)
    dump = tmp_path / "kept"
    program = kws(card, "listen", MODEL, "--json", "--dump", dump)
    until(lambda: listening(card), "kws did not open the microphone")

    def heard():
        # On a busy machine one take may have holes.
        play(card, tmp_path / "yes.wav")
        return (dump / "yes/me_01.wav").exists()

    until(heard, "the word was not heard")
    program.send_signal(signal.SIGINT)
    out, said = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0
    assert "yes" in {json.loads(line)["word"] for line in out.splitlines()}
    assert "s heard" in said
    kept, rate = soundfile.read(dump / "yes/me_01.wav")
    assert (len(kept), rate) == (RATE, RATE)
    assert np.abs(kept).max() > 0.1


def test_a_silent_card_and_one_that_is_unplugged(card):
    done = kws(card, "mic-check", "--seconds", "2", "--json")
    out, said = done.communicate(timeout=PATIENCE)
    assert done.returncode == 1, said
    assert json.loads(out)["faults"][-1]["kind"] == "silent"
    program = kws(card, "listen", MODEL, "--wait", "1")
    until(lambda: listening(card), "kws did not open the microphone")
    hearing(program)
    assert pactl(card, "unload-module", "module-null-sink").returncode == 0
    assert pactl(card, "exit").returncode == 0
    _, said = program.communicate(timeout=PATIENCE)
    assert "Traceback" not in said
    assert program.returncode == 3
    assert "stopped delivering" in said
    assert "did not come back within 1 s" in said
    assert "s heard" in said


def test_a_sound_server_that_goes_and_comes_back(card):
    """As a USB microphone that is unplugged and plugged in again."""
    program = kws(card, "listen", MODEL)
    until(lambda: listening(card), "kws did not open the microphone")
    hearing(program)
    assert pactl(card, "exit").returncode == 0
    with sound_server(card):
        said_until(program, "listening again to")
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0
    assert "unplugged 1 times" in said


def test_devices_are_listed(card):
    done = kws(card, "listen", "--list-devices", "--json")
    out, said = done.communicate(timeout=PATIENCE)
    assert done.returncode == 0, said
    assert {"pulse", "default"} <= {device["name"] for device in json.loads(out)}
