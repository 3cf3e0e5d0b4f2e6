"""Packages for other ways of building: whole, repeatable, and their examples hear what the harness hears."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from pathlib import Path

import pytest
from building import (
    arduino_program,
    detections,
    esp_idf_program,
    exporter,
    heard,
    needs_program,
    noises,
    platformio_program,
    random_model,
    run,
    zephyr_program,
)
from random_models import spotting_model

from kws import codegen, firmware
from kws.cli import main as cli
from kws.codegen import packages
from kws.errors import KwsError

pytestmark = needs_program("make", "cc")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return exporter(tmp_path_factory)


PROGRAMS = {
    "arduino": (arduino_program, "examples/Spotter", "examples/SelfTest"),
    "platformio": (platformio_program, "examples/spotter", "examples/selftest"),
    "zephyr": (zephyr_program, "samples/spotter", "samples/selftest"),
    "esp-idf": (esp_idf_program, "examples/spotter", "examples/selftest"),
}


@pytest.mark.slow
@needs_program("c++")
@pytest.mark.parametrize("kind", PROGRAMS)
def test_with_stand_ins(package, tmp_path, kind):
    """The examples, compiled as their builder would, hear from a simulated microphone what the harness hears."""
    build, spotter, selftest = PROGRAMS[kind]
    program = build(package(kind), package(kind) / spotter, tmp_path / "spotter")
    done = run(program, input=noises().tobytes())
    assert heard(done.stdout) == detections()
    if kind in ("arduino", "platformio"):
        starts = [e["t"] for e in detections()]
        gaps = sum(b - a > 0.3 for a, b in itertools.pairwise(starts))
        assert done.stderr.decode().split()[:2] == ["lit", str(gaps + 1)]
    if kind != "esp-idf":  # the nRF52840's, as in the board's own firmware
        assert f"gain {firmware.nrf52840_gain()}" in done.stderr.decode()
    said = run(build(package(kind), package(kind) / selftest, tmp_path / "selftest")).stdout
    assert b"24 of 24 frames, 0 differences: PASS" in said


@pytest.mark.slow
@needs_program("c++")
@pytest.mark.parametrize(
    ("kind", "environment"),
    [("arduino", {"BUSY_BLOCKS": "20"}), ("zephyr", {"FAIL_AT": "30"}), ("esp-idf", {"OVERRUN_AT": "30"})],
)
def test_lost_samples_are_reported(package, tmp_path, kind, environment):
    build, spotter, _ = PROGRAMS[kind]
    program = build(package(kind), package(kind) / spotter, tmp_path / "spotter")
    lines = heard(run(program, input=noises().tobytes(), env={**os.environ, **environment}).stdout)
    overruns = [line["overruns"] for line in lines if "overruns" in line]
    assert overruns
    assert overruns == sorted(overruns)
    if kind == "arduino":
        blocks = -(-len(noises()) // 256)
        # Of 20 blocks that come at once 16 have room.
        assert overruns[-1] == blocks // 20 * 4 + max(blocks % 20 - 16, 0)
    else:
        assert overruns == [1]
        assert len(lines) > 8  # and it goes on


# ---- the package as a whole ----


@pytest.mark.slow
@pytest.mark.parametrize("kind", packages.KINDS)
def test_sources_are_gathered_and_not_listed(tmp_path, monkeypatch, kind):
    """A new file of the library, in a folder of its own, is in every package and in every list of sources."""
    copy = tmp_path / "firmware"
    for folder in ("include", "src", "boards/nrf52840"):
        shutil.copytree(firmware.sources_dir() / folder, copy / folder)
    (copy / "src/arch").mkdir(exist_ok=True)
    (copy / "src/arch/brand_new.c").write_text(
        '#include "../layers/layer.h"\nextern const int brand_new;\nconst int brand_new = 1;\n'
    )
    monkeypatch.setattr(firmware, "sources_dir", lambda: copy)
    packages.export_package(random_model(), kind, tmp_path / "out")
    found = list((tmp_path / "out").rglob("arch/brand_new.c"))
    assert len(found) == 1
    assert found[0].parent.parent.joinpath("layers/layer.h").is_file()
    lists = {
        "plain": "Makefile",
        "cmake": "CMakeLists.txt",
        "zephyr": "zephyr/CMakeLists.txt",
        "esp-idf": "CMakeLists.txt",
    }
    if kind in lists:
        assert "src/arch/brand_new.c" in (tmp_path / "out" / lists[kind]).read_text()
    if kind == "plain":
        run("make", "-C", tmp_path / "out", "test")
    if kind == "arduino":
        (tmp_path / "build").mkdir()
        arduino_program(tmp_path / "out", tmp_path / "out/examples/Spotter", tmp_path / "build/spotter")


@pytest.mark.parametrize("kind", packages.KINDS)
def test_packages_are_complete_and_repeatable(package, tmp_path, kind):
    out = tmp_path / "again"
    result = packages.export_package(random_model(), kind, out)
    files = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    first = package(kind)
    assert files == {p.relative_to(first).as_posix(): p.read_bytes() for p in first.rglob("*") if p.is_file()}
    assert {p.relative_to(out).as_posix() for p in result.files} == set(files)
    assert {"README.md", "LICENSE", packages.MANIFEST} <= set(files)
    assert not [name for name in files if "tflite" in name]
    for name, content in files.items():
        assert b"@{" not in content, name
        assert b"@%" not in content, name
        assert b"}@" not in content, name


def test_exporting_again_replaces_and_removes(tmp_path):
    packages.export_package(random_model(), "plain", tmp_path)
    manifest = json.loads((tmp_path / packages.MANIFEST).read_text())
    assert manifest["model"] == random_model().id
    (tmp_path / "src/gone.c").write_text("int gone;\n")
    (tmp_path / "notes.txt").write_text("mine\n")
    manifest["files"] += ["src/gone.c", "../outside.txt"]
    (tmp_path / packages.MANIFEST).write_text(json.dumps(manifest))
    other = spotting_model(2)
    packages.export_package(other, "plain", tmp_path)
    assert json.loads((tmp_path / packages.MANIFEST).read_text())["model"] == other.id
    assert not (tmp_path / "src/gone.c").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine\n"


def test_another_folder_is_left_alone(bare_model, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work\n")
    with pytest.raises(KwsError, match="not empty and holds no package"):
        packages.export_package(random_model(), "plain", tmp_path)
    packages.export_package(random_model(), "plain", tmp_path / "package")
    with pytest.raises(KwsError, match="of kind plain, not cmake"):
        packages.export_package(random_model(), "cmake", tmp_path / "package")
    (tmp_path / "package" / packages.MANIFEST).write_text("{")
    with pytest.raises(KwsError, match="cannot read"):
        packages.export_package(random_model(), "plain", tmp_path / "package")
    with pytest.raises(KwsError, match="bare network, which cannot hear"):
        packages.export_package(bare_model, "plain", tmp_path / "bare")
    assert not (tmp_path / "bare").exists()


def test_command(tiny_file, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["export", str(tiny_file), "--package", "arduino", "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["package"] == "arduino"
    assert "examples/Spotter/Spotter.ino" in said["files"]
    assert all((out / name).is_file() for name in said["files"])
    with pytest.raises(SystemExit):
        cli.main(["export", str(tiny_file), "--package", "snap", "--out", str(out)])
    assert "invalid choice" in capsys.readouterr().err


def test_licence_is_the_projects():
    root = Path(codegen.__file__).parents[2]
    if not (root / "pyproject.toml").is_file():
        pytest.skip("kws is installed, not in a checkout")
    assert (Path(packages.__file__).parent / "templates/common/LICENSE").read_bytes() == (root / "LICENSE").read_bytes()
