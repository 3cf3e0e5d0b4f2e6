"""`kws studio` as a process: it is ended while pages are open."""

from __future__ import annotations

import signal
import socket
import subprocess

import foreground
import pytest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_with_pages_open_is_no_fault(number, tmp_path):
    """What a page is told never ends by itself: cut off, it would leave a traceback for each page."""
    command = [*foreground.KWS, "studio", str(tmp_path), "--no-browser"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as server:
        assert str(tmp_path) in server.stderr.readline()
        assert "Ctrl-C ends the page" in server.stderr.readline()
        port, token = ((tmp_path / ".kws-studio" / name).read_text(encoding="utf-8") for name in ("port", "token"))
        asked = f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as page:
            page.sendall(asked)
            told = b""
            while b"event: state" not in told:
                told += page.recv(1 << 16)
            server.send_signal(number)
            assert server.stderr.read() == ""
        assert server.wait() == (0 if number == signal.SIGINT else 128 + number)
