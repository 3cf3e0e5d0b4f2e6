"""What is known of a run: read from its folder, measured where it is not there yet, and kept there.

====================  =================================================================
``evaluation.json``   clip accuracy under all conditions, quantization noise, an example
``stream-test.json``  the desk (`kws.evaluation.stream.run`)
``room.json``         the room, likewise
====================  =================================================================

They belong to one model file and are measured again when it has changed, or when asked for other
data; deleting them has the same effect.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kws import runs
from kws.config import SAMPLE_RATE
from kws.datasets import clips as clip_index
from kws.datasets.augment import NoiseSource
from kws.datasets.roles import Folders
from kws.datasets.splits import VALIDATION
from kws.engines import create, fastest
from kws.errors import KwsError
from kws.evaluation import collapse
from kws.evaluation.clip.accuracy import ClipOptions, Reference, choose, evaluate_clips
from kws.evaluation.clip.conditions import GAINS, SNRS
from kws.evaluation.limits import Scope, of_negatives, sentences
from kws.evaluation.negatives import Negatives, hear
from kws.evaluation.stream import room_list
from kws.evaluation.stream.report import StreamReport
from kws.evaluation.stream.run import StreamOptions, evaluate_stream
from kws.evaluation.stream.spec import StreamSettings, StreamSpec, specify
from kws.files import parse_json, read_file, require_place, write_atomic
from kws.fixedpoint.posterior import probabilities
from kws.model.file import Model
from kws.quantize import noise
from kws.types import StageProgress

EVALUATION = "evaluation.json"
STREAM = "stream-test.json"
ROOM = "room.json"
STREAM_MINUTES = 60.0
NO_FOLDERS = Folders()
_EXAMPLE_WORDS = 4
_SEED = 1


@dataclass
class Findings:
    """What a report can show.

    Attributes:
        model: the run's model.
        history: ``history.json``, or None.
        provenance: ``run.json``, or empty.
        clips: `kws.evaluation.clip.report.ClipReport.as_dict`, or None.
        quantization: `kws.quantize.noise.Noise.as_dict`, or None.
        example: a spectrogram with posteriors (`kws.evaluation.plots.heard`), or None.
        stream: the desk, or None.
        room: or None.
        negatives: false accepts on the recordings that come with kws, or None.
        limits: what these figures cannot tell.
        missing: what is not known, and how to get it.
    """

    model: Model
    history: dict[str, Any] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    clips: dict[str, Any] | None = None
    quantization: dict[str, Any] | None = None
    example: dict[str, Any] | None = None
    stream: StreamReport | None = None
    room: StreamReport | None = None
    negatives: Negatives | None = None
    limits: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def gather(run: Path, data: Path | None, progress: StageProgress, folders: Folders = NO_FOLDERS) -> Findings:
    """Read what a run's folder knows; with ``data``, measure the rest on its validation clips.

    Args:
        run: the folder, with a converted model.
        data: a folder of word folders, or None to measure nothing that needs clips.
        folders: what else sounds in the room; what comes with kws stands in for what is not given.
        progress: called with (stage, done, total).

    Raises:
        KwsError: there is no model, a file is damaged, or a measurement failed.
    """
    found = Findings(Model.load(run))
    info = found.model.require_info()
    found.provenance = info.provenance
    if (run / runs.HISTORY).exists():
        found.history = runs.load_json(run / runs.HISTORY)
    else:
        found.missing.append(f"the training's history: there is no {runs.HISTORY} in {run}")
    _clips(found, run, data, progress)
    _quantization(found, run, progress)
    _streams(found, run, data, folders, progress)
    _negatives(found, progress)
    return found


def _clips(found: Findings, run: Path, data: Path | None, progress: StageProgress) -> None:
    kept = _kept(run / EVALUATION, "id", found.model, None if data is None else _fingerprint(data))
    if kept is not None:
        found.clips, found.quantization, found.example = kept["clips"], kept["quantization"], kept["example"]
        return
    if data is None:
        found.missing.append("accuracy and everything else that needs clips: give --data DIR")
        return
    require_place(run / EVALUATION)
    report = evaluate_clips(
        found.model,
        data,
        ClipOptions(engines=(fastest(),), conditions=SNRS + GAINS, quantization=True, seed=_SEED),
        Reference.of_run(found.model, run),
        lambda done, total: progress("evaluating clips", done, total),
    )
    values = report.as_dict()
    found.clips, found.quantization = values, values["quantization"]
    found.example = example(found.model, data)
    kept = {"id": found.model.id, "data": _fingerprint(data), "clips": values}
    kept |= {"quantization": found.quantization, "example": found.example}
    write_atomic(run / EVALUATION, json.dumps(kept) + "\n")


def _quantization(found: Findings, run: Path, progress: StageProgress) -> None:
    if found.quantization is not None:
        return
    if not ((run / runs.WEIGHTS).exists() and (run / runs.CALIBRATION).exists()):
        found.missing.append(f"what int8 does to each tensor: {run} has no float weights and calibration clips")
        return
    progress("measuring quantization", 0, 1)
    try:
        found.quantization = noise.of_run(run, found.model).as_dict()
    except KwsError as error:
        found.missing.append(f"what int8 does to each tensor: {error}")
    progress("measuring quantization", 1, 1)


def _streams(found: Findings, run: Path, data: Path | None, folders: Folders, progress: StageProgress) -> None:
    info = found.model.require_info()

    def desk(root: Path) -> StreamSpec:
        return specify(root, info.data, StreamSettings(minutes=STREAM_MINUTES, split=VALIDATION, seed=_SEED))

    def room(root: Path) -> StreamSpec:
        around = room_list.room(folders, info.data, VALIDATION)
        settings = StreamSettings(minutes=room_list.minutes(around), split=VALIDATION, seed=_SEED)
        return room_list.specify(root, info.data, settings, around)

    found.room = _stream(found, run / ROOM, "in the room", data, room, progress)
    found.stream = _stream(found, run / STREAM, "at the desk", data, desk, progress)


def _stream(
    found: Findings,
    path: Path,
    scene: str,
    data: Path | None,
    specified: Callable[[Path], StreamSpec],
    progress: StageProgress,
) -> StreamReport | None:
    if data is None:
        kept = _kept(path, "model_id", found.model, None)
        if kept is None:
            found.missing.append(f"false accepts and misses {scene}: give --data DIR")
        return None if kept is None else StreamReport.from_dict(kept)
    try:
        spec = specified(data)
    except KwsError as error:
        found.missing.append(f"false accepts and misses {scene}: {error}")
        return None
    kept = _kept(path, "model_id", found.model, spec.digest)
    if kept is not None:
        return StreamReport.from_dict(kept)
    require_place(path)
    report = evaluate_stream(
        found.model,
        spec,
        data,
        StreamOptions(fastest()),
        lambda done, total: progress(f"listening {scene}", done, total),
    )
    write_atomic(path, json.dumps({**report.as_dict(), "data": spec.digest}) + "\n")
    return report


def _negatives(found: Findings, progress: StageProgress) -> None:
    progress("listening to negatives", 0, 1)
    found.negatives = hear(found.model).count()
    heard = None if found.clips is None else found.clips.get("scope")
    # Clips that an earlier version of kws evaluated have no scope.
    found.limits = of_negatives(found.negatives) if heard is None else sentences(Scope(**heard), found.negatives)
    progress("listening to negatives", 1, 1)


def _kept(path: Path, key: str, model: Model, data: str | None) -> dict[str, Any] | None:
    """What was measured before, if it is of this model and not of other data than asked for, by their digest."""
    if not path.exists():
        return None
    try:
        values = parse_json(read_file(path))
        fits = values[key] == model.id and data in (None, values["data"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KwsError(f"{path} is damaged ({error}); delete it") from error
    return values if fits else None


def _fingerprint(data: Path) -> str:
    """16 hexadecimal digits of a data folder's name and its clips' words, splits and contents."""
    clips = clip_index.index(data)
    found = clip_index.digests([c.path for c in clips])
    listing = [[c.word, c.speaker, c.split, digest] for c, digest in zip(clips, found, strict=True)]
    return hashlib.sha256(json.dumps([data.resolve().name, listing]).encode()).hexdigest()[:16]


def example(model: Model, data: Path) -> dict[str, Any] | None:
    """A few validation clips one after the other, as `kws.evaluation.plots.heard` draws them.

    Of a model that transcribes, a sequence of words close behind each other, as `kws.evaluation.collapse` does.

    Returns:
        None where there are no spoken clips.

    Raises:
        KwsError: clips cannot be read.
    """
    info = model.require_info()
    if info.decision.transcribes:
        return collapse.example(model, data)
    config = info.data
    chosen = choose(data, config, VALIDATION, _SEED)
    rng = np.random.default_rng(_SEED)
    spoken = [chosen[i] for i in rng.permutation(len(chosen)) if chosen[i].clip is not None]
    first = {e.label: e for e in reversed(spoken)}
    words = [first[label] for label in first if label >= info.first_word][:_EXAMPLE_WORDS]
    others = [e for label, e in first.items() if label < info.first_word][:1]
    picked = [*words[:2], *others, *words[2:]]
    if not picked:
        return None
    pcm, _ = clip_index.load(picked, config, NoiseSource((), config.clip_samples, _SEED))
    with create("numpy", model) as engine:
        output = engine.process(pcm.reshape(-1))
    assert output.features is not None
    seconds = config.clip_samples / SAMPLE_RATE
    return {
        "seconds_per_frame": info.frontend.hop / SAMPLE_RATE,
        "features": output.features.tolist(),
        "posteriors": np.round(probabilities(output.posteriors), 4).tolist(),
        "said": [
            {
                "name": e.clip.word if e.clip is not None else "",
                "label": info.labels[e.label],
                "start": i * seconds,
                "end": (i + 1) * seconds,
            }
            for i, e in enumerate(picked)
        ],
        "reported": [
            {"name": info.names[d.label], "seconds": round(info.seconds(d.frame), 3)} for d in output.detections
        ],
    }
