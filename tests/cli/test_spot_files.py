"""Several recordings, of which some cannot be read; odd headers; pipes and devices; a broken sound system."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest

from kws import audio
from kws.cli import exit_codes
from kws.cli import main as cli
from kws.errors import KwsError

ENGINE = ("--engine", "numpy")


@pytest.fixture
def talk(tmp_path):
    """A recording in which the random model hears something, as samples and as a file."""
    pcm = np.random.default_rng(3).integers(-20000, 20000, 24000).astype(np.int16)
    audio.write(tmp_path / "talk.wav", pcm)
    return tmp_path / "talk.wav", pcm


def spot(capsys, *arguments):
    code = cli.main(["spot", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def unfilled(path, pcm, promised=0x7FFFFFFF):
    """A recorder's WAV whose header was never filled in."""
    head = b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16)
    path.write_bytes(head + b"data" + struct.pack("<I", promised) + pcm.tobytes())
    return path


def test_one_bad_file_among_several(tiny_file, talk, tmp_path, capsys):
    path, _ = talk
    code, alone, _ = spot(capsys, tiny_file, path, *ENGINE)
    assert code == exit_codes.OK
    lines = alone.splitlines()
    assert lines
    (tmp_path / "cut.wav").write_bytes(path.read_bytes()[:-4001])
    (tmp_path / "noise.wav").write_bytes(bytes(999))
    bad = [tmp_path / "cut.wav", tmp_path / "noise.wav", tmp_path / "none.wav", tmp_path]
    order = [bad[0], path, bad[1], bad[2], path, bad[3]]
    code, out, err = spot(capsys, tiny_file, *order, *ENGINE)
    assert code == exit_codes.BAD_INPUT
    assert out.splitlines() == [f"{path}: {line}" for line in lines] * 2
    assert [line.startswith("kws: error: ") for line in err.splitlines()] == [True] * len(bad)
    assert all(str(name) in err for name in bad)
    code, out, err = spot(capsys, tiny_file, *order, *ENGINE, "--json")
    values = json.loads(out)
    assert code == exit_codes.BAD_INPUT
    assert [entry["file"] for entry in values["detections"]] == [str(path)] * 2 * len(lines)
    assert [entry["file"] for entry in values["failed"]] == list(map(str, bad))
    assert all(entry["error"] in err for entry in values["failed"])


def test_only_bad_files(tiny_file, tmp_path, capsys):
    code, out, err = spot(capsys, tiny_file, tmp_path / "a.wav", tmp_path / "b.wav", *ENGINE)
    assert (code, out) == (exit_codes.BAD_INPUT, "")
    assert "no word was detected" not in err
    assert err.count("kws: error: ") == 2


def test_an_odd_header_is_said_once(tiny_file, talk, tmp_path, capsys):
    path, pcm = talk
    odd = unfilled(tmp_path / "odd.wav", pcm)
    code, out, err = spot(capsys, tiny_file, odd, path, *ENGINE)
    assert code == exit_codes.OK
    assert err == f"kws: note: {odd}: {audio.info(odd).note}\n"
    lines = out.splitlines()
    assert [x.removeprefix(f"{odd}: ") for x in lines if str(odd) in x] == [
        x.removeprefix(f"{path}: ") for x in lines if str(path) in x
    ]
    assert cli.main(["listen", str(tiny_file), "--input", str(odd), *ENGINE]) == exit_codes.OK
    assert capsys.readouterr().err.count("kws: note: ") == 1


@pytest.mark.parametrize("verb", ["spot", "listen", "verify"])
def test_pipes(verb, tiny_file, talk, tmp_path, capsys):
    path, _ = talk

    def run(source):
        line = [verb, tiny_file, *(["--input"] if verb == "listen" else []), source]
        line += ["--engines", "numpy", "--random", "0"] if verb == "verify" else ENGINE
        code = cli.main([str(x) for x in line])
        return code, capsys.readouterr().out

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    try:
        assert run(pipe) == run(path)
    finally:
        writer.join()
    code = cli.main([verb, str(tiny_file), *(["--input"] if verb == "listen" else []), "/dev/null"])
    assert code == exit_codes.BAD_INPUT
    assert "/dev/null holds no samples" in capsys.readouterr().err


def test_process_substitution(tiny_file, bare_file, talk, tmp_path):
    """Of recordings, models and recorded inputs."""
    inputs = np.random.default_rng(0).integers(-128, 128, (2, 5 * 40)).astype(np.int8)
    (tmp_path / "inputs").write_bytes(inputs.tobytes())
    kws = f"{sys.executable} -m kws"
    for line in (
        f"{kws} spot <(cat {tiny_file}) <(cat {talk[0]}) {talk[0]} --engine numpy",
        f"{kws} verify {bare_file} <(cat {tmp_path}/inputs) --engines numpy --random 0",
    ):
        done = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
        assert done.returncode == exit_codes.OK, done.stderr.decode()
        assert done.stdout


def test_recorded_inputs_that_are_none(bare_file, tmp_path, capsys):
    x = np.zeros((2, 200), np.int8)
    np.savez(tmp_path / "several.npz", a=x, b=x)
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], object))
    np.save(tmp_path / "huge.npy", x)
    huge = (tmp_path / "huge.npy").read_bytes()
    (tmp_path / "huge.npy").write_bytes(huge.replace(b"(2, 200), }" + b" " * 12, b"(9999999999999, 99), }" + b" "))
    assert (tmp_path / "huge.npy").read_bytes() != huge
    (tmp_path / "empty.npy").touch()
    for name in ("several", "objects", "huge", "empty", "none"):
        line = ["verify", str(bare_file), str(tmp_path / f"{name}.npy"), "--engines", "numpy"]
        assert cli.main(line) == exit_codes.BAD_INPUT
        assert "cannot read the recorded inputs" in capsys.readouterr().err


@pytest.mark.slow
def test_a_broken_sound_system(tiny_file, tmp_path):
    """PortAudio fails while it is loaded, as with a broken ~/.asoundrc, or when it is asked for its devices."""
    loading = "class PortAudioError(Exception): pass\nraise PortAudioError('Unanticipated host error')\n"
    asking = (
        "class PortAudioError(Exception): pass\n"
        "def query_devices(*_): raise PortAudioError('Error querying host API')\n"
        "check_input_settings = query_devices\n"
    )
    for source in (loading, asking):
        (tmp_path / "sounddevice.py").write_text(source)
        path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
        for line in (
            ("listen", "--list-devices"),
            ("listen", tiny_file),
            ("record", "yes", "--out", tmp_path / "takes"),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "kws", *map(str, line)],
                capture_output=True,
                check=False,
                env={**os.environ, "PYTHONPATH": path},
            )
            assert done.returncode == exit_codes.BAD_INPUT
            assert done.stderr.startswith(b"kws: error: cannot ")
            assert b"sound system's settings" in done.stderr


def test_notes_come_before_the_samples(talk, tmp_path):
    odd = unfilled(tmp_path / "odd.wav", talk[1])
    said: list[str] = []
    next(audio.blocks(odd, 100, said.append))
    assert said == [audio.info(odd).note]
    with pytest.raises(KwsError):
        next(audio.blocks(tmp_path / "none.wav", 100, said.append))
    assert len(said) == 1
