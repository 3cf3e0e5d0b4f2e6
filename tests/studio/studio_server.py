"""A studio that serves a folder in a thread of the test, and requests byte for byte as anybody may send them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import uvicorn

from kws.studio.app import application
from kws.studio.guard import Guard

TOKEN = "t" * 43


@contextlib.contextmanager
def serving(root):
    """Serve ``root``; gives the port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    closing = asyncio.Event()
    app = Guard(application(root, closing), TOKEN, port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="websockets-sansio"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def request(port, method="GET", path="/api/state", headers=(), body=b"", host=None, token=TOKEN):
    """The status and the body of the answer; ``headers`` replace nothing, they are added."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port}'}", "Connection: close"]
    lines += [f"Cookie: kws_studio_{port}={token}"] if token else []
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}"] if body and not any(n == "Content-Length" for n, _ in headers) else []
    return exchange(port, ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + body)


def exchange(port, sent):
    """Send bytes; the status and the body of what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        found = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(1 << 16):
                found += part
    head, _, rest = found.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode("latin-1"), rest
