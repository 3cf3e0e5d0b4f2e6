"""Streams are rebuilt byte for byte, and hold what their specification says."""

from __future__ import annotations

import dataclasses
import json
import wave

import numpy as np
import pytest
import tones

import kws.audio
from kws.config import SAMPLE_RATE, DataConfig
from kws.datasets import clips
from kws.datasets.augment import active_rms
from kws.errors import KwsError
from kws.evaluation.stream import audio, scene
from kws.evaluation.stream.plan import NOISE, TAIL_SECONDS, UNWANTED, WORDS, plan
from kws.evaluation.stream.spec import CLEAN, StreamSettings, StreamSpec, check, halves, share_speakers, specify

DATA = DataConfig(words=tuple(tones.WORDS))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tones.write(tmp_path_factory.mktemp("data") / "d", speakers=6)


@pytest.fixture
def spec(root):
    return specify(root, DATA, StreamSettings(minutes=25, seed=3, split="all", snr_db=(CLEAN, 10.0)))


def test_rebuilt_from_its_file(spec, root, tmp_path):
    spec.save(tmp_path / "s.json")
    again = StreamSpec.load(tmp_path / "s.json")
    assert again == spec
    check(again, root)
    first = audio.render(spec, root, 1)
    for memory in (audio.word_clip, audio._noise):
        memory.cache_clear()
    second = audio.render(again, root, 1)
    assert first.pcm.tobytes() == second.pcm.tobytes()
    assert first.events == second.events
    other = audio.render(dataclasses.replace(spec, seed=4), root, 1)
    assert not np.array_equal(first.pcm, other.pcm)


def test_pieces_fill_the_stream(spec):
    assert spec.pieces == 2
    bounds = [spec.bounds(i) for i in range(spec.pieces)]
    assert bounds[0][0] == 0
    assert bounds[0][1] == bounds[1][0]
    assert bounds[-1][1] == 25 * 60 * SAMPLE_RATE
    stretches, said = plan(spec, 0)
    assert stretches[0].start == 0
    assert [s.stop for s in stretches[:-1]] == [s.start for s in stretches[1:]]
    assert stretches[-1].stop == bounds[0][1]
    assert {s.kind for s in stretches} == {WORDS, UNWANTED, NOISE}
    for one in said:
        stretch = stretches[one.stretch]
        assert stretch.start < one.start
        assert one.start + spec.clip_samples + TAIL_SECONDS * SAMPLE_RATE <= stretch.stop + 1
        assert stretch.kind == WORDS or (stretch.kind == UNWANTED and one.word is None)
    gaps = np.diff([s.start for s in said]) - spec.clip_samples
    assert gaps.min() >= 0.25 * SAMPLE_RATE - 1


def test_rate_and_evenness(root):
    spec = specify(root, DATA, StreamSettings(minutes=600, split="all", rate=30))
    words = dict.fromkeys(tones.WORDS, 0)
    conditions = [0.0] * 3
    said = total = 0.0
    for piece in range(spec.pieces):
        stretches, one = plan(spec, piece)
        for event in one:
            if event.word is not None:
                words[event.word] += 1
        said += sum(stretches[e.stretch].kind == WORDS for e in one)
        for stretch in stretches:
            if stretch.kind == WORDS:
                total += (stretch.stop - stretch.start) / SAMPLE_RATE / 60
                conditions[stretch.condition] += stretch.stop - stretch.start
    assert said / total == pytest.approx(30, rel=0.05)
    assert max(words.values()) < 1.1 * min(words.values())
    assert sum(words.values()) == pytest.approx(said / 2, rel=0.05)
    assert max(conditions) < 1.15 * min(conditions)


def test_signal_to_noise_ratio(root):
    """Of stationary noise, what is under a word is as far below its active level as the condition says."""
    spec = specify(root, DATA, StreamSettings(minutes=30, split="all", snr_db=(0.0, 20.0, CLEAN)))
    ratios = {0.0: [], 20.0: [], CLEAN: []}
    for index in range(spec.pieces):
        piece = audio.render(spec, root, index)
        stretches, said = plan(spec, index)
        bed, _ = audio._bed(spec, root, index, stretches)
        speech = piece.pcm - bed
        for one in said:
            stretch = stretches[one.stretch]
            cut = slice(one.start, one.start + spec.clip_samples)
            if stretch.noise == 2 or one.start < stretch.start + SAMPLE_RATE:
                continue  # brown noise wanders by itself; a crossfade mixes two noises
            level = 20 * np.log10(active_rms(speech[None, cut])[0])
            ratios[spec.snr_db[stretch.condition]].append(level - 20 * np.log10(np.sqrt(np.mean(bed[cut] ** 2))))
            if spec.snr_db[stretch.condition] == CLEAN:
                assert level == pytest.approx(stretch.level_dbfs + 20 * np.log10(32768), abs=0.3)
    assert all(len(found) > 5 for found in ratios.values())
    for snr in (0.0, 20.0):
        # Pink noise wanders a little by itself.
        assert np.abs(np.array(ratios[snr]) - snr).max() < 1
        assert np.mean(ratios[snr]) == pytest.approx(snr, abs=0.1)
    assert min(ratios[CLEAN]) > 50


def test_noise_goes_on(root):
    spec = specify(root, DATA, StreamSettings(minutes=10, split="all", snr_db=(20.0, 0.0)))
    bed, _ = audio._bed(spec, root, 0, plan(spec, 0)[0])
    rms = np.sqrt(np.mean(bed[: len(bed) // 1600 * 1600].reshape(-1, 1600) ** 2, axis=1))
    assert rms.min() > 1
    # No step between one tenth of a second and the next: level changes take their time.
    assert np.abs(np.diff(20 * np.log10(rms))).max() < 12


def test_recordings_of_noise_are_looped(root, tmp_path):
    rng = np.random.default_rng(1)
    folder = tones.write(tmp_path / "d", speakers=2)
    kws.audio.write(folder / "_background_noise_" / "hum.wav", rng.normal(0, 500, 5 * SAMPLE_RATE).astype(np.int16))
    spec = specify(folder, DATA, StreamSettings(minutes=1, split="all"))
    assert spec.noise == ("_background_noise_/hum.wav",)
    noise, rms_db = audio.noise_recording(spec, folder, 0)
    assert len(noise) == 4 * SAMPLE_RATE
    assert rms_db == pytest.approx(20 * np.log10(500), abs=0.3)
    looped = audio.loop(noise, 1000, 3 * len(noise))
    assert np.array_equal(looped[: len(noise)], looped[len(noise) : 2 * len(noise)])
    assert np.array_equal(looped[:100], noise[1000:1100])


def test_word_spans(root):
    """The tones last from 0.1 to 0.4 s of a clip of half a second, which is padded to a second."""
    spec = specify(root, DATA, StreamSettings(minutes=5, split="all"))
    piece = audio.render(spec, root, 0)
    _, said = plan(spec, 0)
    for event, one in zip(piece.events, said, strict=True):
        assert event.start - one.start == pytest.approx(0.35 * SAMPLE_RATE, abs=0.021 * SAMPLE_RATE)
        assert event.end - one.start == pytest.approx(0.65 * SAMPLE_RATE, abs=0.021 * SAMPLE_RATE)


def test_halves_share_no_speaker(root):
    spec = specify(root, DATA, StreamSettings(minutes=10, split="all"))
    first, second = halves(spec)
    heard = [{name.split("/")[1].split("_")[0] for name in half.files} for half in (first, second)]
    assert len(heard[0]) == len(heard[1]) == 3
    assert not heard[0] & heard[1]
    assert first.seed != second.seed
    alone = dataclasses.replace(spec, wanted={w: c[:1] for w, c in spec.wanted.items()})
    assert halves(alone) == (alone,)
    assert not share_speakers((first, second))
    assert share_speakers((first, spec))


def test_takes_are_split_as_in_training(root):
    """One person's takes: the stream hears those that were kept from training, and halves are of takes."""
    data = dataclasses.replace(DATA, split_by="take", validation_percent=50)
    spec = specify(root, data, StreamSettings(minutes=10))
    listed = clips.index(root, data)
    kept = {c.path.relative_to(root).as_posix() for c in listed if c.split == "validation"}
    assert {*spec.unwanted, *(name for names in spec.wanted.values() for name in names)} == kept
    mine = dataclasses.replace(
        spec, wanted={w: tuple(f"{w}/me_{i}.wav" for i in range(4)) for w in spec.wanted}, unwanted=()
    )
    assert share_speakers(halves(mine))


def test_written(root, tmp_path):
    spec = specify(root, DATA, StreamSettings(minutes=15, split="all"))
    scene.write(spec, root, tmp_path / "s.wav")
    with wave.open(str(tmp_path / "s.wav")) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    pieces = [audio.render(spec, root, i) for i in range(spec.pieces)]
    assert np.array_equal(pcm, np.concatenate([p.pcm for p in pieces]))
    events = json.loads((tmp_path / "s.json").read_text())["events"]
    assert len(events) == sum(len(p.events) for p in pieces)
    last = pieces[-1].events[-1]
    assert events[-1]["end"] == pytest.approx((spec.bounds(spec.pieces - 1)[0] + last.end) / SAMPLE_RATE, abs=1e-3)


def test_refused(root, spec, tmp_path):
    for change, message in (
        ({"rate": 100.0}, "rate"),
        ({"minutes": 0.1}, "minutes"),
        ({"snr_db": (99.0,)}, "signal-to-noise"),
        ({"snr_db": ()}, "at least one"),
        ({"snr_db": (3.0, 3.0)}, "twice"),
        ({"level_dbfs": (0.0, 1.0)}, "level_dbfs"),
        ({"wanted": {"low": ()}}, "clips of every wanted word"),
    ):
        with pytest.raises(KwsError, match=message):
            dataclasses.replace(spec, **change)
    with pytest.raises(KwsError, match="no clips of"):
        specify(root, dataclasses.replace(DATA, validation_percent=0), StreamSettings(minutes=1))
    path = tmp_path / "s.json"
    for text, message in (
        ("{", "not JSON"),
        ("{}", "not the specification"),
        (json.dumps({**spec.as_dict(), "rate": "fast"}), "damaged"),
        (json.dumps({**spec.as_dict(), "tempo": 1}), "tempo"),
    ):
        path.write_text(text)
        with pytest.raises(KwsError, match=message):
            StreamSpec.load(path)
    with pytest.raises(KwsError, match="cannot read"):
        StreamSpec.load(tmp_path / "none.json")


def test_other_clips_are_noticed(tmp_path):
    root = tones.write(tmp_path / "d", speakers=2)
    spec = specify(root, DATA, StreamSettings(minutes=1, split="all"))
    kws.audio.write(root / "low" / "s00_nohash_0.wav", np.ones(8000, np.int16))
    with pytest.raises(KwsError, match="contents differ"):
        check(spec, root)
    (root / "low" / "s00_nohash_0.wav").unlink()
    with pytest.raises(KwsError, match="s00_nohash_0"):
        check(spec, root)
