"""Exports into folders that are not empty: earlier exports are replaced, nothing of anybody else's is."""

from __future__ import annotations

import os

import pytest

from kws import codegen, firmware
from kws.cli.main import main
from kws.errors import KwsError

OWN = '#include "kws_model.h"\n\nint kws_glue(int x)\n{\n    return x;\n}\n'


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("file", "name"),
    [("kws_model.c", None), ("kws_vectors.h", None), ("wake_model.c", "wake"), ("wake_model_tflite.c", "wake")],
)
def test_files_of_others_are_not_replaced(file, name, tmp_path, tiny_model):
    path = tmp_path / file
    path.write_text("int mine;\n")
    with pytest.raises(KwsError, match=rf"did not write: {path.name}"):
        codegen.export(tiny_model, tmp_path, name)
    assert files(tmp_path) == {path: b"int mine;\n"}


@pytest.mark.parametrize("own", ["src/network.c", "src/layers/window.h", "include/kws/layers/kinds.def"])
def test_sources_of_others_are_not_replaced(own, tmp_path, tiny_file, capsys):
    """In a project's own folder, whose src has a file that is called as one of the library."""
    project = tmp_path / "project"
    path = project / own
    path.parent.mkdir(parents=True)
    path.write_text(OWN)
    assert main(["export", str(tiny_file), "--with-library", "--out", str(project)]) == 3
    assert own in capsys.readouterr().err.replace("\n", "")
    assert files(project) == {path: OWN.encode()}


def test_sources_of_another_version_are_told(tmp_path, tiny_model):
    """A build that compiles all of src would have their functions twice."""
    codegen.export(tiny_model, tmp_path, with_library=True)
    moved = tmp_path / "src/lstm.c"
    moved.write_bytes((firmware.sources_dir() / "src/layers/lstm.c").read_bytes())
    before = files(tmp_path)
    with pytest.raises(KwsError, match=r"another version of the C library, which this one does not have: src/lstm\.c;"):
        codegen.export(tiny_model, tmp_path, with_library=True)
    with pytest.raises(KwsError, match=r"src/lstm\.c"):
        codegen.copy_library(tmp_path)
    assert files(tmp_path) == before


def test_an_earlier_export_is_replaced_beside_files_of_ones_own(tmp_path, tiny_model):
    """Every file of the library is known as kws's, also where an earlier version had other text in it."""
    codegen.export(tiny_model, tmp_path, with_library=True)
    expected = files(tmp_path)
    for path in expected:
        path.write_text(path.read_text() + "\n/* of an earlier version */\n")
    (tmp_path / "src/main.c").write_text(OWN)
    codegen.export(tiny_model, tmp_path, with_library=True)
    assert files(tmp_path) == {**expected, tmp_path / "src/main.c": OWN.encode()}


@pytest.mark.parametrize(("kind", "name"), [("kws_model.c", None), ("other_model.h", "wake"), ("src/network.c", None)])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_no_pipe_is_read(kind, name, make, tmp_path, tiny_model):
    (tmp_path / kind).parent.mkdir(exist_ok=True)
    make(tmp_path / kind)
    with pytest.raises(KwsError, match=kind):
        codegen.export(tiny_model, tmp_path, name, with_library=True)
    assert not files(tmp_path)
