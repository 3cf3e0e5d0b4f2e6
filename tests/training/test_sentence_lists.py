"""Transcribed sentences of other speech: which are learned from, how they are spelled, where they are in a row."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws import config, runs
from kws.config import AugmentConfig, DataConfig, Experiment, TrainingConfig
from kws.datasets import roles, transcribed, transcripts
from kws.datasets.transcripts import Stretch
from kws.errors import KwsError
from kws.fixedpoint.frontends.base import SAMPLE_RATE
from kws.network import TeacherConfig
from kws.training import sentence_features, sentences
from kws.training.sentence_features import Recipe

LONG = 20
"""Seconds of a recording."""


def experiment(words=("yes", "no"), tokens="characters", **training) -> Experiment:
    settings = {"loss": "ctc", "sentences": 0.5, "words_a_row": 4, "gap_ms": 300, **training}
    return Experiment(
        data=DataConfig(words=words, tokens=tokens),
        augment=AugmentConfig(variants=3, time_masks=0, band_masks=0),
        training=TrainingConfig(**settings),
    )


def stretch(file, start, end, text, commands=(), voice="") -> Stretch:
    return Stretch(file, start, end, text, commands, voice)


def write(folder: Path, table: list[Stretch], seconds: float = LONG) -> Path:
    """A folder of noise with a table of what is said in it."""
    for name in {s.file for s in table}:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        seed = sum(map(ord, name))
        x = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
        soundfile.write(folder / name, x, SAMPLE_RATE, "PCM_16")
    transcripts.write(folder, table)
    return folder


@pytest.fixture
def folder(tmp_path):
    """All there is: what is learned from, and each reason why something is not."""
    return write(
        tmp_path / "speech",
        [
            stretch("train/a.wav", 0, 2, "Say “yes”, they're fine!", ("yes",)),
            stretch("train/a.wav", 2.2, 4, "?"),
            stretch("train/a.wav", 4, 6, "whoever", ("?",)),
            stretch("train/a.wav", 6, 8, "  "),
            stretch("train/a.wav", 8, 9, "press 1 twice"),
            stretch("train/a.wav", 9, 10, "café"),
            stretch("train/a.wav", 10, 18, "much too long for it"),
            stretch("train/a.wav", 18, 18.2, "a book of twenty-three letters"),
            stretch("train/b.wav", 0, 2, "den Hund hat das nicht gestört"),
            stretch("train/b.wav", 2, 4, "ein hund und eine katze"),
            stretch("train/c.wav", 0, 2, "so on", voice="af_sky"),
            stretch("validation/d.wav", 0, 2, "never learned"),
            stretch("validation/e.wav", 0, 2, "spoken by a voice", voice="af_sky"),
        ],
    )


def test_which_stretches_are_learned_from(folder):
    found, left_out = transcribed.stretches(folder, DataConfig(words=("yes", "no")))
    said = [(s.recording.name, s.start, s.end, " ".join(s.words)) for s in found]
    assert said == [
        ("train/a.wav", 0, 2 * SAMPLE_RATE, "say yes they're fine"),
        ("train/a.wav", 10 * SAMPLE_RATE, 18 * SAMPLE_RATE, "much too long for it"),
        ("train/a.wav", 18 * SAMPLE_RATE, round(18.2 * SAMPLE_RATE), "a book of twenty three letters"),
        ("train/c.wav", 0, 2 * SAMPLE_RATE, "so on"),
        # Synthetic speech is for training, wherever it lies.
        ("validation/e.wav", 0, 2 * SAMPLE_RATE, "spoken by a voice"),
    ]
    assert left_out == {
        transcribed.NOT_TRANSCRIBED: 2,
        transcribed.NOTHING_SAID: 1,
        transcribed.UNSPELLED: 2,
        transcribed.FOREIGN: 2,
    }


def test_words_said_one_by_one_are_no_other_language(tmp_path):
    names = ["die", "den", "van", "me", "on", "nest", "pulse", "pour", "rot", "gift", "hut"]
    table = [stretch("train/a.wav", t, t + 1, word) for t, word in enumerate(names)]
    found, _ = transcribed.stretches(write(tmp_path / "words", table), DataConfig())
    assert len(found) == len(names)


def test_a_folder_without_a_table_has_no_sentences(tmp_path):
    folder = write(tmp_path / "speech", [stretch("train/a.wav", 0, 1, "so")])
    (folder / transcripts.NAME).unlink()
    assert transcribed.stretches(folder, DataConfig()) == ([], {})
    with pytest.raises(KwsError, match=r"no folder of other speech has a transcripts\.tsv"):
        sentences.find(experiment(), [folder])


def test_texts_of_mined_cuts_are_of_more_than_the_cuts(folder):
    (folder.parent / "mined.tsv").write_text("")
    found, left_out = transcribed.stretches(folder, DataConfig())
    assert found == []
    assert left_out == {transcribed.CUT_OUT: 12}


def test_sentences_are_spelled_and_those_that_fit_no_row_left_out(folder):
    settings = experiment()
    found = sentences.find(settings, [folder])
    # As of the words: no token between words, and no apostrophe where no word to spot has one.
    assert ["".join(s.tokens) for s in found.chosen] == ["sayyestheyrefine", "soon", "spokenbyavoice"]
    assert found.left_out == {
        transcribed.NOT_TRANSCRIBED: 2,
        transcribed.NOTHING_SAID: 1,
        transcribed.UNSPELLED: 2,
        transcribed.FOREIGN: 2,
        sentences.TOO_LONG: 1,
        sentences.TOO_DENSE: 1,
    }
    assert found.alphabet == tuple("abcefhiknoprstvy")
    assert found.hours == pytest.approx(6 / 3600)
    settled = found.settled(settings)
    assert settled.outputs == ("_silence_", "_unknown_", *found.alphabet)
    assert sentences.find(settled, [folder]).chosen == found.chosen
    with pytest.raises(KwsError, match=r"no sentence to learn from: .*4 longer than a row.*a row is 1\.0 s long"):
        sentences.find(experiment(words_a_row=1), [folder])


def test_a_given_alphabet_is_kept(folder):
    plain = experiment()
    data = dataclasses.replace(plain.data, alphabet=tuple("fhrait"))
    found = sentences.find(dataclasses.replace(plain, data=data), [folder])
    # Letters of the words to spot need not be said twice: y, e, s, n, o.
    assert ["".join(s.tokens) for s in found.chosen] == ["sayyestheyrefine", "soon"]
    assert found.left_out[sentences.NOT_IN_ALPHABET] == 1
    assert found.alphabet == tuple("aefhinorsty")


def test_words_to_spot_are_spelled_as_the_configuration_has_them(folder):
    plain = experiment(words=("yes", "don't"))
    assert "".join(sentences.find(plain, [folder]).chosen[0].tokens) == "sayyesthey'refine"
    data = DataConfig(words=("yes", "no"), tokens="characters", spellings=("yes y E s", "no n o"))
    found = sentences.find(dataclasses.replace(plain, data=data), [folder])
    assert "".join(found.chosen[0].tokens) == "sayyEstheyrefine"


def test_phones_are_those_of_espeak_ng(folder):
    pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed")
    found = sentences.find(experiment(tokens="phones"), [folder])
    assert found.chosen[1].tokens == ("s", "oU", "O2", "n")
    assert {"j", "E", "s"} < set(found.alphabet)
    data = DataConfig(words=("yes", "no"), tokens="phones", spellings=("yes Y EH s", "no n oU"))
    with pytest.raises(KwsError, match=r"the words to spot by others \(EH Y\)"):
        sentences.find(dataclasses.replace(experiment(), data=data), [folder])


def test_fewest_frames():
    assert sentences.fewest_frames("") == 0
    assert sentences.fewest_frames("stop") == 4
    assert sentences.fewest_frames("look") == 5
    assert sentences.fewest_frames("aaa") == 5


def test_what_is_spelled_is_no_negative(folder):
    settings = experiment()
    found = sentences.find(settings, [folder])
    before = roles.speech(folder, settings.data)
    after = {r.name: r for r in found.without(before)}
    usable = {name: roles.usable(r, LONG * SAMPLE_RATE) for name, r in after.items()}
    seconds = {name: [(a / SAMPLE_RATE, b / SAMPLE_RATE) for a, b in parts] for name, parts in usable.items()}
    assert seconds["train/a.wav"] == [(2, 10), (18.2, LONG)]
    assert seconds["train/b.wav"] == [(0, LONG)]
    assert seconds["validation/d.wav"] == [(0, LONG)]
    table = transcripts.read(folder)
    whole = [dataclasses.replace(s, end=LONG) if s.file == "train/c.wav" else s for s in table]
    transcripts.write(folder, whole)
    left = sentences.find(settings, [folder]).without(before)
    assert "train/c.wav" not in {r.name for r in left}, "nothing is left of it"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tokens": "words"}, r"training\.sentences needs data\.tokens that spell words"),
        ({"sentences": 1.0}, r"training\.sentences must be in \[0, 1\), not 1\.0"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed, said):
    with pytest.raises(KwsError, match=said):
        experiment(**changed)


def test_a_network_of_whole_clips_is_refused():
    with pytest.raises(KwsError, match="a network that hears streams"):
        dataclasses.replace(experiment(), network=TeacherConfig())


@pytest.mark.parametrize(
    ("alphabet", "said"),
    [
        (("a", "_b"), "which are no tokens"),
        (("a b",), "which are no tokens"),
        (("",), "which are no tokens"),
        (("a", "b", "a"), "names a token twice"),
    ],
)
def test_an_alphabet_of_no_tokens_is_refused(alphabet, said):
    with pytest.raises(KwsError, match=rf"data\.alphabet.*{said}"):
        DataConfig(tokens="characters", alphabet=alphabet)
    with pytest.raises(KwsError, match=r"data\.alphabet needs data\.tokens"):
        DataConfig(alphabet=("a",))


def test_the_alphabet_is_written_with_the_run(folder, tmp_path):
    settled = sentences.find(experiment(), [folder]).settled(experiment())
    runs.write_config(settled, tmp_path)
    assert runs.load_config(tmp_path) == settled
    assert config.from_dict(Experiment, settled.as_dict()) == settled


def recipe(folder, **changed) -> Recipe:
    settings = experiment()
    found = sentences.find(settings, [folder])
    return Recipe(settings, tuple(s.stretch for s in found.chosen), **changed)


def test_features_are_of_the_stretches_and_do_not_depend_on_the_number_of_processes(folder, tmp_path, monkeypatch):
    made = recipe(folder)
    many = sentence_features.features(made, tmp_path / "many")
    assert isinstance(many.features, np.memmap)
    assert many.lengths.shape == (3, 3)
    frontend = made.experiment.frontend
    for place, s in enumerate(made.stretches):
        pcm, _ = soundfile.read(s.recording.path, dtype="int16")
        wanted = frontend.twin(1).process(pcm[None, s.start : s.end])[0]
        np.testing.assert_array_equal(many.of(place, 0), wanted)
        assert len(set(map(len, (many.of(place, v) for v in range(3))))) > 1, "some are slower"
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    told = []
    one = sentence_features.features(made, tmp_path / "one", lambda *p: told.append(p))
    assert told[-1] == (3, 3)
    np.testing.assert_array_equal(many.features, one.features)
    (path,) = (tmp_path / "one").glob("*.int8")
    before = path.stat().st_mtime_ns
    np.testing.assert_array_equal(sentence_features.features(made, tmp_path / "one").features, many.features)
    assert path.stat().st_mtime_ns == before, "read, not made again"
    path.write_bytes(path.read_bytes()[:1000])
    np.testing.assert_array_equal(sentence_features.features(made, tmp_path / "one").features, many.features)


def test_other_features_have_another_name(folder):
    made = recipe(folder)
    settings = made.experiment
    other = [
        dataclasses.replace(made, stretches=made.stretches[1:]),
        dataclasses.replace(made, noise=(folder / "train/b.wav",)),
        dataclasses.replace(made, rooms=(folder / "train/b.wav",)),
        *(
            dataclasses.replace(made, experiment=dataclasses.replace(settings, augment=AugmentConfig(**changed)))
            for changed in ({"variants": 2}, {"variants": 3, "speed_percent": 5}, {"variants": 3, "seed": 2})
        ),
    ]
    assert len({sentence_features.digest(r) for r in (made, *other)}) == 1 + len(other)
    # The rows, the decision and the tokens do not count where they leave the stretches alone.
    same = dataclasses.replace(settings, training=dataclasses.replace(settings.training, words_a_row=5, sentences=0.1))
    assert sentence_features.digest(dataclasses.replace(made, experiment=same)) == sentence_features.digest(made)


def test_a_recording_that_ends_before_a_sentence_does(folder, tmp_path):
    made = recipe(folder)
    late = dataclasses.replace(made.stretches[1], end=(LONG + 3) * SAMPLE_RATE)
    with pytest.raises(KwsError, match=re.escape("c.wav is 20.00 s long, and in transcripts.tsv a stretch of it ends")):
        sentence_features.features(dataclasses.replace(made, stretches=(late,)), tmp_path)
    rounded = dataclasses.replace(late, start=(LONG - 1) * SAMPLE_RATE, end=LONG * SAMPLE_RATE + 100)
    assert sentence_features.features(dataclasses.replace(made, stretches=(rounded,)), tmp_path).lengths[0, 0] == 49


@pytest.mark.parametrize("block", [1, 3, 30])
def test_stretches_of_long_recordings_are_cut_where_they_are(tmp_path, monkeypatch, block):
    """Whatever blocks a recording is read in, overlapping stretches and those within others among them."""
    monkeypatch.setattr(sentence_features, "_BLOCK_SECONDS", block)
    spans = [(0, 1), (0.5, 6.25), (1, 2), (8, 9), (8, 8.5), (13, 20)]
    folder = write(tmp_path / "speech", [stretch("train/a.wav", a, b, "so") for a, b in spans])
    found, _ = transcribed.stretches(folder, DataConfig())
    pcm, _ = soundfile.read(folder / "train/a.wav", dtype="int16")
    cuts = list(sentence_features._cuts(found))
    assert len(cuts) == len(spans)
    for s, cut in zip(found, cuts, strict=True):
        np.testing.assert_array_equal(cut, pcm[s.start : s.end])


def test_without_the_setting_labels_are_as_before():
    assert Experiment().training.sentences == 0
    assert Experiment().data.symbols == ("_silence_", "_unknown_", *Experiment().data.words)
