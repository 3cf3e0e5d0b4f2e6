"""Wake words by the Wyoming protocol, asked for by the package's own client and by worse ones."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import foreground
import numpy as np
import pytest
from random_models import spotting_model
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient, AsyncUnixClient
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncServer
from wyoming.wake import Detect, Detection, NotDetected

from kws.cli import exit_codes
from kws.cli import main as cli
from kws.cli.verbs import serve
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError, UsageError
from kws.model.file import Model
from kws.serve import wyoming
from kws.serve.service import Service, Settings
from kws.serve.wyoming import Client

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 600.0
CHUNK = 1024


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for name, seed in (("one", 4), ("two", 5)):
        (root / f"{name}.tflite").write_bytes(spotting_model(seed, units=(32,)).content)
    return [root / "one.tflite", root / "two.tflite"]


@pytest.fixture(scope="module")
def one(files):
    with Service(files[:1], "numpy") as service:
        yield service


def expected(path, pcm):
    """Names and milliseconds of what a model hears."""
    model = Model.load(path)
    info = model.require_info()
    return [
        (info.labels[d.label], round(1000 * info.seconds(d.frame))) for d in NumpyEngine(model).process(pcm).detections
    ]


@asynccontextmanager
async def serving(service):
    """The service at a free port; yields the port, the clients, and what was said."""
    connected, said = set(), []
    server = AsyncServer.from_uri("tcp://127.0.0.1:0")
    await server.start(lambda r, w: Client(service, "en", connected, said.append, r, w))
    try:
        yield server._server.sockets[0].getsockname()[1], connected, said
    finally:
        await server.stop()


def run(service, story):
    """Play a story against the service; ``story`` gets a port and more."""

    async def play():
        async with serving(service) as (port, connected, said):
            await story(port, connected, said)

    asyncio.run(asyncio.wait_for(play(), PATIENCE))


async def send(client, pcm, timestamp=0, rate=16000, channels=1, start=True, stop=True):
    if start:
        await client.write_event(AudioStart(rate, 2, channels, timestamp).event())
    for i in range(0, len(pcm), CHUNK):
        audio = np.ascontiguousarray(pcm[i : i + CHUNK]).astype("<i2").tobytes()
        await client.write_event(AudioChunk(rate, 2, channels, audio, timestamp + i // (rate // 1000)).event())
    if stop:
        await client.write_event(AudioStop().event())


async def answers(client):
    """What comes up to the answer of a ping: all that was detected, and other events' types."""
    await client.write_event(Ping("end").event())
    heard, others = [], []
    while not Pong.is_type((event := await client.read_event()).type):
        if Detection.is_type(event.type):
            detection = Detection.from_event(event)
            heard.append((detection.name, detection.timestamp))
        else:
            others.append(event.type)
    return heard, others


def test_detections_with_their_time(one, files, speech):
    async def story(port, *_):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Detect().event())
            await send(client, speech)
            heard, others = await answers(client)
            assert heard == expected(files[0], speech)
            assert others == []
            await send(client, speech, timestamp=5_000_000)
            heard, _ = await answers(client)
            assert heard == [(name, at + 5_000_000) for name, at in expected(files[0], speech)]

    run(one, story)


def test_not_detected(one, speech):
    async def story(port, *_):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            # Too short for a frame: random weights may hear anything in one.
            await send(client, np.zeros(320, np.int16))
            assert await answers(client) == ([], ["not-detected"])
            await client.write_event(AudioStop().event())
            assert NotDetected.is_type((await client.read_event()).type)

    run(one, story)


def test_information(files):
    async def story(port, *_):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Describe().event())
            info = Info.from_event(await client.read_event())
            names = [m.name for m in info.wake[0].models]
            assert len(set(names)) == len(names)
            assert info.wake[0].installed
            assert "one/yes" in names
            assert "two/yes" in names
            assert {m.phrase for m in info.wake[0].models} == {"yes", "no", "up", "down"}
            assert all(m.languages == ["en"] for m in info.wake[0].models)
            await client.write_event(Ping("hello").event())
            assert Pong.from_event(await client.read_event()).text == "hello"

    with Service(files, "numpy") as service:
        run(service, story)


def test_names(files, speech):
    """A client that asks for some words, or a model, hears of no others."""
    every = {f"{f.stem}/{word}" for f in files for word, _ in expected(f, speech)}
    assert len(every) > 2

    async def story(port, *_):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            for names in ([sorted(every)[0]], ["one"], ["two"], [], None):
                await client.write_event(Detect(names).event())
                await send(client, speech)
                heard, others = await answers(client)
                wanted = {n for n in every if not names or n in names or n.split("/")[0] in names}
                assert {name for name, _ in heard} == wanted
                assert others == ([] if wanted else ["not-detected"])
            await client.write_event(Detect(["nonsense"]).event())
            assert (await client.read_event()).type == "error"

    with Service(files, "numpy") as service:
        run(service, story)


def test_streams_that_stop_are_muted_and_begin_again(one, files, speech):
    """Whatever came before, the next stream is heard as if it were the first."""
    speech = speech[:32000]
    want = expected(files[0], speech)
    assert want

    async def story(port, *_):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            for day in range(2):
                await send(client, speech)
                assert (await answers(client))[0] == want
                # Muted: zeros for long, and then nothing at all before the stop.
                await send(client, np.zeros(16000 * 5, np.int16), stop=False)
                await answers(client)
                # Begins again without a stop, or without a start after it.
                await send(client, speech, start=True, stop=day != 0)
                assert (await answers(client))[0] == want
                if day == 0:
                    await client.write_event(AudioStop().event())
                await send(client, speech, start=False)
                assert (await answers(client))[0] == want

    run(one, story)


def test_other_formats(one, files, speech):
    async def story(port, *_):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            cancelling = np.stack([speech, -speech], 1)
            await send(client, cancelling, channels=2)
            assert [n for n, _ in (await answers(client))[0]] == [n for n, _ in expected(files[0], speech)]
            wide = (speech.astype("<i4") << 16).tobytes()
            await client.write_event(AudioChunk(16000, 4, 1, wide).event())
            assert (await answers(client))[0] == expected(files[0], speech)
            await client.write_event(AudioStop().event())
            await send(client, np.repeat(speech, 3), rate=48000)
            heard, _ = await answers(client)
            assert heard
            assert heard[-1][1] < 6000

    run(one, story)


def test_fifty_clients_at_once(one, files, speech):
    speech = speech[:24000]
    want = expected(files[0], speech)
    assert want

    async def one_client(port):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await send(client, speech)
            assert (await answers(client))[0] == want

    async def story(port, connected, said):
        await asyncio.gather(*(one_client(port) for _ in range(50)))
        while connected:
            await asyncio.sleep(0.01)
        assert said == []
        # Their engines are used again.
        engines = len(one._idle[0])
        assert engines <= 50
        await one_client(port)
        while connected:
            await asyncio.sleep(0.01)
        assert len(one._idle[0]) == engines

    run(one, story)


def test_slow_and_silent_clients_hold_nobody_up(one, files, speech):
    async def story(port, *_):
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        for _, writer in silent:
            writer.write(b'{"type": "audio-ch')
        # One that sends and never reads.
        _, deaf = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2000):
            deaf.write(json.dumps({"type": "describe"}).encode() + b"\n")
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await send(client, speech)
            assert (await answers(client))[0] == expected(files[0], speech)
        for _, writer in [*silent, (None, deaf)]:
            writer.close()

    run(one, story)


MALFORMED = [
    b"hello\n",
    b"[1, 2]\n",
    b"3\n",
    b"\xff\xfe\n",
    b"{}\n",
    b'{"type": 3}\n',
    b'{"type": "describe", "data": 3}\n',
    b'{"type": "audio-chunk", "data_length": -1}\n',
    b'{"type": "audio-chunk", "data_length": "x"}\n',
    b'{"type": "audio-chunk", "data_length": 3}\nabc',
    b'{"type": "audio-chunk", "data_length": 2}\n[]',
    b'{"type": "audio-chunk", "payload_length": 99999999999999}\n',
    b"[" * 5000 + b"\n",
    b"x" * 200_000 + b"\n",
]


@pytest.mark.parametrize("content", MALFORMED, ids=lambda c: repr(c[:30]))
def test_malformed_bytes_end_their_connection_only(content, one):
    async def story(port, connected, said):
        async with AsyncTcpClient("127.0.0.1", port) as good:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(content)
            answer = json.loads(await reader.readline())
            assert answer["type"] == "error"
            # What was not read of a long line resets the connection.
            try:
                while await reader.read(1000):
                    pass
            except ConnectionError:
                pass
            writer.close()
            assert len(said) == 1
            await good.write_event(Ping("still").event())
            assert Pong.from_event(await good.read_event()).text == "still"

    run(one, story)


CHUNK_DATA = {"rate": 16000, "width": 2, "channels": 1}


@pytest.mark.parametrize(
    "event",
    [
        Event("audio-chunk", {}, b"ab"),
        Event("audio-chunk", {**CHUNK_DATA, "rate": "fast"}, b"ab"),
        Event("audio-chunk", {**CHUNK_DATA, "rate": 0}, b"ab"),
        Event("audio-chunk", {**CHUNK_DATA, "rate": 10**12}, b"ab"),
        Event("audio-chunk", {**CHUNK_DATA, "width": 3}, b"abc"),
        Event("audio-chunk", {**CHUNK_DATA, "channels": 0}, b"ab"),
        Event("audio-chunk", {**CHUNK_DATA, "channels": True}, b"ab"),
        Event("audio-chunk", CHUNK_DATA, b"abc"),
        Event("audio-chunk", {**CHUNK_DATA, "timestamp": "noon"}, b"ab"),
        Event("audio-start", {**CHUNK_DATA, "timestamp": 1e300}),
        Event("detect", {"names": 5}),
        Event("detect", {"names": ["nonsense"]}),
    ],
    ids=lambda e: f"{e.type} {e.data}",
)
def test_events_that_make_no_sense_are_answered(event, one, files, speech):
    async def story(port, *_):
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(event)
            assert (await client.read_event()).type == "error"
            await client.write_event(Event("synthesize", {"text": "of another service"}))
            await client.write_event(AudioStop().event())
            await send(client, speech)
            assert (await answers(client))[0] == expected(files[0], speech)

    run(one, story)


def test_clients_that_go_away_in_the_middle(one, speech):
    async def story(port, connected, said):
        for cut in (1, 30, 200):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            whole = (
                json.dumps({"type": "audio-chunk", "data": CHUNK_DATA, "payload_length": 640}).encode()
                + b"\n"
                + bytes(640)
            )
            writer.write(whole[:cut])
            await writer.drain()
            writer.close()
        while connected:
            await asyncio.sleep(0.01)
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Ping("x").event())
            assert await client.read_event()

    run(one, story)


def test_too_many_clients(one, monkeypatch):
    monkeypatch.setattr(wyoming, "MOST_CLIENTS", 2)

    async def story(port, connected, said):
        first = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        while len(connected) < 2:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert b"error" in await reader.readline()
        for _, w in [*first, (None, writer)]:
            w.close()

    run(one, story)


def test_settings_of_each_model(files, speech):
    def heard(**settings):
        with Service(files, "numpy", settings) as service:
            session = service.session()
            found = [d for part in session.process(speech.tobytes(), 16000, 2, 1) for d in part]
            return [(d.model, d.word) for d in found]

    own = heard()
    assert {model for model, _ in own} == {"one", "two"}
    assert {model for model, _ in heard(one=Settings(threshold=1.0))} == {"two"}
    assert heard(**{"": Settings(threshold=1.0)}) == []
    assert {m for m, _ in heard(**{"": Settings(threshold=1.0)}, one=Settings(threshold=0.5))} == {"one"}
    word = own[0][1]
    assert word not in {w for _, w in heard(**{"": Settings({word: 1.0})})}
    long = heard(two=Settings(cooldown=15), one=Settings(cooldown=15))
    assert len(long) == 2
    with pytest.raises(KwsError, match="did you mean 'one'"):
        heard(onee=Settings(threshold=0.5))
    with pytest.raises(KwsError, match="threshold for"):
        heard(one=Settings({"yess": 0.5}))


def test_the_settings_on_the_command_line():
    found = serve.settings(["0.9", "one:0.5", "yes=0.7", "one:yes=0.6", "a:b:no=0.1"], ["2", "one:0.5"])
    assert found == {
        "": Settings({"yes": 0.7}, 0.9, 2.0),
        "one": Settings({"yes": 0.6}, 0.5, 0.5),
        "a:b": Settings({"no": 0.1}),
    }
    for text in ("", "x", "yes=", "1.5", "-1", "nan"):
        with pytest.raises(UsageError):
            serve.settings([text], [])


def test_where_to_listen(tmp_path):
    for uri in ("tcp://127.0.0.1", "http://x:1", "10400", "tcp://x:99999", "unix://", "stdio://"):
        with pytest.raises(UsageError):
            serve.check_uri(uri)
    (tmp_path / "file").touch()
    with pytest.raises(KwsError, match="no socket"):
        serve.check_uri(f"unix://{tmp_path}/file")
    for uri in (serve.URI, "tcp://localhost:1", "unix:///x", "tcp://[::1]:5"):
        serve.check_uri(uri)
        assert serve.is_local(uri)
    for uri in ("tcp://0.0.0.0:1", "tcp://192.168.1.5:1", "tcp://example.org:1", "tcp://[::]:5"):
        assert not serve.is_local(uri)


def test_without_the_package(files, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "wyoming", None)
    assert cli.main(["serve", str(files[0])]) == exit_codes.MISSING
    assert "[serve]" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command(number, files, speech, tmp_path):
    """It says where it listens, and that others reach it where they do; a signal ends it in order."""
    place = tmp_path / "socket"
    command = [*foreground.KWS, "serve", *map(str, files), "--engine", "numpy", "--threshold", "two:1.0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*command, "--uri", f"unix://{place}"], stderr=subprocess.PIPE, text=True, env=environment
    ) as program:
        line = program.stderr.readline()
        assert re.search(r"listening at unix://.* for one/yes, .* engine numpy", line)

        async def story():
            async with AsyncUnixClient(str(place)) as client:
                await send(client, speech)
                heard, _ = await answers(client)
                assert [n for n, _ in heard] == [f"one/{n}" for n, _ in expected(files[0], speech)]

        asyncio.run(asyncio.wait_for(story(), PATIENCE))
        program.send_signal(number)
        _, said = program.communicate(timeout=PATIENCE)
    assert program.returncode == (0 if number == signal.SIGINT else 128 + number)
    assert said == ""
    assert not place.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_no_client_s_task(one, number, tmp_path):
    """It comes while a task runs, and another right after it."""

    def ended(received, frame):
        raise SystemExit(128 + received)

    async def story():
        running = asyncio.create_task(serve.serve_forever(one, f"unix://{tmp_path / 'socket'}", "en"))
        while not (tmp_path / "socket").exists() or signal.getsignal(number) is ended:
            assert not running.done()
            await asyncio.sleep(0.01)
        signal.raise_signal(number)
        signal.raise_signal(number)
        assert await running == number
        assert signal.getsignal(number) is ended

    before = signal.signal(number, ended)
    try:
        asyncio.run(asyncio.wait_for(story(), PATIENCE))
    finally:
        signal.signal(number, before)


def test_an_open_place_is_told(one, monkeypatch, capsys):
    async def story():
        task = asyncio.create_task(serve.serve_forever(one, "tcp://0.0.0.0:0", "en"))
        await asyncio.sleep(0)
        while True:
            said = capsys.readouterr().err
            if "anybody who reaches" in said:
                break
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(story(), PATIENCE))

    async def taken():
        async with serving(one) as (port, *_):
            await serve.serve_forever(one, f"tcp://127.0.0.1:{port}", "en")

    with pytest.raises(KwsError, match="cannot listen"):
        asyncio.run(asyncio.wait_for(taken(), PATIENCE))
