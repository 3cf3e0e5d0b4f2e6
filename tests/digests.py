"""SHA-256 of what the shipped models compute on fixed audio: ``python tests/digests.py --write`` stores them.

``digests.json`` holds, for each model, what the NumPy harness makes of the audio of ``digest_audio.py``:
features, every layer's output and cell, posteriors, detections, and the lines that boards write. The
exact engines and the boards must give the very same (``test_digests.py``, ``boards/test_board_digests.py``).
It also holds digests of the model files, and of the numbers in the exported C.

A change of structure must not change them. A change of what is computed, or of a shipped model, must:
write them anew, and say why.

Desktop TFLite rounds in its own way and has digests of its own. They hold for the wheel that
pyproject.toml names, on x86-64.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import digest_audio
import numpy as np

from kws import codegen
from kws.engines import Engine, Output, create
from kws.fixedpoint.decimator import Decimator
from kws.fixedpoint.decisions.detector import Detection, Detector
from kws.model.file import Model

FILE = Path(__file__).with_name("digests.json")
MODELS = sorted((Path(__file__).resolve().parents[1] / "models").glob("*.tflite"))
PDM_GAIN = 4
"""What the boards' decimators multiply by, as a power of two."""

_ARRAY = re.compile(r"const u?int(?:8|16|32)_t \w+(?:\[[^\]]*\])+ = \{(.*?)\};", re.DOTALL)
_LOWEST_INT32 = "(-2147483647 - 1)"
_NUMBER = re.compile(r"-?0x[0-9a-f]+|-?\d+")


def of(values: Any) -> str:
    """The digest of a NumPy array's type, shape and values, of bytes, or of what JSON can hold."""
    if isinstance(values, bytes):
        content = values
    elif isinstance(values, np.ndarray):
        little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        content = f"{values.dtype.name} {values.shape} ".encode() + little.tobytes()
    else:
        content = json.dumps(values, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def of_detections(detections: Sequence[Detection]) -> str:
    """The digest of frames, labels and scores."""
    return of([[int(d.frame), int(d.label), int(d.score)] for d in detections])


def hear(engine: Engine, pcm: digest_audio.Pcm) -> list[Output]:
    """What an engine makes of ``pcm``, piece by piece, from a reset."""
    engine.reset()
    return [engine.process(piece) for piece in digest_audio.pieces(pcm)]


def of_outputs(outputs: Sequence[Output]) -> dict[str, str]:
    """Digests of all that an engine shows, in the order in which it is computed."""
    some = [o for o in outputs if len(o.posteriors)]
    found = {"features": of(np.concatenate([o.features for o in some]))}
    for index in some[0].layers:
        if (index, "cell") in some[0].states:
            found[f"layer {index} cell"] = of(np.concatenate([o.states[index, "cell"] for o in some]))
        found[f"layer {index}"] = of(np.concatenate([o.layers[index] for o in some]))
    found["posteriors"] = of(np.concatenate([o.posteriors for o in some]))
    found["detections"] = of_detections([d for o in outputs for d in o.detections])
    return found


def of_engine(name: str, model: Model) -> dict[str, str]:
    """Digests of what an engine makes of all the audio."""
    with create(name, model) as engine:
        return of_outputs(hear(engine, digest_audio.everything()))


def of_tflite(model: Model) -> dict[str, str]:
    """Digests of what desktop TFLite makes of all the audio, by names of their own."""
    found = of_engine("tflite", model)
    return {f"tflite {what}": found[what] for what in ("posteriors", "detections")}


def of_detector(model: Model) -> str:
    """The digest of what the model's detector makes of invented posteriors."""
    info = model.require_info()
    posteriors = digest_audio.posteriors(2000, len(info.labels))
    return of_detections(Detector(info.detector_parameters()).process(posteriors))


@functools.cache
def bits() -> Any:
    """What a PDM microphone makes of the words, uint8 [bytes]."""
    return digest_audio.pdm(digest_audio.words(), PDM_GAIN)


def of_arrays(source: str) -> list[str]:
    """A line for each array of integers in C text, whatever its name, type and shape: its length and digest."""
    found = []
    for body in _ARRAY.findall(source):
        numbers = [int(n, 0) for n in _NUMBER.findall(body.replace(_LOWEST_INT32, str(-(2**31))))]
        found.append(f"{len(numbers)} numbers {of(np.array(numbers, np.int64))}")
    return sorted(found)


def of_export(model: Model) -> dict[str, list[str]]:
    """Digests of the arrays in the exported model, for every KWS_ARCH, and in its test vectors."""
    with tempfile.TemporaryDirectory() as folder:
        codegen.export(model, Path(folder))
        return {
            what: of_arrays((Path(folder) / name).read_text())
            for what, name in (("arrays", "kws_model.c"), ("vectors", "kws_vectors.c"))
        }


def of_audio() -> dict[str, str]:
    """Digests of the audio itself: where these differ, the machine makes other audio, and the rest says nothing."""
    return {"everything": of(digest_audio.everything()), "bits": of(bits())}


def of_model(path: Path) -> dict[str, Any]:
    """All that is stored of a model."""
    from nrf52840_images import expected as board_lines

    model = Model.load(path)
    return {
        "file": of(path.read_bytes()),
        **of_engine("numpy", model),
        "detections of invented posteriors": of_detector(model),
        **of_tflite(model),
        "board lines from samples": of(board_lines(model, digest_audio.words())),
        "board lines from bits": of(board_lines(model, Decimator(PDM_GAIN).process(bits()))),
        **of_export(model),
    }


@functools.cache
def stored() -> dict[str, Any]:
    """What ``digests.json`` holds."""
    content: dict[str, Any] = json.loads(FILE.read_text())
    return content


def first_difference(wanted: dict[str, Any], found: dict[str, Any]) -> str | None:
    """The first of the ``wanted`` quantities that was not found so, in words; None if all were.

    Of arrays those that are wanted must be there; there may be others.
    """
    for what, digest in wanted.items():
        have = found.get(what)
        if isinstance(digest, list):
            missing = Counter(digest) - Counter(have or [])
            if missing:
                return f"{what}: there is no longer an array of {next(iter(missing))}"
        elif have != digest:
            return f"{what} differs: {have or 'nothing'} instead of {digest}"
    return None


def main() -> None:
    """Compute everything; write it, or compare it with what is stored."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":", maxsplit=1)[0])
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name} instead of comparing with it")
    write = parser.parse_args().write
    # Where pytest finds them by itself (conftest.py).
    sys.path += [str(FILE.with_name("boards")), str(FILE.parents[1] / "tools")]
    found = {"audio": of_audio(), **{path.stem: of_model(path) for path in MODELS}}
    if write:
        FILE.write_text(json.dumps(found, indent=1) + "\n")
        return
    differences = [f"{name}: {first_difference(wanted, found[name])}" for name, wanted in stored().items()]
    differences = [d for d in differences if not d.endswith(": None")]
    sys.exit("\n".join(differences) or 0)


if __name__ == "__main__":
    main()
