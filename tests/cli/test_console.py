"""Tables on a terminal of 80 columns."""

from __future__ import annotations

import pytest

from kws.cli import console

LONG = "turn_on_the_living_room_lights_please_now_and_forever_more_quickly"


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(console.out, "width", 80)


def printed(capsys, *table):
    console.table(*table)
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines[1:])
    return lines


@pytest.mark.usefixtures("narrow")
def test_no_figure_is_broken(capsys):
    columns = ("engine", "accuracy", "95 % interval", "clips", "carried", "against float", "changed decisions", "error")
    row = ("numpy", "95.99 %", "95.1 to 96.8 %", "9,123 / 9,504", "95.96 %", "+0.04 points", "0.20 %", "0.0012, 0.41")
    lines = printed(capsys, columns, [row, row], "a title")
    text = "\n".join(lines)
    assert lines[0].strip() == "a title"
    for cell in row[1:]:
        assert text.count(cell) == 2
    # Each part has the first column.
    assert text.count("numpy") == 4
    for word in " ".join(columns).split():
        assert word in text


@pytest.mark.usefixtures("narrow")
def test_long_labels_take_lines(capsys):
    lines = printed(capsys, ("recording", "heard as", "false accepts", "said"), [(f"{LONG}/a_01.wav", LONG, "3", "14")])
    first = next(line for line in lines if "turn_on" in line)
    assert first.split()[-2:] == ["3", "14"]
    assert "".join(line[:33].strip() for line in lines).endswith(f"{LONG}/a_01.wav")


@pytest.mark.usefixtures("narrow")
def test_many_labels(capsys):
    labels = [f"label{i}" for i in range(20)]
    lines = printed(capsys, ("said", *labels), [("x", *(str(100 + i) for i in range(20)))])
    assert [w for line in lines for w in line.split() if w.startswith("1")] == [str(100 + i) for i in range(20)]


@pytest.mark.usefixtures("narrow")
def test_what_fits_is_as_it_was_and_brackets_stay(capsys):
    lines = printed(capsys, ("word", "clips"), [("[red]on[/red]", "3")], "[bold]title")
    assert [line.split() for line in lines[:3:2]] == [["[bold]title"], ["word", "clips"]]
    assert "[red]on[/red]" in lines[4]


def test_nothing_to_show(capsys):
    assert printed(capsys, ("word", "clips"), [])
