"""A web server of this process that behaves as badly as it is told to."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40
ATTEMPTS = 3  # of a transfer, in tests


@dataclass
class Request:
    path: str
    range: str
    if_range: str


@dataclass
class Site:
    """Pages by path, and the requests that came."""

    url: str
    pages: dict[str, Page | Callable[[int], Page]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]


@dataclass
class Page:
    """A file, and how it is served. `pages[path]` may be a function of the request's number."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str = '"one"'
    takes_ranges: bool = True
    cut_after: int | None = None  # bytes of an answer, then the connection is closed
    stall_after: int | None = None  # bytes of an answer, then nothing comes
    stated_length: int | None = None  # in place of the true one
    chunked: bool = False


def _answer(handler: BaseHTTPRequestHandler, site: Site, is_head: bool) -> None:
    path = handler.path.split("?")[0]
    wanted, if_range = handler.headers.get("Range", ""), handler.headers.get("If-Range", "")
    if not is_head:
        site.requests.append(Request(path, wanted, if_range))
    page = site.pages.get(path, Page(status=404))
    if callable(page):
        page = page(len(site.asked(path)))
    start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
    is_part = bool(wanted) and page.takes_ranges and if_range in ("", page.etag)
    if page.status == 200 and is_part and start >= len(page.body):
        handler.send_response(416)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    body = page.body[start:] if is_part else page.body
    handler.send_response(206 if is_part and page.status == 200 else page.status)
    if is_part:
        last = len(page.body) - 1
        handler.send_header("Content-Range", f"bytes {start}-{last}/{len(page.body)}")
    if page.chunked:
        handler.send_header("Transfer-Encoding", "chunked")
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    else:
        stated = len(body) if page.stated_length is None else page.stated_length
        handler.send_header("Content-Length", str(stated))
    if page.etag:
        handler.send_header("ETag", page.etag)
    for name, value in page.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if is_head:
        return
    ends = [end for end in (page.cut_after, page.stall_after) if end is not None]
    handler.wfile.write(body[: min(ends, default=len(body))])
    if page.stall_after is not None:
        handler.wfile.flush()
        site.closing.wait(5)
    handler.close_connection = bool(ends) or page.stated_length is not None


def answers(*pages: Page) -> Callable[[int], Page]:
    """The pages in turn, the last for ever."""
    return lambda number: pages[min(number, len(pages)) - 1]


@contextmanager
def serve() -> Iterator[Site]:
    site = Site("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _answer(self, site, is_head=False)

        def do_HEAD(self) -> None:
            _answer(self, site, is_head=True)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()


def md5(body: bytes) -> str:
    return f"md5:{hashlib.md5(body).hexdigest()}"


def add_zenodo_record(site: Site, record: str, files: dict[str, bytes]) -> None:
    """A record of Zenodo with its files, on a mirror."""
    entries = [
        {"key": name, "size": len(body), "checksum": md5(body)} for name, body in files.items()
    ]
    answer = json.dumps({"id": int(record), "files": entries}).encode()
    site.pages[f"/zenodo.org/api/records/{record}"] = Page(answer)
    for name, body in files.items():
        site.pages[f"/zenodo.org/records/{record}/files/{name}"] = Page(body)


def add_hub_repository(site: Site, repo: str, files: dict[str, bytes]) -> None:
    """A data set repository of the Hub, on a mirror; every file is large to it."""
    host = "/huggingface.co"
    info = {"id": repo, "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
    site.pages[f"{host}/api/datasets/{repo}"] = Page(json.dumps(info).encode())
    site.pages[f"{host}/api/datasets/{repo}/revision/{COMMIT}"] = Page(json.dumps(info).encode())
    tree = [
        {
            "type": "file",
            "path": name,
            "size": len(body),
            "oid": hashlib.sha1(body).hexdigest(),
            "lfs": {
                "oid": hashlib.sha256(body).hexdigest(),
                "size": len(body),
                "pointerSize": 130,
            },
        }
        for name, body in files.items()
    ]
    site.pages[f"{host}/api/datasets/{repo}/tree/{COMMIT}"] = Page(json.dumps(tree).encode())
    for name, body in files.items():
        site.pages[f"{host}/datasets/{repo}/resolve/{COMMIT}/{name}"] = Page(
            body,
            headers={"X-Repo-Commit": COMMIT},
            etag=f'"{hashlib.sha256(body).hexdigest()}"',
        )


def zip_of(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(zipfile.ZipInfo(name), body)
    return made.getvalue()


def tar_of(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return made.getvalue()
