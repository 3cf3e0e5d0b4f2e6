"""Clients of the Wyoming service that send nonsense, go away or are too many."""

from __future__ import annotations

import asyncio
import json

import pytest
import wyoming_stories
from wyoming.audio import AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.ping import Ping, Pong
from wyoming_stories import answers, expected, run, send

from kws.serve import wyoming

files, one = wyoming_stories.files, wyoming_stories.one


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
