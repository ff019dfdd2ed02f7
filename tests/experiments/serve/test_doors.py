"""What the server takes of Gradio's addresses, and of sizes."""

import asyncio

import pytest

from spectrobert.experiments.serve.doors import Doors
from spectrobert.experiments.serve.uploads import Uploads

pytest.importorskip("starlette")


def asked(path: str, method: str = "GET", length: object = 0, body: bytes = b"page"):
    """Status, headers, body, and the uploads that were noted."""
    sent = []

    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def send(message) -> None:
        sent.append(message)

    headers = [(b"content-length", str(length).encode())] if length is not None else []
    scope = {"type": "http", "path": path, "method": method, "headers": headers}
    with Uploads() as uploads:
        asyncio.run(Doors(app, 2_000_000, uploads)(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"], uploads._unanswered


@pytest.mark.parametrize(
    ("path", "method", "length", "status"),
    [
        ("/", "GET", 0, 200),
        ("/assets/index.js", "GET", 0, 200),
        ("/gradio_api/queue/join", "POST", 999, 200),
        ("/gradio_api/upload", "POST", 2_000_000, 200),
        ("/gradio_api/upload", "POST", 3_000_000, 413),
        ("/gradio_api/upload", "POST", None, 411),
        ("/gradio_api/queue/join", "POST", 2_000_000, 413),
        ("/gradio_api/queue/join", "POST", "-1", 411),
        ("/gradio_api/file=HTTP://127.0.0.1/x", "GET", 0, 404),
        ("/gradio_api/proxy=http://x/", "GET", 0, 404),
        ("/gradio_api/vibe-edit", "POST", 9, 404),
        ("/gradio_api/run-history/connect", "POST", 9, 404),
        ("/gradio_api/process_recording", "POST", 9, 404),
        ("/monitoring", "GET", 0, 404),
        ("/docs", "GET", 0, 404),
    ],
)
def test_only_what_the_page_needs_is_open(path, method, length, status):
    found, headers, body, _ = asked(path, method, length)
    assert found == status
    assert b"frame-ancestors" in headers[b"content-security-policy"]
    assert (body == b"page") == (status == 200)
    assert b"\n" not in body


def test_uploads_are_noted():
    *_, noted = asked("/gradio_api/upload", "POST", 9, b'["/tmp/a.wav"]')
    assert noted == {"/tmp/a.wav": 1}
