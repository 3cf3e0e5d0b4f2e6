"""Text on the disk and from other programs is UTF-8, whatever the locale of the user says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [path for folder in ("kws", "tools") for path in sorted((ROOT / folder).rglob("*.py"))]
# Owners of an ``open`` that is not of text, and of a ``read_text`` that knows its encoding (importlib.metadata).
OTHERS = (
    "os",
    "tarfile",
    "wave",
    "webbrowser",
    "self",
    "Image",
    "self._rules",
    "self._decision",
    "self._spotter",
    "decision",
    "distribution",
    "member",
    "zipped",
)
# What starts other programs.
PROGRAMS = ("run", "Popen", "check_output", "check_call", "call")
BINARY = re.compile(r"[rwax+]*b[rwax+]*")


def unnamed(source: str) -> list[int]:
    """Lines that read or write text in the encoding of the locale; ruff's PLW1514 sees only what it can infer."""
    return [n.lineno for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call) and _in_the_locale(n)]


def _in_the_locale(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    given = [k.arg for k in call.keywords]
    if "encoding" in given or owner in OTHERS:
        return False
    if name in ("open", "fdopen"):
        constants = [n.value for a in (*call.args, *call.keywords) for n in ast.walk(a) if isinstance(n, ast.Constant)]
        return not any(isinstance(value, str) and BINARY.fullmatch(value) for value in constants)
    if name in PROGRAMS and "text" in given:
        return True
    return name in ("read_text", "write_text") or "universal_newlines" in given


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("Path(x).open()", True),
        ("open(x, 'w')", True),
        ("path.open(mode='a+')", True),
        ("path.read_text(errors='replace')", True),
        ("subprocess.run(x, text=True)", True),
        ("path.open('rb')", False),
        ("open(x, 'ab' if y else 'wb')", False),
        ("path.write_text(x, encoding='utf-8')", False),
        ("os.open(x, os.O_RDONLY)", False),
    ],
)
def test_the_check(line, wrong):
    assert unnamed(line) == [1] * wrong


def test_every_text_names_its_encoding():
    found = {path.relative_to(ROOT).as_posix(): unnamed(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {name: lines for name, lines in found.items() if lines} == {}
