"""What each clip is heard as, and where it lies: for every kind of network, and as the verb tells it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tones

from kws import config, configs, network, runs, shipped
from kws.cli import main as cli
from kws.evaluation.clip.places import last_frame, principal
from kws.frontends import LogMelConfig
from kws.network import Frame, StreamNetworkConfig
from kws.training.start import ModelStart

CLIPS = np.random.default_rng(1).integers(-3000, 3000, (3, 8000)).astype(np.int16)
STREAMING = [name for name, kind in network.KINDS.items() if issubclass(kind, StreamNetworkConfig)]


@pytest.mark.parametrize("kind", STREAMING)
def test_every_kind_that_streams_has_a_last_state(kind):
    pytest.importorskip("tf_keras", reason="building a network needs TensorFlow")
    frontend = LogMelConfig()
    made = network.read({"kind": kind}).build(Frame.of(frontend), 4, 1).get()
    heard, states = last_frame(made, frontend, CLIPS)
    np.testing.assert_allclose(heard, made.run(frontend.twin(3).process(CLIPS))[:, -1], atol=1e-6)
    assert states.shape[0] == 3
    assert len(np.unique(states.round(6), axis=0)) == 3
    assert principal(states).shape == (3, 2)


@pytest.mark.parametrize("name", ["yes-no", "commands12-crnn"])
def test_the_verb(name, tmp_path, capsys):
    start = ModelStart.load(shipped.models()[name])
    words = start.labels[2:]
    settings = start.taken_over(config.load(configs.find("own-words")))
    (tmp_path / "run").mkdir()
    runs.write_config(settings, tmp_path / "run")
    start.network.save(tmp_path / "run" / runs.WEIGHTS)
    shutil.copy(shipped.models()[name], tmp_path / "run" / runs.MODEL)
    data = tones.write(tmp_path / "data", speakers=3, words={"yes": (400, 400), "no": (2000, 500), "knee": (900, 300)})
    command = ["clips", str(tmp_path / "run"), "--data", str(data), "--json", str(tmp_path / "clips.json")]
    assert cli.main(command) == 0
    found = json.loads((tmp_path / "clips.json").read_text(encoding="utf-8"))
    assert found["data"] == str(data)
    clips = found["clips"]
    assert {c["label"] for c in clips} <= {"_unknown_", *words}
    assert len(clips) == 12
    wrong = [c["heard"] != c["label"] for c in clips]
    assert wrong == sorted(wrong, reverse=True)
    assert len({(c["x"], c["y"]) for c in clips}) == 12
