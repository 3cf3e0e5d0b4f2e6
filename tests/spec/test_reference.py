"""docs/SPEC.md, implemented anew from its text alone (reference.py), against the NumPy harness.

A difference is a mistake in the document or in the code. The reference also asserts, at every
step, the widths that the document promises.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import reference as spec
from random_models import bare_model, spotting_model

from kws.config import DetectorConfig, LogMelConfig
from kws.decisions import GrammarConfig, Phrase, read
from kws.engines.numpy_engine import NumpyEngine
from kws.fixedpoint import activation, arithmetic
from kws.fixedpoint.decisions.detector import Detector, detect, moving_sums
from kws.fixedpoint.frontends import log_mel as frontend
from kws.fixedpoint.sigmoid_table import SIGMOID_TABLE
from kws.model.file import Model, ModelInfo, with_gate
from kws.tflite import parse
from kws.voice_gate import VoiceGateConfig

SHORT = LogMelConfig(window_ms=16, hop_ms=10, n_fft=256, bands=20, low_hz=100, high_hz=7000)
LONG = LogMelConfig(window_ms=64, hop_ms=32, n_fft=1024, bands=64, low_hz=20, high_hz=8000)
FEW_BANDS = LogMelConfig(window_ms=20, hop_ms=12.5, n_fft=1024, bands=4, low_hz=0, high_hz=8000)
ROWS = LogMelConfig(rows=3, bands=24)
CONFIGS = {"default": LogMelConfig(), "short": SHORT, "long": LONG, "few bands": FEW_BANDS}

MODELS = {
    "default": {"units": (8,), "detector": DetectorConfig(2, 0.3, 0)},
    "word thresholds": {"seed": 6, "units": (8,), "detector": DetectorConfig(2, 0.3, 0, (0.6, 0.2, 0.35, 0.05))},
    "phrases": {
        "units": (8,),
        "detector": GrammarConfig(2, 0.3, 0, (), (Phrase(("yes", "no"), 40), Phrase(("no", "yes"), 9, "back")), True),
    },
    "stacked": {"seed": 3, "units": (10, 6), "cell_power": -14},
    "short": {"seed": 4, "units": (6,), "frontend": SHORT, "cell_clip": 0.5},
    "long": {"seed": 5, "units": (6,), "frontend": LONG, "detector": DetectorConfig(64, 0.05, 3)},
    "rows": {"seed": 7, "units": (6,), "frontend": ROWS, "detector": DetectorConfig(2, 0.2, 0)},
    "gate": {
        "units": (8,),
        "detector": DetectorConfig(2, 0.3, 0),
        "gate": VoiceGateConfig(True, margin=2.3, threshold=0.7, rise=29, hold_ms=60, history_ms=40, settle_ms=100),
    },
}


def streams(window: int, hop: int, frames: int) -> dict[str, np.ndarray]:
    samples = window + hop * (frames - 1)
    n = np.arange(samples)
    rng = np.random.default_rng(samples)
    return {
        "noise": rng.integers(-32768, 32768, samples),
        "quiet noise": rng.normal(0, 3, samples).round().astype(int),
        "least significant bit": n // 8 % 2,
        "minus one": np.where(n % 50 == 0, -1, 0),
        "full-scale square wave": np.where(n // 16 % 2 == 0, 32767, -32768),
        "lowest value": np.full(samples, -32768),
        "alternating": np.where(n % 2 == 0, -32768, 32767),
        "silence": np.zeros(samples, int),
        "tone": (9000 * np.sin(2 * np.pi * 440 / 16000 * n)).round().astype(int),
    }


@pytest.mark.parametrize("name", MODELS)
def test_pipeline(name):
    options = {"seed": 1, **MODELS[name]}
    gate = options.pop("gate", VoiceGateConfig())
    model = spotting_model(**options)
    model = Model.from_bytes(with_gate(model, gate), name)
    f = model.info.frontend
    pcm = np.concatenate(list(streams(f.window, f.hop, 3).values())).astype(np.int16)
    expected = NumpyEngine(model).process(pcm)
    spotter = spec.Spotter(parse(model.content))
    features, outputs, detections = spotter.process(pcm.tolist())
    assert len(features) == len(expected.posteriors) > 20
    assert features == expected.features.tolist()
    for index, values in expected.layers.items():
        assert [row[index] for row in outputs] == values.tolist(), f"layer {index}"
    for (index, state), values in expected.states.items():
        assert spotter.network.layers[index].seen[state] == values.tolist(), f"{state} of layer {index}"
    assert spotter.posteriors == expected.posteriors.tolist()
    assert (len(outputs) < len(features)) == model.info.gate.on
    assert detections == [(d.frame, d.label, d.score) for d in expected.detections]
    assert detections, "the random model must detect something"


@pytest.mark.parametrize("name", CONFIGS)
def test_frontend(name):
    config = CONFIGS[name]
    model = spotting_model(2, units=(1,), frontend=config)
    engine = NumpyEngine(model)
    ours = spec.Frontend(vars(config))
    tables = config.tables()
    assert ours.window == tables.window.tolist()
    assert [list(pair) for pair in zip(ours.cos, ours.sin, strict=True)] == tables.twiddles.tolist()
    assert [ours.place(int(n)) for n in tables.order] == list(range(ours.points))
    assert [k for k, _, _ in ours.bins] == list(range(tables.first_bin, int(tables.segment_ends[-1])))
    assert [weight for _, _, weight in ours.bins] == tables.weights.tolist()
    assert ours.offset == tables.log_offset
    for source, pcm in streams(config.window, config.hop, 1).items():
        engine.reset()
        expected = engine.process(pcm.astype(np.int16)).features[0].tolist()
        assert ours.frame(pcm.tolist()) == expected, source
        energies, shift = frontend.mel_energy(pcm[None].astype(np.int16), tables)
        assert ours.energies(pcm.tolist()) == (energies[0].tolist(), int(shift[0])), source


# The tables of a window of 4m + 2 samples have two ties; the document says that they round up.
def test_window_ties():
    tables = LogMelConfig(window_ms=30.125).tables()
    assert (tables.window[120], tables.window[361]) == (16384, 16384)
    assert tables.window.tolist() == spec.Frontend(vars(LogMelConfig(window_ms=30.125))).window


BARE = {
    "last step": {"steps": 4, "head": "last", "cell_power": -9},
    "flatten, per channel": {"steps": 3, "head": "flatten", "per_channel": True},
    "per tensor, no bias": {"head": "dense_softmax", "per_channel": False, "bias": False},
    "logistic": {"steps": 3, "head": "logistic"},
    "frame dense, relu": {"steps": 3, "head": "frame_dense", "activation": 1},
    "relu -1 to 1": {"activation": 2, "time_major": True, "steps": 2, "head": "logistic"},
    "relu 6": {"activation": 3},
    "saturated": {"weights": "saturated", "cell_power": -16},
    "coarse cell": {"cell_power": 0, "cell_clip": 0.0},
    "fine cell": {"cell_power": -24, "cell_clip": 0.0},
}


@pytest.mark.parametrize("name", BARE)
def test_network(name):
    model = bare_model(7, **{"inputs": 9, "units": (7,), "outputs": 5, **BARE[name]})
    rng = np.random.default_rng(8)
    x = rng.integers(-128, 128, (12, model.network.input_size)).astype(np.int8)
    x[3:5], x[5:7] = -128, 127
    expected = NumpyEngine(model).run_network(x)
    network = spec.Network(parse(model.content))
    outputs = [network.call(row.tolist()) for row in x]
    for index, values in expected.layers.items():
        assert [row[index] for row in outputs] == values.tolist(), f"layer {index}"
    for state in ("hidden", "cell"):
        assert network.layers[0].seen[state] == expected.states[0, state].tolist()
    assert np.std(expected.posteriors) > 0
    network.reset()
    assert network.call(x[0].tolist()) == outputs[0]


def test_activations_everywhere():
    every = np.arange(-32768, 32768)
    assert [spec.sigmoid(int(x)) for x in every] == activation.sigmoid(every).tolist()
    some = [int(x) for x in every[::7]] + [-32768, 32767, -1, 0, 1]
    for power in (-24, -16, -13, -12, -11, 0):
        assert [spec.tanh(x, power) for x in some] == activation.tanh(np.array(some), power).tolist()
    rng = np.random.default_rng(1)
    a = [0, -1, -(2**31), 1 - 2**31, *(int(v) for v in -(2.0 ** rng.uniform(0, 31, 2000)))]
    for bits in (4, 5):
        assert [spec.exp(v, bits) for v in a] == activation.exp(np.array(a), bits).tolist()
    assert [spec.logistic_q31(v, 4) for v in a[:2] + a[3:]] == activation.logistic_q31(
        np.array(a[:2] + a[3:]), 4
    ).tolist()
    b = [0, 1, 2**31 - 1, *(int(v) for v in rng.integers(0, 2**31, 2000))]
    assert [spec.recip(v) for v in b] == activation.recip(np.array(b)).tolist()


def test_logarithm_everywhere():
    rng = np.random.default_rng(4)
    around = [2**n + d for n in range(1, 56) for d in (-1, 0, 1)]
    energies = around + [int(v) for v in 2.0 ** rng.uniform(0, 55, 2000)]
    tables = LogMelConfig().tables()
    assert [spec.log2(e) for e in energies] == frontend.log2_fixed(np.array(energies), tables).tolist()


def test_factors():
    rng = np.random.default_rng(2)
    reals = [0.0, 2.0**-33, 2.0**-32, 2.0**29, 2.0**30, 2.0**31, np.nextafter(1, 0), *2.0 ** rng.uniform(-34, 33, 500)]
    for real in reals:
        made = arithmetic.Factor.of(float(real))
        assert spec.factor(float(real)) == (made.value, made.shift)
        x = int(rng.integers(-(2**31), 2**31))
        assert spec.multiply(x, (made.value, made.shift)) == int(arithmetic.multiply(np.array(x), made))


def test_softmax_and_logistic_over_every_scale():
    """From flat to one-hot, with the greatest row that the document allows."""
    from kws.fixedpoint.layers.logistic import Logistic
    from kws.fixedpoint.layers.softmax import Softmax

    rng = np.random.default_rng(3)
    for power in range(-25, 8, 2):
        scale = float(np.float32(1.37 * 2.0**power))
        row = rng.integers(-128, 128, 12)
        layer = spec.SoftmaxLayer.__new__(spec.SoftmaxLayer)
        layer.value, layer.shift = spec.factor(min(scale * 2.0**26, 2.0**31 - 1))
        layer.difference_min = -(31 * 2**26 >> layer.shift)
        assert layer._row(row.tolist()) == Softmax.of(scale, 1.0).run([row.astype(np.int8)], []).tolist()
        if power < 2:
            x = np.arange(-128, 128)
            dot = spec.LogisticLayer.__new__(spec.LogisticLayer)
            dot.zero, dot.factor = -7, spec.factor(scale * 2.0**27)
            dot.radius = 15 * 2**27 >> dot.factor[1]
            assert dot.run(x.tolist()) == Logistic.of(scale, -7).run([x.astype(np.int8)], []).tolist()
    layer.value, layer.shift = spec.factor(0.01 * 2.0**26)
    layer.difference_min = -(31 * 2**26 >> layer.shift)
    assert layer._row([5] * 511) == Softmax.of(0.01, 1.0).run([np.full(511, 5, np.int8)], []).tolist()


@pytest.mark.parametrize("seed", range(60))
def test_detector(seed):
    rng = np.random.default_rng(seed)
    levels = [1e-9, 0.1, 0.3, 0.5, 0.7, 1.0]
    words = ("yes", "no", "up")
    settings = {
        "average_frames": int(rng.choice([1, 2, 5, 64])),
        "threshold": float(rng.choice(levels)),
        "cooldown_frames": int(rng.choice([0, 1, 4, 30])),
        "word_thresholds": tuple(rng.choice(levels, 3).tolist()) if rng.random() < 0.7 else (),
    }
    labels = (*("_silence_", "_unknown_")[: int(rng.integers(3))], *words)
    ours = spec.Detector(settings, list(labels))
    p = ModelInfo(labels, LogMelConfig(), DetectorConfig(**settings)).detector_parameters()
    assert tuple(ours.thresholds.values()) == p.threshold_sums
    assert (ours.first_word, ours.labels) == (p.first_word, p.labels)
    values = [-128, -100, 0, 60, 127]
    rows = rng.choice(values, (200, len(labels))).repeat(int(rng.integers(1, 9)), axis=0).astype(np.int8)
    found = [(t, *hit) for t, row in enumerate(rows.tolist()) if (hit := ours.step(row))]
    theirs = Detector(p)
    cuts = np.sort(rng.integers(0, len(rows), int(rng.integers(8))))
    expected = [d for part in np.split(rows, cuts) for d in theirs.process(part)]
    assert found == [(d.frame, d.label, d.score) for d in expected]
    assert detect(moving_sums(rows, p.average_frames, p.first_word), p) == expected


@pytest.mark.parametrize("seed", range(40))
def test_grammar(seed):
    rng = np.random.default_rng(seed)
    labels = ["_unknown_", "yes", "no", "up"]
    levels = [0.1, 0.3, 0.5, 0.7]
    average = int(rng.choice([1, 3, 8]))
    words = {
        "average_frames": average,
        "threshold": 0.4,
        "cooldown_frames": int(rng.choice([0, 5])),
        "word_thresholds": [],
    }
    phrases = []
    for i in range(int(rng.integers(4))):
        said = rng.choice(labels[1:], int(rng.integers(2, 4))).tolist()
        given = rng.choice(levels, len(said)).tolist() if rng.random() < 0.6 else []
        phrases.append(
            {"words": said, "within_frames": int(rng.choice([1, 6, 30])), "name": f"p{i}", "thresholds": given}
        )
    wake = str(rng.choice(["", *labels[1:], *(p["name"] for p in phrases)])) if rng.random() < 0.7 else ""
    window = int(rng.choice([9, 50])) if wake or not phrases or rng.random() < 0.2 else 0
    more = {"report_words": bool(rng.random() < 0.7), "wake": wake, "window_frames": window}
    settings = {**words, "phrases": phrases, **more}
    ours = spec.Grammar(settings, labels)
    theirs = read({**settings, "kind": "grammar"}).twin(labels)
    values = [-128, -100, 0, 60, 127]
    rows = rng.choice(values, (200, len(labels))).repeat(int(rng.integers(1, 9)), axis=0).astype(np.int8)
    cuts = np.sort(rng.integers(0, len(rows), int(rng.integers(8))))
    found, expected, frame = [], [], 0
    for part in np.split(rows, cuts):
        if window and rng.random() < 0.5:
            ours.open = 20
            theirs.open(20)
        found += [(frame + t, *hit) for t, row in enumerate(part.tolist()) if (hit := ours.step(row))]
        expected += theirs.process(part)
        frame += len(part)
    assert found == [(d.frame, d.label, d.score) for d in expected]


def test_the_tables_in_the_document_are_the_codes():
    assert tuple(spec.SIGMOID) == SIGMOID_TABLE
    assert LogMelConfig().tables().log_table.tolist() == spec.LOG2
