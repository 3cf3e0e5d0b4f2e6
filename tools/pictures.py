"""Draw the pictures of docs/pictures from the real programs: `python tools/pictures.py`.

The sound is synthetic speech (espeak-ng), so the same versions give the same bytes.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
from collections import deque
from pathlib import Path

import numpy as np
import soundfile
import soxr
from matplotlib import rc_context
from rich.console import Console
from rich.terminal_theme import TerminalTheme

from kws import engines
from kws.cli.listen_view import Shown, View
from kws.cli.results import detection_line, detection_values
from kws.config import SAMPLE_RATE
from kws.datasets import synthetic
from kws.evaluation import collapse, plots
from kws.files import scratch, write_atomic
from kws.fixedpoint.posterior import probabilities
from kws.live.listen import CHUNK_MS, listen
from kws.model.file import Model
from kws.types import Pcm

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT = 92, 26
WORDS = ("left", "yes", "right", "yes")
PAUSE_SECONDS = 0.9
MOST_LINES = 24
_LEAST = 0.5
COLOURS = [(222, 82, 82), (98, 190, 110), (214, 176, 80), (96, 148, 222), (186, 120, 206), (88, 188, 196)]
# Light letters on dark, as most terminals have.
THEME = TerminalTheme(
    (18, 20, 26),
    (222, 224, 228),
    [(18, 20, 26), *COLOURS, (222, 224, 228)],
    [(110, 116, 128), *COLOURS, (255, 255, 255)],
)


def talk() -> Pcm:
    """Some words by several voices in a quiet room."""
    rng = np.random.default_rng(5)
    voices = list(synthetic.voices(16).values())
    parts = []
    for i, word in enumerate(WORDS):
        said = synthetic.utter(word, voices[3 + 4 * (i % 3)], rng)
        parts += [np.zeros(round(PAUSE_SECONDS * SAMPLE_RATE)), 0.35 * said / np.abs(said).max()]
    x = np.concatenate([*parts, np.zeros(SAMPLE_RATE // 4)])
    return np.rint(32767 * (x + rng.normal(0, 6e-4, len(x)))).astype(np.int16)


def console(height: int) -> Console:
    """A terminal that remembers what was written to it."""
    return Console(
        record=True,
        width=WIDTH,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        legacy_windows=False,
    )


def svg(recorded: Console, title: str) -> str:
    """The picture, without the fonts that rich would have a browser fetch from elsewhere."""
    text = recorded.export_svg(title=title, theme=THEME, unique_id="kws")
    return re.sub(r"@font-face \{.*?\}\s*", "", text, flags=re.DOTALL)


def listen_picture(model: Model) -> str:
    """`kws listen` in the middle of a recording."""
    info = model.require_info()
    pcm = talk()
    chunk = SAMPLE_RATE * CHUNK_MS // 1000
    recorded = console(HEIGHT)
    title = "kws listen  models/commands12.tflite  engine c"
    shown = Shown(title, info.words, info.thresholds, info.first_word, keys=True, last=deque(maxlen=20))
    view = View(shown, info.frontend.features, recorded)
    with engines.create(engines.fastest(), model) as engine:
        for heard in listen(model, engine, [pcm[i : i + chunk] for i in range(0, len(pcm), chunk)]):
            for detection in heard.detections:
                shown.last.append(detection_line(detection_values(info, detection)))
            view.show(heard)
    recorded.print(view)
    # The one figure that is this machine's.
    return re.sub(r"factor&#160;0\.\d+", "factor&#160;0.003", svg(recorded, "kws listen models/commands12.tflite"))


def why_picture(model: Model) -> str:
    """`kws why` of a word in a file with a wrong header."""
    rng = np.random.default_rng(3)
    said = synthetic.utter("yes", list(synthetic.voices(12).values())[3], rng)
    x = rng.normal(0, 5e-4, 2 * SAMPLE_RATE + len(said))
    x[SAMPLE_RATE : SAMPLE_RATE + len(said)] += 0.5 * said / np.abs(said).max()
    with scratch("pictures") as folder:
        soundfile.write(folder / "bad.wav", soxr.resample(x, SAMPLE_RATE, 44_100), SAMPLE_RATE)
        command = [sys.executable, "-m", "kws", "why", model.source, "bad.wav", "--word", "yes"]
        environment = {**os.environ, "COLUMNS": str(WIDTH), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=True)
    recorded = console(70)
    answer, _, rest = done.stdout.rstrip().partition("\n")
    recorded.print(answer, style="bold", markup=False)
    # What was measured and tried goes on for a page.
    recorded.print("\n".join(rest.splitlines()[:MOST_LINES]), markup=False)
    return svg(recorded, "kws why models/commands12.tflite bad.wav --word yes")


def new_picture(model: Model) -> str:
    """`kws new`, its answers given as options."""
    del model
    arguments = ["new", "lamp", "--words", "lights,music", "--source", "microphone", "--board", "nrf52840"]
    with scratch("pictures") as folder:
        said = _said(arguments, folder)
    return _printed("kws " + " ".join(arguments), _at_home(said))


def takes_picture(model: Model) -> str:
    """`kws data takes` of words that several voices say, in place of a person's takes."""
    rng = np.random.default_rng(7)
    with scratch("pictures") as folder:
        for word in ("lights", "music"):
            (folder / "recordings" / word).mkdir(parents=True)
            for number, voice in enumerate(synthetic.voices(24).values(), 1):
                said = synthetic.utter(word, voice, rng)[:SAMPLE_RATE]
                x = rng.normal(0, 3e-3, SAMPLE_RATE)
                x[: len(said)] += 0.3 * said / np.abs(said).max()
                soundfile.write(folder / "recordings" / word / f"me_{number:02}.wav", x, SAMPLE_RATE)
        _said(["new", ".", "--words", "lights,music", "--source", "microphone", "--board", "none"], folder)
        arguments = ["data", "takes", "recordings", "--config", "words.toml", "--from", str(model.source)]
        said = _said(arguments, folder)
    return _printed(_at_home("kws " + " ".join(arguments)), said)


def _said(arguments: list[str], folder: Path) -> str:
    """What ``kws`` prints in a folder."""
    environment = {**os.environ, "COLUMNS": str(WIDTH), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "kws", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.rstrip()


def _at_home(text: str) -> str:
    """Without this machine's folder of kws."""
    return text.replace(f"{ROOT}/", "")


def _printed(title: str, text: str) -> str:
    recorded = console(70)
    recorded.print(text, markup=False)
    return svg(recorded, title)


def ctc_picture(model: Model) -> str:
    """How a transcription is read off posteriors."""
    info = model.require_info()
    pcm = talk()
    with engines.create("numpy", model) as engine:
        output = engine.process(pcm)
    assert output.features is not None
    entry = {
        "seconds_per_frame": info.frontend.hop / SAMPLE_RATE,
        "features": output.features,
        "posteriors": probabilities(output.posteriors),
        "least": _LEAST,
        "said": [],
    }
    figure = plots.figure(8.4, 5.6)
    collapse.draw(figure, entry, info.labels)
    with io.BytesIO() as file:
        with rc_context({"svg.hashsalt": "kws"}):
            figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        return file.getvalue().decode()


def main() -> None:
    """Draw all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/pictures", help="folder to write")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these of them")
    a = parser.parse_args()
    folder, chosen = a.out, a.only
    model = Model.load(ROOT / "models/commands12.tflite")
    pictures = {
        "listen": listen_picture,
        "why": why_picture,
        "ctc": ctc_picture,
        "new": new_picture,
        "takes": takes_picture,
    }
    for name in chosen or pictures:
        draw = pictures[name]
        write_atomic(folder / f"{name}.svg", draw(model))
        print(folder / f"{name}.svg")


if __name__ == "__main__":
    main()
