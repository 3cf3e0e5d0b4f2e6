"""``kws docs``: the pages that messages name are there to be read."""

from __future__ import annotations

import json
import re
from pathlib import Path

from kws import configs, documents
from kws.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


def test_list(capsys):
    assert main(["docs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == documents.names()
    assert str(ROOT / "docs") in lines[-1]
    assert main(["docs", "--json"]) == 0
    pages = json.loads(capsys.readouterr().out)["pages"]
    assert pages["own-words"] == documents.title("own-words")
    assert "boards/nrf52840" in pages
    assert all(pages.values())


def test_a_page(capsys):
    for name in ("own-words", "docs/own-words.md"):
        assert main(["docs", name]) == 0
        assert capsys.readouterr().out == (ROOT / "docs/own-words.md").read_text(encoding="utf-8")
    assert main(["docs", "own-word"]) == 2
    assert "did you mean 'own-words'?" in capsys.readouterr().err


def test_every_page_that_kws_names_is_there():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "kws").rglob("*.py")]
    texts += [configs.find(name).read_text(encoding="utf-8") for name in configs.names()]
    named = {name for text in texts for name in re.findall(r"docs/([\w/-]+)\.md", text)} - {"NAME"}
    assert "own-words" in named
    assert named <= set(documents.names())
