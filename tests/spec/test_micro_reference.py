"""The microfrontend in NumPy against the implementation that is written from docs/SPEC.md alone."""

from __future__ import annotations

import micro_reference as spec
import numpy as np

from kws.fixedpoint.frontends import microfrontend
from kws.frontends import MicroFrontendConfig
from kws.verify.inputs import corner_signals, random_signal


def test_tables():
    tables, ours = microfrontend.make_tables(), spec.MicroFrontend()
    assert ours.window == tables.window.tolist()
    assert [list(pair) for pair in ours.twiddles] == tables.twiddles.tolist()
    assert [list(pair) for pair in ours.split[1:]] == tables.split_twiddles.tolist()
    assert [k for k, _, _ in ours.bins] == list(range(tables.first_bin, int(tables.segment_ends[-1])))
    ends = [max(k for k, s, _ in ours.bins if s == segment) + 1 for segment in range(41)]
    assert ends == tables.segment_ends.tolist()
    assert [falling for _, _, falling in ours.bins] == tables.falling.tolist()
    assert tables.log_table.tolist() == spec.D


def test_frames():
    rng = np.random.default_rng(4)
    signals = [*corner_signals(1600), *(random_signal(rng, 1600) for _ in range(8))]
    for name, pcm in signals:
        expected = MicroFrontendConfig().twin().process(pcm[None])[0]
        ours = spec.MicroFrontend()
        found = [ours.frame(pcm[160 * t : 160 * t + 480].tolist()) for t in range(len(expected))]
        assert found == expected.tolist(), name


def test_rows():
    _, pcm = random_signal(np.random.default_rng(6), 1700)
    expected = MicroFrontendConfig(rows=3).twin().process(pcm[None])[0]
    ours = spec.MicroFrontend()
    windows = [ours.frame(pcm[160 * t : 160 * t + 480].tolist()) for t in range(3 * len(expected))]
    assert len(expected) == 2
    assert [value for window in windows for value in window] == expected.reshape(-1).tolist()


def test_gain_everywhere():
    rng = np.random.default_rng(5)
    powers = 2 ** np.arange(32)
    estimates = np.concatenate([np.arange(70), powers, powers - 1, (2 ** rng.uniform(0, 32, 2000)).astype(np.int64)])
    found = microfrontend.gain_of(estimates, microfrontend.make_tables())
    assert found.tolist() == [spec.gain(int(e)) for e in estimates]
