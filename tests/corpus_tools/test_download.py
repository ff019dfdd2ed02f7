"""Transfers from a server that cuts, stalls, lies and changes its mind, to the whole verb."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from rich.console import Console

from spectrobert import __main__ as command_line
from spectrobert import corpora
from spectrobert.corpus_tools.fetch import acquisition, download, transfers
from spectrobert.corpus_tools.sources import AT_HAND, LIBRISPEECH_MD5, SOURCES, HubFiles, WebFile
from spectrobert.errors import UserError

from ..helpers.sounds import noise
from ..helpers.web import Page, Site, add_hub_repository, add_zenodo_record, serve
from ..helpers.world import ROOT

BODY = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(300_000)
MD5 = f"md5:{hashlib.md5(BODY).hexdigest()}"
ATTEMPTS = 3


@pytest.fixture
def site(monkeypatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    hasty = {"TIMEOUT": (2, 0.2), "ATTEMPTS": ATTEMPTS, "FIRST_WAIT": 0.01, "LONGEST_WAIT": 0.05}
    for name, value in hasty.items():
        monkeypatch.setattr(download, name, value)
    with serve() as site:
        yield site


def fetch(site: Site, target: Path, checksum: str = "") -> list[str]:
    """The lines of a log."""
    out = io.StringIO()
    download.fetch(f"{site.url}/f", target, Console(file=out, width=200), checksum)
    return out.getvalue().splitlines()


def ranges(site: Site) -> list[str]:
    return [request.range for request in site.asked("/f")]


def first_then(first: Page, then: Page):
    """The first request is answered in one way, the others in another."""
    return lambda number: first if number == 1 else then


def test_a_file_is_fetched_once_and_leaves_nothing_beside_it(site, tmp_path, monkeypatch):
    site.pages["/f"] = Page(BODY)
    monkeypatch.setattr(transfers, "LOG_SECONDS", 0)
    target = tmp_path / "new" / "f"
    lines = fetch(site, target, MD5)
    assert target.read_bytes() == BODY
    assert os.listdir(target.parent) == ["f"]
    assert (lines[0], lines[-1]) == ("fetching f", "f: 300.0 kB of 300.0 kB")
    assert fetch(site, target, MD5) == []
    assert len(site.requests) == 1


def test_a_cut_transfer_goes_on_where_it_was(site, tmp_path):
    site.pages["/f"] = lambda number: Page(BODY, cut_after=100_000)
    lines = fetch(site, tmp_path / "f", MD5)
    assert (tmp_path / "f").read_bytes() == BODY
    assert ranges(site) == ["", "bytes=100000-", "bytes=200000-"]
    assert {request.if_range for request in site.requests[1:]} == {'"one"'}
    assert len(lines) == 1 + 2


def test_a_chunked_answer_that_is_cut_is_not_taken_for_whole(site, tmp_path):
    site.pages["/f"] = first_then(
        Page(BODY, chunked=True, cut_after=1000, etag=""), Page(BODY, chunked=True, etag="")
    )
    fetch(site, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert ranges(site) == ["", ""]  # no validator, no checksum: not to be put together


def test_a_stalled_transfer_is_given_up_and_taken_up_again(site, tmp_path):
    site.pages["/f"] = first_then(Page(BODY, stall_after=1000), Page(BODY))
    began = time.monotonic()
    lines = fetch(site, tmp_path / "f", MD5)
    assert time.monotonic() - began < 2
    assert (tmp_path / "f").read_bytes() == BODY
    assert ranges(site) == ["", "bytes=1000-"]
    assert lines[1:] == ["f: the transfer stalled; trying again in 0.01 s"]


def test_a_server_that_ignores_ranges_is_fetched_from_the_start(site, tmp_path):
    site.pages["/f"] = first_then(
        Page(BODY, takes_ranges=False, cut_after=5000), Page(BODY, takes_ranges=False)
    )
    fetch(site, tmp_path / "f", MD5)
    assert (tmp_path / "f").read_bytes() == BODY
    assert ranges(site) == ["", "bytes=5000-"]


def test_a_server_that_always_cuts_at_one_place_is_not_asked_for_ever(site, tmp_path):
    site.pages["/f"] = Page(BODY, takes_ranges=False, cut_after=5000)
    with pytest.raises(UserError, match=r"5\.0 kB are kept in .*f\.part, try the same command"):
        fetch(site, tmp_path / "f", MD5)
    assert len(site.requests) == 1 + ATTEMPTS
    assert sorted(os.listdir(tmp_path)) == ["f.part", "f.part.json"]


def test_a_file_that_changed_meanwhile_is_not_spliced(site, tmp_path):
    site.pages["/f"] = first_then(Page(BODY, cut_after=5000), Page(OTHER, etag='"two"'))
    fetch(site, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == OTHER
    assert ranges(site) == ["", "bytes=5000-"]


@pytest.mark.parametrize(
    ("body", "etag"), [(OTHER, '"two"'), (OTHER[:-1], '"one"')], ids=["etag", "length"]
)
def test_a_server_that_would_splice_is_found_out(site, tmp_path, body, etag):
    """It honours the range, whatever If-Range says: the ETag or the length tells."""
    stated = {"Content-Range": f"bytes 5000-{len(body) - 1}/{len(body)}"}
    answers = [
        Page(BODY, cut_after=5000),
        Page(body[5000:], status=206, etag=etag, headers=stated, takes_ranges=False),
        Page(body, etag=etag),
    ]
    site.pages["/f"] = lambda number: answers[number - 1]
    fetch(site, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == body
    assert ranges(site) == ["", "bytes=5000-", ""]


def test_a_server_may_send_less_than_the_range(site, tmp_path):
    def page(number: int) -> Page:
        if number == 1:
            return Page(BODY, cut_after=100_000)
        start = number * 50_000
        stated = {"Content-Range": f"bytes {start}-{start + 49_999}/{len(BODY)}"}
        piece = BODY[start : start + 50_000]
        return Page(piece, status=206, headers=stated, takes_ranges=False)

    site.pages["/f"] = page
    fetch(site, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert ranges(site)[1:] == [f"bytes={start}-" for start in range(100_000, 300_000, 50_000)]


def test_without_a_validator_only_a_checksum_allows_to_go_on(site, tmp_path):
    site.pages["/f"] = first_then(Page(BODY, etag="", cut_after=5000), Page(BODY, etag=""))
    fetch(site, tmp_path / "sure", MD5)
    site.requests.clear()
    fetch(site, tmp_path / "unsure")
    assert (tmp_path / "sure").read_bytes() == (tmp_path / "unsure").read_bytes() == BODY
    assert ranges(site) == ["", ""]


def test_a_resumed_file_with_a_wrong_checksum_is_fetched_anew_once(site, tmp_path):
    """The same name, the same length, no validator: only the checksum sees that it changed."""
    site.pages["/f"] = first_then(Page(OTHER, etag="", cut_after=5000), Page(BODY, etag=""))
    fetch(site, tmp_path / "f", MD5)
    assert (tmp_path / "f").read_bytes() == BODY
    assert ranges(site) == ["", "bytes=5000-", ""]


def test_a_wrong_checksum_keeps_nothing(site, tmp_path):
    site.pages["/f"] = Page(OTHER)
    found = hashlib.md5(OTHER).hexdigest()
    with pytest.raises(UserError, match=f"expected {MD5} but got {found}"):
        fetch(site, tmp_path / "f", MD5)
    assert os.listdir(tmp_path) == []
    assert len(site.requests) == 1


def test_a_file_there_with_a_wrong_checksum_is_replaced(site, tmp_path):
    (tmp_path / "f").write_bytes(b"half")
    site.pages["/f"] = Page(BODY)
    fetch(site, tmp_path / "f", MD5)
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_length_that_is_too_great_ends_in_one_line(site, tmp_path):
    site.pages["/f"] = Page(BODY, stated_length=len(BODY) + 7)
    with pytest.raises(UserError, match="no more than 300000 bytes") as caught:
        fetch(site, tmp_path / "f")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "f").exists()


def test_a_length_that_is_too_great_does_not_matter_where_the_checksum_is_right(site, tmp_path):
    site.pages["/f"] = Page(BODY, stated_length=len(BODY) + 7)
    fetch(site, tmp_path / "f", MD5)
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_length_that_is_too_small_is_seen_by_the_checksum(site, tmp_path):
    site.pages["/f"] = Page(BODY, stated_length=1000)
    with pytest.raises(UserError, match="hash of downloaded file"):
        fetch(site, tmp_path / "f", MD5)


def test_a_part_that_is_longer_than_the_file_is_dropped(site, tmp_path):
    site.pages["/f"] = first_then(Page(BODY, etag="", cut_after=5000), Page(BODY[:4000], etag=""))
    fetch(site, tmp_path / "f", f"md5:{hashlib.md5(BODY[:4000]).hexdigest()}")
    assert (tmp_path / "f").read_bytes() == BODY[:4000]
    assert ranges(site) == ["", "bytes=5000-", ""]


def test_a_part_of_another_address_is_not_taken_up(site, tmp_path):
    (tmp_path / "f.part").write_bytes(OTHER[:5000])
    origin = {"url": f"{site.url}/g", "validator": '"one"', "length": len(BODY)}
    (tmp_path / "f.part.json").write_text(json.dumps(origin))
    site.pages["/f"] = Page(BODY)
    fetch(site, tmp_path / "f", MD5)
    assert ranges(site) == [""]


def test_a_whole_part_is_not_fetched_again(site, tmp_path):
    (tmp_path / "f.part").write_bytes(BODY)
    origin = {"url": f"{site.url}/f", "validator": '"one"', "length": len(BODY)}
    (tmp_path / "f.part.json").write_text(json.dumps(origin))
    fetch(site, tmp_path / "f", MD5)
    assert site.requests == []
    assert (tmp_path / "f").read_bytes() == BODY


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final(site, tmp_path, status):
    site.pages["/f"] = Page(status=status)
    with pytest.raises(UserError, match=f"/f: the server answers {status} "):
        fetch(site, tmp_path / "f")
    assert len(site.requests) == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again(site, tmp_path, status):
    site.pages["/f"] = first_then(Page(status=status), Page(BODY))
    fetch(site, tmp_path / "f", MD5)
    site.pages["/f"] = Page(status=status)
    site.requests.clear()
    with pytest.raises(UserError, match=f"answers {status}"):
        fetch(site, tmp_path / "g")
    assert len(site.requests) == ATTEMPTS


def in_an_hour() -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize("later", [lambda: "3600", in_an_hour], ids=["seconds", "date"])
def test_a_server_that_asks_for_too_much_patience_is_left(site, tmp_path, later):
    site.pages["/f"] = Page(status=429, headers={"Retry-After": later()})
    with pytest.raises(UserError, match=r"asks to wait (3600|359\d) s"):
        fetch(site, tmp_path / "f")
    assert len(site.requests) == 1


def test_the_time_a_server_asks_for_is_waited(site, tmp_path, monkeypatch):
    busy = Page(status=503, headers={"Retry-After": "1"})
    site.pages["/f"] = first_then(busy, Page(BODY))
    monkeypatch.setattr(download, "LONGEST_WAIT", 2)
    began = time.monotonic()
    lines = fetch(site, tmp_path / "f")
    assert time.monotonic() - began >= 1
    assert lines[1].endswith("asks to wait 1 s; trying again in 1 s")


def test_redirects_are_followed_and_loops_are_not(site, tmp_path):
    site.pages["/f"] = Page(status=302, headers={"Location": f"{site.url}/g"})
    site.pages["/g"] = Page(BODY)
    fetch(site, tmp_path / "f", MD5)
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


Usage = namedtuple("Usage", "total used free")


def test_a_full_disk_is_seen_before_the_bytes_come(site, tmp_path, monkeypatch):
    site.pages["/f"] = Page(BODY)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**6, 0, 299_999))
    with pytest.raises(UserError, match=r"needs 300\.0 kB, but .* has 300\.0 kB free"):
        fetch(site, tmp_path / "f")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**6, 0, 300_000))
    fetch(site, tmp_path / "f", MD5)


def test_a_part_counts_towards_the_room_that_is_needed(site, tmp_path, monkeypatch):
    site.pages["/f"] = first_then(Page(BODY, cut_after=100_000), Page(status=404))
    with pytest.raises(UserError):
        fetch(site, tmp_path / "f")
    site.pages["/f"] = Page(BODY)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**6, 0, 200_000))
    fetch(site, tmp_path / "f", MD5)


def test_a_killed_process_leaves_what_the_next_one_goes_on_from(site, tmp_path):
    site.pages["/f"] = first_then(Page(BODY, stall_after=200_000), Page(BODY))
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
    fetch(site, tmp_path / "f", MD5)
    assert (tmp_path / "f").read_bytes() == BODY
    assert ranges(site) == ["", f"bytes={begun}-"]


# --- the shown transfer


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


# --- checksums


def test_the_checksum_in_a_record_of_zenodo():
    record = json.dumps({"files": [{"key": "a.zip", "checksum": "md5:00ff", "size": 3}]})
    assert acquisition.zenodo_checksum(record, "a.zip") == "md5:00ff"
    with pytest.raises(UserError, match=r"no checksum for b\.zip; its files: a\.zip"):
        acquisition.zenodo_checksum(record, "b.zip")
    for wrong in ("<html>", "[]", '{"files": [{"key": "a.zip"}]}', '{"files": 3}'):
        with pytest.raises(UserError, match="not a record"):
            acquisition.zenodo_checksum(wrong, "a.zip")


# --- sources


def test_every_corpus_has_a_source():
    assert sorted([*SOURCES, *AT_HAND]) == sorted(corpora.MODULES)


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_source_is_either_fetched_or_explained(name):
    source = SOURCES[name]
    assert bool(source.items) != bool(source.steps)
    assert source.page.startswith("http")
    assert bool(source.size) == bool(source.items)
    assert not (source.needs_licence and source.items)
    for item in source.items:
        if isinstance(item, WebFile):
            assert item.file_name
            assert item.checksum == "" or len(item.checksum) == len("md5:") + 32
        for archive in item.archives:
            if isinstance(item, HubFiles) and archive is item.archives[0]:
                assert any(archive.name.startswith(p.rstrip("*")) for p in item.patterns)


def test_parts_of_librispeech_are_those_the_corpus_knows():
    from spectrobert.corpora.librispeech import SUBSETS

    assert set(SOURCES["librispeech"].parts) == set(SUBSETS) == set(LIBRISPEECH_MD5)


def test_parts_of_wavcaps_are_those_the_corpus_knows():
    from spectrobert.corpora.wavcaps import SOURCES as WAVCAPS

    assert set(SOURCES["wavcaps"].parts) == set(WAVCAPS)
    for item in SOURCES["wavcaps"].items:
        if item.part:
            assert item.archives[0].into.endswith(f"/{WAVCAPS[item.part].folder}")


def test_choosing_parts():
    source = SOURCES["librispeech"]
    (item,) = acquisition.choose("librispeech", source, ["dev-clean"])
    assert item.url == "https://www.openslr.org/resources/12/dev-clean.tar.gz"
    assert len(acquisition.choose("librispeech", source, ["all"])) == 7
    parts = acquisition.choose("wavcaps", SOURCES["wavcaps"], ["soundbible"])
    assert [item.part for item in parts] == ["", "soundbible"]
    with pytest.raises(UserError, match=r"comes in parts: dev-clean, .* or --part all"):
        acquisition.choose("librispeech", source, [])
    with pytest.raises(UserError, match=r"'dev' .* did you mean 'dev-clean'|unknown part"):
        acquisition.choose("librispeech", source, ["dev"])
    with pytest.raises(UserError, match="comes as one"):
        acquisition.choose("ravdess", SOURCES["ravdess"], ["speech"])


def test_mirrors():
    url = "https://host.org/a/b?c=d"
    assert acquisition.mirrored(url, "") == url
    assert acquisition.mirrored(url, "http://m:1/x/") == "http://m:1/x/host.org/a/b?c=d"
    for wrong in ("m:1", "/data", "file:///data"):
        with pytest.raises(UserError, match="must begin with http"):
            acquisition.mirrored(url, wrong)


# --- the verb


def run(capsys, *words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `python -m spectrobert data ...`."""
    before = sys.argv
    sys.argv = ["spectrobert", "data", *words]
    try:
        code = command_line.main()
    finally:
        sys.argv = before
    out, err = capsys.readouterr()
    return code, out, err


def ravdess_zip(tmp_path: Path, actors: int = 24) -> bytes:
    """Two clips of each actor, in the folders of the owner's archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for actor in range(1, actors + 1):
            for emotion in ("03", "04"):
                name = f"03-01-{emotion}-01-01-01-{actor:02}.wav"
                path = tmp_path / name
                noise(path, seed=actor, seconds=0.05)
                archive.write(path, f"Actor_{actor:02}/{name}")
                path.unlink()
    return made.getvalue()


RAVDESS = "Audio_Speech_Actors_01-24.zip"


def test_ravdess_from_a_mirror_that_cuts_parses(site, tmp_path, capsys):
    body = ravdess_zip(tmp_path)
    add_zenodo_record(site, "1188976", {RAVDESS: body})
    path = f"/zenodo.org/records/1188976/files/{RAVDESS}"
    site.pages[path] = first_then(Page(body, cut_after=1000), Page(body))
    data = tmp_path / "data"
    code, out, err = run(
        capsys, "download", "ravdess", "--data_dir", str(data), "--mirror", site.url
    )
    assert (code, err) == (0, "")
    assert f"ravdess: done, in {data / 'ravdess'}" in out
    assert [request.range for request in site.asked(path)] == ["", "bytes=1000-"]
    examples, dropped = corpora.load("ravdess", data / "ravdess", "ser")
    assert (len(examples), dropped) == (48, [])
    assert {example.speaker for example in examples} == {f"{n:02}" for n in range(1, 25)}
    assert sorted(os.listdir(data)) == ["ravdess"]  # no folder of work is left
    record = json.loads((data / "ravdess" / ".downloaded.json").read_text())
    checksum = f"md5:{hashlib.md5(body).hexdigest()}"
    assert list(record.values()) == [{"checksum": checksum, "mirror": site.url}]

    count = len(site.requests)
    code, out, _ = run(capsys, "download", "ravdess", "--data_dir", str(data), "--mirror", site.url)
    assert code == 0
    assert "already" in out
    assert len(site.requests) == count


def test_the_mirror_may_stand_in_the_environment(site, tmp_path, capsys, monkeypatch):
    add_zenodo_record(site, "1188976", {RAVDESS: ravdess_zip(tmp_path, 1)})
    monkeypatch.setenv("SPECTROBERT_MIRROR", site.url)
    assert run(capsys, "download", "ravdess", "--data_dir", str(tmp_path / "data"))[0] == 0


def clotho_files(tmp_path: Path) -> dict[str, bytes]:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.write(noise(tmp_path / "bell.wav"), "audio_files/bell.wav")
    header = "file_name,QuestionText,answer,confidence\n"
    table = (header + "bell.wav,Is there a bell?,yes,yes\n").encode()
    names = ("LICENSE.txt", "clotho_aqa_metadata.csv")
    tables = (f"clotho_aqa_{split}.csv" for split in ("train", "val", "test"))
    return {
        **dict.fromkeys(names, b"text"),
        **dict.fromkeys(tables, table),
        "audio_files.zip": made.getvalue(),
    }


def test_clotho_aqa_goes_on_with_the_files_that_are_missing(site, tmp_path, capsys):
    files = clotho_files(tmp_path)
    add_zenodo_record(site, "6473207", files)
    address = "/zenodo.org/records/6473207/files/audio_files.zip"
    whole = site.pages.pop(address)
    data = tmp_path / "data"
    words = ("download", "clothoqa", "--data_dir", str(data), "--mirror", site.url)
    code, _, err = run(capsys, *words)
    assert code == 2
    assert "audio_files.zip: the server answers 404" in err
    table = "/zenodo.org/records/6473207/files/clotho_aqa_train.csv"
    assert len(site.asked(table)) == 1
    assert "unfinished" in run(capsys, "list", "--data_dir", str(data))[1]

    site.pages[address] = whole
    assert run(capsys, *words)[0] == 0
    assert len(site.asked(table)) == 1
    examples, _ = corpora.load("clotho_aqa", data / "clotho_aqa", "aqa_binary")
    assert len(examples) == 3
    assert all(Path(e.audio[0].audio).is_file() for e in examples)


def test_a_wrong_file_on_the_mirror_puts_nothing_in_place(site, tmp_path, capsys):
    add_zenodo_record(site, "1188976", {RAVDESS: ravdess_zip(tmp_path, 1)})
    site.pages[f"/zenodo.org/records/1188976/files/{RAVDESS}"] = Page(b"something else")
    data = tmp_path / "data"
    code, _, err = run(capsys, "download", "ravdess", "--data_dir", str(data), "--mirror", site.url)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "MD5 hash of downloaded file" in err
    assert not (data / "ravdess").exists()


@pytest.mark.parametrize("member", ["../escaped.wav", "/tmp/escaped.wav", "C:\\escaped.wav"])
def test_a_malicious_archive_with_a_right_checksum_is_refused(site, tmp_path, capsys, member):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("Actor_01/03-01-03-01-01-01-01.wav", b"fine")
        archive.writestr(zipfile.ZipInfo(member), b"not fine")
    add_zenodo_record(site, "1188976", {RAVDESS: made.getvalue()})
    data = tmp_path / "data"
    code, _, err = run(capsys, "download", "ravdess", "--data_dir", str(data), "--mirror", site.url)
    assert code == 2
    assert f"{RAVDESS} is refused: its member" in err
    assert not list(tmp_path.rglob("*escaped*"))
    assert not (data / "ravdess").exists()


def test_esc10_loses_the_folder_that_github_puts_around_it(site, tmp_path, capsys):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        lines = ["filename,fold,target,category,esc10,src_file,take"]
        for fold in range(1, 6):
            for number, category in enumerate(("dog", "rain")):
                name = f"{fold}-{number}-A-0.wav"
                path = noise(tmp_path / name, seconds=0.1, seed=fold * 2 + number)
                archive.write(path, f"ESC-50-master/audio/{name}")
                lines.append(f"{name},{fold},0,{category},True,{fold}{number},A")
        archive.writestr("ESC-50-master/meta/esc50.csv", "\n".join(lines))
    site.pages["/github.com/karolpiczak/ESC-50/archive/refs/heads/master.zip"] = Page(
        made.getvalue(), chunked=True, etag=""
    )
    data = tmp_path / "data"
    code, out, _ = run(capsys, "download", "esc10", "--data_dir", str(data), "--mirror", site.url)
    assert code == 0
    assert "publishes no checksum" in out
    examples, _ = corpora.load("esc10", data / "esc10", "aqa_open")
    assert {example.label for example in examples} >= {"dog", "rain"}


WAVCAPS_INSIDE = "mnt/fast/data/waveforms/SoundBible_flac"


def wavcaps_files(tmp_path: Path) -> dict[str, bytes]:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.write(noise(tmp_path / "7.flac"), f"{WAVCAPS_INSIDE}/7.flac")
    table = {"num_captions_per_audio": 1, "data": [{"id": "7", "caption": "A bell rings."}]}
    blacklist = {"AudioSet": [], "FreeSound": []}
    return {
        "README.md": b"not wanted",
        "json_files/blacklist/blacklist_exclude_all_ac.json": json.dumps(blacklist).encode(),
        "json_files/SoundBible/sb_final.json": json.dumps(table).encode(),
        "json_files/FreeSound/fsd_final.json": b"not wanted either",
        "Zip_files/SoundBible/SoundBible.zip": made.getvalue(),
    }


@pytest.fixture
def plain_hub(monkeypatch):
    """The Hub's client over plain HTTP."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)


def test_wavcaps_from_a_mirror_of_the_hub_parses(site, tmp_path, capsys, plain_hub):
    add_hub_repository(site, "cvssp/WavCaps", wavcaps_files(tmp_path))
    data = tmp_path / "data"
    words = ("download", "wavcaps", "--data_dir", str(data), "--mirror", site.url)
    code, _, err = run(capsys, *words, "--part", "soundbible")
    assert (code, err) == (0, "")
    examples, dropped = corpora.load("wavcaps", data / "wavcaps", "pre", sources=("soundbible",))
    assert [(e.id, e.text) for e in examples] == [("soundbible/7", "A bell rings.")]
    assert dropped == []
    names = {path.name for path in data.rglob("*") if path.is_file()}
    assert names == {
        "7.flac",
        "sb_final.json",
        "blacklist_exclude_all_ac.json",
        acquisition.RECORD,
    }


def tar_of(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return made.getvalue()


def test_meld_has_archives_in_its_archive(site, tmp_path, capsys, plain_hub):
    header = "Utterance,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
    folders = {
        "train": "train_splits",
        "dev": "dev_splits_complete",
        "test": "output_repeated_splits_test",
    }
    files: dict[str, bytes] = {}
    for number, (split, folder) in enumerate(folders.items()):
        # The owner's clips are .mp4, and ffmpeg makes these of them
        clip = Path(noise(tmp_path / "clip.wav", seed=number)).read_bytes()
        table = f"{header}Hello {split}.,joy,positive,0,0\n".encode()
        inner = {f"{folder}/dia0_utt0.wav": clip, f"{split}_sent_emo.csv": table}
        files[f"MELD.Raw/{split}.tar.gz"] = tar_of(inner)
    add_hub_repository(site, "declare-lab/MELD", {"MELD.Raw.tar.gz": tar_of(files)})
    words = ("download", "meld", "--data_dir", str(tmp_path), "--mirror", site.url)
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert "left to do: MELD ships video" in out
    assert not list(tmp_path.rglob("*.tar.gz"))
    examples, dropped = corpora.load("meld", tmp_path / "meld", "ser")
    assert {e.split: e.text for e in examples} == {
        "train": "Hello train.",
        "val": "Hello dev.",
        "test": "Hello test.",
    }
    assert dropped == []


def test_parts_of_librispeech_come_one_after_the_other(site, tmp_path, capsys, monkeypatch):
    items = []
    for part, speaker in (("dev-clean", "84"), ("test-clean", "61")):
        folder, utterance = f"LibriSpeech/{part}/{speaker}/1", f"{speaker}-1-0000"
        flac = Path(noise(tmp_path / "u.flac", seed=int(speaker))).read_bytes()
        body = tar_of(
            {
                "LibriSpeech/README.TXT": b"the same in every part",
                f"{folder}/{utterance}.flac": flac,
                f"{folder}/{speaker}-1.trans.txt": f"{utterance} HELLO THERE\n".encode(),
            }
        )
        (item,) = acquisition.choose("librispeech", SOURCES["librispeech"], [part])
        items.append(replace(item, checksum=f"md5:{hashlib.md5(body).hexdigest()}"))
        site.pages[f"/www.openslr.org/resources/12/{part}.tar.gz"] = Page(body)
    monkeypatch.setitem(SOURCES, "librispeech", replace(SOURCES["librispeech"], items=tuple(items)))
    words = ("download", "librispeech", "--data_dir", str(tmp_path), "--mirror", site.url)
    for part, speakers in (("dev-clean", {"84"}), ("test-clean", {"84", "61"})):
        assert run(capsys, *words, "--part", part)[0] == 0
        examples, dropped = corpora.load("librispeech", tmp_path / "librispeech", "pre")
        assert {e.speaker for e in examples} == speakers
        assert {e.text for e in examples} == {"hello there"}
        assert dropped == []
    assert len(site.requests) == 2


def test_a_part_that_was_begun_waits_while_another_is_fetched(tmp_path, site):
    """Its bytes are neither moved to the corpus nor deleted."""
    one, other = (WebFile(f"https://host/{name}", part=name) for name in ("one", "other"))
    site.pages["/host/one"] = first_then(Page(BODY, cut_after=5000), Page(status=404))
    site.pages["/host/other"] = Page(OTHER)
    for item in (one, other, one):
        with nullcontext() if item is other else pytest.raises(UserError, match="404"):
            acquisition.acquire("x", tmp_path / "x", [item], Console(quiet=True), site.url)
    assert sorted(os.listdir(tmp_path / "x")) == [acquisition.RECORD, "other"]
    assert [asked.range for asked in site.asked("/host/one")] == ["", *["bytes=5000-"] * 2]


def test_the_published_checksum_of_librispeech_is_asked_for(site, tmp_path, capsys):
    site.pages["/www.openslr.org/resources/12/dev-clean.tar.gz"] = Page(b"not it")
    words = ("--data_dir", str(tmp_path), "--mirror", site.url, "--part", "dev-clean")
    code, _, err = run(capsys, "download", "librispeech", *words)
    assert code == 2
    assert "expected md5:42e2234ba48799c1f50f24a7926300a1" in err


def test_a_file_that_is_not_what_the_hub_says_is_deleted(site, tmp_path, capsys, plain_hub):
    files = {"voxceleb/train-00000-of-00001.parquet": b"parquet"}
    add_hub_repository(site, "asapp/slue", files)
    (path,) = (name for name in site.pages if name.endswith(".parquet"))
    site.pages[path].body = b"PARQUET"  # as long, but not the same
    data = tmp_path / "data"
    code, _, err = run(
        capsys, "download", "slue_voxceleb", "--data_dir", str(data), "--mirror", site.url
    )
    assert code == 2
    assert "train-00000-of-00001.parquet had a wrong checksum" in err
    assert not list(data.rglob("*.parquet"))


def test_a_hub_without_the_repository_ends_in_one_line(site, tmp_path, capsys, plain_hub):
    code, _, err = run(
        capsys, "download", "slue_voxceleb", "--data_dir", str(tmp_path), "--mirror", site.url
    )
    assert code == 2
    assert err.count("\n") == 1
    assert "huggingface.co/datasets/asapp/slue" in err


def test_a_hub_out_of_reach_ends_in_one_line(tmp_path, capsys, plain_hub):
    words = ("--data_dir", str(tmp_path), "--mirror", "http://127.0.0.1:9")
    code, _, err = run(capsys, "download", "slue_voxceleb", *words)
    assert code == 2
    assert err.count("\n") == 1
    assert "Connection refused" in err


def test_a_folder_filled_by_hand_is_left_alone(site, tmp_path, capsys):
    mine = tmp_path / "ravdess" / "mine.wav"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    code, _, err = run(
        capsys, "download", "ravdess", "--data_dir", str(tmp_path), "--mirror", site.url
    )
    assert code == 2
    assert "did not come by this command" in err
    assert site.requests == []
    assert mine.read_bytes() == b"mine"


def test_two_at_once(site, tmp_path):
    from filelock import FileLock

    work = acquisition.work_folder(tmp_path / "ravdess")
    work.mkdir()
    with (
        FileLock(work / "lock"),
        pytest.raises(UserError, match="another process downloads ravdess"),
    ):
        acquisition.acquire(
            "ravdess", tmp_path / "ravdess", SOURCES["ravdess"].items, Console(quiet=True), site.url
        )


def test_a_data_folder_that_cannot_be_written(site, tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    words = ("--data_dir", str(tmp_path / "file"), "--mirror", site.url)
    code, _, err = run(capsys, "download", "ravdess", *words)
    assert code == 2
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", [n for n, source in SOURCES.items() if not source.items])
def test_the_others_say_what_to_do_and_where_files_go(tmp_path, capsys, name):
    code, out, err = run(capsys, "download", name, "--data_dir", str(tmp_path))
    assert code == 2
    assert err.count("\n") == 1
    assert SOURCES[name].page in out
    assert str(tmp_path / name) in out
    assert corpora.corpus(name).layout in out
    assert ("licence" in err) == SOURCES[name].needs_licence


DOCS = (ROOT / "docs" / "corpora.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_the_documentation_has_a_section_and_a_true_row_for_every_corpus(name):
    section = DOCS.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]
    row = next(line for line in DOCS.splitlines() if line.startswith(f"| [{name}]"))
    _, _, tasks, _, how, _ = (cell.strip() for cell in row.split("|"))
    assert set(tasks.split(", ")) == set(corpora.corpus(name).tasks)
    assert ("data download" in how) == bool(SOURCES[name].items)
    for part in SOURCES[name].parts:
        assert f"`{part}`" in section
    if name not in ("crema_d", "cmu_mosei"):  # the one has the address in a command, the other none
        assert SOURCES[name].page.removeprefix("https://github.com/") in section or name == "meld"
    for option in corpora.corpus(name).options():
        assert f"dataset.{option}" in section


@pytest.mark.parametrize("name", ["demo", "csv", "ravdes"])
def test_names_that_cannot_be_downloaded(capsys, name):
    code, _, err = run(capsys, "download", name)
    assert code == 2
    assert err.count("\n") == 1


def test_the_list_shows_every_corpus_and_which_is_there(tmp_path, capsys):
    (tmp_path / "emodb").mkdir()
    (tmp_path / "tess").mkdir()
    shutil.copy(ROOT / "LICENSE", tmp_path / "tess")
    code, out, _ = run(capsys, "list", "--data_dir", str(tmp_path))
    assert code == 0
    rows = {line.split("│")[1].strip(): line.split("│") for line in out.splitlines() if "│" in line}
    assert set(corpora.MODULES) <= set(rows)
    assert rows["tess"][-2].strip() == "yes"
    assert rows["emodb"][-2].strip() == "no"
    assert "[Labels/]" in out  # no markup
