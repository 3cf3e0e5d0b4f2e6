"""``kws serve``: its settings, where it listens, and how it ends."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import foreground
import pytest
import wyoming_stories
from wyoming.client import AsyncUnixClient
from wyoming_stories import PATIENCE, answers, expected, send, serving

from kws.cli import exit_codes
from kws.cli import main as cli
from kws.cli.verbs import serve
from kws.errors import KwsError, UsageError
from kws.serve.service import Settings

ROOT = Path(__file__).resolve().parents[2]


files, one = wyoming_stories.files, wyoming_stories.one


def test_the_settings_on_the_command_line():
    found = serve.settings(["0.9", "one:0.5", "yes=0.7", "one:yes=0.6", "a:b:no=0.1"], ["2", "one:0.5"])
    assert found == {
        "": Settings({"yes": 0.7}, 0.9, 2.0),
        "one": Settings({"yes": 0.6}, 0.5, 0.5),
        "a:b": Settings({"no": 0.1}),
    }
    for text in ("", "x", "yes=", "1.5", "-1", "nan", "0", "yes=0"):
        with pytest.raises(UsageError, match=r"from 0\.001 to 1"):
            serve.settings([text], [])


def test_where_to_listen(tmp_path):
    for uri in ("tcp://127.0.0.1", "http://x:1", "10400", "tcp://x:99999", "tcp://x:0", "unix://", "stdio://"):
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
