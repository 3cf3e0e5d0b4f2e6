"""The library, a model and examples as a package for the ways people build.

What a package holds beside library and model is in the templates of this folder, one folder a kind
and one of parts that several kinds share; a template lies where its file goes. Templates mark their
variables with ``@{ }@`` and their statements with ``@% %@``, which no C, CMake or YAML uses.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2

from kws import __version__, firmware
from kws.codegen.export import Exported, export
from kws.errors import KwsError
from kws.files import parse_json, scratch, write_all
from kws.model.file import Model

_TEMPLATES = Path(__file__).parent / "templates"
_COMMON = "common"
MANIFEST = "kws_package.json"
"""Lists a package's files, so that a later export can remove those that are there no more."""
_COMPILED = ".c"


@dataclass(frozen=True)
class _Layout:
    """Folders of a package, relative to it: where its builder looks for what."""

    headers: str
    sources: str
    model_headers: str
    model_sources: str
    selftest: str


_LAYOUTS = {
    "plain": _Layout("include", "src", "model", "model", "examples/selftest"),
    "cmake": _Layout("include", "src", "model", "model", "examples/selftest"),
    # The Arduino builder compiles all that is below src, and only src is searched for headers.
    "arduino": _Layout("src", "src/library", "src", "src", "examples/SelfTest"),
    "zephyr": _Layout("include", "src", "model", "model", "samples/selftest/src"),
    "esp-idf": _Layout("include", "src", "model", "model", "examples/selftest/main"),
    "platformio": _Layout("include", "src", "include", "src", "examples/selftest/src"),
}
KINDS = tuple(_LAYOUTS)


def export_package(model: Model, kind: str, out: Path) -> Exported:
    """Write a package of ``kind`` into the folder ``out``, in place of an earlier one of that kind.

    Args:
        model: a model with a front end and labels.
        kind: one of :data:`KINDS`.
        out: a folder that is empty, not there yet, or holds such a package.

    Returns:
        What was written, as of :func:`kws.codegen.export`.

    Raises:
        KwsError: the model is a bare network, the folder holds other things, or cannot be written.
    """
    if model.info is None:
        raise KwsError(
            f"{model.source} is a bare network, which cannot hear, so no example with a microphone can be made of it;"
            " export it without --package, perhaps --with-library"
        )
    old = _old_files(out, kind)
    with scratch("export") as folder:
        exported = export(model, folder)
        generated = {path.name: path.read_text(encoding="utf-8") for path in exported.files}
    files = _files(model, kind, generated)
    manifest = {"package": kind, "kws": __version__, "model": model.id, "files": sorted(files)}
    files[MANIFEST] = json.dumps(manifest, indent=2) + "\n"
    write_all(out, files)
    for name in old - set(files):
        (out / name).unlink(missing_ok=True)
    return Exported(tuple(out / name for name in files), exported.weight_bytes, exported.network_bytes)


def _old_files(out: Path, kind: str) -> set[str]:
    """The files of the package that is in ``out``.

    Raises:
        KwsError: something else is there.
    """
    try:
        found = [path.name for path in out.iterdir()] if out.is_dir() else []
        manifest = parse_json((out / MANIFEST).read_text(encoding="utf-8")) if MANIFEST in found else {}
        there, names = manifest.get("package"), {str(name) for name in manifest.get("files", [])}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise KwsError(f"cannot read {out / MANIFEST}: {error}; choose another folder, or remove this one") from error
    if found and there is None:
        raise KwsError(f"{out} is not empty and holds no package of kws; choose another folder, or empty it")
    if found and there != kind:
        raise KwsError(f"{out} holds a package of kind {there}, not {kind}; choose another folder, or remove it")
    # A manifest that somebody else wrote must not name files outside the package.
    return {name for name in names if not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts}


def _files(model: Model, kind: str, generated: dict[str, str]) -> dict[str, str]:
    """Every file of the package but the manifest: text by path."""
    layout, words = _LAYOUTS[kind], model.require_info().words
    library: dict[str, str] = {}
    models: dict[str, str] = {}
    vectors: dict[str, str] = {}
    for name, text in firmware.library_files().items():
        top, _, rest = name.partition("/")
        library[f"{layout.headers if top == 'include' else layout.sources}/{rest}"] = text
    for name, text in generated.items():
        if name.startswith("kws_vectors"):
            vectors[f"{layout.selftest}/{name}"] = text
        elif not name.startswith("kws_model_tflite"):  # TFLM's own, which no package needs
            models[f"{layout.model_headers if name.endswith('.h') else layout.model_sources}/{name}"] = text
    environment = _environment()
    variables = {
        "title": f"kws: {', '.join(words)}",
        "version": __version__,
        "model_id": model.id,
        "words": words,
        "url": f"urn:kws:model:{model.id}",
        "library_sources": _compiled(library),
        "model_sources": _compiled(models),
        "sources": _compiled(library) + _compiled(models),
        "nrf52840_gain": f"0x{firmware.nrf52840_gain():02x}",
        "model_headers": [name for name in models if name.endswith(".h")],
        "api": _interface(library[f"{layout.headers}/kws/kws.h"]),
    }
    rendered = {
        path.relative_to(_TEMPLATES / kind).as_posix(): _render(environment, path, variables)
        for path in sorted((_TEMPLATES / kind).rglob("*"))
        if path.is_file()
    }
    shared = {
        "LICENSE": (_TEMPLATES / _COMMON / "LICENSE").read_text(encoding="utf-8"),
        f"{layout.selftest}/kws_selftest.h": (_TEMPLATES / _COMMON / "kws_selftest.h").read_text(encoding="utf-8"),
    }
    return {**rendered, **shared, **library, **models, **vectors}


def _compiled(files: dict[str, str]) -> list[str]:
    return [name for name in files if name.endswith(_COMPILED)]


def _interface(header: str) -> dict[str, list[str]]:
    """Types and functions that a public header declares."""
    return {
        "types": re.findall(r"^(?:typedef \w+ \w+ |\} )(kws_\w+);", header, re.MULTILINE),
        "functions": sorted(set(re.findall(r"^[a-z][\w *]*?\b(kws_\w+)\(", header, re.MULTILINE))),
    }


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        variable_start_string="@{",
        variable_end_string="}@",
        block_start_string="@%",
        block_end_string="%@",
        comment_start_string="@#",
        comment_end_string="#@",
    )


def _render(environment: jinja2.Environment, path: Path, variables: dict[str, Any]) -> str:
    return environment.get_template(path.relative_to(_TEMPLATES).as_posix()).render(variables)
