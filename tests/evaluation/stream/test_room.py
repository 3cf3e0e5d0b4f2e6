"""The room: rebuilt byte for byte, every source in its share, nothing that was trained on and no word that is said."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random

import numpy as np
import pytest
import scene_table
import tones
from random_models import spotting_model

import kws.audio
from kws.cli.main import main
from kws.config import SAMPLE_RATE, DataConfig
from kws.datasets import roles
from kws.datasets.negatives import EVALUATION_PACK
from kws.datasets.roles import Folders
from kws.errors import KwsError
from kws.evaluation.stream import operating_points, room_audio, room_list, room_plan, scene, tuning
from kws.evaluation.stream.report import StreamReport
from kws.evaluation.stream.room import MUSIC, NOISE, OTHERS, PACK, SPEECH, Room, Track
from kws.evaluation.stream.run import StreamOptions, evaluate_stream
from kws.evaluation.stream.source import SourceRate
from kws.evaluation.stream.spec import CLEAN, StreamSettings, StreamSpec, check, halves, specify
from kws.model.file import Model, with_detector

S = SAMPLE_RATE
DATA = DataConfig(words=tuple(tones.MODEL_WORDS))


def written(path, samples, seed, loud=3000):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(0, loud, samples)
    # Bursts and pauses, as speech has them.
    noise *= np.repeat(np.arange(-(-samples // 8000)) % 3 > 0, 8000)[:samples]
    kws.audio.write(path, kws.audio.to_int16(noise))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("roles")
    for i in range(3):
        written(root / "speech" / "validation" / f"people_{i}.flac", 40 * S, i)
    written(root / "speech" / "train" / "people_9.flac", 40 * S, 9)
    rows = ["file\tstart_s\tend_s\ttext\tcommand_words"]
    rows += ["validation/people_0.flac\t10\t20\tthey said yes\tyes", "validation/people_1.flac\t0\t15\tprompt\t?"]
    (root / "speech" / "transcripts.tsv").write_text("\n".join(rows) + "\n")
    for name, seed in (("music/band_1.flac", 20), ("music/drums.flac", 21), ("kitchen.flac", 22), ("rain.flac", 23)):
        written(root / "noise" / "validation" / name, 20 * S, seed)
    for i in range(2):
        response = np.zeros(S // 4)
        response[40] = 20000
        response[2000 + 700 * i] = 6000
        kws.audio.write(root / "rooms" / f"room_{i}.wav", response.astype(np.int16))
    return Folders((root / "speech",), (root / "noise",), (root / "rooms",))


@pytest.fixture(scope="module")
def spec(spoken, folders):
    found = room_list.room(folders, DATA, "validation")
    return room_list.specify(spoken, DATA, StreamSettings(minutes=25, seed=3, split="all"), found)


def test_listed_without_training_words_and_doubt(folders):
    found = room_list.room(folders, DATA, "validation")
    by_name = {t.name: t for t in found.tracks}
    assert set(by_name) == {f"validation/people_{i}.flac" for i in range(3)} | {
        f"validation/{name}.flac" for name in ("music/band_1", "music/drums", "kitchen", "rain")
    }
    assert by_name["validation/people_0.flac"].parts == ((0, 10 * S), (20 * S, 40 * S))
    assert by_name["validation/people_1.flac"].parts == ((15 * S, 40 * S),)
    assert {t.name for t in found.tracks if t.source == MUSIC} == {
        "validation/music/band_1.flac",
        "validation/music/drums.flac",
    }
    music = roles.noise(folders.noise[0] / "validation" / "music", DATA)
    assert all(map(room_list.is_music, music))
    assert not any(room_list.is_music(r) for r in roles.speech(folders.speech[0], DATA))
    assert found.samples(SPEECH) == (30 + 25 + 40) * S
    assert [r.weight for r in found.responses] == [10, 10]
    for split in ("all", "training"):
        assert room_list.room(folders, DATA, split) == found
    with pytest.raises(KwsError, match="nothing of the testing split"):
        room_list.room(folders, DATA, "testing")


def test_a_training_folder_given_by_itself_is_never_measured_on(folders):
    train = Folders((folders.speech[0] / "train",))
    assert {r.split for r in roles.everything(train, DATA)} == {"training"}
    with pytest.raises(KwsError, match="all of it is for training"):
        room_list.room(train, DATA, "validation")
    validation = Folders((folders.speech[0] / "validation",))
    assert {r.split for r in roles.everything(validation, DATA)} == {"validation"}


def test_speech_in_which_nothing_can_be_counted_is_refused(tmp_path):
    written(tmp_path / "validation" / "a.flac", 5 * S, 1)
    (tmp_path / "transcripts.tsv").write_text("file\tstart_s\tend_s\ttext\nvalidation/a.flac\t0\t5\tyes indeed\n")
    with pytest.raises(KwsError, match=r"cannot be counted .* leave --speech out"):
        room_list.room(Folders((tmp_path,)), DATA, "validation")


def test_halls_are_drawn_less_often_than_rooms(tmp_path, spec):
    rng = np.random.default_rng(1)
    for name, seconds in (("home", 0.5), ("hall", 1.5)):
        t = np.arange(S) / S
        response = rng.normal(size=S) * 10 ** (-3 * t / seconds)
        kws.audio.write(tmp_path / f"{name}.wav", kws.audio.to_int16(np.concatenate([[30000], 3000 * response])))
    found = room_list.room(Folders(rooms=(tmp_path,)), DATA, "validation")
    assert {r.name: r.weight for r in found.responses} == {"home.wav": 10, "hall.wav": 1}
    many = dataclasses.replace(spec, minutes=600, room=found)
    drawn = [s.word_response for piece in range(many.pieces) for s in room_plan.plan(many, piece)[0]]
    names = [found.responses[i].name for i in drawn]
    assert 0 < names.count("hall.wav") < 0.2 * len(names)


def test_what_comes_with_kws_stands_in(folders):
    alone = room_list.room(Folders(), DATA, "validation")
    assert {t.folder for t in alone.tracks} == {PACK}
    assert {t.source for t in alone.tracks} == {SPEECH, MUSIC, NOISE}
    assert all(path.parent == EVALUATION_PACK and path.exists() for path in alone.files)
    voices = {t.voice for t in alone.tracks if t.source == SPEECH}
    assert len(voices) > 20
    speech = room_list.room(Folders(folders.speech), DATA, "validation")
    assert {t.source for t in speech.tracks if t.folder == PACK} == {MUSIC, NOISE}
    noise = room_list.room(Folders(noise=folders.noise), DATA, "validation")
    assert {t.source for t in noise.tracks if t.folder == PACK} == {SPEECH}
    said = dataclasses.replace(DATA, words=("margaret",))
    kept = room_list.pack(said.words)
    assert sum(t.samples for t in kept) < sum(t.samples for t in room_list.pack(DATA.words))


def test_every_second_is_heard_once_before_any_is_heard_again():
    drawn = random.Random(5)
    parts = tuple((a, a + drawn.randint(1, 3 * S)) for a in range(0, 200 * S, 5 * S))
    room = Room((Track(SPEECH, 0, "a", "a", parts), Track(SPEECH, 0, "b", "b", ((7, 90 * S),))))
    total = room.samples(SPEECH)
    heard = {"a": np.zeros(200 * S, np.int64), "b": np.zeros(200 * S, np.int64)}
    at = 0
    while at < 2 * total:
        taken = min(drawn.randint(1, 70 * S), 2 * total - at)
        cuts = room.cuts(SPEECH, 1, at, taken)
        assert sum(c.stop - c.start for c in cuts) == taken
        for cut in cuts:
            heard[cut.track.name][cut.start : cut.stop] += 1
        at += taken
    for track in room.tracks:
        wanted = np.zeros(200 * S, np.int64)
        for first, last in track.parts:
            wanted[first:last] = 2
        np.testing.assert_array_equal(heard[track.name], wanted)


def test_plan(spec):
    assert spec.scene == "room"
    seconds = dict.fromkeys((SPEECH, MUSIC, NOISE, OTHERS), 0.0)
    words = dict.fromkeys(seconds, 0)
    others = dict.fromkeys(seconds, 0)
    ends: dict[str, int] = {}
    spec = dataclasses.replace(spec, minutes=600)
    for piece in range(spec.pieces):
        stretches, said = room_plan.plan(spec, piece)
        first, last = spec.bounds(piece)
        assert [s.stop for s in stretches] == [*[s.start for s in stretches[1:]], last - first]
        for s in stretches:
            seconds[s.kind] += (s.stop - s.start) / S
            assert spec.conditions[s.condition][0] == s.kind
        for source in seconds:
            own = sorted((s.position, s.position + s.stop - s.start) for s in stretches if s.kind == source)
            assert own[0][0] == ends.get(source, 0)
            assert all(a[1] == b[0] for a, b in itertools.pairwise(own))
            ends[source] = own[-1][1]
        for one in said:
            (others if one.word is None else words)[stretches[one.stretch].kind] += 1
    assert seconds[SPEECH] == pytest.approx(18000, abs=1)
    assert [seconds[s] for s in (MUSIC, NOISE, OTHERS)] == pytest.approx([6000] * 3, abs=1)
    assert {s for s, n in others.items() if n} == {OTHERS}
    for source in seconds:
        assert words[source] / seconds[source] * 60 == pytest.approx(3, abs=0.6)


def test_rebuilt_from_its_file(spec, spoken, folders, tmp_path):
    spec = dataclasses.replace(spec, minutes=4)
    spec.save(tmp_path / "s.json")
    given = (*folders.speech, *folders.noise, *folders.rooms)
    again = StreamSpec.load(tmp_path / "s.json")
    assert again == spec
    with pytest.raises(KwsError, match="give the same --speech"):
        check(again, spoken)
    again = dataclasses.replace(again, room=dataclasses.replace(again.room, folders=given))
    check(again, spoken)
    first = scene.render(spec, spoken, 0)
    room_audio._decoded._kept.clear()
    second = scene.render(again, spoken, 0)
    assert first.pcm.tobytes() == second.pcm.tobytes()
    assert first.events == second.events
    other = scene.render(dataclasses.replace(spec, seed=4), spoken, 0)
    assert not np.array_equal(first.pcm[: len(other.pcm)], other.pcm[: len(first.pcm)])
    swapped = dataclasses.replace(again, room=dataclasses.replace(again.room, folders=(given[1], given[0], given[2])))
    with pytest.raises(KwsError, match=r"cannot read|contents differ"):
        check(swapped, spoken)


def test_levels_and_pauses(spoken, folders):
    """Without a ratio the source pauses for each word; with one, it is so far below the word's level."""
    found = dataclasses.replace(room_list.room(folders, DATA, "validation"), responses=())
    settings = StreamSettings(minutes=10, split="all", snr_db=(CLEAN, 10.0), level_dbfs=(-25.0, -25.0))
    spec = room_list.specify(spoken, DATA, settings, found)
    piece = scene.render(spec, spoken, 0)
    level = 32768 * 10 ** (-25 / 20)
    pauses = 0
    for s in piece.stretches:
        source, ratio = spec.conditions[s.condition]
        x = piece.pcm[s.start : s.stop].astype(np.float64)
        quiet = np.ones(len(x), bool)
        for e in piece.events:
            if s.start <= e.start < s.stop:
                quiet[e.start - s.start - S // 10 : e.end - s.start + S // 10] = False
                before = x[e.start - s.start - S // 4 : e.start - s.start - S // 10]
                if source != OTHERS and ratio == CLEAN:
                    pauses += 1
                    assert np.sqrt(np.mean(before**2)) < level / 50
                word = piece.pcm[e.start : e.end].astype(np.float64)
                assert np.sqrt(np.mean(word**2)) > level / 3
        rms = np.sqrt(np.mean(x[quiet] ** 2))
        if source in (MUSIC, NOISE):
            # The recordings pause by themselves for a third of the time, which their rms tells of.
            expected = level if ratio == CLEAN else level / 10**0.5
            assert rms == pytest.approx(expected, rel=0.25)
    assert pauses > 3


def test_reverberation_is_convolution():
    rng = np.random.default_rng(1)
    for n, m in ((1, 1), (10, 300), (200_000, 12_000)):
        x, h = rng.normal(size=n).astype(np.float32), rng.normal(size=m).astype(np.float32)
        np.testing.assert_allclose(room_audio.reverberated(x, h), np.convolve(x, h), atol=2e-3 if m > 1000 else 1e-4)
    assert room_audio.reverberated(x, None) is x


def test_halves_share_no_recording(spec):
    one, other = halves(spec)
    names = [{t.name for t in half.room.tracks} for half in (one, other)]
    assert not names[0] & names[1]
    assert names[0] | names[1] == {t.name for t in spec.room.tracks}
    for source in (SPEECH, MUSIC, NOISE):
        assert all(half.room.samples(source) for half in (one, other))
    single = dataclasses.replace(spec.room, tracks=spec.room.tracks[:1])
    assert halves(dataclasses.replace(spec, room=single)) == (dataclasses.replace(spec, room=single),)


@pytest.fixture(scope="module")
def model():
    return spotting_model(1, units=(16,))


def test_report_by_source(spec, spoken, model):
    options = StreamOptions(engine="numpy", processes=1)
    short = dataclasses.replace(spec, minutes=3.0)
    report = evaluate_stream(model, short, spoken, options)
    again = evaluate_stream(model, short, spoken, StreamOptions(engine="c", processes=1))
    assert again.as_dict()["counts"] == report.as_dict()["counts"]
    sources = {s.name: s for s in report.by_source()}
    assert list(sources) == [SPEECH, MUSIC, NOISE, OTHERS, "commands"]
    assert sum(s.false_accepts for s in sources.values()) == report.own().false_accepts > 0
    assert sum(s.hours for name, s in sources.items() if name != "commands") == pytest.approx(report.hours)
    assert sources["commands"].hours == report.hours
    sounding = [s for name, s in sources.items() if name != "commands"]
    assert report.own().turns == pytest.approx(report.hours / sum(s.different_hours for s in sounding))
    assert sources[SPEECH].turns == 1
    assert sources[SPEECH].recordings == 3
    assert sum(report.at(snr).said for snr in report.ratios) == report.own().said
    assert sum(report.within(s).said for s in (SPEECH, MUSIC, NOISE, OTHERS)) == report.own().said
    values = json.loads(json.dumps(report.as_dict()))
    assert values["scene"] == "room"
    assert [s["name"] for s in values["by_source"]] == list(sources)
    assert StreamReport.from_dict(values).as_dict() == report.as_dict()


def test_the_limit_counts_different_hours():
    once = SourceRate(SPEECH, 2.0, 1.0, 5, 0, {})
    assert once.most_per_hour == pytest.approx(1.4979, abs=1e-3)
    again = SourceRate(SPEECH, 8.0, 4.0, 5, 0, {})
    assert again.most_per_hour == pytest.approx(once.most_per_hour)
    assert SourceRate(SPEECH, 8.0, 4.0, 5, 7, {}).most_per_hour == SourceRate(SPEECH, 2.0, 1.0, 5, 2, {}).most_per_hour
    assert SourceRate(SPEECH, 0.0, 1.0, 0, 0, {}).per_hour is None


@pytest.mark.slow
def test_tuned_on_both_scenes(spec, spoken, model, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(operating_points, "AVERAGES_MS", (60, 160))
    monkeypatch.setattr(operating_points, "COOLDOWNS_MS", (200,))
    room = dataclasses.replace(spec, minutes=4.0)
    desk = specify(spoken, DATA, StreamSettings(minutes=4.0, split="all"))
    budget = 600.0
    result = tuning.tune(model, room, spoken, budget, StreamOptions(processes=1), desk=desk)
    assert result.scene == "room"
    assert result.hours == pytest.approx(4 / 60)
    assert result.tuned.false_accepts <= budget * result.hours < result.old.false_accepts
    assert sum(s.false_accepts for s in result.sources) == result.tuned.false_accepts
    assert result.desk.hours == pytest.approx(4 / 60)
    assert result.desk.said > 0
    # Counted anew, from the streams themselves: the chosen settings on either scene.
    tuned = Model.from_bytes(with_detector(model, result.detector, result.provenance()))
    again = [evaluate_stream(tuned, half, spoken, StreamOptions(processes=1)).own() for half in halves(room)]
    assert sum(r.false_accepts for r in again) == result.tuned.false_accepts
    assert sum(r.misses for r in again) == result.tuned.misses
    path = tmp_path / "m.tflite"
    path.write_bytes(model.content)
    options = [str(path), "--data", str(spoken), "--split", "all", "--minutes", "1", "--jobs", "1", "--anyway"]
    assert main(["tune", *options, "--budget", "600"]) == 0
    said = capsys.readouterr().out
    for row in ("room, before", "room, tuned", "desk, before", "desk, tuned", "the room, by source"):
        assert row in said
    assert Model.load(path).require_info().provenance["tuned"]["scene"] == "room"


@pytest.mark.slow
def test_command_line(model, spoken, folders, tmp_path, capsys):
    path = tmp_path / "m.tflite"
    path.write_bytes(model.content)
    speech, noise, rooms = (str(f[0]) for f in (folders.speech, folders.noise, folders.rooms))
    base = ["stream-test", str(path), "--data", str(spoken), "--jobs", "1"]
    given = ["--speech", speech, "--noise", noise, "--rooms", rooms]
    saved = ["--save-spec", str(tmp_path / "s.json"), "--json", str(tmp_path / "r.json")]
    assert main([*base, *given, "--split", "all", "--minutes", "1", *saved]) == 0
    said = capsys.readouterr().out
    assert "the room, by source" in said
    assert "other words" in said
    # A minute of stream hears half a minute of the speech that there is.
    assert "0.5 minutes of different speech, of 3 recordings" in said
    again = [*base, *given, "--spec", str(tmp_path / "s.json"), "--wav", str(tmp_path / "w.wav"), "--json"]
    assert main(again) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["counts"] == json.loads((tmp_path / "r.json").read_text())["counts"]
    events = json.loads((tmp_path / "w.json").read_text())["events"]
    assert {e["in"] for e in events} <= {SPEECH, MUSIC, NOISE, OTHERS}
    assert main([*base, "--scene", "desk", "--speech", speech]) == 2
    assert "the desk has no --speech" in capsys.readouterr().err
    assert main([*base, "--spec", str(tmp_path / "s.json"), "--scene", "room"]) == 2
    assert main([*base, "--split", "all", "--minutes", "0.5", "--scene", "room"]) == 0
    assert "nothing is reverberated" in capsys.readouterr().out


def test_table_of_reports(spec, spoken, model):
    report = evaluate_stream(
        model, dataclasses.replace(spec, minutes=2.0), spoken, StreamOptions(processes=1)
    ).as_dict()
    lines = scene_table.table({"a": report, "b": report}).splitlines()
    assert lines[0] == "| | a | b |"
    speech = next(line for line in lines if "hour, speech" in line)
    assert f"{report['by_source'][0]['false_accepts_per_hour']:.1f} (" in speech
    assert any(line.startswith("| missed, 10 dB |") for line in lines)
    assert {line.count("|") for line in lines} == {4}
