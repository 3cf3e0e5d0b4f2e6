"""The ``serial`` engine over a pseudo-terminal: the simulated nRF52840 with the very image that is flashed."""

from __future__ import annotations

import json
import os
import termios

import numpy as np
import pytest
from conftest import needs
from nrf52840_images import image, running, sound

from kws.boards.serial_port import SerialStream
from kws.cli.main import main
from kws.engines import check_name, create
from kws.engines.link_message import Message, Type, encode
from kws.engines.serial_engine import SerialEngine, parse
from kws.errors import KwsError

FAST = 1000000


@pytest.fixture(scope="module")
def elf(tiny_model, tmp_path_factory):
    return image(tiny_model, tmp_path_factory.mktemp("link"), "link", baud=FAST)


@pytest.mark.slow
@needs("cc", "make", "arm-none-eabi-gcc")
def test_verify_over_a_serial_port(elf, tiny_file, capsys, monkeypatch):
    monkeypatch.setattr("kws.verify.compare.STREAM_SAMPLES", 3000)
    with running(elf) as port:
        engines = f"numpy,serial:{port}@{FAST}"
        assert main(["verify", str(tiny_file), "--engines", engines, "--random", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (found,) = report["engines"]
    assert found["engine"] == "serial"
    assert found["required"]
    assert found["different"] == 0
    assert found["values"] > 5000


@needs("cc", "make", "arm-none-eabi-gcc")
def test_features_posteriors_and_detections_are_the_harness_s(elf, tiny_model):
    pcm = sound()[:6000]
    expected = tiny_model.spotter().process(pcm[None])
    with running(elf) as port, create(f"serial:{port}@{FAST}", tiny_model) as engine:
        got = engine.process(pcm)
        assert isinstance(engine, SerialEngine)
        assert 0 < engine.seconds_per_frame < 0.02
    np.testing.assert_array_equal(got.features, expected.features[0])
    np.testing.assert_array_equal(got.posteriors, expected.posteriors[0])
    assert got.detections == expected.detections[0]


@needs("cc", "make", "arm-none-eabi-gcc")
def test_half_a_message_of_an_earlier_session_does_no_harm(elf, tiny_model):
    with running(elf) as port:
        stream = SerialStream(port, FAST)
        stream.write(encode(Message(Type.PROCESS, 1, bytes(400)))[:100])
        stream.close()
        with create(f"serial:{port}@{FAST}", tiny_model) as engine:
            assert len(engine.process(np.zeros(2000, np.int16)).posteriors) > 0


@needs("cc", "make", "arm-none-eabi-gcc")
def test_another_model_is_refused(elf, bare_model):
    with running(elf) as port, pytest.raises(KwsError, match=r"the board runs the model \w+, but"):
        create(f"serial:{port}@{FAST}", bare_model)


@needs("cc", "make", "arm-none-eabi-gcc")
def test_a_board_with_another_app_is_told(tiny_model, tmp_path):
    spotter = image(tiny_model, tmp_path, "spotter")
    with running(spotter) as port, pytest.raises(KwsError, match=r"did not answer within 0.5 s.*115200 baud"):
        SerialEngine(tiny_model, port, timeout=0.5)


def test_names():
    assert parse("serial:/dev/ttyACM0") == ("/dev/ttyACM0", 115200)
    assert parse("serial:COM3@1000000") == ("COM3", 1000000)
    for name in ("serial:", "serial:@9600", "serial:COM3@fast", "serial:COM3@0"):
        with pytest.raises(KwsError, match="must be serial:PORT"):
            check_name(name)
    with pytest.raises(KwsError, match=r"no engine 'cereal'.*serial:PORT\[@BAUD\]"):
        check_name("cereal")


def test_a_missing_port_is_told(tiny_model, tmp_path):
    with pytest.raises(KwsError, match=r"cannot open the serial port .*no such port; those that are there"):
        create(f"serial:{tmp_path / 'tty'}", tiny_model)


def test_a_port_in_use_is_told():
    import pty

    first, second = pty.openpty()
    stream = SerialStream(os.ttyname(second))
    with pytest.raises(KwsError, match="another program has it open"):
        SerialStream(os.ttyname(second))
    stream.close()
    os.close(first)
    os.close(second)


def test_a_port_that_goes_away_while_it_drains_is_an_operating_systems_error(monkeypatch):
    """termios has an error of its own there."""
    board, port = os.openpty()
    stream = SerialStream(os.ttyname(port))

    def drain(_):
        raise termios.error(5, "Input/output error")

    monkeypatch.setattr(termios, "tcdrain", drain)
    with pytest.raises(OSError, match="Input/output error"):
        stream.write(b"a")
    stream.close()
    os.close(board)
    os.close(port)
