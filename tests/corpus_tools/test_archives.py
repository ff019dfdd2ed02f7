"""Archives: what they may put where, damaged ones, bombs, and zips in parts."""

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

from ..helpers.web import zip_of

SOUND = random.Random(0).randbytes(50_000)
FILES = {"Actor_01/a.wav": SOUND, "Actor_02/b.wav": SOUND[::-1], "notes.txt": b""}
MODES = {"a.tar.gz": "w:gz", "a.tgz": "w:gz", "a.tar.bz2": "w:bz2", "a.tar": "w"}
KINDS = ["a.zip", *MODES]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out"


def write(tmp_path: Path, name: str, files: dict[str, bytes]) -> Path:
    """An archive of the kind that its name says."""
    path = tmp_path / name
    if name.lower().endswith(".zip"):
        path.write_bytes(zip_of(files))
        return path
    return write_tar(path, [(member(name), body) for name, body in files.items()])


def write_tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, MODES[path.name]) as archive:
        for info, body in members:
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def refused(archive: Path, folder: Path, match: str) -> None:
    """Unpacking ends in one line that names the archive, and leaves nothing behind."""
    before = sorted(os.listdir(archive.parent))
    with pytest.raises(UserError, match=match) as caught:
        archives.unpack(archive, folder)
    assert str(archive) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(os.listdir(archive.parent)) == before
    assert not folder.exists()


@pytest.mark.parametrize("name", [*KINDS, "A.ZIP"])
def test_every_kind_unpacks_over_what_a_killed_process_left(tmp_path, out, name):
    archive = write(tmp_path, name, FILES)
    left = tmp_path / f"{name}.unpacking"
    left.mkdir()
    (left / "half.wav").write_bytes(b"half")
    archives.unpack(archive, out)
    assert contents(out) == FILES
    assert sorted(os.listdir(tmp_path)) == sorted([name, "out"])


def test_an_unknown_kind(tmp_path, out):
    (tmp_path / "a.7z").write_bytes(b"7z")
    refused(tmp_path / "a.7z", out, "unknown kind of archive; known: .zip")


def test_folders_of_several_archives_are_merged(tmp_path, out):
    archives.unpack(write(tmp_path, "1.zip", {"L/dev/a": b"a", "L/README": b"1"}), out)
    two = {"L/test/b": b"b", "L/README": b"2", "L/dev/c": b"c", "L/empty/": b""}
    archives.unpack(write(tmp_path, "2.zip", two), out)
    expected = {"L/dev/a": b"a", "L/dev/c": b"c", "L/test/b": b"b", "L/README": b"2"}
    assert contents(out) == expected
    assert (out / "L" / "empty").is_dir()


def test_only_what_lies_inside_a_folder(tmp_path, out):
    archive = write(tmp_path, "a.zip", {"top/x/a": b"a", "other": b"o"})
    archives.unpack(archive, out, inside="top")
    assert contents(out) == {"x/a": b"a"}
    with pytest.raises(UserError, match="holds no folder absent, but: other, top"):
        archives.unpack(archive, out, inside="absent")


# --- members that would leave the folder, or are no files

ESCAPES = ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:\\evil", "C:evil", "\\evil"]
LINKS = pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symbolic", "hard"]
)


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("archive", ["a.zip", "a.tar.gz"])
def test_paths_that_leave_the_folder(tmp_path, out, archive, name):
    path = write(tmp_path, archive, {"fine": b"fine", name: b"evil"})
    refused(path, out, "is refused: its member .* would leave the folder")


@LINKS
@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "absent", "folder", "/tmp"])
def test_links_to_what_is_no_file_of_the_archive(tmp_path, out, kind, target):
    """A later member could be written through one."""
    members = [member("folder", tarfile.DIRTYPE), member("d", kind, target), member("d/evil")]
    archive = write_tar(tmp_path / "a.tar", [(info, b"") for info in members])
    refused(archive, out, f"links to '{target}'")


@LINKS
def test_links_within_the_archive_become_copies(tmp_path, out, kind):
    target = "../a/x" if kind == tarfile.SYMTYPE else "a/x"
    members = [(member("a/x"), SOUND), (member("b/link", kind, target), b"")]
    archives.unpack(write_tar(tmp_path / "a.tar", members), out)
    assert contents(out) == {"a/x": SOUND, "b/link": SOUND}
    assert not (out / "b" / "link").is_symlink()
    assert (out / "b" / "link").stat().st_nlink == 1


def test_a_symbolic_link_in_a_zip(tmp_path, out):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    refused(tmp_path / "a.zip", out, "neither file nor folder")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices(tmp_path, out, kind):
    archive = write_tar(tmp_path / "a.tar", [(member("fine"), b"f"), (member("device", kind), b"")])
    refused(archive, out, "'device' is neither file nor folder")


def test_modes_are_not_taken_over(tmp_path, out):
    info = member("run")
    info.mode = 0o6777
    archives.unpack(write_tar(tmp_path / "a.tar", [(info, b"#!")]), out)
    assert stat.S_IMODE((out / "run").stat().st_mode) & 0o7111 == 0


def test_two_members_of_one_name(tmp_path, out):
    members = [(member("a"), b"1"), (member("a"), b"2")]
    refused(write_tar(tmp_path / "a.tar", members), out, "holds 'a' twice")


# --- bombs


def free(monkeypatch, size: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(size, 0, size))


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_more_than_the_disk_has_room_for(tmp_path, out, monkeypatch, name):
    archive = write(tmp_path, name, FILES)
    free(monkeypatch, 2 * len(SOUND) - 1)
    refused(archive, out, r"needs 100\.0 kB|unpacks to more than 100\.0 kB")
    free(monkeypatch, 2 * len(SOUND))
    archives.unpack(archive, out)


def test_a_bomb_that_declares_itself_is_not_begun(tmp_path, out, monkeypatch):
    archive = write(tmp_path, "a.zip", {"zeros": bytes(10_000_000)})
    free(monkeypatch, 1_000_000)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("opened"))
    refused(archive, out, r"needs 10\.0 MB")


def test_a_bomb_that_declares_less_than_it_holds(tmp_path, out):
    archive = write(tmp_path, "a.zip", {"zeros": bytes(1_000_000)})
    data = archive.read_bytes()
    archive.write_bytes(data.replace(struct.pack("<I", 1_000_000), struct.pack("<I", 10)))
    refused(archive, out, "is damaged")


# --- damage


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_half_an_archive(tmp_path, out, name, share):
    archive = write(tmp_path, name, FILES)
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    refused(archive, out, "is damaged|is not the end|cannot be unpacked")


def change(archive: Path, at: int, length: int = 1) -> None:
    data = bytearray(archive.read_bytes())
    data[at : at + length] = (byte ^ 0xFF for byte in data[at : at + length])
    archive.write_bytes(data)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.bz2"])
@pytest.mark.parametrize("where", [0.2, 0.5, 0.8])
def test_a_changed_byte(tmp_path, out, name, where):
    archive = write(tmp_path, name, FILES)
    change(archive, int(where * archive.stat().st_size))
    refused(archive, out, "is damaged|cannot be unpacked")


def test_a_changed_byte_behind_the_last_member(tmp_path, out):
    """gzip's own checksum stands at the end, where tarfile no longer looks."""
    archive = write(tmp_path, "a.tar.gz", FILES)
    change(archive, archive.stat().st_size - 6)
    refused(archive, out, "is damaged: CRC check failed")


def test_a_damaged_header_is_not_the_end(tmp_path, out):
    archive = write(tmp_path, "a.tar", {"a": SOUND, "b": SOUND})
    change(archive, archive.read_bytes().rindex(b"ustar") - 257, 8)
    refused(archive, out, "is damaged after 1 members")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar"])
def test_a_web_page_in_place_of_an_archive(tmp_path, out, name):
    (tmp_path / name).write_text("<html>Sign in</html>" * 100)
    refused(tmp_path / name, out, "is damaged")


def test_an_encrypted_zip(tmp_path, out):
    archive = write(tmp_path, "a.zip", {"a": b"secret"})
    data = bytearray(archive.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    refused(archive, out, "is damaged: .*encrypted")


# --- zips in parts

SPLIT_FILES = {f"flac/{n}.flac": random.Random(n).randbytes(20_000 + n) for n in range(40)}


@pytest.fixture(params=[(), ("-fz",)], ids=["plain", "zip64"])
def split(tmp_path, request) -> Path:
    """An archive that Info-ZIP cut into pieces of 64 KiB, members running over the cuts."""
    if shutil.which("zip") is None:
        pytest.skip("Info-ZIP's zip, which alone writes zips in parts, is not installed")
    source, archive = tmp_path / "source", tmp_path / "S" / "S.zip"
    for name, body in SPLIT_FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(body)
    archive.parent.mkdir()
    words = ["zip", "-q", "-r", "-s", "64k", *request.param, archive, "."]
    subprocess.run(words, cwd=source, check=True)
    assert (b"PK\x06\x06" in archive.read_bytes()) == bool(request.param)
    return archive


def test_a_zip_in_parts_is_read_without_joining(split, out):
    assert len(split_zip.parts_of(split)) > 10
    archives.unpack(split, out)
    assert contents(out) == SPLIT_FILES
    with split_zip.open_split(split) as opened:
        assert opened.testzip() is None


def test_more_than_99_parts_stand_in_the_order_of_their_numbers(tmp_path):
    for name in ("S.z01", "S.z10", "S.z100", "S.z99", "S.zip", "T.z01"):
        (tmp_path / name).touch()
    names = [path.name for path in split_zip.parts_of(tmp_path / "S.zip")]
    assert names == ["S.z01", "S.z10", "S.z99", "S.z100", "S.zip"]


def test_missing_parts_are_named(split, out):
    number = len(split_zip.parts_of(split))
    (split.parent / "S.z03").unlink()
    refused(split, out, rf"1 of its {number} parts missing: S\.z03")
    (split.parent / "S.z04").unlink()
    refused(split, out, r"S\.z03, S\.z04")


def test_a_part_cut_short_and_no_end(split, out):
    part = split.parent / "S.z02"
    part.write_bytes(part.read_bytes()[:-100])
    refused(split, out, "is damaged")
    split.write_bytes(b"no end")
    refused(split, out, "is not the end of a zip archive")


def test_a_concatenation_reads_across_files():
    files = [io.BytesIO(body) for body in (b"abc", b"", b"defg", b"XYZ")]
    with io.BufferedReader(split_zip.Concatenation(files, (3, 0, 3, 3))) as file:
        assert file.read() == b"abcdefXYZ"
        assert file.seek(-4, io.SEEK_END) == 5
        assert file.read(2) == b"fX"
        assert file.tell() == 7
        with pytest.raises(ValueError, match="negative"):
            file.raw.seek(-1)
