"""``kws gate``: a voice gate in a model, through which the network hears."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from kws.cli import console, exit_codes
from kws.cli.options import add_json, add_model, model_place
from kws.errors import UsageError
from kws.fields import range_of
from kws.files import require_place
from kws.model.file import Model, save, with_gate
from kws.text import visible
from kws.voice_gate import VoiceGateConfig, added_ram

_SETTINGS = tuple(field for field in dataclasses.fields(VoiceGateConfig) if field.name != "on")


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws gate``."""
    add_model(parser)
    switch = parser.add_mutually_exclusive_group()
    switch.add_argument("--on", action="store_true", help="the network sleeps while nothing rises above the floors")
    switch.add_argument("--off", action="store_true", help="it hears every frame")
    for field in _SETTINGS:
        whole = isinstance(field.default, int)
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=int if whole else float,
            metavar="N",
            help=f"{range_of(field)} (default: {field.default:g}); docs/configuration.md says what it is",
        )
    parser.add_argument("--out", type=Path, metavar="FILE.tflite", help="the model to write (default: MODEL itself)")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws gate``."""
    given = {f.name: getattr(a, f.name) for f in _SETTINGS if getattr(a, f.name) is not None}
    changes = a.on or a.off or bool(given)
    if a.off and given:
        raise UsageError("--off goes with no setting of the gate")
    if a.out is not None and not changes:
        raise UsageError("--out needs a change: --on, --off or a setting")
    out = model_place(a)
    if changes:
        require_place(out)
    model = Model.load(a.model)
    info = model.require_info()
    gate = info.gate
    if changes:
        gate = VoiceGateConfig() if a.off else dataclasses.replace(gate, on=True, **given)
        save(with_gate(model, gate), out)
    ram = added_ram(gate, info.frontend)
    if a.json:
        values: dict[str, Any] = {**dataclasses.asdict(gate), "ram_bytes": ram}
        console.print_json({"model": str(out if changes else a.model), "gate": values})
        return exit_codes.OK
    if gate.on:
        rows = [(f.name, f"{getattr(gate, f.name):g}") for f in _SETTINGS]
        console.table(("the gate's setting", "value"), rows, f"the network sleeps; {ram:,} bytes of RAM more")
    else:
        console.out.print("the network hears every frame")
    if changes:
        console.out.print(visible(f"{out} is written"), markup=False)
    return exit_codes.OK
