"""One file over HTTP: resumed after a cut, and named only when it is whole.

pooch compares the checksum and puts the file in place; its own downloader does not resume. Here the
bytes go to NAME.part, and NAME.part.json holds the address, length and validator (ETag or date) of
the file that they begin. The validator is sent back as `If-Range`, so that a file that has changed
is fetched from the start and never spliced.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import pooch
import requests
import urllib3
from rich.console import Console
from rich.filesize import decimal

from ...errors import UserError
from ...files import write_whole
from ...terminal import print_line
from .transfers import require_room, transfer

CHUNK = 1 << 16
TIMEOUT = (20.0, 60.0)  # seconds to connect, and without a byte
ATTEMPTS = 5  # in a row that bring nothing new
FIRST_WAIT = 1.0  # seconds, doubled with each of them
LONGEST_WAIT = 120.0  # also if the server asks for more
PASSING = (408, 425, 429, 500, 502, 503, 504)  # another answer may be had later

Report = Callable[[int, int | None], None]  # bytes there, bytes in all if known


class Origin(NamedTuple):
    """The file that a .part is the beginning of."""

    url: str
    validator: str = ""  # strong ETag, or else Last-Modified
    length: int | None = None


class Broken(Exception):
    """A transfer that broke off and may do better later. `wait`: seconds the server asks for."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def fetch(url: str, target: Path, console: Console, checksum: str = "") -> None:
    """Fetch `url` to `target`, whose folder is made. A file already there is kept if it is right.

    `checksum` is "md5:HEX" or another of hashlib's; without one the length is all that is checked.
    Raises UserError: the address does not exist, nothing new came in ATTEMPTS attempts, the disk is
    full, the checksum differs. The part stays for the next call, except after a wrong checksum.
    """
    pooch.get_logger().setLevel("WARNING")
    resuming = Resuming(target.with_name(f"{target.name}.part"), bool(checksum), console)
    for is_last in (False, True):
        try:
            pooch.retrieve(url, checksum or None, target.name, target.parent, downloader=resuming)
            break
        except UserError:
            raise
        except ValueError as error:  # pooch's, for a wrong checksum
            resuming.drop()
            if is_last or not resuming.is_spliced:
                raise UserError(f"{url}: {error}") from error
            again = "the resumed file has a wrong checksum; fetching it from the start"
            print_line(console, f"{target.name}: {again}")
    resuming.drop()


class Resuming:
    """A downloader for pooch that resumes. `is_spliced` if the last file took several answers."""

    def __init__(self, part: Path, has_checksum: bool, console: Console) -> None:
        self.part, self.has_checksum, self.console = part, has_checksum, console
        self.origin_file = part.with_name(f"{part.name}.json")
        self.is_spliced = False

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Fetch the part, and give it the other name too."""
        with transfer(self.console, self.part.stem) as report:
            self._repeat(url, report)
        os.unlink(output_file)
        try:
            os.link(self.part, output_file)  # who interrupts pooch's checksum keeps the part
        except OSError:  # a file system without links
            os.replace(self.part, output_file)

    def _repeat(self, url: str, report: Report) -> None:
        """Repeat attempts until the part is whole."""
        furthest, fruitless = self._size(), 0
        while True:
            try:
                self.is_spliced = self._attempt(url, report)
                return
            except Broken as broken:
                # A server that always cuts at one place must not be asked for ever
                fruitless = 0 if self._size() > furthest else fruitless + 1
                furthest = max(furthest, self._size())
                if fruitless >= ATTEMPTS or broken.wait > LONGEST_WAIT:
                    size = self._size()
                    kept = f"{decimal(size)} are kept in {self.part}, " if size else ""
                    raise UserError(
                        f"{url}: {broken}; {kept}try the same command later"
                    ) from broken
                wait = broken.wait or FIRST_WAIT * 2 ** max(0, fruitless - 1)
                wait = min(wait, LONGEST_WAIT)
                print_line(self.console, f"{self.part.stem}: {broken}; trying again in {wait:g} s")
                time.sleep(wait)

    def drop(self) -> None:
        """Delete the part."""
        self.part.unlink(missing_ok=True)
        self.origin_file.unlink(missing_ok=True)

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _origin(self, url: str) -> Origin:
        """The origin of the part; a part of another address, or of none, is deleted."""
        with suppress(OSError, ValueError, TypeError):
            origin = Origin(**json.loads(self.origin_file.read_text(encoding="utf-8")))
            if origin.url == url:
                return origin
        self.drop()
        return Origin(url)

    def _attempt(self, url: str, report: Report) -> bool:
        """Make one request. Returns True if it continued an earlier one.

        Raises Broken or UserError.
        """
        origin = self._origin(url)
        # Without a validator only a checksum shows if two halves are of one file
        offset = self._size() if origin.validator or self.has_checksum else 0
        if offset and offset == origin.length:
            return True  # whole already, but interrupted before it was checked
        headers = {"Accept-Encoding": "identity"}
        if offset:
            validator = {"If-Range": origin.validator} if origin.validator else {}
            headers |= {"Range": f"bytes={offset}-", **validator}
        with _answer(url, headers) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                if self.has_checksum:
                    return True  # perhaps whole, with too great a length stated: pooch will see
                self.drop()
                raise Broken(f"the server has no more than {offset} bytes")
            if response.status_code == HTTPStatus.PARTIAL_CONTENT:
                if not _is_rest(response, origin, offset):
                    self.drop()
                    raise Broken("the server does not send the rest of the file that was begun")
            else:
                self.drop()
                offset, origin = 0, Origin(url, _validator(response), response.raw.length_remaining)
                write_whole(self.origin_file, json.dumps(origin._asdict()))
            require_room(self.part.parent, (origin.length or offset) - offset, url)
            done = offset
            with open(self.part, "ab") as file:
                while block := _block(response):
                    done += file.write(block)
                    report(done, origin.length)
        if origin.length not in (None, done):  # a server may send less than the range asked for
            raise Broken(f"the transfer ended after {done} of {origin.length} bytes")
        return offset > 0


def _answer(url: str, headers: dict[str, str]) -> requests.Response:
    """A response with content still to be read, or status 416. Raises Broken or UserError."""
    try:
        response = requests.get(url, headers=headers, timeout=TIMEOUT, stream=True)
    except requests.exceptions.SSLError as error:  # a kind of ConnectionError, but it does not pass
        raise UserError(f"{url}: {_reason(error)}") from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise Broken(_reason(error)) from error
    except (requests.exceptions.RequestException, ValueError) as error:
        raise UserError(f"{url}: {_reason(error)}") from error
    if response.status_code in (200, 206, 416):
        return response
    response.close()
    answer = f"the server answers {response.status_code} {response.reason}"
    if response.status_code not in PASSING:
        raise UserError(f"{url}: {answer}")
    wait = 0.0
    with suppress(urllib3.exceptions.InvalidHeader):
        wait = urllib3.Retry().get_retry_after(response.raw) or 0.0
    raise Broken(f"{answer} and asks to wait {wait:.0f} s" if wait else answer, wait)


def _block(response: requests.Response) -> bytes:
    """Some bytes as sent: some servers call a .tar.gz an encoding of a .tar, and it must stay one.

    Raises Broken.
    """
    try:
        return response.raw.read1(CHUNK, decode_content=False)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise Broken("the transfer stalled") from error
    except urllib3.exceptions.HTTPError as error:
        raise Broken(f"the transfer broke off: {_reason(error)}") from error


def _is_rest(response: requests.Response, origin: Origin, offset: int) -> bool:
    """True if a partial answer is the rest of the file that was begun."""
    stated = response.headers.get("Content-Range", "")
    length = "*" if origin.length is None else origin.length
    is_here = stated.startswith(f"bytes {offset}-") and stated.endswith(f"/{length}")
    return is_here and origin.validator in ("", _validator(response))


def _validator(response: requests.Response) -> str:
    """A value for `If-Range`, which a weak ETag is not."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _reason(error: BaseException) -> str:
    """The innermost cause: the libraries wrap a refused connection in four lines."""
    while error.__context__ is not None:
        error = error.__context__
    return (str(error).splitlines() or [type(error).__name__])[0]
