"""Transfers from a server that cuts, stalls, lies and changes its mind."""

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from rich.console import Console

from spectrobert.corpus_tools.fetch import download, transfers
from spectrobert.errors import UserError

from ..helpers.web import ATTEMPTS, Page, Site, answers, md5
from ..helpers.world import ROOT

BODY = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(300_000)
CUT = Page(BODY, cut_after=5000)
NAMELESS = Page(BODY, etag="", cut_after=5000), Page(BODY, etag="")  # without a validator
Usage = namedtuple("Usage", "total used free")


def fetch(site: Site, target: Path, checksum: str = "") -> list[str]:
    """The lines of a log."""
    out = io.StringIO()
    download.fetch(f"{site.url}/f", target, Console(file=out, width=200), checksum)
    return out.getvalue().splitlines()


def ranges(site: Site) -> list[str]:
    return [request.range for request in site.asked("/f")]


def rest(body: bytes, start: int, end: int, etag: str = '"one"') -> Page:
    """Bytes `start` to `end`, whatever range was asked for."""
    stated = {"Content-Range": f"bytes {start}-{end - 1}/{len(body)}"}
    return Page(body[start:end], 206, stated, etag, takes_ranges=False)


def test_a_file_is_fetched_once_and_leaves_nothing_next_to_it(site, tmp_path, monkeypatch):
    monkeypatch.setattr(transfers, "LOG_SECONDS", 0)
    site.pages["/f"] = Page(BODY)
    target = tmp_path / "new" / "f"
    lines = fetch(site, target, md5(BODY))
    assert target.read_bytes() == BODY
    assert os.listdir(target.parent) == ["f"]
    assert (lines[0], lines[-1]) == ("fetching f", "f: 300.0 kB of 300.0 kB")
    assert fetch(site, target, md5(BODY)) == []
    assert len(site.requests) == 1


# name: answers in turn, whether there is a checksum, the ranges asked for, the body
RESUMED = {
    "cut twice": ([Page(BODY, cut_after=100_000)], True, [0, 100_000, 200_000], BODY),
    "a stall": ([Page(BODY, stall_after=1000), Page(BODY)], True, [0, 1000], BODY),
    "a server in trouble": ([Page(status=503), Page(BODY)], True, [0, 0], BODY),
    # no validator, no checksum: not to be put together
    "a cut chunked answer": (
        [Page(BODY, chunked=True, cut_after=1000, etag=""), Page(BODY, chunked=True, etag="")],
        False,
        [0, 0],
        BODY,
    ),
    "no validator": (NAMELESS, False, [0, 0], BODY),
    "no validator, but a checksum": (NAMELESS, True, [0, 5000], BODY),
    "ranges ignored": (
        [Page(BODY, takes_ranges=False, cut_after=5000), Page(BODY, takes_ranges=False)],
        True,
        [0, 5000],
        BODY,
    ),
    "less than the range": (
        [Page(BODY, cut_after=100_000)]
        + [rest(BODY, start, start + 50_000) for start in range(100_000, 300_000, 50_000)],
        False,
        [0, 100_000, 150_000, 200_000, 250_000],
        BODY,
    ),
    "a file that has changed": ([CUT, Page(OTHER, etag='"two"')], False, [0, 5000], OTHER),
    # the range is honoured, whatever If-Range says: the ETag or the length shows it
    "a splice with another ETag": (
        [CUT, rest(OTHER, 5000, 300_000, '"two"'), Page(OTHER, etag='"two"')],
        False,
        [0, 5000, 0],
        OTHER,
    ),
    "a splice of another length": (
        [CUT, rest(OTHER[:-1], 5000, 299_999), Page(OTHER[:-1])],
        False,
        [0, 5000, 0],
        OTHER[:-1],
    ),
    # same name and length, no validator: only the checksum shows that it has changed
    "a splice with a wrong checksum": (
        [Page(OTHER, etag="", cut_after=5000), Page(BODY, etag="")],
        True,
        [0, 5000, 0],
        BODY,
    ),
    "a part longer than the file": (
        [Page(BODY, etag="", cut_after=5000), Page(BODY[:4000], etag="")],
        True,
        [0, 5000, 0],
        BODY[:4000],
    ),
    "too great a length": ([Page(BODY, stated_length=300_007)], True, [0, 300_000], BODY),
}


@pytest.mark.parametrize("case", RESUMED)
def test_the_file_is_whole_whatever_the_server_does(site, tmp_path, case):
    pages, has_checksum, starts, body = RESUMED[case]
    site.pages["/f"] = answers(*pages)
    began = time.monotonic()
    lines = fetch(site, tmp_path / "f", md5(body) if has_checksum else "")
    assert time.monotonic() - began < 3
    assert (tmp_path / "f").read_bytes() == body
    assert os.listdir(tmp_path) == ["f"]
    assert ranges(site) == [f"bytes={start}-" if start else "" for start in starts]
    if case == "cut twice":
        assert {request.if_range for request in site.requests[1:]} == {'"one"'}
        assert len(lines) == 1 + 2
    if case == "a stall":
        assert lines[1:] == ["f: the transfer stalled; trying again in 0.01 s"]


# name: the answer, the error, the number of requests, the files left
REFUSED = {
    "always cut at one place": (
        Page(BODY, takes_ranges=False, cut_after=5000),
        r"5\.0 kB are kept in .*f\.part, try the same command",
        1 + ATTEMPTS,
        ["f.part", "f.part.json"],
    ),
    "another file": (Page(OTHER), f"expected {md5(BODY)} but got {md5(OTHER)[4:]}", 1, []),
    "too small a length": (Page(BODY, stated_length=1000), "hash of downloaded file", 1, []),
    **{
        str(status): (Page(status=status), f"/f: the server answers {status} ", 1, [])
        for status in (401, 403, 404, 410)
    },
    **{
        str(status): (Page(status=status), f"answers {status}", ATTEMPTS, [])
        for status in (500, 503, 429)
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_transfer_that_cannot_succeed_ends_in_one_line(site, tmp_path, case):
    page, match, requests, left = REFUSED[case]
    site.pages["/f"] = page
    with pytest.raises(UserError, match=match) as caught:
        fetch(site, tmp_path / "f", md5(BODY))
    assert "\n" not in str(caught.value)
    assert len(site.requests) == requests
    assert sorted(os.listdir(tmp_path)) == left


def in_an_hour() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize("later", [lambda: "3600", in_an_hour], ids=["seconds", "date"])
def test_a_server_that_asks_for_too_much_patience_is_left(site, tmp_path, later):
    site.pages["/f"] = Page(status=429, headers={"Retry-After": later()})
    with pytest.raises(UserError, match=r"asks to wait (3600|359\d) s"):
        fetch(site, tmp_path / "f")
    assert len(site.requests) == 1


def test_too_great_a_length_without_a_checksum(site, tmp_path):
    site.pages["/f"] = Page(BODY, stated_length=300_007)
    with pytest.raises(UserError, match="no more than 300000 bytes"):
        fetch(site, tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_a_file_there_with_a_wrong_checksum_is_replaced(site, tmp_path):
    (tmp_path / "f").write_bytes(b"half")
    site.pages["/f"] = Page(BODY)
    fetch(site, tmp_path / "f", md5(BODY))
    assert (tmp_path / "f").read_bytes() == BODY


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [("/g", OTHER[:5000], [""]), ("/f", BODY, [])],
    ids=["other", "whole"],
)
def test_a_part_is_taken_up_if_it_is_of_this_address(site, tmp_path, path, body, asked):
    (tmp_path / "f.part").write_bytes(body)
    origin = {"url": f"{site.url}{path}", "validator": '"one"', "length": len(BODY)}
    (tmp_path / "f.part.json").write_text(json.dumps(origin))
    site.pages["/f"] = Page(BODY)
    fetch(site, tmp_path / "f", md5(BODY))
    assert ranges(site) == asked
    assert (tmp_path / "f").read_bytes() == BODY


def test_an_interrupted_checksum_keeps_the_bytes(site, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        monkeypatch.undo()
        raise KeyboardInterrupt

    site.pages["/f"] = Page(BODY)
    monkeypatch.setattr("pooch.core.hash_matches", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(site, tmp_path / "f", md5(BODY))
    assert sorted(os.listdir(tmp_path)) == ["f.part", "f.part.json"]
    fetch(site, tmp_path / "f", md5(BODY))
    assert ranges(site) == [""]


def test_the_time_a_server_asks_for_is_waited(site, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "LONGEST_WAIT", 2)
    site.pages["/f"] = answers(Page(status=503, headers={"Retry-After": "1"}), Page(BODY))
    began = time.monotonic()
    lines = fetch(site, tmp_path / "f")
    assert time.monotonic() - began >= 1
    assert lines[1].endswith("asks to wait 1 s; trying again in 1 s")


def test_redirects_are_followed_and_loops_are_not(site, tmp_path):
    site.pages["/f"] = Page(status=302, headers={"Location": f"{site.url}/g"})
    site.pages["/g"] = Page(BODY)
    fetch(site, tmp_path / "f", md5(BODY))
    assert (tmp_path / "f").read_bytes() == BODY
    site.pages["/g"] = Page(status=302, headers={"Location": f"{site.url}/f"})
    with pytest.raises(UserError, match="redirects"):
        fetch(site, tmp_path / "g")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/f", "nonsense", "ftp://host/f", "http://"])
def test_addresses_that_lead_nowhere(site, tmp_path, url):
    with pytest.raises(UserError) as caught:
        download.fetch(url, tmp_path / "f", Console(quiet=True))
    assert url in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_seen_before_the_bytes_come_and_a_part_counts(site, tmp_path, monkeypatch):
    site.pages["/f"] = answers(Page(BODY, cut_after=100_000), Page(status=404), Page(BODY))
    with pytest.raises(UserError, match="404"):
        fetch(site, tmp_path / "f")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**6, 0, 199_999))
    with pytest.raises(UserError, match=r"needs 200\.0 kB, but .* has 200\.0 kB free"):
        fetch(site, tmp_path / "f")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**6, 0, 200_000))
    fetch(site, tmp_path / "f", md5(BODY))


def test_a_killed_process_leaves_what_the_next_one_goes_on_from(site, tmp_path):
    site.pages["/f"] = answers(Page(BODY, stall_after=200_000), Page(BODY))
    code = (
        "from pathlib import Path; from rich.console import Console;"
        "from spectrobert.corpus_tools.fetch.download import fetch;"
        f"fetch({site.url + '/f'!r}, Path({str(tmp_path / 'f')!r}), Console())"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    until = time.monotonic() + 20
    part = tmp_path / "f.part"
    while not (part.exists() and part.stat().st_size) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    begun = part.stat().st_size
    assert 0 < begun < len(BODY)
    assert not (tmp_path / "f").exists()
    fetch(site, tmp_path / "f", md5(BODY))
    assert (tmp_path / "f").read_bytes() == BODY
    assert ranges(site) == ["", f"bytes={begun}-"]


@pytest.mark.parametrize(
    ("is_terminal", "seconds", "shown"),
    [(True, 0, "10.0/10.0 kB"), (False, 30, "fetching a\n"), (False, 0, "a: 10.0 kB of 10.0 kB\n")],
)
def test_a_terminal_gets_a_bar_and_a_log_not_too_many_lines(
    monkeypatch, is_terminal, seconds, shown
):
    monkeypatch.setattr(transfers, "LOG_SECONDS", seconds)
    out = io.StringIO()
    console = Console(file=out, force_terminal=is_terminal, width=120)
    with transfers.transfer(console, "a") as report:
        report(10_000, None)
        report(10_000, 10_000)
    assert shown in out.getvalue()
    assert is_terminal or out.getvalue().count("\n") == (1 if seconds else 3)
