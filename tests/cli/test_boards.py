"""``kws build``, ``kws flash`` and ``kws monitor``."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import random_models as models
from conftest import needs
from nrf52840_images import image, messages, running, sound
from simulator.nrf52840 import Nrf52840

from kws import __version__
from kws.boards import APPS, BOARDS, find
from kws.boards.flash import find_image, flash
from kws.boards.monitor import Connected, Disconnected, Line, monitor, parse
from kws.cli.main import main
from kws.cli.verbs.monitor import describe
from kws.errors import KwsError
from kws.extras import how_to_install
from kws.firmware import sources_dir
from kws.image.build import build, build_model

needs_compiler = needs("cc", "make", "arm-none-eabi-gcc")


def test_boards_and_apps_are_those_of_the_firmware():
    assert set(BOARDS) == {path.parent.name for path in sources_dir().glob("boards/*/board.mk")}
    assert set(APPS) < {path.parent.name for path in sources_dir().glob("apps/*/main.c")}


@needs_compiler
def test_build_writes_what_a_board_boots(tiny_file, tiny_model, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["build", "nrf52840", "--model", str(tiny_file), "--out", str(out), "--variant", "dk", "--json"]
    assert main(command) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["settings"] == {"BOARD_VARIANT": "dk", "BAUD": "115200"}
    assert {Path(f).name for f in report["files"]} == {"spotter.elf", "spotter.hex", "spotter.bin"}
    assert report["flash"] == (out / "spotter.bin").stat().st_size
    assert 0 < report["stack"] < report["stack_reserve"]
    board = Nrf52840(variant="dk")
    board.machine.load(out / "spotter.hex")
    board.machine.run(seconds=0.05)
    assert messages(board) == [{"kws": __version__, "model": tiny_model.id}]
    assert main(command[:-1]) == 0
    text = capsys.readouterr().out
    assert "variant: dk" in text
    assert "bytes of flash" in text


@needs_compiler
def test_a_model_for_the_slot_is_replaced_alone(tiny_model, tmp_path):
    other = models.spotting_model(2, units=(16,))
    built = build(tiny_model, find("nrf52840"), "spotter", tmp_path / "a", model_slot=True)
    assert {f.name for f in built.files} >= {"spotter-slot.hex", "model-slot.hex", "model-slot.bin"}
    build(other, find("nrf52840"), "spotter", tmp_path / "b", model_slot=True)
    board = Nrf52840()
    board.machine.load(tmp_path / "a/spotter-slot.hex")
    for folder, model in (("a", tiny_model), ("b", other)):
        board.machine.load(tmp_path / folder / "model-slot.hex")
        board.machine.run(seconds=0.05)
        assert messages(board)[-1] == {"kws": __version__, "model": model.id}


def test_boards_without_a_slot(tiny_model, tmp_path):
    for board in BOARDS.values():
        described = (sources_dir() / "boards" / board.name / "board.mk").read_text()
        assert board.model_slot == ("SLOT_ORIGIN" in described), board.name
    refusal = r"rp2040 has no model slot; .*nrf52840, stm32f407"
    with pytest.raises(KwsError, match=refusal):
        build(tiny_model, find("rp2040"), "spotter", tmp_path, model_slot=True)
    with pytest.raises(KwsError, match=refusal):
        build_model(tiny_model, find("rp2040"), tmp_path)


@pytest.mark.parametrize(
    ("board", "variant", "baud", "message"),
    [
        ("nrf52840", "pico", None, "nrf52840 has no variant pico; it must be one of nano33ble, dk"),
        ("nrf52840", None, 9600, "nrf52840 has no baud rate 9600; it must be one of 115200, 1000000"),
        ("stm32f407", "pico", None, "stm32f407 has no variant pico; there is nothing to choose"),
    ],
)
def test_settings_that_there_are_not(board, variant, baud, message):
    with pytest.raises(KwsError, match=message):
        find(board).settings(variant, baud)
    with pytest.raises(KwsError, match="no board 'toaster'"):
        find("toaster")


def test_flash_without_an_image(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["flash", "nrf52840"]) == 3
    assert "make one with `kws build nrf52840 --model MODEL`" in capsys.readouterr().err.replace("\n", " ")
    with pytest.raises(KwsError, match="there is no image"):
        flash(find("nrf52840"), tmp_path / "x.hex")
    (tmp_path / "x.bin").touch()
    with pytest.raises(KwsError, match="says no address"):
        flash(find("nrf52840"), tmp_path / "x.bin")
    (tmp_path / "x.hex").touch()
    with pytest.raises(KwsError, match="nothing to flash"):
        flash(find("mps2_an386"), tmp_path / "x.hex")


def test_find_image_prefers_what_the_board_takes(tmp_path):
    for suffix in ("elf", "hex", "bin", "uf2"):
        (tmp_path / f"spotter.{suffix}").touch()
    assert find_image(find("rp2040"), tmp_path).suffix == ".uf2"
    assert find_image(find("nrf52840"), tmp_path).suffix == ".hex"


def test_find_image_takes_what_was_built_last(tmp_path):
    """Not the program of the day before, with the model of the day before."""
    for age, name in ((0, "link.hex"), (10, "spotter.hex"), (5, "spotter-slot.hex")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    assert find_image(find("nrf52840"), tmp_path).name == "link.hex"
    (tmp_path / "link.hex").unlink()
    assert find_image(find("nrf52840"), tmp_path).name == "spotter-slot.hex"


@pytest.fixture
def drives(tmp_path, monkeypatch):
    """Three drives: a Pico's, another boot loader's, a stick."""
    for name, board in (("pico", "RPI-RP2"), ("other", "SAMD21")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v3.0\nBoard-ID: {board}\n")
    (tmp_path / "stick").mkdir()
    here = [tmp_path / name for name in ("stick", "other", "pico")]
    monkeypatch.setattr("kws.boards.flash.mounted", lambda: here)
    return here


def test_uf2_is_copied_to_the_right_drive(drives, tmp_path):
    file = tmp_path / "spotter.uf2"
    file.write_bytes(b"x" * 512)
    assert flash(find("rp2040"), file) == str(tmp_path / "pico")
    assert (tmp_path / "pico/spotter.uf2").read_bytes() == b"x" * 512
    assert not (tmp_path / "other/spotter.uf2").exists()
    with pytest.raises(KwsError, match=r"nrf52840 has no boot loader that takes \.uf2"):
        flash(find("nrf52840"), file)
    drives.pop()
    with pytest.raises(KwsError, match=r"no drive of a rp2040's boot loader is mounted \(there is .*other.*BOOTSEL"):
        flash(find("rp2040"), file)
    (tmp_path / "pico").rename(tmp_path / "first")
    (tmp_path / "other/INFO_UF2.TXT").write_text("Board-ID: RPI-RP2\n")
    drives[:] = [tmp_path / "first", tmp_path / "other"]
    with pytest.raises(KwsError, match="several boards wait"):
        flash(find("rp2040"), file)


class FakeProbe(SimpleNamespace):
    unique_id, description = "123", "a probe"


def test_flash_through_a_probe(tmp_path, monkeypatch):
    pytest.importorskip("pyocd")
    from pyocd.core.exceptions import Error

    done = []

    class Session:
        def __init__(self, probe, target_override, options):
            assert options["auto_unlock"] is False
            done.append((probe.unique_id, target_override))
            self.target = SimpleNamespace(reset=lambda: done.append("reset"))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    class Programmer:
        def __init__(self, session, progress):
            self._progress = progress

        def program(self, path):
            if "bad" in path:
                raise Error("the target does not answer")
            self._progress(0.5)
            done.append(path)

    probes = [FakeProbe()]
    monkeypatch.setattr("pyocd.core.helpers.ConnectHelper.get_all_connected_probes", lambda **_: probes)
    monkeypatch.setattr("pyocd.core.session.Session", Session)
    monkeypatch.setattr("pyocd.flash.file_programmer.FileProgrammer", Programmer)
    file = tmp_path / "spotter.hex"
    file.touch()
    steps = []
    assert flash(find("nrf52840"), file, progress=lambda *step: steps.append(step)) == "a probe 123"
    assert done == [("123", "nrf52840"), str(file), "reset"]
    assert steps == [(50, 100)]
    bad = tmp_path / "bad.hex"
    bad.touch()
    with pytest.raises(
        KwsError, match=r"cannot flash through a probe: the target does not answer; .*pyocd pack install"
    ):
        flash(find("stm32f407"), bad)
    probes.append(FakeProbe(unique_id="456", description="another"))
    with pytest.raises(KwsError, match=r"choose one with --probe: 123 \(a probe\), 456 \(another\)"):
        flash(find("nrf52840"), file)
    probes.clear()
    with pytest.raises(KwsError, match=r"no debug probe is plugged in: .*docs/boards/nrf52840\.md"):
        flash(find("nrf52840"), file)
    with pytest.raises(KwsError, match="the debug probe 99 is not plugged in"):
        flash(find("nrf52840"), file, probe="99")


def test_a_locked_chip_is_erased_only_on_request(tmp_path, monkeypatch, capsys):
    """pyOCD's own default is to erase it, program and boot loader included, and to say so in a warning."""
    pytest.importorskip("pyocd")
    from pyocd.core.exceptions import DebugError

    agreed = []

    class Session:
        target = SimpleNamespace(reset=lambda: None)

        def __init__(self, probe, target_override, options):
            agreed.append(options["auto_unlock"])

        def __enter__(self):
            log = logging.getLogger("pyocd.target.family.target_nRF52")
            if not agreed[-1]:
                log.warning("%s APPROTECT enabled: not automatically unlocking", "NRF52840")
                raise DebugError("No cores were discovered!")
            log.warning("%s APPROTECT enabled: will try to unlock via mass erase", "NRF52840")
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr("pyocd.core.helpers.ConnectHelper.get_all_connected_probes", lambda **_: [FakeProbe()])
    monkeypatch.setattr("pyocd.core.session.Session", Session)
    monkeypatch.setattr("pyocd.flash.file_programmer.FileProgrammer", lambda *_, **__: SimpleNamespace(program=id))
    file = tmp_path / "model-slot.hex"
    file.touch()
    command = ["flash", "nrf52840", "--image", str(file)]
    assert main(command) != 0
    assert "nrf52840 is locked: its debug port opens only when all of its flash is erased" in capsys.readouterr().err
    assert main([*command, "--erase-all"]) == 0
    assert "a probe 123, which was locked: all of it was erased first" in " ".join(capsys.readouterr().out.split())
    assert agreed == [False, True]
    assert "_Locked" not in {type(handler).__name__ for handler in logging.getLogger("pyocd").handlers}


def test_flash_without_pyocd(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyocd.core.exceptions", None)
    (tmp_path / "spotter.hex").touch()
    with pytest.raises(KwsError, match=re.escape(how_to_install("flash"))):
        flash(find("nrf52840"), tmp_path / "spotter.hex")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('{"t":3.42,"word":"yes","score":0.93}', "    3.42 s  yes  score 0.93"),
        ('{"kws":"0.1.0","model":"ab"}', "kws 0.1.0 with model ab"),
        ('{"error":"BOARD_ERROR_CLOCK"}', "the board stopped: BOARD_ERROR_CLOCK"),
        ('{"restart":"watchdog"}', "the board was restarted by its watchdog"),
        (
            '{"t":9.00,"frames":449,"ticks":1,"ticks_per_second":2,"overruns":0}',
            "    9.00 s  end of the input: 449 frames",
        ),
        ('{"x":1}', "{'x': 1}"),
    ],
)
def test_lines_for_people(line, text):
    moment = parse(line.encode() + b"\r")
    assert moment.text == line
    assert describe(moment.value) == text


def test_lines_that_are_not_json():
    assert parse(b"boot \xff loader") == Line("boot � loader", None)
    assert parse(b"42").value is None
    assert "7 blocks of samples lost" in describe({"t": 1.0, "overruns": 7})


def test_a_damaged_line_is_shown_and_commands_no_terminal():
    assert "None" in describe({"word": "yes", "score": None})
    assert describe({"word": "\x1b[2Jyes", "score": 0.9}) == "\N{REPLACEMENT CHARACTER}[2Jyes  score 0.90"


def test_monitor_survives_the_plug_being_pulled(tmp_path):
    port = tmp_path / "port"
    heard = []

    def plug() -> tuple[int, int]:
        ours, theirs = pty.openpty()
        port.unlink(missing_ok=True)
        port.symlink_to(os.ttyname(theirs))
        return ours, theirs

    def pull(ends: tuple[int, int]) -> None:
        for end in ends:
            os.close(end)

    said = [b'{"word":"yes"}\n{"word":', b'{"word":"no"}\n']
    ends = plug()
    deadline = time.monotonic() + 20
    done = threading.Event()
    for moment in monitor(str(port), stop=lambda: done.is_set() or time.monotonic() > deadline):
        heard.append(moment)
        if isinstance(moment, Connected):
            os.write(ends[0], said.pop(0))
        elif isinstance(moment, Disconnected):
            ends = plug()
        elif said:
            pull(ends)
        else:
            done.set()
    pull(ends)
    # What was cut off by pulling the plug is no line.
    assert [type(m) for m in heard] == [Connected, Line, Disconnected, Connected, Line]
    assert heard[-1].value == {"word": "no"}


def test_monitor_of_a_port_that_is_not_there(tmp_path, capsys):
    assert main(["monitor", str(tmp_path / "tty")]) == 3
    assert "no such port" in capsys.readouterr().err.replace("\n", " ")


@needs_compiler
def test_monitor_of_a_simulated_board(tmp_path):
    model = models.spotting_model(15, units=(24, 16))
    deadline = time.monotonic() + 60
    with running(image(model, tmp_path), pcm=sound()) as port:
        lines = monitor(port, stop=lambda: time.monotonic() > deadline)
        word = next(m.value for m in lines if isinstance(m, Line) and m.value and "word" in m.value)
    assert word["word"] in model.info.labels
