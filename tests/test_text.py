"""Names that anybody may have chosen, on a terminal, in a figure and in a page."""

from __future__ import annotations

import os
from xml.etree import ElementTree

import pytest

from kws.cli import console
from kws.evaluation import plots
from kws.text import caption, decoded, is_text, visible

SURROGATE = os.fsdecode(b"n\xf6")
NAMES = (
    SURROGATE,
    "$x$",
    "$\\frac$",
    "a$$b\\$",
    "a\x01\x1b",
    "größe",
    "[/bold]",
    ":smile:",
    "\\",
    "a\nb",
    '<&">',
    "да",
)


def test_what_is_text():
    assert [name for name in NAMES if not is_text(name)] == [SURROGATE, "a\x01\x1b", "a\nb"]


@pytest.mark.parametrize("name", NAMES)
def test_visible_is_text_and_leaves_text_alone(name):
    assert is_text(visible(name))
    assert visible(name) == name or not is_text(name)
    visible(name).encode()


def test_what_visible_looks_like():
    assert visible(f"{SURROGATE}\x1b[2J\n") == "n\\udcf6\\x1b[2J\\n"
    assert visible("a\nb\x07", keep="\n") == "a\nb\\x07"


def test_names_decoded_as_ascii_are_utf8():
    assert decoded("größe".encode().decode("ascii", "surrogateescape")) == "größe"
    assert [decoded(name) for name in NAMES] == list(NAMES)


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_any_name_can_stand_in_a_figure(kind, tmp_path):
    import numpy as np

    figure = plots.figure(8, 8)
    axes = figure.subplots()
    plots.confusion(axes, np.eye(len(NAMES), dtype=np.int64), NAMES)
    axes.set_title(caption("".join(NAMES)))
    plots.save(figure, tmp_path / f"{SURROGATE}.{kind}")
    if kind == "svg":
        ElementTree.fromstring((tmp_path / f"{SURROGATE}.svg").read_bytes())


def test_tables_and_messages_show_names_as_they_are(capsys):
    names = [visible(name) for name in NAMES if "\n" not in name]
    console.table(("name", "again"), [(name, name) for name in names], "[/title]")
    for name in names:
        console.out.print(name)
        console.say_error(name)
    said = capsys.readouterr()
    assert all(said.out.count(name) >= 3 for name in names)
    assert said.err.splitlines() == [f"kws: error: {name}" for name in names]
