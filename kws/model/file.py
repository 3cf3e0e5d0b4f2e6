"""A model is one .tflite file: network, labels, front end, detector and provenance.

What TFLite has no place for travels in the file's metadata, under :data:`METADATA_NAME`, as
JSON (docs/SPEC.md, "Model file"). A file without it is a bare network.
"""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kws import decisions, frontends, shipped
from kws.config import DataConfig, from_dict
from kws.decisions import DecisionConfig, DetectorConfig, require_detector
from kws.errors import KwsError
from kws.files import parse_json, read_file, write_atomic
from kws.fixedpoint.decisions.detector import DetectorParameters
from kws.fixedpoint.frontends.base import SAMPLE_RATE
from kws.fixedpoint.network import Network
from kws.fixedpoint.posterior import POSTERIOR_SCALE, POSTERIOR_ZERO_POINT
from kws.fixedpoint.spotter import Spotter
from kws.frontends import FrontendConfig
from kws.model import manifest, seal
from kws.model.manifest import Manifest
from kws.model.reader import to_network
from kws.text import is_text
from kws.tflite import Graph, parse
from kws.voice_gate import VoiceGateConfig, asleep

METADATA_NAME = "kws.model"
METADATA_VERSION = 1
COLLECTIONS = "collections"
"""In a provenance's ``data``: where negatives came from."""
MEMBERS = "members"
"""In an ensemble's provenance: each member's name and id, with its own provenance."""
_SPELLING = ("tokens", "spellings", "alphabet")

_CHANGED = (
    "it was changed after it was written, for its bytes do not have the SHA-256 that it carries;"
    " get the file anew, or write it again with `kws convert`"
)


@dataclass(frozen=True)
class ModelInfo:
    """What the metadata holds.

    Attributes:
        labels: class names in output order; those in ``_underscores_`` are never detected and
            come first.
        frontend: front-end settings.
        decision: settings of the decision.
        provenance: how the model came to be: free-form plain values, for people.
        gate: settings of the voice gate, which most models go without.
    """

    labels: tuple[str, ...]
    frontend: FrontendConfig
    decision: DecisionConfig
    provenance: dict[str, Any] = field(default_factory=dict)
    gate: VoiceGateConfig = field(default_factory=VoiceGateConfig)

    def __post_init__(self) -> None:
        if not self.labels or self.first_word >= len(self.labels) or self.first_word > 255:
            raise KwsError("the model's labels name no word to spot")
        odd = [label for label in self.labels if not label.strip() or not is_text(label)]
        if odd:
            raise KwsError(f"the model's label {odd[0]!a} is blank, or holds characters that are no text")
        if any(label.startswith("_") for label in self.words):
            raise KwsError("the model's labels must have _silence_ and _unknown_ before the words")
        self.decision.check(self.labels)

    @property
    def first_word(self) -> int:
        """Index of the first label that is a word."""
        return decisions.first_word(self.labels)

    @property
    def detector(self) -> DetectorConfig:
        """The decision's settings as a detector's, for what works with those only.

        Raises:
            KwsError: the decision is of a kind that no detector stands for.
        """
        return require_detector(self.decision)

    @property
    def data(self) -> DataConfig:
        """How the model's clips were chosen and cut, as far as its provenance tells."""
        stored = self.provenance.get("settings", {})
        values = stored.get("data", {}) if isinstance(stored, dict) else {}
        # How words are spelled, the decision knows.
        kept = {k: v for k, v in values.items() if k not in _SPELLING} if isinstance(values, dict) else {}
        return from_dict(DataConfig, {**kept, "words": list(self.spoken)}, "data")

    @property
    def trainings(self) -> tuple[dict[str, Any], ...]:
        """The provenance of each training behind the model: its own, or those of an ensemble's members."""
        members = self.provenance.get(MEMBERS)
        return tuple(m for m in members if isinstance(m, dict)) if isinstance(members, list) else (self.provenance,)

    @property
    def training_data(self) -> tuple[dict[str, Any], ...]:
        """What each of :attr:`trainings` says of its data."""
        return tuple(data for t in self.trainings if isinstance(data := t.get("data"), dict))

    @property
    def collections(self) -> set[str]:
        """The collections of other speech, noise and music that a training heard, as far as provenance tells."""
        said = [data.get(COLLECTIONS) for data in self.training_data]
        return {str(name) for names in said if isinstance(names, list) for name in names}

    @property
    def words(self) -> tuple[str, ...]:
        """The labels that are words, or that spell them, in output order."""
        return self.labels[self.first_word :]

    @property
    def spoken(self) -> tuple[str, ...]:
        """The words to spot: those that labels spell, or else :attr:`words`."""
        return self.decision.lexicon() or self.words

    @property
    def classes(self) -> tuple[str, ...]:
        """What a clip may be: the labels that are no words, then :attr:`spoken`."""
        return (*self.labels[: self.first_word], *self.spoken)

    @property
    def reported(self) -> tuple[str, ...]:
        """Whatever may be reported: words and phrases."""
        return self.decision.lexicon() or self.names[self.first_word :]

    @property
    def names(self) -> tuple[str, ...]:
        """What a detection's label stands for: the labels, and behind them phrases, or words that labels spell."""
        return self.decision.names(self.labels)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The detector's threshold of each word, as a probability."""
        return self.detector.thresholds(len(self.words))

    def detector_parameters(self) -> DetectorParameters:
        """The detector in integers.

        Raises:
            KwsError: the decision is of another kind.
        """
        return self.detector.parameters(self.labels)

    def score(self, total: int) -> float:
        """A detection's score as a probability."""
        return total / self.decision.full_score

    def samples(self, frame: int) -> int:
        """Samples of a stream that make a frame complete."""
        return self.frontend.samples(frame)

    def seconds(self, frame: int) -> float:
        """Time in a stream at which a frame is complete."""
        return self.samples(frame) / SAMPLE_RATE

    def to_json(self) -> bytes:
        """The metadata's bytes."""
        values = {
            "version": METADATA_VERSION,
            "labels": self.labels,
            "frontend": self.frontend.as_dict(),
            "detector": self.decision.as_dict(),
            "provenance": self.provenance,
            **({"gate": self.gate.as_dict()} if self.gate.on else {}),
        }
        return seal.dump(values)

    @classmethod
    def from_json(cls, content: bytes) -> ModelInfo:
        """Read the metadata's bytes.

        Raises:
            KwsError: not JSON, of another version, or with values out of range.
        """
        try:
            values = parse_json(content)
            version = values.pop("version")
            if version != METADATA_VERSION:
                raise KwsError(f"its kws metadata has version {version}; this kws reads {METADATA_VERSION}")
            return cls(
                tuple(str(label) for label in values["labels"]),
                frontends.read(values["frontend"], "frontend"),
                decisions.read(values["detector"], "detector"),
                dict(values.get("provenance", {})),
                from_dict(VoiceGateConfig, values.get("gate", {}), "gate"),
            )
        except RecursionError as error:
            raise KwsError("its kws metadata is damaged (nested too deeply)") from error
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise KwsError(f"its kws metadata is damaged ({error})") from error


@dataclass(frozen=True)
class Model:
    """A model that the engines can run.

    Attributes:
        content: the .tflite file's bytes.
        network: its network.
        info: its metadata; None for a bare network, which has no front end, labels or detector.
        source: where it came from, for messages.
        graph: the file's contents, parsed once; to change something, change a copy.
        sealed: it carries its own SHA-256, so it is as kws wrote it.
    """

    content: bytes
    network: Network
    info: ModelInfo | None
    source: str
    graph: Graph = field(repr=False, compare=False)
    sealed: bool = field(default=False, compare=False)

    @classmethod
    def from_bytes(cls, content: bytes, source: str = "the model") -> Model:
        """Read a .tflite file's bytes.

        Raises:
            KwsError: not a whole .tflite, an operator the firmware cannot run (named), or
                metadata that does not fit the network, or a file that is not as it was written.
        """
        graph = parse(content, source)
        metadata = graph.metadata.get(METADATA_NAME)
        sealed = None if metadata is None else seal.is_kept(content, metadata)
        try:
            network = to_network(graph)
            info = None if metadata is None else ModelInfo.from_json(metadata)
            if info is not None:
                _check_fit(network, info)
                # What the front end cannot be made of is found out here, not in the middle of work.
                info.frontend.twin(1)
        except KwsError as error:
            changed = f"{_CHANGED}; its first fault: " if sealed is False else ""
            raise KwsError(f"{source}: {changed}{error}") from error
        if sealed is False:
            raise KwsError(f"{source}: {_CHANGED}")
        return cls(content, network, info, source, graph, sealed is True)

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read a .tflite file; a folder stands for the ``model.tflite`` in it.

        A file without metadata of kws that has a manifest of microWakeWord beside it is made whole by it.

        Raises:
            KwsError: as :meth:`from_bytes`, or a file cannot be read, or the manifest does not fit.
        """
        path = Path(path)
        if path.is_dir():
            path = path / "model.tflite"
            if not path.exists():
                raise KwsError(f"{path} is missing; run `kws convert {path.parent}` first")
        try:
            content = read_file(path)
        except OSError as error:
            raise KwsError(f"cannot read {path}: {error.strerror or error}{_shipped(path)}") from error
        if found := manifest.beside(path):
            content = _whole(content, Manifest.load(found), os.fspath(path), found)
        return cls.from_bytes(content, os.fspath(path))

    @property
    def id(self) -> str:
        """16 hexadecimal digits that tell this file from any other."""
        return hashlib.sha256(self.content).hexdigest()[:16]

    def spotter(self, streams: int = 1) -> Spotter:
        """The whole pipeline in NumPy, of ``streams`` streams in step.

        Raises:
            KwsError: the model is a bare network.
        """
        info = self.require_info()
        decide = [info.decision.twin(info.labels) for _ in range(streams)]
        gate = info.gate.twin(info.frontend, streams) if info.gate.on else None
        return Spotter(info.frontend.twin(streams), self.network, decide, gate, asleep(info.labels))

    def require_info(self) -> ModelInfo:
        """The metadata.

        Raises:
            KwsError: the file has none.
        """
        if self.info is None:
            raise KwsError(
                f"{self.source} is a bare network: it carries no front end, labels or detector, so it cannot hear; "
                "only `kws verify` and `kws export` take it (a wake word of microWakeWord needs its .json beside it)"
            )
        return self.info


def _shipped(path: Path) -> str:
    """How to get the model that comes with kws, where a file is called like it and is not there."""
    name = path.with_suffix("").as_posix().removeprefix("models/")
    return f"; `kws models --copy {name}` copies the one that comes with kws" if name in shipped.models() else ""


def _whole(content: bytes, words: Manifest, source: str, named: Path) -> bytes:
    """The bytes of a .tflite file with what its manifest says in its metadata, unless it has metadata of kws.

    Raises:
        KwsError: not a whole .tflite, or the manifest does not fit.
    """
    graph = parse(content, source)
    if METADATA_NAME in graph.metadata:
        return content
    try:
        label, frontend, decision = words.parts(graph)
        return with_info(graph, ModelInfo((label,), frontend, decision, {"manifest": words.about}))
    except KwsError as error:
        raise KwsError(f"{named}: {error}") from error


def _check_fit(network: Network, info: ModelInfo) -> None:
    for what, dtype in (("input", network.input_type), ("output", network.output_type)):
        if dtype != "int8":
            raise KwsError(f"its {what} is {dtype}; features and posteriors are int8")
    if math.prod(network.output_shape[:-1]) != 1:
        raise KwsError("it has kws metadata, but its network writes more than one row a call")
    if network.input_size != info.frontend.features:
        raise KwsError(
            f"its network reads {network.input_size} features, but its front end makes {info.frontend.features}"
        )
    made = (info.frontend.scale, info.frontend.zero_point)
    if (network.input_scale, network.input_zero_point) != made:
        raise KwsError(
            f"its network expects features at scale {network.input_scale} and zero point {network.input_zero_point},"
            f" but the front end makes them at {made[0]} and {made[1]}"
        )
    if network.output_size != len(info.labels):
        raise KwsError(f"its network has {network.output_size} outputs for {len(info.labels)} labels")
    if (network.output_scale, network.output_zero_point) != (POSTERIOR_SCALE, POSTERIOR_ZERO_POINT):
        raise KwsError("its outputs are not posteriors at scale 1/256 and zero point -128")


def with_info(graph: Graph, info: ModelInfo) -> bytes:
    """The bytes of ``graph`` with ``info`` and the file's SHA-256 as its only metadata; ``graph`` stays as it is."""
    return seal.build_sealed(replace(graph, metadata={METADATA_NAME: info.to_json()}), METADATA_NAME)


def with_detector(model: Model, detector: DetectorConfig, tuned: dict[str, Any] | None = None) -> bytes:
    """The bytes of ``model``'s file with other detector settings; phrases and window stay.

    Args:
        model: the model.
        detector: its new settings.
        tuned: how they were found, for the provenance's entry ``tuned``; by default that is left as it is.

    Raises:
        KwsError: the model is a bare network, or ``detector`` has thresholds for another number of words.
    """
    return with_decision(model, model.require_info().decision.with_words(detector), tuned)


def with_decision(model: Model, decision: DecisionConfig, tuned: dict[str, Any] | None = None) -> bytes:
    """The bytes of ``model``'s file with another decision, of any kind; as :func:`with_detector`.

    Raises:
        KwsError: the model is a bare network, or ``decision`` does not fit its labels.
    """
    info = model.require_info()
    provenance = info.provenance if tuned is None else {**info.provenance, "tuned": tuned}
    info = replace(info, decision=decision, provenance=provenance)
    graph = replace(model.graph, metadata={**model.graph.metadata, METADATA_NAME: info.to_json()})
    return seal.build_sealed(graph, METADATA_NAME)


def with_gate(model: Model, gate: VoiceGateConfig) -> bytes:
    """The bytes of ``model``'s file with another voice gate, or without one.

    Raises:
        KwsError: the model is a bare network.
    """
    info = replace(model.require_info(), gate=gate)
    graph = replace(model.graph, metadata={**model.graph.metadata, METADATA_NAME: info.to_json()})
    return seal.build_sealed(graph, METADATA_NAME)


def save(content: bytes, path: Path) -> None:
    """Write a model file, whole or not at all."""
    write_atomic(path, content)
