"""What an evaluation says that it cannot tell."""

from __future__ import annotations

import dataclasses

import pytest
import tones
from random_models import spotting_model

from kws.config import DataConfig
from kws.datasets import clips
from kws.evaluation import limits
from kws.evaluation.limits import Scope, sentences
from kws.evaluation.negatives import Negatives, Source
from kws.evaluation.stream.spec import StreamSettings, specify

MANY = Scope("validation", 90, 0, False, 1000, False, True)
SHIPPED = Negatives("c", (Source("speech", 300.0, 29, 0, {}), Source("music", 60.0, 4, 0, {})), 0.0)


def said(**changes):
    return " / ".join(sentences(dataclasses.replace(MANY, **changes), SHIPPED))


def test_always_says_what_false_accepts_were_counted_on():
    assert sentences(MANY, SHIPPED) == limits.of_negatives(SHIPPED)
    (only,) = limits.of_negatives(SHIPPED)
    assert only.startswith("no foreign speech in the data: false accepts are counted on 6.0 minutes")
    assert "29 speakers" in only
    assert "at most 3/T per hour, here 30," in only


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"speakers": 7}, "7 speakers only: how many strangers"),
        ({"speakers": 1}, "1 speaker only"),
        (
            {"speakers": 1, "trained": 1, "by_take": True},
            "split by take: the same person is in training and here, so this says nothing about other people",
        ),
        ({"speakers": 40, "trained": 38, "by_take": True}, "38 of 40 speakers are in training and here"),
        ({"split": "training"}, "the clips of the training itself"),
        ({"split": "all"}, "clips of the training are among these"),
        ({"split": "all", "same_data": False}, "cannot be told"),
        ({"others": 0}, "no other words in the data"),
        ({"others": 12}, "12 clips of other words only"),
        ({"synthetic": True}, "nothing about people"),
    ],
)
def test_each_is_said(changes, expected):
    assert expected in said(**changes)
    assert expected not in said()


def test_own_words_in_what_is_shipped():
    some = dataclasses.replace(SHIPPED, said=12.4)
    assert "12 s of the shipped speech say a word to spot" in limits.of_negatives(some)[1]
    no_speech = Negatives("c", (Source("speech", 0.0, 0, 0, {}), SHIPPED.sources[1]), 300.0)
    assert "false accepts on speech are not measured" in limits.of_negatives(no_speech)[0]
    nothing = Negatives("c", (Source("speech", 0.0, 0, 0, {}),), 300.0)
    assert len(limits.of_negatives(nothing)) == 1


def test_scope_of_takes(tmp_path):
    """One person, takes halved: the same person is in training."""
    root = tmp_path / "mine"
    for word, tone in {**tones.MODEL_WORDS, "other": (1200, 1200)}.items():
        (root / word).mkdir(parents=True)
        for take in range(12):
            (root / word / f"me_{take:02}.wav").write_bytes(b"")
        assert tone
    info = dataclasses.replace(spotting_model(1, units=(8,)).info, provenance={"data": {"name": "mine"}})
    data = DataConfig(words=info.words, split_by="take", validation_percent=30, testing_percent=30)
    heard = [c for c in clips.index(root, data) if c.split == "testing"]
    found = limits.scope(info, data, root, "testing", heard)
    others = sum(c.word == "other" for c in heard)
    assert found == Scope("testing", 1, 1, True, others, False, True)
    found = limits.scope(dataclasses.replace(info, provenance={}), data, root, "testing", heard)
    assert not found.same_data


def test_scope_of_a_stream(spoken):
    info = spotting_model(1, units=(8,)).info
    data = DataConfig(words=info.words)
    spec = specify(spoken, data, StreamSettings(minutes=1, split="all"))
    found = limits.scope_of_stream(info, data, spoken, spec)
    training = {c.speaker for c in clips.index(spoken, data) if c.split == "training"}
    assert found == Scope("all", 4, len(training), False, 4, False, False)
