"""One file over HTTP: goes on after a cut, and bears its name only when it is whole.

The bytes go to NAME.part, beside which NAME.part.json says what they are the beginning of: the
length and the validator (ETag or date) that the server gave. They are sent back as `If-Range`, so
that a file that changed meanwhile is fetched anew and never spliced.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path

import requests
import urllib3
from rich.filesize import decimal

from ..errors import UserError
from ..files import write_whole
from . import checksums
from .disk import require_room

CHUNK = 1 << 16
PASSING = (408, 425, 429, 500, 502, 503, 504)  # another answer may be had later
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")

Report = Callable[[int, "int | None"], None]  # bytes there, bytes in all if known


@dataclass(frozen=True)
class Patience:
    """How long to put up with a server."""

    connect_seconds: float = 20.0
    stall_seconds: float = 60.0  # without a byte
    attempts: int = 5  # in a row that bring nothing new
    first_wait_seconds: float = 1.0  # doubled with each of them
    longest_wait_seconds: float = 120.0  # also if the server asks for more


PATIENCE = Patience()


@dataclass(frozen=True)
class Origin:
    """What a .part file is the beginning of."""

    url: str
    validator: str  # strong ETag, or else Last-Modified; "" where the server gave neither
    length: int | None


class Broken(Exception):
    """A transfer that broke off, and may do better next time. `wait` is asked for by the server."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def fetch(
    url: str,
    target: Path,
    *,
    checksum: str = "",
    patience: Patience = PATIENCE,
    report: Report = lambda done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Fetch `url` to `target`, whose folder is made. A file already there is kept if it is right.

    `checksum` is "md5:HEX" or another of hashlib's; without one the length is all that is checked.
    Raises UserError: the address does not exist, nothing new came in `patience.attempts` attempts,
    the disk is full, the checksum differs. What came stays in TARGET.part for the next call, except
    after a wrong checksum.
    """
    if target.exists() and (not checksum or checksums.matches(target, checksum)):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    was_resumed = _insist(url, part, checksum, patience, report, say)
    is_right = not checksum or checksums.matches(part, checksum)
    if not is_right and was_resumed:
        say(f"{target.name}: the resumed file has a wrong checksum, fetching it from the start")
        _drop(part)
        _insist(url, part, checksum, patience, report, say)
        is_right = checksums.matches(part, checksum)
    if not is_right:
        kind = checksum.partition(":")[0]
        found = f"{kind}:{checksums.digest(part, kind)}"
        _drop(part)
        raise UserError(f"{url}: checksum {found}, expected {checksum}; the file was deleted")
    os.replace(part, target)
    _origin_file(part).unlink(missing_ok=True)


def _insist(
    url: str,
    part: Path,
    checksum: str,
    patience: Patience,
    report: Report,
    say: Callable[[str], None],
) -> bool:
    """Attempts until the part is whole. Returns whether it was put together from two answers."""
    furthest, fruitless = _size(part), 0
    while True:
        try:
            return _attempt(url, part, checksum, patience, report)
        except Broken as broken:
            # A server that always cuts at one place must not be asked for ever
            fruitless = 0 if _size(part) > furthest else fruitless + 1
            furthest = max(furthest, _size(part))
            if fruitless >= patience.attempts or broken.wait > patience.longest_wait_seconds:
                raise UserError(f"{url}: {broken}; {_advice(part)}") from broken
            wait = broken.wait or patience.first_wait_seconds * 2 ** max(0, fruitless - 1)
            wait = min(wait, patience.longest_wait_seconds)
            say(f"{part.stem}: {broken}; trying again in {wait:g} s")
            time.sleep(wait)


def _advice(part: Path) -> str:
    size = _size(part)
    kept = f"{decimal(size)} are kept in {part}, " if size else ""
    return f"{kept}try the same command later"


def _attempt(url: str, part: Path, checksum: str, patience: Patience, report: Report) -> bool:
    """One request. Returns whether it went on from an earlier beginning.

    Raises Broken or UserError.
    """
    origin = _read_origin(part, url)
    # Without a validator only a checksum can tell whether two halves are of one file
    offset = _size(part) if origin and (origin.validator or checksum) else 0
    if origin and offset and offset == origin.length:
        return True  # whole already, but interrupted before it was checked
    headers = {"Accept-Encoding": "identity"}
    if origin and offset:
        headers["Range"] = f"bytes={offset}-"
        if origin.validator:
            headers["If-Range"] = origin.validator
    with _answer(url, headers, patience) as response:
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if checksum and checksums.matches(part, checksum):
                return True  # whole: the server had stated a greater length
            _drop(part)
            raise Broken(f"the server has no more than {offset} bytes, and stated another length")
        if response.status_code == HTTPStatus.PARTIAL_CONTENT:
            length = _resumed_length(response, part, offset, origin)
        else:
            offset, length = 0, _content_length(response)
            _drop(part)
            origin = Origin(url, _validator(response), length)
            write_whole(_origin_file(part), json.dumps(asdict(origin)))
        if length is not None:
            require_room(part.parent, length - offset, url)
        _copy(response, part, offset, length, report)
    return offset > 0


def _answer(url: str, headers: dict[str, str], patience: Patience) -> requests.Response:
    """A response with content of its own still to be read, or status 416."""
    timeout = (patience.connect_seconds, patience.stall_seconds)
    try:
        response = requests.get(url, headers=headers, timeout=timeout, stream=True)
    except requests.exceptions.SSLError as error:  # a kind of ConnectionError, but it does not pass
        raise UserError(f"{url}: {_reason(error)}") from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise Broken(_reason(error)) from error
    except (requests.exceptions.RequestException, ValueError) as error:
        raise UserError(f"{url}: {_reason(error)}") from error
    status = response.status_code
    if status in (200, 206, 416):
        return response
    answer = f"the server answers {status} {response.reason}"
    wait = _retry_after(response)
    response.close()
    if status in PASSING:
        asked = f" and asks to wait {wait:.0f} s" if wait else ""
        raise Broken(answer + asked, wait)
    raise UserError(f"{url}: {answer}")


def _copy(
    response: requests.Response, part: Path, offset: int, length: int | None, report: Report
) -> None:
    """Append the body to the part. Raises Broken where it ends early, UserError where it cannot be
    written."""
    done = offset
    try:
        with open(part, "ab") as file:
            for block in _blocks(response):
                file.write(block)
                done += len(block)
                report(done, length)
    except OSError as error:
        raise UserError(f"cannot write {part}: {error.strerror}") from error
    if length is not None and done != length:  # a server may send less than the range asked for
        raise Broken(f"the transfer ended after {done} of {length} bytes")


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """The body as sent: some servers call a .tar.gz an encoding of a .tar, and it must stay one."""
    while True:
        try:
            block = response.raw.read1(CHUNK, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise Broken("the transfer stalled") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Broken(f"the transfer broke off: {_reason(error)}") from error
        if not block:
            return
        yield block


def _resumed_length(
    response: requests.Response, part: Path, offset: int, origin: Origin | None
) -> int | None:
    """The length of the whole file, from an answer to `Range`. Raises Broken where the answer is
    not the rest of what was begun."""
    stated = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    length = int(stated[2]) if stated and stated[2] != "*" else None
    if (
        stated is None
        or origin is None
        or int(stated[1]) != offset
        or length != origin.length
        or origin.validator not in ("", _validator(response))
    ):
        _drop(part)
        raise Broken("the server sends no rest of the file that was begun")
    return length


def _content_length(response: requests.Response) -> int | None:
    stated = response.headers.get("Content-Length", "")
    return int(stated) if stated.isdecimal() else None


def _validator(response: requests.Response) -> str:
    """What `If-Range` may carry: a weak ETag may not."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _retry_after(response: requests.Response) -> float:
    """Seconds the server asks to wait, 0 if it does not: it may name a number or a date."""
    stated = response.headers.get("Retry-After", "")
    if stated.isdecimal():
        return float(stated)
    try:
        until = parsedate_to_datetime(stated)
    except (ValueError, TypeError):
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=timezone.utc)
    return max(0.0, (until - datetime.now(timezone.utc)).total_seconds())


def _reason(error: BaseException) -> str:
    """The innermost cause: the libraries wrap a refused connection in four lines."""
    while error.__context__ is not None:
        error = error.__context__
    return (str(error).splitlines() or [type(error).__name__])[0]


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _origin_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_origin(part: Path, url: str) -> Origin | None:
    """What the part is the beginning of; None where that is not known or not of this address."""
    try:
        origin = Origin(**json.loads(_origin_file(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return origin if origin.url == url else None


def _drop(part: Path) -> None:
    part.unlink(missing_ok=True)
    _origin_file(part).unlink(missing_ok=True)
