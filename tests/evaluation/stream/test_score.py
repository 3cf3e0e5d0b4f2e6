"""Scores of hand-made detections whose answers are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from random_models import spotting_model

from kws.config import DetectorConfig
from kws.evaluation.poisson import upper_limit
from kws.evaluation.stream.run import score
from kws.evaluation.stream.score import CAUSES, LATE_MS, Recordings, Tally, Truth, match, quantile, rates

S = 16000
TOLERANCE = 3 * S // 4


def truth(*events, seconds=60.0):
    """Events are (start, end, word, condition); the first half of the piece is condition 0."""
    starts, ends, words, conditions = zip(*events, strict=True)
    return Truth(
        int(seconds * S),
        np.array([round(s * S) for s in starts]),
        np.array([round(e * S) for e in ends]),
        np.array(words),
        np.array(conditions),
        tuple(f"{'other' if w < 0 else 'word'}/{i}.wav" for i, w in enumerate(words)),
        np.array([int(seconds * S / 2), int(seconds * S)]),
        np.array([0, 1]),
    )


TALK = truth((10, 10.5, 0, 0), (12, 12.5, -1, 0), (14, 14.5, 1, 0), (40, 40.5, 0, 1), (41, 41.5, 0, 1))


def found(*detections):
    return match(TALK, [(round(t * S), w) for t, w in detections], TOLERANCE)


def test_hits_and_latency():
    assert found((10.6, 0), (14.4, 1)).hits == ((0, round(0.1 * S)), (2, round(-0.1 * S)))
    assert found((10.0, 0), (11.25, 0)).hits == ((0, round(-0.5 * S)),)
    assert found((11.25, 0)).hits == ((0, TOLERANCE),)


def test_a_right_word_after_its_time_is_late_up_to_a_limit():
    for time in (11.26, 12.0 - 1 / S):
        result = found((time, 0))
        assert (result.hits, result.false) == ((), ())
        assert result.late == ((0, round(time * S) - round(10.5 * S)),)
    assert found((16.0, 1)).late == ((2, LATE_MS * S // 1000),)
    assert found((16.0 + 1 / S, 1)).late == ()


def test_late_is_counted_once_and_never_where_another_word_may_have_done_it():
    again = found((15.5, 1), (15.8, 1))
    assert [e for e, _ in again.late] == [2]
    assert [CAUSES[c] for _, _, c, _ in again.false] == ["noise"]
    heard = found((14.6, 1), (15.5, 1))
    assert heard.late == ()
    assert [CAUSES[c] for _, _, c, _ in heard.false] == ["noise"]
    during = found((12.0, 0))
    assert during.late == ()
    assert [CAUSES[c] for _, _, c, _ in during.false] == ["unwanted word"]


def test_late_is_neither_missed_nor_a_false_accept():
    tally = Tally.empty(1, 2, 2)
    tally.count_truth(TALK)
    late = found((15.5, 1), (40.6, 0))
    tally.count(0, TALK, late)
    everything = rates(tally, 0, [0, 1])
    assert (everything.said, everything.late, everything.misses, everything.false_accepts) == (4, 1, 2, 0)
    assert everything.unheard == 3
    assert everything.miss_rate == 0.5
    assert rates(tally, 0, [0, 1], word=1).late == 1
    recordings = Recordings()
    recordings.count(TALK, late)
    assert "word/2.wav" not in recordings.missed


def test_too_early_and_too_late():
    for time in (9.99, 18.0):
        result = found((time, 0))
        assert (result.hits, result.late) == ((), ())
        assert [CAUSES[c] for _, _, c, _ in result.false] == ["noise"]


def test_causes():
    result = found((5.0, 0), (12.3, 1), (14.6, 0), (14.8, 1), (15.0, 1))
    assert [(t / S, w, CAUSES[c], e) for w, t, c, e in result.false] == [
        (5.0, 0, "noise", -1),
        (12.3, 1, "unwanted word", 1),
        (14.6, 0, "wrong word", 2),
        (15.0, 1, "repeat", 2),
    ]
    assert result.hits == ((2, round(0.3 * S)),)


def test_one_event_one_hit_where_windows_overlap():
    """A word said twice in a second: two detections are two hits, in order, and a third is a repeat."""
    result = found((40.6, 0), (41.1, 0), (41.2, 0))
    assert [e for e, _ in result.hits] == [3, 4]
    assert [CAUSES[c] for _, _, c, _ in result.false] == ["repeat"]


def test_no_events():
    nothing = truth((1, 2, 0, 0))
    nothing = dataclasses.replace(
        nothing, **{n: np.zeros(0, np.int64) for n in ("starts", "ends", "words", "conditions")}, clips=()
    )
    assert [(c, e) for _, _, c, e in match(nothing, [(S, 0)], TOLERANCE).false] == [(0, -1)]


def test_recordings():
    recordings = Recordings()
    for _ in range(2):
        recordings.count(TALK, found((5.0, 0), (12.3, 1), (14.6, 0), (14.8, 1), (40.6, 0)))
    assert recordings.said == {f"word/{i}.wav": 2 for i in (0, 2, 3, 4)} | {"other/1.wav": 2}
    assert recordings.missed == {"word/0.wav": 2, "word/4.wav": 2}
    more = Recordings()
    more.count(TALK, found((12.3, 1)))
    recordings.add(more)
    values = recordings.as_dict(("yes", "no"))
    assert values["false"] == [
        {"recording": "other/1.wav", "said": 3, "heard_as": "no", "false_accepts": 3},
        {"recording": "word/2.wav", "said": 3, "heard_as": "yes", "false_accepts": 2},
    ]
    assert [(r["recording"], r["missed"]) for r in values["missed"]] == [
        ("word/0.wav", 3),
        ("word/4.wav", 3),
        ("word/2.wav", 1),
        ("word/3.wav", 1),
    ]


def test_tally():
    tally = Tally.empty(2, 2, 2)
    for _ in range(2):
        tally.count_truth(TALK)
        tally.count(1, TALK, found((10.6, 0), (14.7, 1), (20.0, 1), (35.0, 0), (50.0, 0)))
    assert tally.said.tolist() == [[2, 4], [2, 0]]
    assert tally.unwanted.tolist() == [2, 0]
    all_of_it = rates(tally, 1, [0, 1])
    assert (all_of_it.said, all_of_it.misses, all_of_it.causes) == (8, 4, (6, 0, 0, 0))
    assert all_of_it.hours == pytest.approx(2 / 60)
    assert all_of_it.false_accepts_per_hour == pytest.approx(180)
    assert all_of_it.most_per_hour == pytest.approx(upper_limit(all_of_it.false_accepts) / all_of_it.hours)
    assert all_of_it.miss_rate == 0.5
    assert all_of_it.latency_ms == pytest.approx(105)
    assert all_of_it.latency_p90_ms == pytest.approx(205)
    quiet, loud = rates(tally, 1, [0]), rates(tally, 1, [1])
    assert (quiet.said, quiet.misses, quiet.false_accepts) == (4, 0, 2)
    assert (loud.said, loud.misses, loud.false_accepts) == (4, 4, 4)
    assert loud.latency_ms is None
    first = rates(tally, 1, [0, 1], word=0)
    assert (first.said, first.misses, first.false_accepts) == (6, 4, 4)
    assert rates(tally, 0, [0, 1]).misses == 8
    twice = Tally.empty(2, 2, 2)
    twice.add(tally)
    twice.add(tally)
    assert rates(twice, 1, [0, 1]).said == 16


def test_quantiles():
    histogram = np.zeros(350, np.int64)
    assert quantile(histogram, 0.5) is None
    histogram[[150, 160, 349]] = 6, 3, 1
    assert [quantile(histogram, q) for q in (0.5, 0.6, 0.61, 0.9, 1.0)] == [5, 5, 105, 105, 1995]


def test_perfect_posteriors_are_scored_perfect():
    """Posteriors made from the truth: no miss, no false accept, and the latency that the average makes."""
    info = spotting_model(1, units=(16,)).require_info()
    hop, window = info.frontend.hop, info.frontend.window
    rows = np.full((info.frontend.frames(TALK.samples), len(info.labels)), -128, np.int8)
    rows[:, 0] = 127
    for end, word in zip(TALK.ends, TALK.words, strict=True):
        if word >= 0:
            first = -((window - int(end)) // hop)  # the first frame complete at or after the end
            rows[first : first + 20, 0], rows[first : first + 20, info.first_word + word] = -128, 127
    detectors = [DetectorConfig(10, 0.75, 10), DetectorConfig(10, 0.25, 10), DetectorConfig(30, 0.9, 10)]
    tally = score(info, rows, TALK, detectors, TOLERANCE, 2)
    late, early, never = (rates(tally, point, [0, 1]) for point in range(3))
    for r in (late, early):
        assert (r.said, r.misses, r.false_accepts) == (4, 0, 0)
    # Eight and three frames of 20 ms, the first up to a hop after the end.
    assert late.latency_ms == pytest.approx(150, abs=20)
    assert early.latency_ms == pytest.approx(50, abs=20)
    assert (never.misses, never.false_accepts) == (4, 0)
