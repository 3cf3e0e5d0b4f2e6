"""Stories that are played against the service by the protocol's own client."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest
from random_models import spotting_model
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncServer
from wyoming.wake import Detection

from kws.engines.numpy_engine import NumpyEngine
from kws.model.file import Model
from kws.serve.service import Service
from kws.serve.wyoming import Client

PATIENCE = 600.0
CHUNK = 1024


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The paths of two models; a module that asks for them takes the fixture into its own names."""
    root = tmp_path_factory.mktemp("models")
    paths = [root / "one.tflite", root / "two.tflite"]
    for path, seed in zip(paths, (4, 5), strict=True):
        path.write_bytes(spotting_model(seed, units=(32,)).content)
    return paths


@pytest.fixture(scope="module")
def one(files):
    """The service with the first of them."""
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
