"""Manifests of microWakeWord: the JSON file beside a wake word's .tflite that says how its outputs are heard.

ESPHome and the Linux voice assistant read them (versions 1 and 2). A model with one is as whole as one of kws: it
has a front end, a label and a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from kws.decisions import SlidingMeanConfig
from kws.errors import KwsError
from kws.files import parse_json, read_file
from kws.frontends import MicroFrontendConfig
from kws.tflite import Graph

SUFFIX = ".json"
VERSION = 2
COOLDOWN_MS = 2000
"""What callers of the originals wait after a detection, in milliseconds; a manifest does not say."""
_STEP_MS = {1: 20, 2: 10}
"""Distance between windows where the manifest has none, by version."""
_LONG_WINDOW = "sliding_window_average_size"
ABOUT = ("author", "website", "trained_languages")
"""What a manifest says for people, which nothing computes with."""


@dataclass(frozen=True)
class Manifest:
    """What a manifest says.

    Attributes:
        word: the wake word.
        model: the .tflite file's name, relative to the manifest's.
        cutoff: mean probability above which the word is detected.
        window: probabilities in the mean.
        step_ms: distance between the front end's windows, in milliseconds.
        about: who made the model and for which languages: of :data:`ABOUT` what is there and is what it should be.
    """

    word: str
    model: str
    cutoff: float
    window: int
    step_ms: float
    about: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read a manifest.

        Raises:
            KwsError: the file cannot be read, or is no manifest.
        """
        try:
            values = parse_json(read_file(path))
        except OSError as error:
            raise KwsError(f"cannot read {path}: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise KwsError(f"{path} is no manifest of a wake word: {error}") from error
        if not isinstance(values, dict) or values.get("type") != "micro" or not isinstance(values.get("micro"), dict):
            raise KwsError(f'{path} is no manifest of a wake word, which has "type": "micro" and a section "micro"')
        try:
            return cls._read(values, values["micro"])
        except (KeyError, TypeError, ValueError) as error:
            raise KwsError(f"{path}: its manifest is damaged: {error!r}") from error

    @classmethod
    def _read(cls, values: Mapping[str, Any], micro: Mapping[str, Any]) -> Manifest:
        version = int(values.get("version", 1))
        if version not in _STEP_MS:
            raise ValueError(f"version {version} is not one of {', '.join(map(str, _STEP_MS))}")
        window = micro["sliding_window_size"] if "sliding_window_size" in micro else micro[_LONG_WINDOW]
        step = float(micro.get("feature_step_size", _STEP_MS[version]))
        cutoff = float(micro["probability_cutoff"])
        return cls(str(values["wake_word"]), str(values["model"]), cutoff, int(window), step, about(values))

    def parts(self, graph: Graph) -> tuple[str, MicroFrontendConfig, SlidingMeanConfig]:
        """Label, front end and decision of the network that the manifest is of.

        Raises:
            KwsError: its input is not rows of the microfrontend's features, or a number is out of its range.
        """
        shape = graph.tensors[graph.inputs[0]].shape if len(graph.inputs) == 1 else ()
        bands = MicroFrontendConfig().bands
        if len(shape) != 3 or shape[0] != 1 or shape[2] != bands:
            raise KwsError(f"it is of a network that reads [1, rows, {bands}], but this one reads {list(shape)}")
        frontend = MicroFrontendConfig(self.step_ms, shape[1])
        return self.word, frontend, SlidingMeanConfig(self.cutoff, self.window, frontend.frames_in(COOLDOWN_MS))


def about(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is said for people, without what ESPHome would refuse: a website that is no address, say."""
    author, website, languages = (values.get(key) for key in ABOUT)
    said: dict[str, Any] = {}
    if isinstance(author, str) and author:
        said["author"] = author
    if isinstance(website, str) and _is_address(website):
        said["website"] = website
    if isinstance(languages, list) and all(isinstance(language, str) for language in languages):
        said["trained_languages"] = languages
    return said


def _is_address(text: str) -> bool:
    try:
        parts = urlparse(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def beside(path: Path) -> Path | None:
    """The manifest of a .tflite file: the file of its name and :data:`SUFFIX`, if it is there and is one."""
    found = path.with_suffix(SUFFIX)
    if path.suffix == SUFFIX or not found.is_file():
        return None
    try:
        values = parse_json(read_file(found))
    except (OSError, ValueError, RecursionError):
        return None
    # Other JSON files that bear the name are none of ours.
    return found if isinstance(values, dict) and values.get("type") == "micro" else None
