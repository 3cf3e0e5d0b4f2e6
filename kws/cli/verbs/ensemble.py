"""``kws ensemble``: several models as one, whose posteriors are the mean of theirs."""

from __future__ import annotations

import argparse
from pathlib import Path

from kws import shipped
from kws.cli import console, exit_codes
from kws.cli.options import A_MODEL, add_json
from kws.config import SAMPLE_RATE
from kws.files import require_place
from kws.model.file import Model, save
from kws.quantize.ensemble import ensemble
from kws.text import visible


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws ensemble``."""
    parser.description = (
        "Join models that were trained apart, of the same labels and front end, into one file. The mean of their"
        " posteriors decides: what one falsely hears another seldom does. It costs the flash and the time of all of"
        " them. docs/networks.md says what it brings."
    )
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help=f"two or more; each {A_MODEL}")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.tflite", help="the model to write")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws ensemble``."""
    require_place(a.out)
    content = ensemble([(_name(path), Model.load(path)) for path in a.models])
    made = Model.from_bytes(content, str(a.out))
    save(content, a.out)
    network, info = made.network, made.require_info()
    hop_ms = 1000 * info.frontend.hop / SAMPLE_RATE
    if a.json:
        console.print_json(
            {
                "model": str(a.out),
                "id": made.id,
                "members": [_name(path) for path in a.models],
                "weight_bytes": network.weight_bytes,
                "macs": network.macs,
                "call_ms": hop_ms,
            }
        )
        return exit_codes.OK
    what = (
        f"{a.out}: the mean of {len(a.models)} networks, {network.weight_bytes:,} bytes of weights and biases,"
        f" {network.macs:,} multiply-accumulates a call, a call every {hop_ms:g} ms"
    )
    next_step = f"its thresholds are those of one member: `kws tune {a.out} --data DIR` chooses its own"
    for line in (what, next_step):
        console.out.print(visible(line), markup=False)
    return exit_codes.OK


def _name(path: Path) -> str:
    """What a member is called: its name among the models that come with kws, its file's, or its run's."""
    place = path.resolve()
    for name, known in shipped.models().items():
        if known.resolve() == place:
            return name
    return place.name if path.is_dir() else path.stem
