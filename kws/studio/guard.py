"""Who may ask: the page that was opened with the token, on this machine, and nobody else.

A page elsewhere can make a browser send requests to 127.0.0.1. It can neither read the token nor set the
cookie, its requests carry its own Origin, and a name of its own that it points at 127.0.0.1 (DNS
rebinding) shows in Host.
"""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

JSON_BYTES = 64_000
UPLOAD_BYTES = 50_000_000
_LONGEST_URL = 4096
_READING = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:;"
    " media-src 'self' blob:; connect-src 'self'; worker-src 'self'; frame-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'"
)


class TooLarge(Exception):
    """The body of a request is larger than it may be."""


class Guard:
    """The application behind its checks; every answer gets the headers that keep the page to itself."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        """Serve ``app`` to who knows ``token``, at ``port`` of this machine."""
        self._app, self._token = app, token
        self._cookie = f"kws_studio_{port}"
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self._origins = tuple(f"http://{host}" for host in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer: Any = self._refusal(scope, headers)
        if answer is None and scope["type"] == "http":
            answer = self._entrance(scope)
            if answer is None and not self._known(headers):
                answer = (401, "open the address that `kws studio` printed; it holds the token of this page")
        elif answer is None and not self._known(headers):
            answer = (401, "")
        if answer is None:
            await self._app(scope, self._bounded(scope, receive), _sealed(send))
        elif scope["type"] == "websocket":
            await WebSocketClose(4403)(scope, receive, send)
        elif isinstance(answer, RedirectResponse):
            await answer(scope, receive, _sealed(send))
        else:
            await JSONResponse({"error": answer[1]}, answer[0])(scope, receive, _sealed(send))

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """What is wrong with a request whoever it comes from: status and reason; None if nothing is."""
        origins = headers.getlist("origin")
        writes = scope["type"] == "websocket" or scope["method"] not in _READING
        size = headers.get("content-length", "0")
        if headers.getlist("host") not in [[host] for host in self._hosts]:
            return 403, "this page answers at 127.0.0.1 only"
        foreign = headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if foreign or any(origin not in self._origins for origin in origins):
            return 403, "requests of other pages are refused"
        if writes and not origins and not self._bearer(headers):
            return 403, "a request that changes something must say its Origin"
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _LONGEST_URL:
            return 414, f"an address may have {_LONGEST_URL} bytes"
        if scope["type"] == "http" and int(size if size.isdecimal() else 0) > _limit(scope):
            return 413, _too_large(scope)
        return None

    def _entrance(self, scope: Scope) -> RedirectResponse | None:
        """The address with the token becomes a cookie and an address without it."""
        if scope["path"] != "/" or scope["method"] != "GET":
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if len(given) != 1 or not self._is_token(given[0]):
            return None
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return answer

    def _known(self, headers: Headers) -> bool:
        if self._bearer(headers):
            return True
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return morsel is not None and self._is_token(morsel.value)

    def _bearer(self, headers: Headers) -> bool:
        kind, _, token = headers.get("authorization", "").partition(" ")
        return kind == "Bearer" and self._is_token(token)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="replace"), self._token.encode())

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """A body that is longer than it may be ends the request, whatever its header says."""
        if scope["type"] != "http":
            return receive
        limit, read = _limit(scope), 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise TooLarge(_too_large(scope))
            return message

        return bounded


def _limit(scope: Scope) -> int:
    return UPLOAD_BYTES if scope["path"].startswith("/api/upload/") else JSON_BYTES


def _too_large(scope: Scope) -> str:
    limit = _limit(scope)
    size = f"{limit // 10**6} MB" if limit >= 10**6 else f"{limit // 1000} KB"
    return f"more than {size}; send less at a time, or put the files into the project's folder yourself"


def _sealed(send: Send) -> Send:
    async def sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("content-security-policy", POLICY)
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "no-referrer"
            headers["cross-origin-resource-policy"] = "same-origin"
            headers["cross-origin-opener-policy"] = "same-origin"
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sealed
