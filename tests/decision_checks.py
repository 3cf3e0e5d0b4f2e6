"""What every transcription's twins have to pass, whatever its kind."""

from __future__ import annotations

import numpy as np

from kws import engines
from kws.decisions import DecisionConfig
from kws.decisions.script import Script
from kws.fixedpoint.decisions.base import Decision, Detection
from kws.model.file import Model, with_decision
from kws.verify.compare import verify


def check_chunks_and_rules(twin: Decision, script: Script, labels: int, seed: int, cut: int) -> None:
    """The twin finds what the rules say, and the same in two pieces and frame by frame."""
    for scene in script.scenes:
        twin.reset()
        assert twin.process(scene.posteriors[:cut]) + twin.process(scene.posteriors[cut:]) == scene.detections
    assert not any(script.reached[rule] for rule in script.impossible)
    rows = np.random.default_rng(seed).integers(-128, 128, (40, labels)).astype(np.int8)
    twin.reset()
    expected = twin.process(rows)
    twin.reset()
    assert [d for row in rows for d in twin.process(row[None])] == expected


def check_reaches_the_board(engine: str, config: DecisionConfig, plain: Model) -> tuple[Model, list[Detection]]:
    """An engine runs a model with the decision as NumPy does; the model, and what sharp posteriors bring."""
    model = Model.from_bytes(with_decision(plain, config))
    report = verify(model, [engine], random=1)
    assert report.ok, report
    info = model.require_info()
    sharp = np.minimum(np.round(256 * np.random.default_rng(1).dirichlet(np.full(len(info.labels), 0.3), 300)), 255)
    rows = (sharp - 128).astype(np.int8)
    with engines.create(engine, model) as other:
        heard = other.decide(rows)
    assert heard == info.decision.twin(info.labels).process(rows)
    return model, heard
