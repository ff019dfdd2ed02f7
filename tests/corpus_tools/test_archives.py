"""Archives: what they may put where, damaged ones, bombs, and zips in parts."""

from __future__ import annotations

import io
import os
import random
import shutil
import stat
import struct
import subprocess
import tarfile
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from spectrobert.corpus_tools.fetch import archives, split_zip
from spectrobert.errors import UserError

SOUND = random.Random(0).randbytes(50_000)
FILES = {"Actor_01/a.wav": SOUND, "Actor_02/b.wav": SOUND[::-1], "notes.txt": b""}
Usage = namedtuple("Usage", "total used free")


def write_zip(path: Path, files: dict[str, bytes], **options) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, body in files.items():
            archive.writestr(zipfile.ZipInfo(name), body)
    return path


def write_tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for info, body in members:
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def plain_members() -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(member(name), body) for name, body in FILES.items()]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refused(archive: Path, folder: Path, match: str) -> None:
    """Unpacking ends in one line that names the archive, and leaves nothing behind."""
    before = sorted(os.listdir(archive.parent))
    with pytest.raises(UserError, match=match) as caught:
        archives.unpack(archive, folder)
    assert str(archive) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(os.listdir(archive.parent)) == before
    assert not folder.exists()


def make(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    if name.endswith(".zip"):
        return write_zip(path, FILES, compression=zipfile.ZIP_DEFLATED)
    mode = {"gz": "w:gz", "bz2": "w:bz2", "tar": "w", "tgz": "w:gz"}[name.rpartition(".")[2]]
    return write_tar(path, plain_members(), mode)


KINDS = ["a.zip", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar", "A.ZIP"]


@pytest.mark.parametrize("name", KINDS[:-1])
def test_every_kind_unpacks(tmp_path, name):
    archive = make(tmp_path, name)
    archives.unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == FILES
    assert sorted(os.listdir(tmp_path)) == sorted([name, "out"])


def test_kinds_are_told_by_name_in_either_case(tmp_path):
    os.rename(make(tmp_path, "a.zip"), tmp_path / "A.ZIP")
    archives.unpack(tmp_path / "A.ZIP", tmp_path / "out")
    assert contents(tmp_path / "out") == FILES
    (tmp_path / "a.7z").write_bytes(b"7z")
    refused(tmp_path / "a.7z", tmp_path / "none", "unknown kind of archive; known: .zip")


def test_folders_of_several_archives_are_merged(tmp_path):
    one = write_zip(tmp_path / "1.zip", {"L/dev/a": b"a", "L/README": b"1"})
    two = write_zip(tmp_path / "2.zip", {"L/test/b": b"b", "L/README": b"2", "L/dev/c": b"c"})
    for archive in (one, two):
        archives.unpack(archive, tmp_path / "out")
    expected = {"L/dev/a": b"a", "L/dev/c": b"c", "L/test/b": b"b", "L/README": b"2"}
    assert contents(tmp_path / "out") == expected


def test_only_what_lies_inside_a_folder(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"top/x/a": b"a", "other": b"o"})
    archives.unpack(archive, tmp_path / "out", inside="top")
    assert contents(tmp_path / "out") == {"x/a": b"a"}
    with pytest.raises(UserError, match="holds no folder absent, but: other, top"):
        archives.unpack(archive, tmp_path / "out", inside="absent")


def test_empty_folders_are_kept(tmp_path):
    archives.unpack(write_zip(tmp_path / "a.zip", {"empty/": b"", "a": b"a"}), tmp_path / "out")
    assert (tmp_path / "out" / "empty").is_dir()


# --- members that would leave the folder

ESCAPES = ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:\\evil", "C:evil", "\\evil"]


@pytest.mark.parametrize("name", ESCAPES)
def test_paths_that_leave_the_folder(tmp_path, name):
    archive = write_zip(tmp_path / "a.zip", {"fine": b"fine", name: b"evil"})
    refused(archive, tmp_path / "out", "is refused: its member .* would leave the folder")
    tar = write_tar(tmp_path / "a.tar.gz", [(member("fine"), b"f"), (member(name), b"e")], "w:gz")
    refused(tar, tmp_path / "out", "is refused: its member .* would leave the folder")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symbolic", "hard"])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "absent", "folder"])
def test_links_to_what_is_no_file_of_the_archive(tmp_path, kind, target):
    members = [(member("folder", tarfile.DIRTYPE), b""), (member("link", kind, target), b"")]
    refused(write_tar(tmp_path / "a.tar", members), tmp_path / "out", "links to")


def test_a_link_that_a_later_member_writes_through(tmp_path):
    members = [(member("d", tarfile.SYMTYPE, "/tmp"), b""), (member("d/evil"), b"evil")]
    refused(write_tar(tmp_path / "a.tar", members), tmp_path / "out", "links to '/tmp'")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symbolic", "hard"])
def test_links_within_the_archive_become_copies(tmp_path, kind):
    target = "../a/x" if kind == tarfile.SYMTYPE else "a/x"
    members = [(member("a/x"), SOUND), (member("b/link", kind, target), b"")]
    archives.unpack(write_tar(tmp_path / "a.tar", members), tmp_path / "out")
    assert contents(tmp_path / "out") == {"a/x": SOUND, "b/link": SOUND}
    assert not (tmp_path / "out" / "b" / "link").is_symlink()


def test_a_symbolic_link_in_a_zip(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    refused(tmp_path / "a.zip", tmp_path / "out", "neither file nor folder")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices(tmp_path, kind):
    archive = write_tar(tmp_path / "a.tar", [(member("fine"), b"f"), (member("device", kind), b"")])
    refused(archive, tmp_path / "out", "'device' is neither file nor folder")


def test_modes_are_not_taken_over(tmp_path):
    info = member("run")
    info.mode = 0o6777
    archives.unpack(write_tar(tmp_path / "a.tar", [(info, b"#!")]), tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out" / "run").stat().st_mode) & 0o7111 == 0


def test_two_members_of_one_name(tmp_path):
    members = [(member("a"), b"1"), (member("a"), b"2")]
    refused(write_tar(tmp_path / "a.tar", members), tmp_path / "out", "holds 'a' twice")


# --- bombs


def free(monkeypatch, size: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(size, 0, size))


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_more_than_the_disk_has_room_for(tmp_path, monkeypatch, name):
    archive = make(tmp_path, name)
    free(monkeypatch, 2 * len(SOUND) - 1)
    refused(archive, tmp_path / "out", r"needs 100\.0 kB|unpacks to more than 100\.0 kB")
    free(monkeypatch, 2 * len(SOUND))
    archives.unpack(archive, tmp_path / "out")


def test_a_bomb_that_declares_itself_is_not_begun(tmp_path, monkeypatch):
    archive = write_zip(
        tmp_path / "a.zip", {"zeros": bytes(10_000_000)}, compression=zipfile.ZIP_DEFLATED
    )
    free(monkeypatch, 1_000_000)
    opened = []
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *arguments: opened.append(arguments))
    refused(archive, tmp_path / "out", r"needs 10\.0 MB")
    assert opened == []


def test_a_bomb_that_declares_less_than_it_holds(tmp_path):
    archive = write_zip(
        tmp_path / "a.zip", {"zeros": bytes(1_000_000)}, compression=zipfile.ZIP_DEFLATED
    )
    data = archive.read_bytes()
    archive.write_bytes(data.replace(struct.pack("<I", 1_000_000), struct.pack("<I", 10)))
    refused(archive, tmp_path / "out", "is damaged")


# --- damage


@pytest.mark.parametrize("name", KINDS[:-1])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_half_an_archive(tmp_path, name, share):
    archive = make(tmp_path, name)
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    refused(archive, tmp_path / "out", "is damaged|is not the end|cannot be unpacked")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.bz2"])
@pytest.mark.parametrize("where", [0.2, 0.5, 0.8])
def test_a_changed_byte(tmp_path, name, where):
    archive = make(tmp_path, name)
    data = bytearray(archive.read_bytes())
    data[int(where * len(data))] ^= 0xFF
    archive.write_bytes(data)
    refused(archive, tmp_path / "out", "is damaged|cannot be unpacked")


def test_a_changed_byte_behind_the_last_member(tmp_path):
    """gzip's own checksum stands at the end, where tarfile no longer looks."""
    archive = make(tmp_path, "a.tar.gz")
    data = bytearray(archive.read_bytes())
    data[-6] ^= 0xFF
    archive.write_bytes(data)
    refused(archive, tmp_path / "out", "is damaged: CRC check failed")


def test_a_damaged_header_is_not_the_end(tmp_path):
    archive = write_tar(tmp_path / "a.tar", [(member("a"), SOUND), (member("b"), SOUND)])
    data = bytearray(archive.read_bytes())
    at = data.rindex(b"ustar") - 257
    data[at : at + 8] = b"\xff" * 8
    archive.write_bytes(data)
    refused(archive, tmp_path / "out", "is damaged after 1 members")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar"])
def test_a_web_page_in_place_of_an_archive(tmp_path, name):
    (tmp_path / name).write_text("<html>Sign in</html>" * 100)
    refused(tmp_path / name, tmp_path / "out", "is damaged")


def test_an_encrypted_zip(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"a": b"secret"})
    data = bytearray(archive.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    refused(archive, tmp_path / "out", "is damaged: .*encrypted")


def test_what_a_killed_process_left_is_thrown_away(tmp_path):
    archive = make(tmp_path, "a.zip")
    left = tmp_path / "a.zip.unpacking"
    left.mkdir()
    (left / "half.wav").write_bytes(b"half")
    archives.unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == FILES
    assert not left.exists()


# --- zips in parts


def split_archive(tmp_path: Path, *options: str) -> Path:
    """An archive that Info-ZIP cut into pieces of 64 KiB, members running over the cuts."""
    if shutil.which("zip") is None:
        pytest.skip("Info-ZIP's zip, which alone writes zips in parts, is not installed")
    source = tmp_path / "source"
    for name, body in SPLIT_FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(body)
    (tmp_path / "S").mkdir()
    archive = tmp_path / "S" / "S.zip"
    subprocess.run(["zip", "-q", "-r", "-s", "64k", *options, archive, "."], cwd=source, check=True)
    shutil.rmtree(source)
    return archive


SPLIT_FILES = {f"flac/{n}.flac": random.Random(n).randbytes(20_000 + n) for n in range(40)}


@pytest.fixture
def split(tmp_path) -> Path:
    return split_archive(tmp_path)


@pytest.mark.parametrize("options", [(), ("-fz",)], ids=["plain", "zip64"])
def test_a_zip_in_parts_is_read_without_joining(tmp_path, options):
    archive = split_archive(tmp_path, *options)
    assert len(split_zip.parts_of(archive)) > 10
    assert (b"PK\x06\x06" in archive.read_bytes()) == bool(options)
    archives.unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == SPLIT_FILES
    with split_zip.open_split(archive) as opened:
        assert opened.testzip() is None


def test_more_than_99_parts_stand_in_the_order_of_their_numbers(tmp_path):
    for name in ("S.z01", "S.z10", "S.z100", "S.z99", "S.zip", "T.z01"):
        (tmp_path / name).touch()
    found = [path.name for path in split_zip.parts_of(tmp_path / "S.zip")]
    assert found == ["S.z01", "S.z10", "S.z99", "S.z100", "S.zip"]


def test_missing_parts_are_named(split, tmp_path):
    number = len(split_zip.parts_of(split))
    (split.parent / "S.z03").unlink()
    refused(split, tmp_path / "out", rf"1 of its {number} parts missing: S\.z03")
    (split.parent / "S.z04").unlink()
    refused(split, tmp_path / "out", r"S\.z03, S\.z04")


def test_a_part_cut_short(split, tmp_path):
    part = split.parent / "S.z02"
    part.write_bytes(part.read_bytes()[:-100])
    refused(split, tmp_path / "out", "is damaged")


def test_parts_without_an_end(split, tmp_path):
    split.write_bytes(b"no end")
    refused(split, tmp_path / "out", "is not the end of a zip archive")


def test_a_concatenation_reads_across_files():
    files = [io.BytesIO(body) for body in (b"abc", b"", b"defg", b"XYZ")]
    with io.BufferedReader(split_zip.Concatenation(files, (3, 0, 3, 3))) as file:
        assert file.read() == b"abcdefXYZ"
        assert file.seek(-4, io.SEEK_END) == 5
        assert file.read(2) == b"fX"
        assert file.tell() == 7
        with pytest.raises(ValueError, match="negative"):
            file.raw.seek(-1)
