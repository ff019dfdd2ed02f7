"""A stand-in for the Hugging Face Hub: what is sent to it, and how it answers."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hub:
    """Files of the one repository, and all that was asked."""

    url: str
    status: int = 200  # of every answer
    files: dict[str, bytes] = field(default_factory=dict)
    made: list[dict[str, Any]] = field(default_factory=list)  # repositories that were asked for
    checked: list[str] = field(default_factory=list)  # cards
    tokens: set[str] = field(default_factory=set)
    commits: int = 0


@contextmanager
def hub() -> Iterator[Hub]:
    """A Hub of this process."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            there.tokens.add(self.headers.get("Authorization", ""))
            found = _answer(there, self.path.split("?")[0], body) if there.status == 200 else {}
            text = json.dumps(found).encode()
            self.send_response(there.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            self.send_response(there.status if there.status != 200 else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there = Hub(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()


def _answer(there: Hub, path: str, body: bytes) -> dict[str, Any]:
    if path == "/api/repos/create":
        there.made.append(json.loads(body))
        return {"url": f"{there.url}/me/model", "id": "me/model"}
    if path == "/api/validate-yaml":
        there.checked.append(json.loads(body)["content"])
        return {"errors": [], "warnings": []}
    if "/preupload/" in path:
        names = [file["path"] for file in json.loads(body)["files"]]
        plain = {"uploadMode": "regular", "shouldIgnore": False}
        return {"files": [{"path": name, **plain} for name in names]}
    assert "/commit/" in path, path
    for line in map(json.loads, body.splitlines()):
        if line["key"] == "file":
            value = line["value"]
            there.files[value["path"]] = base64.b64decode(value["content"])
    there.commits += 1
    url = f"{there.url}/me/model/commit/{'c' * 40}"
    return {"success": True, "commitOid": "c" * 40, "commitUrl": url}
