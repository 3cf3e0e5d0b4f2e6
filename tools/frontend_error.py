"""Print how far the integer front end is from a float64 one, by level: the table of docs/SPEC.md.

Run ``python tools/frontend_error.py [RECORDING ...]``; without recordings, synthetic speech.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.cli import exit_codes
from kws.datasets import synthetic
from kws.errors import KwsError
from kws.evaluation.frontend_error import measure
from kws.frontends import LogMelConfig

LEVELS_DB = (0, -10, -20, -30, -40, -50, -60)
WORDS = ("yes", "no", "stop", "seven", "left", "house")


def synthetic_speech() -> list[npt.NDArray[np.int16]]:
    """Sixty words by as many voices, in clips of one second with digital silence around them."""
    rng = np.random.default_rng(1)
    clips = []
    for index, voice in enumerate(synthetic.voices(60).values()):
        clip = np.zeros(16000, np.float32)
        speech = synthetic.utter(WORDS[index % len(WORDS)], voice, rng)
        clip[400 : 400 + len(speech)] = speech
        clips.append(audio.to_int16(clip * 30000))
    return clips


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("recordings", type=Path, nargs="*", metavar="RECORDING", help="WAV or FLAC")
    try:
        paths = parser.parse_args().recordings
        rows = measure([audio.read(p) for p in paths] or synthetic_speech(), LEVELS_DB, LogMelConfig())
    except KwsError as error:
        print(f"frontend_error: {error}", file=sys.stderr)
        return exit_codes.of(error)
    print(f"{len(paths)} recordings" if paths else "60 words of synthetic speech")
    print("  peak level  bands judged      mean    99th percentile   at the floor")
    for r in rows:
        levels = f"{r.level_db:7.0f} dBFS  {r.bands:12,}"
        print(f"{levels}  {r.mean_db:6.2f} dB  {r.p99_db:14.2f} dB  {100 * r.floor_share:11.2f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
