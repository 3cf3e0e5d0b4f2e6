from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fake_voices import Tones

from kws.datasets import voices
from kws.datasets.voices import kokoro
from kws.datasets.voices.base import Delivery, split_tract, trimmed, with_tracts
from kws.datasets.voices.espeak_ng import EspeakNg, Pitched
from kws.datasets.voices.kokoro import Kokoro, read_voices
from kws.datasets.voices.programs import Festival, Flite
from kws.errors import KwsError


def voice_folder(folder: Path, names: str = "af_a am_b bf_c zm_d") -> Path:
    folder.mkdir()
    for i, name in enumerate(names.split()):
        np.full((510, 256), i + 1, "<f4").tofile(folder / f"{name}.bin")
    return folder


def archive(path: Path, folder: Path) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for file in sorted(folder.iterdir()):
            tar.add(file, f"package/voices/{file.name}")
        about = b"{}"
        member = tarfile.TarInfo("package/package.json")
        member.size = len(about)
        tar.addfile(member, io.BytesIO(about))
    return path


def program(folder: Path, name: str, lines: str) -> None:
    """Put a program first into the PATH, which a test has set to ``folder``."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{lines}\n")
    (folder / name).chmod(0o755)


def test_engines_by_name() -> None:
    assert [voices.make(name).name for name in ("espeak", "kokoro", "flite", "festival")] == [
        "espeak", "kokoro", "flite", "festival",
    ]  # fmt: skip
    assert voices.make("piper", Path("voice.onnx")).name == "piper"
    assert voices.make().name == "espeak"
    for name, file, why in (
        ("piper", None, "--voice-file"),
        ("flite", Path("x"), "no voice file"),
        ("hal", None, "espeak"),
    ):
        with pytest.raises(KwsError, match=why):
            voices.make(name, file)


def test_speakers_are_distinct_and_stay() -> None:
    few, many = Tones().speakers(3), Tones().speakers(6)
    assert list(many.items())[:3] == list(few.items())
    assert len(set(many) | set(EspeakNg().speakers(40))) == 46
    # The ids of espeak-ng's voices are as they were when it was the only engine.
    assert EspeakNg().speakers(1) == {"1333237d": "en-us+f1"}


def test_long_words_are_said_faster() -> None:
    engine = Tones()
    assert len(engine.speak("ab", "tone0", np.random.default_rng(1), 0.9)) < 0.9 * 16000
    assert engine.said == ["ab"]
    rng = np.random.default_rng(1)
    assert 0.7 * 16000 < len(engine.speak("a dozen or so", "tone0", rng, 0.9)) <= 0.9 * 16000
    assert engine.said[1:] == ["a dozen or so"] * 2
    assert Delivery(1.0, 7).hurried(20, 10) == Delivery(2.2, 7)
    assert Pitched(1.0, 7, 50, 50, 160).hurried(20, 10).rate == 352
    assert Pitched(1.0, 7, 50, 50, 160).hurried(90, 10).rate == 450


def test_silence_is_cut_off() -> None:
    rng = np.random.default_rng(1)
    x = np.zeros(48000, np.float32)
    x[24000:30000] = 8000 * np.sin(np.arange(6000) / 5)
    x += rng.standard_normal(len(x)) * 5
    assert abs(len(trimmed(x, 24000, "x", "E")) / 16000 - (0.25 + 0.06)) < 0.03
    with pytest.raises(KwsError, match="no sound of 'x'"):
        trimmed(np.zeros(1000, np.float32), 24000, "x", "E")
    with pytest.raises(KwsError, match="no sound"):
        trimmed(np.full(1000, np.nan, np.float32), 24000, "x", "E")


def test_tracts() -> None:
    every = with_tracts(["a", "b"], 14)
    assert every[:4] == ["a", "b", "a*0.92", "b*0.92"]
    assert len({split_tract(v) for v in every}) == 14
    for bad in ("a*2", "a*x"):
        with pytest.raises(KwsError, match="factor"):
            split_tract(bad)
    with pytest.raises(KwsError, match="1 to 14"):
        with_tracts(["a", "b"], 15)


def test_mixtures(tmp_path: Path) -> None:
    engine = Kokoro(voice_folder(tmp_path / "voices"))
    assert engine.most() == 4 + 6 * 5
    names = engine.voice_names(engine.most())
    assert names[:4] == ["af_a", "am_b", "bf_c", "zm_d"]
    assert engine.voice_names(8) == names[:8]
    styles = {(v.partition(":")[0] in engine.voice_names(4), engine.style(v).mean().round(3)) for v in names}
    assert len(names) == len(set(names)) == 34
    assert len(styles) > 20
    pairs = [frozenset(v.partition(":")[0].split("+")) for v in names[4:]]
    assert len(set(pairs[:6])) == 6
    np.testing.assert_allclose(engine.style("af_a+zm_d:0.25"), 1.75)
    assert engine.style("bf_c").shape == (510, 1, 256)
    for bad in (
        "nobody",
        "af_a+nobody:0.5",
        "af_a+am_b",
        "af_a+am_b:1.5",
        "af_a:0.5",
        "af_a+am_b+bf_c:0.5",
        "af_a+am_b:x",
    ):
        with pytest.raises(KwsError, match="no voice"):
            engine.style(bad)
    with pytest.raises(KwsError, match="1 to 34"):
        engine.voice_names(35)


def test_voice_files(tmp_path: Path) -> None:
    folder = voice_folder(tmp_path / "voices")
    plain = read_voices(folder)
    packed = read_voices(archive(tmp_path / "v.tgz", folder))
    np.savez(tmp_path / "v.npz", **plain)
    for voices_read in (packed, read_voices(tmp_path / "v.npz")):
        assert list(voices_read) == list(plain)
        for name in plain:
            np.testing.assert_array_equal(voices_read[name], plain[name])
    (tmp_path / "short.npz").write_bytes(b"PK")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.bin").write_bytes(b"12345678")
    (tmp_path / "empty").mkdir()
    for name in ("short.npz", "bad", "empty", "missing"):
        with pytest.raises(KwsError, match="no voices of Kokoro"):
            read_voices(tmp_path / name)


def test_voices_come_by_npm_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert kokoro.find_voices() is None
    packed = archive(tmp_path / "kokoro-js-1.2.1.tgz", voice_folder(tmp_path / "voices"))
    program(tmp_path / "bin", "npm", f"/bin/cp {packed} . && echo $* >> {tmp_path}/calls")
    with pytest.raises(KwsError, match="another"):
        kokoro.find_voices()
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    monkeypatch.setattr(kokoro, "_ARCHIVE_SHA256", digest)
    found = kokoro.find_voices()
    assert found is not None
    assert list(read_voices(found)) == ["af_a", "am_b", "bf_c", "zm_d"]
    assert kokoro.find_voices() == found
    assert (tmp_path / "calls").read_text().split("\n")[0] == "pack --silent --ignore-scripts kokoro-js@1.2.1"
    assert len((tmp_path / "calls").read_text().splitlines()) == 2
    program(tmp_path / "bin", "npm", "exit 1")
    found.unlink()
    assert kokoro.find_voices() is None


def test_flite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(KwsError, match="apt install flite"):
        Flite().voice_names(1)
    wav = tmp_path / "said.wav"
    soundfile.write(wav, 0.4 * np.sin(np.arange(16000) / 8), 16000)
    program(
        tmp_path / "bin",
        "flite",
        f"""echo "$@" >> {tmp_path}/calls
case "$1" in
  -lv) echo "Voices available: kal awb_time kal16 rms slt" ;;
  --version) echo "  version: flite-2.2-current"; exit 1 ;;
  *) for last; do :; done; /bin/cp {wav} "$last" ;;
esac""",
    )
    engine = Flite()
    assert engine.version() == "flite 2.2-current"
    assert engine.voice_names(5) == ["kal16", "rms", "slt", "kal16*0.92", "rms*0.92"]
    assert engine.most() == 21
    plain = engine.say("hello", "slt", Delivery(1.25, 1))
    assert abs(len(plain) - 16000) < 500
    assert abs(len(engine.say("hello", "slt*0.92", Delivery(1.0, 1))) - 16000 / 0.92) < 500
    calls = (tmp_path / "calls").read_text().splitlines()
    assert "-voice slt --setf duration_stretch=0.800 -t  hello -o" in calls[-2]
    assert "-voice slt --setf duration_stretch=0.920" in calls[-1]
    with pytest.raises(KwsError, match="no voice 'hal'"):
        engine.say("hello", "hal", Delivery(1.0, 1))
    program(
        tmp_path / "bin", "flite", '[ "$1" = -lv ] && echo "Voices available: slt" && exit; echo broken >&2; exit 3'
    )
    with pytest.raises(KwsError, match="flite fails: broken"):
        Flite().say("hello", "slt", Delivery(1.0, 1))
    program(tmp_path / "bin", "flite", '[ "$1" = -lv ] && echo "Voices available: slt"; exit 0')
    with pytest.raises(KwsError, match="no sound of 'hello'"):
        Flite().say("hello", "slt", Delivery(1.0, 1))


def test_festival(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(KwsError, match="apt install festival"):
        Festival().most()
    soundfile.write(tmp_path / "said.wav", 0.4 * np.sin(np.arange(16000) / 8), 16000)
    said = f'echo "$2" > {tmp_path}/scheme; /bin/cat > {tmp_path}/text; /bin/cp {tmp_path}/said.wav "$4"'
    program(tmp_path / "bin", "text2wave", said)
    program(
        tmp_path / "bin", "festival", '[ "$1" = -b ] && echo "(kal_diphone)" || echo "festival: 2.5.0:release Dec 2017"'
    )
    engine = Festival()
    assert engine.version() == "Festival 2.5.0"
    assert engine.voice_names(2) == ["kal_diphone", "kal_diphone*0.92"]
    assert abs(len(engine.say("well, yes", "kal_diphone", Delivery(0.8, 1))) - 16000) < 500
    assert (tmp_path / "text").read_text() == "well, yes"
    assert (
        tmp_path / "scheme"
    ).read_text().strip() == "(begin (voice_kal_diphone) (Parameter.set 'Duration_Stretch 1.250))"


def test_piper_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(KwsError, match="piper-tts"):
        voices.make("piper", tmp_path / "v.onnx").most()
    with pytest.raises(KwsError, match="kokoro-onnx"):
        voices.make("kokoro", voice_folder(tmp_path / "voices")).version()


def test_the_optional_engines_are_loaded_only_when_asked_for() -> None:
    code = (
        "import sys; from kws.datasets import synthetic, other_speech, negatives, voices;"
        "voices.make('kokoro'); voices.make('flite');"
        "print(sorted({'piper', 'kokoro_onnx', 'onnxruntime', 'phonemizer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
