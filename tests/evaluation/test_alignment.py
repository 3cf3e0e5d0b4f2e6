"""Token passing against the sum over all alignments, and the picture of the collapse."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from kws.evaluation import collapse, plots
from kws.evaluation.alignment import score

LABELS = ("_silence_", "_unknown_", "yes", "no")


def likelihoods(p, words):
    """Summed and greatest probability of the rows of symbols that collapse to the words; labels 0 and 1 are blank."""
    merged = np.concatenate([p[:, :2].sum(axis=1, keepdims=True), p[:, 2:]], axis=1)
    each = [
        math.prod(merged[t, s] for t, s in enumerate(row))
        for row in itertools.product(range(merged.shape[1]), repeat=len(p))
        if tuple(s + 1 for s, _ in itertools.groupby(row) if s) == words
    ]
    return sum(each), max(each)


@pytest.mark.parametrize("words", [(), (2,), (2, 3), (2, 2), (3, 2, 3)])
def test_it_is_the_sum_over_all_alignments(words):
    p = np.random.default_rng(6).dirichlet(np.ones(4), 7)
    rows = (np.minimum(np.round(256 * p), 255) - 128).astype(np.int8)
    found = score(rows, words, 2)
    total, best = likelihoods(np.maximum(rows.astype(int) + 128, 0.5) / 256, words)
    # Each frame's log is rounded to 1/16 nat, and so is each of up to three sums.
    assert found.likelihood == pytest.approx(math.log(total), abs=0.5)
    assert found.best == pytest.approx(math.log(best), abs=7 / 32)
    assert found.best <= found.likelihood
    assert len(found.frames) == len(words)


def test_when_words_begin():
    symbols = [0, 0, 2, 2, 0, 3, 3, 0]
    rows = (np.eye(4)[symbols] * 240 - 128).astype(np.int8)
    assert score(rows, (2, 3), 2).frames == (2, 5)
    assert score(rows, (3, 2), 2).likelihood < score(rows, (2, 3), 2).likelihood - 5
    assert score(rows[:3], (2, 2), 2) is not None
    assert score(rows[:2], (2, 2), 2) is None


def test_the_collapse_of_frames():
    posteriors = np.eye(4)[[0, 2, 2, 0, 2, 3, 1]] * 0.9
    posteriors[3] = 0.25
    found = collapse.runs(posteriors.tolist(), 0.5)
    assert [(r.label, r.first, r.last) for r in found] == [
        (0, 0, 0),
        (2, 1, 2),
        (-1, 3, 3),
        (2, 4, 4),
        (3, 5, 5),
        (1, 6, 6),
    ]


def test_the_picture_names_the_words_that_are_left(tmp_path):
    posteriors = (np.eye(4)[[0] * 5 + [2] * 4 + [0] * 3 + [3] * 2 + [0] * 6] * 0.9).tolist()
    entry = {
        "seconds_per_frame": 0.02,
        "features": np.zeros((20, 40)).tolist(),
        "posteriors": posteriors,
        "least": 0.3,
        "said": [{"name": "yes", "label": "yes", "start": 0.05, "end": 0.2}],
    }
    with plots.page_style():
        figure = plots.figure(8.4, 5.6)
        collapse.draw(figure, entry, LABELS)
        spectrogram, curves, lines = figure.axes
    assert [t.get_text().strip() for t in lines.texts] == ["yes", "no"]
    assert [t.get_text() for t in lines.get_yticklabels()] == ["each frame", "repeats collapsed", "blanks dropped"]
    assert lines.texts[0].get_position()[0] == pytest.approx(0.18)
    assert "each frame" in plots.inline_svg(figure, "a transcription")
    assert spectrogram.get_xlim() == curves.get_xlim() == lines.get_xlim()
