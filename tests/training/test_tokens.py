"""Words that tokens spell, from recordings to C: low and high tones are the tokens, and rising ones both."""

from __future__ import annotations

import dataclasses
import json
from importlib.util import find_spec

import pytest
import tones
from conftest import needs

from kws import config, runs
from kws.cli.main import main
from kws.decisions import CtcLexiconConfig
from kws.errors import KwsError
from kws.model.file import Model
from kws.quantize.convert import convert
from kws.training.phones import with_phones
from kws.training.train import TrainOptions, train
from kws.verify.compare import verify

LEXICON = "low l\nhigh h\n\nrise l h\nfall h l\nrise l l h\nbeyond b\n"


def settings(folder, **training):
    """The tones' experiment with a lexicon in a file, as a configuration has it."""
    (folder / "tones.txt").write_text(LEXICON)
    plain = dataclasses.replace(tones.experiment(loss="ctc", **training), detector=CtcLexiconConfig(0.01))
    text = runs.to_toml(plain).replace("spellings = []", 'lexicon = "tones.txt"').replace('tokens = "words"\n', "")
    (folder / "tones.toml").write_text(text)
    return config.load(folder / "tones.toml")


def test_a_lexicon_file(tmp_path):
    found = settings(tmp_path)
    assert found.data.spellings == ("low l", "high h", "rise l h", "fall h l")
    assert found.data.tokens == "phones"
    assert found.outputs == ("_silence_", "_unknown_", "h", "l")
    assert found.data.labels == ("_silence_", "_unknown_", *tones.WORDS)
    assert found.detector.words == ()
    assert found.decision.lexicon() == tuple(tones.WORDS)
    runs.write_config(found, tmp_path)
    assert runs.load_config(tmp_path) == found
    (tmp_path / "tones.txt").write_text("low l\n")
    with pytest.raises(KwsError, match=r"'tones.txt' has no line for high, rise, fall"):
        config.load(tmp_path / "tones.toml")
    (tmp_path / "tones.txt").unlink()
    with pytest.raises(KwsError, match=r"cannot read data.lexicon"):
        config.load(tmp_path / "tones.toml")


def test_phones_of_espeak_ng():
    data = config.DataConfig(words=("yes", "no"), tokens="phones")
    asked = config.Experiment(data=data, training=config.TrainingConfig(loss="ctc"), detector=CtcLexiconConfig())
    with pytest.raises(KwsError, match=r"data\.spellings is empty"):
        _ = asked.outputs
    pytest.importorskip("espeakng_loader", reason="espeak-ng is not installed")
    found = with_phones(asked)
    assert found.data.spellings == ("yes j E s", "no n oU")
    assert found.outputs[2:] == ("E", "j", "n", "oU", "s")
    assert with_phones(found) is found


@pytest.mark.slow
@pytest.mark.parametrize("engine", [pytest.param("c", marks=needs("cc", "make"))])
def test_from_recordings_to_c(engine, tmp_path, capsys):
    pytest.importorskip("tensorflow")
    data = tones.write(tmp_path / "tones")
    train(tones.experiment(epochs=12), data, tmp_path / "frames")
    wanted = settings(tmp_path, epochs=60, patience=60, batch_size=8, learning_rate=0.01)
    history = train(wanted, data, tmp_path / "run", options=TrainOptions(start=tmp_path / "frames"))
    assert history.best.validation_accuracy > 0.6  # chance is 1/6
    assert history.epochs[-1].loss < history.epochs[0].loss
    model = convert(tmp_path / "run").model
    assert model.info.labels == ("_silence_", "_unknown_", "h", "l")
    assert model.info.decision == wanted.decision
    assert Model.load(tmp_path / "run").info.spoken == tuple(tones.WORDS)
    report = verify(model, ["tflm", engine] if find_spec("tflite_micro") else [engine], random=2)
    assert report.ok, report
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(data), "--sequences", "4", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["accuracy"] > 0.6
    # Low and high in a row are the tokens of rise, so that only these can be counted.
    assert told["sequences"][-1]["token_error_rate"] < 0.8
    assert main(["spot", str(tmp_path / "run"), *map(str, sorted((data / "rise").glob("*.wav")))]) == 0
    said = capsys.readouterr().out.split()
    assert set(said) & {"low", "high", "rise"}
