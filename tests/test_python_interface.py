"""`kws.Spotter`: what other programs are promised, and the examples of docs/python.md."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import re
import subprocess
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from conftest import needs
from random_models import spotting_model

import kws
from kws import audio
from kws.decisions import GrammarConfig, Phrase
from kws.engines.numpy_engine import NumpyEngine
from kws.model.file import Model, with_decision

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / "docs/python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two models of other words and thresholds."""
    root = tmp_path_factory.mktemp("models")
    for name, seed in (("one", 4), ("two", 5)):
        (root / f"{name}.tflite").write_bytes(spotting_model(seed, units=(32,)).content)
    return root / "one.tflite", root / "two.tflite"


def told(detections):
    return [(d.model, d.word, round(d.score, 6), round(d.seconds, 6)) for d in detections]


def expected(path, pcm):
    model = Model.load(path)
    info = model.require_info()
    found = NumpyEngine(model).process(pcm).detections
    return [(path.stem, info.labels[d.label], round(info.score(d.score), 6), info.seconds(d.frame)) for d in found]


def test_what_is_promised():
    assert kws.__all__ == ["Detection", "KwsError", "Spotter", "__version__"]
    assert all(hasattr(kws, name) for name in kws.__all__)
    assert set(kws.__all__) <= set(dir(kws))
    with pytest.raises(AttributeError, match="no attribute 'Spoter'"):
        kws.Spoter  # noqa: B018
    fields = {name: str(f.type) for name, f in kws.Detection.__dataclass_fields__.items()}
    assert fields == {"word": "str", "score": "float", "seconds": "float", "model": "str"}


def test_importing_kws_imports_no_library():
    program = "import sys, kws, json; json.dump([m.split('.')[0] for m in sys.modules], sys.stdout)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "soxr", "soundfile", "rich"} & set(json.loads(done.stdout))


def test_it_listens_with_light_libraries_only(files):
    """Nothing of an extra, no plots, no sound library where the rate is the model's."""
    program = (
        "import sys, kws, json\n"
        f"with kws.Spotter({str(files[0])!r}, engine='numpy') as s: s.process(bytes(3200))\n"
        "json.dump([m.split('.')[0] for m in sys.modules], sys.stdout)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"tensorflow", "tflite_micro", "ai_edge_litert", "matplotlib", "sounddevice", "soundfile", "rich", "scipy"}
    assert not heavy & set(json.loads(done.stdout))


def test_any_chunks_and_types(files, speech):
    want = expected(files[0], speech)
    assert len(want) > 1
    rng = np.random.default_rng(1)
    cuts = np.sort(rng.integers(0, len(speech), 40))
    with kws.Spotter(files[0], engine="numpy") as spotter:
        for convert in (
            lambda x: x,
            lambda x: (x / 32768).astype(np.float32),
            lambda x: x / 32768,
            lambda x: x[:, None],
            lambda x: x.astype("<i2").tobytes(),
            lambda x: memoryview(x),
            lambda x: memoryview(np.repeat(x, 2))[::2],
            lambda x: np.repeat(x, 2)[::2],
        ):
            heard = [d for part in np.split(speech, cuts) for d in spotter.process(convert(part))]
            assert told(heard) == want
            spotter.reset()
        assert spotter.process(np.zeros(0, np.float32)) == []
        assert spotter.process([]) == []


@needs("cc", "make")
def test_engines_agree_and_the_default_is_the_fast_one(files, speech):
    with kws.Spotter(files[0]) as fast, kws.Spotter(files[0], engine="numpy") as slow:
        assert fast.engine == "c"
        assert told(fast.process(speech)) == told(slow.process(speech))


def test_without_a_compiler(files, speech, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with kws.Spotter(files[0]) as spotter:
        assert spotter.engine == "numpy"
        assert told(spotter.process(speech)) == expected(files[0], speech)


def test_several_models(files, speech, tmp_path):
    with kws.Spotter(*files, engine="numpy") as spotter:
        assert spotter.models == ("one", "two")
        assert spotter.words["one"] == Model.load(files[0]).require_info().words
        heard = spotter.process(speech)
    assert sorted(told(heard)) == sorted(expected(files[0], speech) + expected(files[1], speech))
    assert [d.seconds for d in heard] == sorted(d.seconds for d in heard)
    other = tmp_path / "one.tflite"
    other.write_bytes(files[1].read_bytes())
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.tflite").write_bytes(files[1].read_bytes())
    with kws.Spotter(files[0], other, run, engine="numpy") as spotter:
        assert spotter.models == (str(files[0]), str(other), "run")


def test_other_thresholds_and_cooldown(files, speech):
    own = expected(files[0], speech)
    words = {word for _, word, _, _ in own}
    lowest = min(score for _, _, score, _ in own)

    def heard(**settings):
        with kws.Spotter(files[0], engine="numpy", **settings) as spotter:
            first = told(spotter.process(speech))
            spotter.reset()
            assert told(spotter.process(speech)) == first
            return first

    assert heard(threshold=1.0) == []
    assert len(heard(threshold=max(0.01, lowest / 2), cooldown=0)) > len(own)
    quiet = words.pop()
    assert all(word != quiet for _, word, _, _ in heard(threshold={quiet: 1.0}))
    assert len(heard(cooldown=100 * 0.02 * 10)) == 1
    for settings, message in (
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": {"yess": 0.5}}, "did you mean 'yes'"),
        ({"cooldown": -1}, r"cool-down must be 0 to 20 s, not -1"),
        ({"cooldown": 60}, r"cool-down must be 0 to 20 s, not 60"),
        ({"cooldown": float("nan")}, "cool-down must be"),
    ):
        with pytest.raises(kws.KwsError, match=message):
            kws.Spotter(files[0], engine="numpy", **settings)


def test_phrases(files, speech, tmp_path):
    """A phrase is told by its name, with the model's settings and with others."""
    model = Model.load(files[0])
    info = model.require_info()
    words = [word for _, word, _, _ in expected(files[0], speech)]
    said = next(itertools.pairwise(words))
    grammar = GrammarConfig(**dataclasses.asdict(info.detector), phrases=(Phrase(said, within_frames=150),))
    path = tmp_path / "phrases.tflite"
    path.write_bytes(with_decision(model, grammar))
    for settings in ({}, {"cooldown": 0.1}):
        with kws.Spotter(path, engine="numpy", **settings) as spotter:
            assert spotter.words["phrases"] == (*info.words, grammar.phrases[0].title)
            assert grammar.phrases[0].title in [d.word for d in spotter.process(speech)]


def test_other_rates(files, speech):
    fast = soxr.resample(speech, 16000, 44100)
    with kws.Spotter(files[0], engine="numpy", sample_rate=44100) as spotter:
        parts = [d for part in np.array_split(fast, 50) for d in spotter.process(part)]
        spotter.reset()
        assert told(spotter.process(fast)) == told(parts)
    want = expected(files[0], speech)
    assert {d.word for d in parts} & {word for _, word, _, _ in want}
    for rate in (0, -16000, 10**9):
        with pytest.raises(kws.KwsError, match="sample rate"):
            kws.Spotter(files[0], sample_rate=rate)


@pytest.mark.parametrize(
    ("pcm", "message"),
    [
        (np.zeros((10, 2), np.int16), "one channel"),
        (np.zeros(10, np.int32), "not int32"),
        (np.array(["a"]), "must be int16"),
        (np.array([0.0, np.nan], np.float32), "NaN"),
        (b"abc", "middle of a sample"),
        (np.int16(3), "one channel"),
    ],
)
def test_what_is_not_taken(files, pcm, message):
    with kws.Spotter(files[0], engine="numpy") as spotter, pytest.raises(kws.KwsError, match=message):
        spotter.process(pcm)


def test_refusals(files, tmp_path, bare_file):
    with pytest.raises(kws.KwsError, match="at least one model"):
        kws.Spotter()
    with pytest.raises(kws.KwsError, match="cannot read"):
        kws.Spotter(tmp_path / "none.tflite")
    with pytest.raises(kws.KwsError, match="bare network"):
        kws.Spotter(bare_file)
    with pytest.raises(kws.KwsError, match="given twice"):
        kws.Spotter(files[0], files[0])
    with pytest.raises(kws.KwsError, match="no engine"):
        kws.Spotter(files[0], engine="abacus")
    spotter = kws.Spotter(files[0], engine="numpy")
    spotter.close()
    spotter.close()
    with pytest.raises(kws.KwsError, match="closed"):
        spotter.process(b"")


def test_from_several_threads(files, speech):
    """Every sample is heard once, in whatever order threads come; nothing breaks."""
    quiet = np.zeros(1600, np.int16)
    heard = []
    with kws.Spotter(files[0], engine="numpy") as spotter:
        threads = [threading.Thread(target=lambda: heard.extend(spotter.process(quiet))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = spotter.process(speech)
    with kws.Spotter(files[0], engine="numpy") as spotter:
        want = spotter.process(np.concatenate([np.zeros(8 * 1600, np.int16), speech]))
    assert told(heard + after) == told(want)


class FakeSoundDevice(types.ModuleType):
    """The part of sounddevice that the examples use: a microphone that hears a recording and is then unplugged."""

    def __init__(self, pcm):
        super().__init__("sounddevice")
        self.pcm = pcm

    def RawInputStream(self, callback=None, blocksize=0, **settings):
        assert settings == {"samplerate": 16000, "channels": 1, "dtype": "int16"}
        rest = iter(np.array_split(self.pcm, len(self.pcm) // blocksize))

        class Stream:
            def __enter__(self):
                if callback is not None:
                    for part in rest:
                        callback(bytes(part), len(part), None, None)
                return self

            def __exit__(self, *_):
                pass

            def read(self, samples):
                part = next(rest, None)
                if part is None:
                    raise KeyboardInterrupt
                return memoryview(part), False

        return Stream()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.splitlines()[0][:40])
def test_the_examples_of_the_page(example, files, speech, tmp_path, monkeypatch, capsys):
    (tmp_path / "model.tflite").write_bytes(files[0].read_bytes())
    (tmp_path / "other.tflite").write_bytes(files[1].read_bytes())
    audio.write(tmp_path / "talk.wav", speech)
    soundfile.write(tmp_path / "stereo48.wav", np.stack([soxr.resample(speech, 16000, 48000)] * 2, 1), 48000)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSoundDevice(speech))
    with contextlib.suppress(KeyboardInterrupt):
        exec(compile(example, "docs/python.md", "exec"), {"__name__": "__main__"})
    words = {word for _, word, _, _ in expected(files[0], speech)}
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert any(word in line for word in words for line in lines), lines


def test_there_is_an_example_for_each_promise():
    text = "\n".join(EXAMPLES)
    for part in ("soundfile", "sounddevice", "asyncio", "Thread", "reset()", "threshold=", "sample_rate="):
        assert part in text
