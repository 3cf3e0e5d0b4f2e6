"""Every verb of the ``kws`` command. A new verb is a line here and a module in :mod:`kws.cli.verbs`.

A verb's module is imported when the verb is called and not before: the modules import NumPy and
more, which ``kws --help`` has no use for.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from typing import NamedTuple, Protocol, cast

from kws.cli import verbs


class VerbModule(Protocol):
    """What the module of a verb holds."""

    def options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the verb's arguments."""

    def run(self, a: argparse.Namespace) -> int:
        """Call one module, print what it found; returns the exit code.

        Raises:
            KwsError: whatever the user can mend; :func:`kws.cli.main.main` says it.
        """


class Verb(NamedTuple):
    """A verb, or a group of verbs such as ``kws data``.

    Attributes:
        name: as it is typed.
        help: one line in lower case, without a full stop.
        module: in :mod:`kws.cli.verbs`; empty for a group.
        verbs: those of a group.
    """

    name: str
    help: str
    module: str = ""
    verbs: tuple[Verb, ...] = ()

    def load(self) -> VerbModule:
        """Import the verb's module."""
        return cast(VerbModule, importlib.import_module(f"{verbs.__name__}.{self.module}"))


_DATA = (
    Verb("make", "make synthetic speech: words and near-misses, or sentences without them", "data.make"),
    Verb("recording", "make one continuous synthetic recording, by held-out voices", "data.recording"),
    Verb("get", "download a public data set, with checksum and resume", "data.get"),
    Verb("check", "report what is wrong with a data set; exit code 1 on errors", "data.check"),
    Verb("takes", "measure what more takes of each word would bring", "data.takes"),
)

VERBS: Mapping[str, tuple[Verb, ...]] = {
    "make a data set": (
        Verb("new", "ask three questions; write a folder to train words of one's own in", "new"),
        Verb("data", "make, get and check data sets", verbs=_DATA),
        Verb("mic-check", "say in ten seconds whether a microphone is fit, and what its noise costs", "mic_check"),
        Verb("record", "record takes of a word with the microphone, one by one", "record"),
    ),
    "make a model": (
        Verb("configs", "list the configurations that come with kws; copy one, to be changed", "configs"),
        Verb("models", "list the models that come with kws; copy one, to be used and changed", "models"),
        Verb("train", "train a classifier; run it again to go on after an interruption", "train"),
        Verb("sweep", "train over settings and seeds; one table and one plot at the end", "sweep"),
        Verb("convert", "quantize a run to RUN/model.tflite, fully int8, single-step", "convert"),
        Verb("mine", "hear hours of recordings; what fires becomes negatives to train with", "mine"),
        Verb("tune", "choose detector settings for a budget of false accepts per hour", "tune"),
        Verb("gate", "let the network sleep while nobody speaks, or not", "gate"),
        Verb("ensemble", "join models of the same words into one, whose posteriors are their mean", "ensemble"),
        Verb("phrases", "list, add and remove phrases; a window after a wake word", "phrases"),
    ),
    "measure and check a model": (
        Verb("evaluate", "measure clip accuracy and what quantization cost", "evaluate"),
        Verb("clips", "list what each clip is heard as, the wrong ones first", "clips"),
        Verb("stream-test", "measure false accepts per hour, misses and latency", "stream_test"),
        Verb("compare", "put several runs into one table and one plot: accuracy and cost", "compare"),
        Verb("report", "write one HTML page of everything known about a run", "report"),
        Verb("import", "say what a .tflite file from elsewhere is, and whether it runs", "import_model"),
        Verb("verify", "compare engines bit for bit; exit code 1 on any difference", "verify"),
    ),
    "put a model on a board": (
        Verb("export", "write a model as C arrays, with test vectors", "export"),
        Verb("build", "compile the firmware with a model for a board", "build"),
        Verb("flash", "write an image to a board that is plugged in", "flash"),
    ),
    "detect words": (
        Verb("spot", "detect words in recordings of any length", "spot"),
        Verb("listen", "detect words live, from the microphone", "listen"),
        Verb("serve", "offer models as wake words to Home Assistant, by the Wyoming protocol", "serve"),
        Verb("why", "find out why a word in a recording is not heard", "why"),
        Verb("monitor", "show what a board hears, over its serial port", "monitor"),
    ),
    "all of it on a page": (
        Verb("studio", "record, train, judge, tune and build in a browser, on this machine", "studio"),
    ),
    "look after kws itself": (
        Verb("cache", "show, limit and clear what kws keeps: builds, features, voices", "cache"),
        Verb("docs", "list the pages that messages call docs/NAME.md, or print one", "docs"),
    ),
}
"""The verbs by what a user wants to do, in the order of ``kws --help``."""
