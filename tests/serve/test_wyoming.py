"""Wake words by the Wyoming protocol, asked for by the package's own client."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
import wyoming_stories
from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.wake import Detect, NotDetected
from wyoming_stories import answers, expected, run, send

from kws.errors import KwsError
from kws.serve.service import Service, Settings

files, one = wyoming_stories.files, wyoming_stories.one


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
