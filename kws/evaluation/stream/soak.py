"""Does anything drift? The same words before and after hours of noise, in one stream that is never reset."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import SAMPLE_RATE
from kws.engines import create
from kws.engines.base import Engine
from kws.errors import KwsError
from kws.evaluation.stream.audio import loop, noise_recording
from kws.evaluation.stream.run import DEFAULTS, StreamOptions, require_words, score
from kws.evaluation.stream.scene import render
from kws.evaluation.stream.score import Rates, Truth, rates
from kws.evaluation.stream.spec import StreamSpec
from kws.fixedpoint.posterior import POSTERIOR_SCALE
from kws.model.file import Model
from kws.types import Pcm, Progress

PROBE_MINUTES = 10.0
_MINUTE = 60 * SAMPLE_RATE
# The rms of a minute of noise, log-uniform, as in Speech Commands' silence; some minutes are digital silence.
_QUIETEST, _LOUDEST = 1.0, 10_000.0
_DIGITAL_SILENCE = 0.05


@dataclass(frozen=True)
class Soak:
    """What hours of noise changed.

    Attributes:
        hours: of noise.
        before: the probe after one minute of noise.
        after: the same samples after the hours.
        posteriors: posteriors of the probe.
        different: of them, not equal before and after, from ten seconds on.
        greatest: greatest difference among those, 0 to 1.
        false_accepts: detections in the hours of noise.
    """

    hours: float
    before: Rates
    after: Rates
    posteriors: int
    different: int
    greatest: float
    false_accepts: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**dataclasses.asdict(self), "before": self.before.as_dict(), "after": self.after.as_dict()}


def soak(
    model: Model,
    spec: StreamSpec,
    root: Path,
    hours: float,
    options: StreamOptions = DEFAULTS,
    *,
    probe_minutes: float = PROBE_MINUTES,
    progress: Progress | None = None,
) -> Soak:
    """Run words, hours of noise, and the same words again, without a reset.

    The noise changes every minute: which recording, and how loud, from nearly nothing to very
    loud. It is one stream on one core, since its state is what is tried.

    Args:
        model: what to run.
        spec: gives the seed, the clips and the conditions of the words.
        root: the data folder.
        hours: of noise.
        options: how the model is run; its number of processes does not matter.
        probe_minutes: length of the stream of words.
        progress: called with (minutes of noise done, in total).

    Raises:
        KwsError: as `kws.evaluation.stream.run.evaluate_stream`, or ``hours`` is not positive.
    """
    if not hours > 0:
        raise KwsError(f"the hours of noise must be more than 0, not {hours:g}")
    info = require_words(model, spec)
    probe_spec = dataclasses.replace(spec, minutes=min(probe_minutes, PROBE_MINUTES))
    probe = render(probe_spec, root, 0)
    truth = Truth.of(probe, info.words)
    hop = info.frontend.hop
    # Frames must fall on the same samples both times.
    pcm = probe.pcm[: len(probe.pcm) // hop * hop]
    minutes = max(1, round(hours * 60))
    noise = _noise(spec, root, hop)
    false_accepts = 0
    with create(options.engine, model) as running:
        running.reset()
        running.process(next(noise))
        before = _run(running, pcm)
        for minute in range(minutes):
            false_accepts += len(running.process(next(noise)).detections)
            if progress is not None:
                progress(minute + 1, minutes)
        after = _run(running, pcm)
    # The first frames span the last samples of what came before, and the state needs a while to forget it.
    settled = slice(round(10 * SAMPLE_RATE / hop), None)
    difference = np.abs(before[settled].astype(np.int16) - after[settled])
    detectors, conditions = [info.detector], len(spec.conditions)
    found = [
        rates(score(info, rows, truth, detectors, options.tolerance, conditions), 0, range(conditions))
        for rows in (before, after)
    ]
    return Soak(
        minutes / 60,
        found[0],
        found[1],
        difference.size,
        int(np.count_nonzero(difference)),
        float(difference.max(initial=0)) * POSTERIOR_SCALE,
        false_accepts,
    )


def _run(engine: Engine, pcm: Pcm) -> npt.NDArray[np.int8]:
    parts = [engine.process(pcm[i : i + _MINUTE]).posteriors for i in range(0, len(pcm), _MINUTE)]
    return np.concatenate(parts)


def _noise(spec: StreamSpec, root: Path, hop: int) -> Iterator[Pcm]:
    """Minutes of noise for ever, each a whole number of hops."""
    rng = np.random.default_rng([spec.seed, 2])
    samples = _MINUTE // hop * hop
    while True:
        noise, rms_db = noise_recording(spec, root, int(rng.integers(spec.noises)))
        level = float(np.exp(rng.uniform(np.log(_QUIETEST), np.log(_LOUDEST))))
        if rng.random() < _DIGITAL_SILENCE:
            level = 0.0
        cut = loop(noise, int(rng.integers(len(noise))), samples)
        yield audio.to_int16(cut * np.float32(level / 10 ** (rms_db / 20)))
