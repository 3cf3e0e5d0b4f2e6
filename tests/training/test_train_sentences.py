"""Training with sentences, from recordings to a model's token errors: tones are the words, each tone a letter.

The words to spot are of the letters a (low) and e (high); o (between) is said in sentences alone.
"""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import soundfile
import tones

from kws import audio, runs
from kws.cli.main import main
from kws.config import DataConfig, Experiment
from kws.datasets import transcribed, transcripts
from kws.datasets.transcripts import Stretch
from kws.decisions import CtcLexiconConfig
from kws.errors import KwsError
from kws.model.file import Model
from kws.quantize.convert import convert
from kws.training import sources
from kws.training.side_by_side import what_is_heard
from kws.training.train import TrainOptions, prepare, train

tf = pytest.importorskip("tensorflow")

WORDS = {"a": (400, 400), "e": (2500, 2500), "ae": (400, 3000), "ea": (3000, 400)}
HERTZ = {"a": 400, "o": 1000, "e": 2500}
TONE, REST = 0.12, 0.06


def spoken(text: str, rng: np.random.Generator) -> np.ndarray:
    """A tone of each letter, float [samples]."""
    t = np.arange(round(TONE * tones.RATE)) / tones.RATE
    pitch, level = rng.uniform(0.9, 1.1), 10 ** rng.uniform(-1.2, -0.3)
    rest = np.zeros(round(REST * tones.RATE))
    parts = [
        np.r_[np.clip(np.minimum(t, TONE - t) * 50, 0, 1) * np.sin(2 * np.pi * pitch * HERTZ[c] * t), rest]
        for c in text.replace(" ", "")
    ]
    x = level * np.concatenate(parts)
    return x + 0.001 * rng.standard_normal(len(x))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tones.write(tmp_path_factory.mktemp("data") / "tones", 24, WORDS)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Sentences of two to four words in two recordings to train on and one to validate with, and what nobody wrote."""
    folder = tmp_path_factory.mktemp("others") / "speech"
    rng = np.random.default_rng(3)
    table = []
    for name, count in (("train/one.wav", 30), ("train/two.wav", 30), ("validation/three.wav", 12)):
        parts, at = [], 0.0
        for number in range(count):
            words = ["".join(rng.choice(list("aeo"), rng.integers(1, 3))) for _ in range(rng.integers(1, 4))]
            # The last is what nobody wrote down; it says no word to spot.
            said, words = (("?",), ["oo"]) if number == count - 1 else ((), words)
            x = spoken(" ".join(words), rng)
            end = at + len(x) / tones.RATE
            table.append(Stretch(name, at, end, " ".join(words), said))
            parts += [x, 0.001 * rng.standard_normal(tones.RATE // 2)]
            at = end + 0.5
        parts.append(0.001 * rng.standard_normal(tones.RATE))
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, np.concatenate(parts), tones.RATE, "PCM_16")
    transcripts.write(folder, table)
    return folder


def experiment(sentences: float, **training) -> Experiment:
    plain = tones.experiment()
    data = DataConfig(words=tuple(WORDS), tokens="characters", clip_ms=500, validation_percent=25, testing_percent=5)
    rows = {"loss": "ctc", "words_a_row": 3, "gap_ms": 200, "sentences": sentences, **training}
    return dataclasses.replace(
        plain,
        data=data,
        detector=CtcLexiconConfig(0.01),
        negatives=dataclasses.replace(plain.negatives, variants=1),
        training=dataclasses.replace(plain.training, **rows),
    )


@pytest.fixture(scope="module")
def frames(data, tmp_path_factory):
    """A run to start from: without one, CTC stays on its plateau."""
    run = tmp_path_factory.mktemp("frames") / "run"
    plain = tones.experiment(epochs=12)
    train(dataclasses.replace(plain, data=dataclasses.replace(plain.data, words=tuple(WORDS))), data, run)
    return run


def test_other_speech_is_negative_only_where_nobody_wrote_it_down(data, speech):
    options = ([data], TrainOptions(others=sources.roles.Folders(speech=(speech,))).others)
    plain, spelled = (sources.find(experiment(share), *options) for share in (0.0, 0.3))
    assert plain.sentences is None
    assert plain.settled(experiment(0.0)) == experiment(0.0)
    (before,), (after,) = (
        [n for n in found.negatives if (n.kind, n.split) == ("speech", "training")] for found in (plain, spelled)
    )
    # Sentences without a word to spot are negatives, unless they are spelled.
    assert all(0 < len(r.said) < 29 for r in before.recordings)
    assert [len(set(r.said)) for r in after.recordings] == [29, 29]
    # In babble, and in validation, speech is speech.
    assert spelled.clips["training"].speech == plain.clips["training"].speech
    validation = [[n for n in found.negatives if n.split == "validation"] for found in (plain, spelled)]
    assert [r.recordings for r in validation[0]] == [r.recordings for r in validation[1]]
    said = sources.provenance([data], spelled, options[1])
    assert said["sentences"]["count"] == len(spelled.sentences.chosen) > 40
    assert said["sentences"]["left_out"]["not transcribed"] == 2
    assert said["others"] == {"speech": ["speech"]}
    assert said["fingerprint"] != sources.provenance([data], plain, options[1])["fingerprint"]
    without = dataclasses.replace(experiment(0.3), negatives=dataclasses.replace(experiment(0.3).negatives, share=0))
    found = sources.find(without, *options)
    assert found.negatives == []
    assert found.sentences == spelled.sentences


def test_no_sentences_without_a_folder_of_them(data):
    with pytest.raises(KwsError, match=r"training\.sentences learns from transcribed sentences, and no folder"):
        sources.find(experiment(0.3), [data])


def test_sentences_that_come_with_kws_count(data):
    settings = experiment(0.3, words_a_row=6)
    settings = dataclasses.replace(settings, negatives=dataclasses.replace(settings.negatives, pack=True))
    found = sources.find(settings, [data])
    assert len(found.sentences.chosen) > 400
    assert all(s.stretch.recording.path.parent.name == "negatives" for s in found.sentences.chosen)
    assert not [n for n in found.negatives if n.kind == "speech"]


def test_a_sweep_makes_sentences_anew_for_other_rows():
    """Its points share what they hear, and which sentences fit depends on settings of the training."""
    heard = [what_is_heard(experiment(share, words_a_row=rows)) for share in (0.0, 0.3) for rows in (3, 4)]
    assert heard[0] == heard[1] == what_is_heard(experiment(0.0, learning_rate=0.5))
    assert len(set(heard)) == 3
    assert heard[2] == what_is_heard(experiment(0.3, learning_rate=0.5))


@pytest.mark.slow
def test_a_resumed_training_is_an_uninterrupted_one(data, speech, frames, tmp_path):
    options = TrainOptions(start=frames, cache=tmp_path / "cache", others=sources.roles.Folders(speech=(speech,)))
    prepare(experiment(0.4), [data], options)
    names = {path.name for path in options.cache.iterdir()}
    whole = train(experiment(0.4, epochs=3), data, tmp_path / "whole", options=options)
    assert {path.name for path in options.cache.iterdir()} == names, "all was prepared"

    def stop(epoch, is_best):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(experiment(0.4, epochs=3), data, tmp_path / "parts", report=stop, options=options)
    # The run's own configuration, too, whose alphabet is written down.
    written = runs.load_config(tmp_path / "parts")
    assert written.data.alphabet == ("a", "e", "o")
    assert train(written, data, tmp_path / "parts", options=options) == whole
    a, b = (np.load(tmp_path / run / runs.WEIGHTS) for run in ("whole", "parts"))
    assert all(np.array_equal(a[name], b[name]) for name in a.files)
    with pytest.raises(KwsError, match=r"other settings \(training\.sentences is 0\.4 there and 0\.2 now\)"):
        train(experiment(0.2, epochs=3), data, tmp_path / "parts", options=options)


@pytest.mark.slow
def test_a_letter_of_sentences_alone_is_learned_and_words_are_still_heard(data, speech, frames, tmp_path, capsys):
    options = TrainOptions(start=frames, others=sources.roles.Folders(speech=(speech,)))
    training = {"epochs": 60, "patience": 60, "batch_size": 8, "learning_rate": 0.03, "words_a_row": 1}
    plain = experiment(0.5, **training)
    # Half a second more, as no sentence fits a clip of one word; and nothing that hides a tone.
    settings = dataclasses.replace(
        plain,
        data=dataclasses.replace(plain.data, clip_ms=1000),
        augment=dataclasses.replace(plain.augment, variants=2, noise_probability=0.2, time_masks=0, band_masks=0),
        negatives=dataclasses.replace(plain.negatives, share=0),
    )
    history = train(settings, data, tmp_path / "run", options=options)
    assert history.best.validation_accuracy > 0.45  # chance is 1/6
    peaks = {True: [], False: []}
    network, named = runs.load_network(tmp_path / "run"), runs.load_config(tmp_path / "run").data.symbols
    for s in transcribed.stretches(speech, settings.data, "validation")[0]:
        pcm = np.r_[audio.read(s.recording.path)[s.start : s.end], np.zeros(tones.RATE // 4, np.int16)]
        posteriors = network.run(settings.frontend.twin(1).process(pcm[None]))[0]
        peaks["o" in "".join(s.words)].append(posteriors[:, named.index("o")].max())
    assert min(peaks[True]) > 3 * max(peaks[False])
    model = convert(tmp_path / "run").model
    assert model.info.labels == ("_silence_", "_unknown_", "a", "e", "o")
    assert model.info.spoken == tuple(WORDS)
    assert model.info.provenance["settings"]["data"]["tokens"] == "characters"
    assert "alphabet" not in model.info.provenance["settings"]["data"]
    assert set(model.info.provenance["data"]["sentences"]) == {"count", "hours"}
    assert Model.load(tmp_path / "run").info.decision.words == ("a a", "e e", "ae a e", "ea e a")
    path = str(tmp_path / "run")
    options = ["--data", str(data), "--speech", str(speech), "--sequences", "2", "--engine", "numpy", "--json", "-"]
    assert main(["evaluate", path, *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["accuracy"] > 0.45
    found = told["sentences"]
    assert (found["sentences"], found["recordings"]) == (11, 1)
    assert found["left_out"] == {"not transcribed": 1}
    assert found["token_error_rate"] < 0.8
    assert found["interval"][0] <= found["token_error_rate"] <= found["interval"][1]
    assert found["deletions"] + found["substitutions"] < 0.8 * found["tokens"]
    assert len(told["sequences"]) == 6
