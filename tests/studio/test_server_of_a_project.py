"""`kws studio` as a process: it is ended while pages are open."""

from __future__ import annotations

import signal
import socket
import subprocess

import foreground
import pytest
from studio_server import TOKEN, serving

from kws.studio import app, shipped


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


def test_a_file_that_goes_while_it_is_looked_at_ends_no_page(tmp_path, monkeypatch):
    """A build replaces images while a page is told their sizes."""
    looks = []

    def look(root, jobs):
        looks.append(root)
        if len(looks) == 2:
            raise FileNotFoundError(2, "No such file or directory")
        return {"look": min(len(looks), 3)}

    monkeypatch.setattr(app, "state", look)
    with serving(tmp_path) as port, socket.create_connection(("127.0.0.1", port), timeout=60) as page:
        cookie = f"Cookie: kws_studio_{port}={TOKEN}"
        page.sendall(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n\r\n".encode())
        told = b""
        while b'{"look": 3}' not in told:
            part = page.recv(1 << 16)
            assert part, told
            told += part


def test_files_of_a_run_that_are_no_results_leave_the_page_whole(tmp_path):
    run = tmp_path / "runs" / "first"
    run.mkdir(parents=True)
    for name, text in (("history.json", '{"epochs": 3}'), ("test.json", '{"results": []}'), ("run.json", "[]")):
        (run / name).write_text(text, encoding="utf-8")
    (found,) = shipped.all_runs(tmp_path)
    assert (found["epochs"], found["test"]["accuracy"], found["from"]) == ([], None, None)
