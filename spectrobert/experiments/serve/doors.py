"""Addresses of the server that may be asked: those of Gradio's many that the page needs."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from .uploads import Uploads

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

API = "/gradio_api"
UPLOAD = f"{API}/upload"
PLAIN = {
    *("/", "/config", "/config/", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt"),
    *(f"{API}/{name}" for name in ("info", "info/", "openapi.json", "startup-events", "app_id")),
    *(f"{API}/{name}" for name in ("upload", "upload_progress", "cancel", "reset", "theme.css")),
    *(f"{API}/{name}" for name in ("login_check", "token", "user")),
}
BELOW = ("/static/", "/assets/", "/svelte/")
BELOW_API = tuple(f"{API}/{name}" for name in ("call/", "queue/", "heartbeat/", "file="))
LINKS = (f"{API}/file=http:", f"{API}/file=https:")
MOST_WORDS = 1_000_000  # bytes of a call without a file
AROUND = 10_000  # bytes of an upload around its file
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    # nothing is loaded from elsewhere; Gradio's own scripts stand in the page
    (
        b"content-security-policy",
        b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'",
    ),
)


class Doors:
    """An ASGI application around Gradio's.

    Args:
        app: Gradio's.
        most: bytes of an uploaded file.
        uploads: which are noted here.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], most: int, uploads: Uploads):
        self.app, self.most, self.uploads = app, most, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        from starlette.requests import ClientDisconnect

        async def send_on(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            elif scope["path"] == UPLOAD and message.get("body", b"").startswith(b'["'):
                self.uploads.arrived(json.loads(message["body"]))
            await send(message)

        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            if refused := self._refused(scope):
                await _refuse(send_on, *refused)
            else:
                with suppress(ClientDisconnect):  # who goes in the middle of an upload
                    await self.app(scope, receive, send_on)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the line for a request that is not taken."""
        path = scope["path"]
        is_link = path.lower().startswith(LINKS)
        if is_link or not (path in PLAIN or path.startswith((*BELOW, *BELOW_API))):
            return 404, "there is no such page"
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        size = dict(scope["headers"]).get(b"content-length", b"")
        if not size.isdigit():
            return 411, "the length of the request is missing"
        is_upload = path == UPLOAD
        if int(size) <= (self.most + AROUND if is_upload else MOST_WORDS):
            return None
        taken = f"a file of {self.most / 1e6:g} MB" if is_upload else f"{MOST_WORDS} bytes of words"
        return 413, f"too large: this page takes {taken} at most"


async def _refuse(send: Send, status: int, line: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": line.encode()})
