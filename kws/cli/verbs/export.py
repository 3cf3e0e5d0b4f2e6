"""``kws export``: a model as C arrays, alone or in a package, or for browsers."""

from __future__ import annotations

import argparse

from kws import codegen
from kws.cli import console, exit_codes
from kws.cli.options import add_json, add_model, add_out_folder
from kws.codegen import packages
from kws.errors import UsageError
from kws.model.file import Model
from kws.text import visible

ESPHOME = "esphome"


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws export``."""
    add_model(parser)
    add_out_folder(parser)
    parser.add_argument(
        "--with-library", action="store_true", help="add the C library's sources, so that DIR is complete"
    )
    parser.add_argument(
        "--package",
        choices=(*packages.KINDS, ESPHOME),
        help="write library, model and examples with a microphone as a package for this way of building instead; "
        "esphome: a wake word's .tflite and manifest for ESPHome's voice devices and the Linux voice assistant",
    )
    parser.add_argument(
        "--web",
        action="store_true",
        help="for browsers instead: the model as a WebAssembly module, to be dropped on any such page, and"
        " a page with it in one .html file, which listens to the microphone wherever it is opened",
    )
    parser.add_argument(
        "--name",
        help="call files and symbols NAME_model and so on: a program may have several models, exported into one DIR",
    )
    add_json(parser)


def _esphome(model: Model, a: argparse.Namespace) -> int:
    from kws.codegen.esphome import export_esphome

    made = export_esphome(model, a.out)
    if a.json:
        files = [p.relative_to(a.out).as_posix() for p in made.files]
        console.print_json(
            {"out": str(a.out), "files": files, "arena_bytes": made.arena_bytes, "manifest": made.manifest}
        )
        return exit_codes.OK
    console.out.print(visible(f"{a.out}: {', '.join(p.name for p in made.files)}"), markup=False)
    micro = made.manifest["micro"]
    assert isinstance(micro, dict)
    console.out.print(
        f"cut-off {micro['probability_cutoff']:g} over {micro['sliding_window_size']} probabilities; the arena takes"
        f" {made.arena_bytes} bytes here, and {micro['tensor_arena_size']} are asked for"
    )
    return exit_codes.OK


def _web(model: Model, a: argparse.Namespace) -> int:
    from kws.files import write_all
    from kws.web.page import single_page, web_model

    made = web_model(model)
    files = {f"{made.name}.wasm": made.module, f"{made.name}.html": single_page(made).encode()}
    write_all(a.out, files)
    if a.json:
        sizes = {name: len(content) for name, content in files.items()}
        console.print_json({"out": str(a.out), "id": model.id, "files": list(files), "bytes": sizes})
        return exit_codes.OK
    console.out.print(visible(f"{a.out}: {', '.join(files)}"), markup=False)
    page, module = f"{made.name}.html", f"{made.name}.wasm"
    console.out.print(
        visible(f"{page} ({len(files[page]):,} bytes) opens by a double click; drop {module} on any such page"),
        markup=False,
    )
    return exit_codes.OK


def run(a: argparse.Namespace) -> int:
    """``kws export``."""
    if a.web and (a.package or a.name is not None or a.with_library):
        raise UsageError("--web goes with none of --package, --name and --with-library: it writes no C")
    if a.name is not None and a.package:
        raise UsageError(
            "--name and --package do not go together: a package holds one model;"
            " for several in one program export each with --name and --with-library into one folder"
        )
    model = Model.load(a.model)
    if a.package == ESPHOME:
        return _esphome(model, a)
    if a.web:
        return _web(model, a)
    if a.package:
        result = packages.export_package(model, a.package, a.out)
    else:
        result = codegen.export(model, a.out, a.name, with_library=a.with_library)
    if a.json:
        console.print_json(
            {
                "out": str(a.out),
                "id": model.id,
                "bare_network": model.info is None,
                "package": a.package,
                "name": a.name,
                "files": [p.relative_to(a.out).as_posix() for p in result.files],
                "weight_bytes": result.weight_bytes,
                "network_bytes": result.network_bytes,
            }
        )
        return exit_codes.OK
    if model.info is None:
        console.out.print(
            visible(f"{a.model} carries no kws metadata: the network alone was exported, no front end or labels"),
            markup=False,
        )
    if a.package:
        said = f"{a.out}: {a.package} package of {len(result.files)} files; how to use it is in {a.out / 'README.md'}"
        console.out.print(visible(said), markup=False)
    else:
        console.out.print(visible(f"{a.out}: {', '.join(p.name for p in result.files)}"), markup=False)
    console.out.print(
        f"{result.weight_bytes} bytes of weights and biases, {result.network_bytes} bytes of RAM for the network"
    )
    return exit_codes.OK
