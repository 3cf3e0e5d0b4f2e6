"""The page with its models: a folder for any static server, or one file that opens by a double click."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kws import carried
from kws.errors import KwsError
from kws.files import write_all
from kws.image.web import web_module
from kws.model.file import Model
from kws.web import ASSETS
from kws.web.bundle import bundle

INDEX = "index.html"
CORE = "kws"
"""The folder of :func:`assets` in the page's."""

_ENTRY = "page.js"
_POLICY = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")[^"]*(">)')
_MODELS = re.compile(r'(<script type="application/json" id="models">).*?(</script>)')
_SHEETS = re.compile(r'(?:<link rel="stylesheet" href="[^"]*">\n)+')
_SHEET = re.compile(r'<link rel="stylesheet" href="([^"]*)">')
_SCRIPT = re.compile(r'<script type="module" src="page\.js"></script>')


@dataclass(frozen=True)
class WebModel:
    """A model for the page.

    Attributes:
        name: what the page calls it.
        module: its WebAssembly module.
    """

    name: str
    module: bytes


def web_model(model: Model) -> WebModel:
    """Compile a model for the page; it is called as its file, or as the folder of its run.

    Raises:
        KwsError: it is a bare network, a program is missing, or the compiler failed.
    """
    model.require_info()
    path = Path(model.source).resolve()
    # A run's model is model.tflite in a folder with a name.
    name = (path.parent.name if path.name == "model.tflite" else path.stem) or "model"
    return WebModel(name, web_module(model, name))


def assets() -> dict[str, str]:
    """The files that any page of kws may use (`kws.web`), by name."""
    return _texts(ASSETS)


def page_files() -> dict[str, str]:
    """The page's own files, by their place in its folder, and those of :func:`assets` in ``kws/``.

    Raises:
        KwsError: they are missing from this installation.
    """
    for folder in carried.places("web"):
        if (folder / INDEX).is_file():
            return _texts(folder) | {f"{CORE}/{name}": text for name, text in assets().items()}
    raise KwsError("the page's files are missing from this installation of kws; reinstall kws")


def write_site(out: Path, models: Sequence[WebModel]) -> list[Path]:
    """Write the page with models, the first of which is loaded first, into a folder for any static server.

    Raises:
        KwsError: the folder cannot be written.
    """
    files: dict[str, str | bytes] = {**page_files()}
    files |= {f"models/{model.name}.wasm": model.module for model in models}
    entries = [{"name": model.name, "url": f"models/{quote(model.name)}.wasm"} for model in models]
    policy = (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; img-src data:"
    )
    files[INDEX] = _filled(page_files()[INDEX], policy, entries)
    write_all(out, files)
    return [out / name for name in files]


def single_page(model: WebModel) -> str:
    """The page with one model as a single file; its policy lets it fetch nothing at all."""
    files = page_files()
    index = files[INDEX]
    sheets = _SHEETS.search(index)
    assert sheets is not None
    style = "\n" + "".join(files[name] for name in _SHEET.findall(sheets[0]))
    script = "\n" + bundle(files, _ENTRY)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}' 'wasm-unsafe-eval' data:;"
        f" style-src '{_digest(style)}'; img-src data:"
    )
    packed = gzip.compress(model.module, 9, mtime=0)
    entries = [{"name": model.name, "data": base64.b64encode(packed).decode()}]
    text = _filled(index, policy, entries)
    worklet = f'<script type="text/plain" id="worklet">\n{files[f"{CORE}/worklet.js"]}</script>'
    text = _SHEETS.sub(lambda _: f"<style>{style}</style>\n", text, count=1)
    return _SCRIPT.sub(lambda _: f'{worklet}\n<script type="module">{script}</script>', text)


def _filled(index: str, policy: str, entries: list[dict[str, Any]]) -> str:
    # "</script>" in a name would end the block.
    models = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    index = _POLICY.sub(lambda found: found[1] + html.escape(policy, quote=False) + found[2], index)
    return _MODELS.sub(lambda found: found[1] + models + found[2], index)


def _digest(text: str) -> str:
    """How a content security policy names an inline block."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.is_file()}
