"""A microphone or a serial line that goes away and comes back; the times are a clock's of the test."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import tty
import types

import numpy as np
import pytest
from test_microphone import FakePortAudio

from kws import microphone
from kws.engines.link_connection import BLOCK_SAMPLES
from kws.engines.link_message import REPLY, Message, Reader, Type, encode
from kws.errors import KwsError
from kws.live.board_microphone import BoardMicrophone, open_board
from kws.live.reconnecting import Reconnecting

LABELS = 4


class Clock:
    """Goes on while somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Plugged:
    """Delivers chunks, loses blocks, and is unplugged."""

    name = "Desk microphone"

    def __init__(self, *chunks, lost=0):
        self.chunks, self.overflows, self.closed = chunks, lost, False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed = True

    def __iter__(self):
        yield from self.chunks
        raise KwsError("the microphone stopped delivering audio")


def opener(*answers):
    left = iter(answers)

    def opened():
        answer = next(left, KwsError("nothing is plugged in"))
        if isinstance(answer, KwsError):
            raise answer
        return answer

    return opened


def chunk(value):
    return np.full(640, value, np.int16)


def test_it_is_waited_for_and_what_was_lost_is_counted():
    clock, told = Clock(), []
    first, second = Plugged(chunk(1), lost=2), Plugged(chunk(2), chunk(3), lost=3)
    nothing = [KwsError("nothing is plugged in")] * 7
    heard = Reconnecting(opener(first, *nothing, Plugged(), second), 60, clock, clock.sleep)
    heard.tell(told.append)
    with heard:
        got = [next(heard) for _ in range(4)]
        assert (heard.gone, heard.gone_seconds) == (1, 4.0)
        assert heard.overflows == 5
        assert first.closed
    assert second.closed
    assert heard.overflows == 5
    assert [int(x[0]) for x in got] == [1, 0, 2, 3]
    assert [len(x) for x in got] == [640, 16000, 640, 640]
    assert told == [
        "the microphone stopped delivering audio; it is waited for up to 60 s, Ctrl-C ends",
        "listening again to Desk microphone; 4.0 s were not heard",
    ]


def test_it_does_not_come_back():
    clock = Clock()
    heard = Reconnecting(opener(Plugged(chunk(1))), 5, clock, clock.sleep)
    next(heard)
    with pytest.raises(KwsError, match=r"did not come back within 5 s \(nothing is plugged in\); plug it in"):
        next(heard)
    assert clock.now == 5.0
    assert heard.gone == 0


@pytest.mark.parametrize(("chunks", "wait"), [((), 60), ((chunk(1),), 0)])
def test_it_is_not_waited_for(chunks, wait):
    """One that never delivered anything, and where nobody wants to wait."""
    clock = Clock()
    heard = Reconnecting(opener(Plugged(*chunks)), wait, clock, clock.sleep)
    for _ in chunks:
        next(heard)
    with pytest.raises(KwsError, match="stopped delivering"):
        next(heard)
    assert clock.now == 0


def test_port_audio_looks_again(monkeypatch):
    """A device that fails while it is open, is not there for a while, and opens again."""
    fake = FakePortAudio((16000,), np.arange(1280, dtype=np.int16))
    events = []
    fake._terminate, fake._initialize = (lambda name=name: events.append(name) for name in ("down", "up"))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(microphone, "_TIMEOUT", 0.01)
    clock = Clock()
    rates = iter([(16000,), (), (16000,)])

    def opened():
        if clock.now or events:
            microphone.look_again()
        fake.rates = next(rates)
        fake.closed = False
        return microphone.microphone(None, 640)

    with Reconnecting(opened, 60, clock, clock.sleep) as heard:
        first = [next(heard), next(heard)]
        clock.now = 1.0
        second = [next(heard), next(heard)]
    np.testing.assert_array_equal(np.concatenate(first), np.arange(1280))
    assert not second[0].any()
    np.testing.assert_array_equal(second[1], np.arange(640))
    assert events == ["down", "up"] * 2
    assert heard.gone_seconds == pytest.approx(1.5)
    assert fake.closed

    def refuse():
        raise fake.PortAudioError("no sound system")

    fake._initialize = refuse
    with pytest.raises(KwsError, match="cannot list the microphones"):
        microphone.look_again()


class FakeBoard:
    """A link app at a pseudo-terminal, whose cable is pulled after some blocks of samples."""

    def __init__(self, path, blocks):
        self.path, self.blocks = path, blocks
        self.pulled = threading.Event()

    @contextlib.contextmanager
    def plugged(self):
        main, other = os.openpty()
        tty.setraw(other)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(other))
        thread = threading.Thread(target=self._serve, args=(main, other))
        thread.start()
        yield
        thread.join()

    def _serve(self, main, other):
        def read(_):
            return os.read(main, 4096)

        requests = Reader(types.SimpleNamespace(read=read))
        while True:
            message = requests.next(60, skip_noise=True)

            def send(kind, payload=b"", sequence=message.sequence):
                os.write(main, encode(Message(kind, sequence, payload)))

            if message.type == Type.IDENTIFY:
                sizes = (40, LABELS, 1, 4, 2, 160, 1000)
                send(Type.IDENTIFY | REPLY, self._identity(*sizes))
            elif message.type == Type.LISTEN:
                for number in range(self.blocks):
                    send(Type.PCM, np.array([number, 0], "<u4").tobytes() + bytes(2 * BLOCK_SAMPLES))
                break
            else:
                send(message.type | REPLY)
        # Until all that was sent is read.
        self.pulled.wait()
        self.path.unlink()
        os.close(main)
        os.close(other)

    @staticmethod
    def _identity(bands, labels, *sizes):
        from kws.engines.link_connection import _IDENTITY, PROTOCOL_VERSION

        return _IDENTITY.pack(b"KWSL", PROTOCOL_VERSION, 1, bytes(8), bands, labels, *sizes)


def test_a_serial_line_that_goes_away(tmp_path):
    clock = Clock()
    board = FakeBoard(tmp_path / "ttyACM0", blocks=9)

    def opened():
        return open_board(f"{board.path}@1000000", 4 * BLOCK_SAMPLES)

    with contextlib.ExitStack() as stack:
        stack.enter_context(board.plugged())
        heard = Reconnecting(opened, 60, clock, clock.sleep)
        assert [len(next(heard)) for _ in range(2)] == [640, 640]
        board.pulled.set()

        def comes_back(seconds):
            clock.sleep(seconds)
            if clock.now == 1.5:
                board.pulled.clear()
                stack.enter_context(board.plugged())
                stack.callback(board.pulled.set)

        heard._sleep = comes_back
        assert len(next(heard)) == 640
        assert isinstance(heard.current, BoardMicrophone)
        assert (heard.gone, heard.gone_seconds) == (1, 1.5)
        board.pulled.set()
        heard._let_go()
