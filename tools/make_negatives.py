"""Make the pack of negatives that comes with kws: 40 minutes of synthetic sentences without the ten commands.

Needs kws with its extra `voices` and all 54 voices of Kokoro (docs/synthetic-speech.md). Texts, voices and
speeds are the same in every run; samples may differ in their last bits between versions of onnxruntime and
processors. It takes about an hour of one core; when interrupted, the same command goes on.

    python tools/make_negatives.py kws/datasets/packs/negatives
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kws.cli import console
from kws.datasets import near_words, other_speech, sentences
from kws.datasets.voices.kokoro import Kokoro
from kws.errors import KwsError
from kws.files import write_atomic

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
SECONDS = 40 * 60
VOICES = 200
SEED = 2026
TEXT = "The Adventures of Sherlock Holmes, A. Conan Doyle 1892, public domain; phrases of kws's own"


def main() -> None:
    """Make the pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="DIR", help="a folder that does not exist yet")
    parser.add_argument("--voice-file", type=Path, metavar="FILE", help="voices of Kokoro, if npm cannot fetch them")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="cores to use")
    a = parser.parse_args()
    engine = Kokoro(a.voice_file, threads=a.threads)
    if engine.most() < VOICES:
        raise KwsError(engine.note)
    with console.progress("speaking") as progress:
        other_speech.make(
            COMMANDS,
            a.out,
            other_speech.Amount(seconds=SECONDS),
            engine,
            texts=sentences.read(),
            near=near_words.near_misses(COMMANDS, nearest=8, spread=0),
            voice_count=VOICES,
            suffix=".opus",
            seed=SEED,
            progress=progress,
        )
    readme = a.out / "README.txt"
    about = readme.read_text(encoding="utf-8")
    write_atomic(readme, f"{about}text:      {TEXT}\nmade by:   tools/make_negatives.py\n")


if __name__ == "__main__":
    main()
