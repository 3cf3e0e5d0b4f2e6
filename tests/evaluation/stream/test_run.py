"""Models in streams: every engine and any number of processes find the same; reports survive JSON."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import tones
from random_models import spotting_model

from kws.cli import streams
from kws.cli.main import main
from kws.config import DataConfig
from kws.datasets.splits import kept_apart
from kws.engines import create
from kws.engines.base import Output
from kws.errors import KwsError
from kws.evaluation.stream import plots, soak
from kws.evaluation.stream.audio import render
from kws.evaluation.stream.report import StreamReport
from kws.evaluation.stream.run import StreamOptions, evaluate_stream, shifted, sweep
from kws.evaluation.stream.score import CAUSES, Rates, Truth, detection_times, match
from kws.evaluation.stream.spec import StreamSettings, specify
from kws.model.file import with_info
from kws.tflite import parse

ALONE = StreamOptions(processes=1)


@pytest.fixture(scope="module")
def model():
    return spotting_model(1, units=(16,))


def stream_of(spoken, model, minutes):
    return specify(spoken, model.info.data, StreamSettings(minutes=minutes, split="all"))


@pytest.fixture(scope="module")
def report(spoken, model):
    return evaluate_stream(model, stream_of(spoken, model, 20), spoken, ALONE)


@pytest.mark.slow
def test_processes_and_engines_do_not_matter(spoken, model, report):
    spec = stream_of(spoken, model, 20)
    done = []
    both = evaluate_stream(model, spec, spoken, StreamOptions(processes=2), lambda *d: done.append(d))
    assert done == [(1, 2), (2, 2)]
    for name in ("counts", "recordings"):
        assert both.as_dict()[name] == report.as_dict()[name]
    short = stream_of(spoken, model, 1)
    one, other = (evaluate_stream(model, short, spoken, StreamOptions(e, processes=1)) for e in ("c", "numpy"))
    assert one.as_dict()["counts"] == other.as_dict()["counts"]


def test_counts_are_those_of_the_engines_detector(spoken, model, report):
    spec = stream_of(spoken, model, 20)
    info = model.info
    hits = false = 0
    with create("c", model) as engine:
        for i in range(spec.pieces):
            piece = render(spec, spoken, i)
            truth = Truth.of(piece, info.words)
            engine.reset()
            detections = engine.process(piece.pcm).detections
            found = match(truth, detection_times(detections, info), 12000)
            hits, false = hits + len(found.hits), false + len(found.false)
    own = report.own()
    assert (own.said - own.unheard, own.false_accepts) == (hits, false)
    assert hits + false > 20
    assert sum(r["missed"] for r in report.recordings["missed"]) == own.misses
    in_words = own.false_accepts - own.causes[CAUSES.index("noise")]
    assert sum(r["false_accepts"] for r in report.recordings["false"]) == in_words
    assert report.hours == pytest.approx(1 / 3)


def test_curve(report):
    curve = report.curve()
    assert len(curve) == len(report.shifts) - 1
    assert list(report.shifts[1:]) == sorted(report.shifts[1:])
    # Random posteriors: what counts is that the ends are loose and strict.
    assert curve[0].false_accepts > curve[-1].false_accepts
    budget = curve[20].false_accepts_per_hour
    best = report.best(budget)
    assert best.false_accepts_per_hour <= budget
    assert best.unheard == min(c.unheard for c in curve if c.false_accepts_per_hour <= budget)
    assert report.best(-1) is None
    assert sum(report.own(word=i).said for i in range(4)) == report.own().said
    assert sum(report.at(snr).false_accepts for snr in report.snr_db) == report.own().false_accepts
    assert report.own(10.0).said == report.own().said
    assert report.own(15.0).said == report.at(report.snr_db[0]).said + report.at(report.snr_db[1]).said


def test_shifts_keep_differences(model):
    info = dataclasses.replace(
        model.info, decision=dataclasses.replace(model.info.detector, word_thresholds=(0.5, 0.9, 0.5, 0.2))
    )
    assert shifted(info, 0) == info.detector
    up = shifted(info, 1.0).word_thresholds
    assert up == pytest.approx([0.7311, 0.9607, 0.7311, 0.4046], abs=1e-4)
    shifts = sweep(info)
    assert shifted(info, shifts[1]).word_thresholds[1] == pytest.approx(0.05, abs=1e-3)
    assert shifted(info, shifts[-1]).word_thresholds[3] == pytest.approx(255 / 256, abs=1e-3)


def test_json_and_picture(report, tmp_path):
    values = json.loads(json.dumps(report.as_dict()))
    again = StreamReport.from_dict(values)
    assert again.as_dict() == report.as_dict()
    assert again.own() == report.own()
    assert values["own_settings"]["miss_rate"] == report.own().miss_rate
    # Latencies are counted for all words together.
    assert set(values["own_settings"]) - set(values["by_word"]["yes"]) == {"latency_median_ms", "latency_p90_ms"}
    plots.save(again, tmp_path / "det.png")
    assert (tmp_path / "det.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(KwsError, match="stream-test"):
        StreamReport.from_dict({"words": []})


def test_other_words_are_refused(spoken):
    spec = stream_of(spoken, spotting_model(1, units=(16,)), 1)
    with pytest.raises(KwsError, match="words"):
        evaluate_stream(spotting_model(1, units=(16,), words=("yes", "no")), spec, spoken)


def test_soak(spoken, model):
    result = soak.soak(model, stream_of(spoken, model, 1), spoken, 0.1)
    assert result.hours == pytest.approx(0.1)
    assert result.before.said == result.after.said > 0
    assert (result.different, result.greatest) == (0, 0)
    assert result.before == result.after
    with pytest.raises(KwsError, match="more than 0"):
        soak.soak(model, stream_of(spoken, model, 1), spoken, 0)


def test_soak_finds_drift(spoken, model, monkeypatch):
    class Drifting:
        """Posteriors that rise with every minute since the reset."""

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def reset(self):
            self.samples = 0

        def process(self, pcm):
            self.samples += len(pcm)
            rows = np.full((len(pcm) // model.info.frontend.hop, 6), self.samples // (60 * 16000) - 128, np.int8)
            return Output(None, {}, {}, rows)

    monkeypatch.setattr(soak, "create", lambda *_: Drifting())
    result = soak.soak(model, stream_of(spoken, model, 1), spoken, 0.1)
    assert result.different == result.posteriors > 0
    # Ten minutes of words and six of noise lie between a word and itself.
    assert result.greatest == 16 / 256


def run(*arguments):
    return main([str(a) for a in arguments])


@pytest.mark.slow
def test_command(spoken, tiny_file, tmp_path, capsys):
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    options = ("stream-test", tiny_file, "--data", spoken, "--jobs", 1)
    more = ("--save-spec", tmp_path / "s.json", "--wav", tmp_path / "a.wav", "--plot", tmp_path / "p.svg")
    drawn = ("--minutes", 2, "--split", "all", "--seed", 5, "--snr", "clean,5", "--rate", 25)
    assert run(*options, *drawn, *more, "--soak-hours", 0.05, "--json", first) == 0
    said = capsys.readouterr().out
    assert "hours of audio a minute" in said
    assert "drift" in said
    assert (tmp_path / "p.svg").stat().st_size > 1000
    assert run(*options, "--spec", tmp_path / "s.json", "--wav", tmp_path / "b.wav", "--json", second) == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    one, two = (json.loads(p.read_text()) for p in (first, second))
    assert one["counts"] == two["counts"]
    assert one["snr_db"] == ["clean", 5.0]
    assert one["soak"]["before"]["said"] > 0
    assert two["soak"] is None
    capsys.readouterr()
    assert run(*options, "--spec", tmp_path / "s.json", "--minutes", 3) == 2
    assert "--minutes" in capsys.readouterr().err
    bare = tones.write(tmp_path / "d", speakers=1, words=tones.MODEL_WORDS)
    (bare / "testing_list.txt").write_text("")
    assert run("stream-test", tiny_file, "--data", bare, "--minutes", 1) == 3
    assert "no clips of" in capsys.readouterr().err
    for bad in (["--minutes", "0"], ["--snr", "loud"], ["--jobs", "0"], ["--wav", "x.mp3"], ["--seed", "-1"]):
        with pytest.raises(SystemExit) as stop:
            run(*options, *bad)
        assert stop.value.code == 2


def test_rates_without_events():
    nothing = Rates(0.0, 0, 0, (0, 0, 0, 0), None, None)
    assert nothing.miss_rate is None
    assert nothing.false_accepts_per_hour == 0
    assert dict(zip(streams.COLUMNS, streams.row("", nothing), strict=True))["at most"] == "-"


def test_false_accepts_stand_beside_their_count_and_limit():
    once = Rates(2.0, 10, 1, (2, 0, 0, 0), None, None)
    row = dict(zip(streams.COLUMNS, streams.row("all", once), strict=True))
    assert (row["hours"], row["false"], row["false/h"], row["at most"]) == ("2.00", "2", "1.00", "3.15")
    # Heard four times over, the same sound allows no lower limit.
    again = Rates(8.0, 40, 4, (7, 0, 0, 0), None, None, turns=4.0)
    assert again.most_per_hour == once.most_per_hour
    assert again.as_dict()["at_most_per_hour"] == again.most_per_hour


@pytest.mark.slow
def test_it_says_what_the_split_keeps_apart(tmp_path, capsys):
    """Nobody's figures on takes of the same speakers may pass for figures on other speakers."""
    data = tones.write(tmp_path / "d", speakers=40, words=tones.MODEL_WORDS)
    model = spotting_model(3, units=(16,))
    for rule, said in (("take", "takes"), ("speaker", "speakers")):
        provenance = {"settings": {"data": {"split_by": rule, "validation_percent": 30}}}
        info = dataclasses.replace(model.require_info(), provenance=provenance)
        path = tmp_path / f"{rule}.tflite"
        path.write_bytes(with_info(parse(model.content, "the model"), info))
        arguments = ("stream-test", path, "--data", data, "--minutes", 1, "--snr", "clean", "--engine", "numpy")
        assert run(*arguments) == 0
        assert f"\nvalidation {said}: " in capsys.readouterr().out
    (data / "validation_list.txt").write_text("yes/x.wav\n")
    split_by_take = DataConfig(words=("yes",), split_by="take")
    assert kept_apart(data, split_by_take, "validation") == "speakers"
    (data / "validation_list.txt").unlink()
    assert kept_apart(data, split_by_take, "validation") == "takes"
    one_out = DataConfig(words=("yes",), split_by="one-speaker-out")
    assert [kept_apart(data, one_out, s) for s in ("testing", "validation", "all")] == ["speakers", "takes", "speakers"]
