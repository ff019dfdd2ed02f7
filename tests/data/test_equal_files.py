"""One sound under several names is one recording: on one side, and its labels are compared."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from spectrobert import corpora
from spectrobert.corpus_tools import check as checking
from spectrobert.data import equal_files
from spectrobert.data.preparation import prepare
from spectrobert.errors import UserError
from spectrobert.settings.schemas import dataset_class

from ..helpers.sounds import noise


def test_files_are_compared_by_content(tmp_path: Path) -> None:
    contents = {"a": b"1" * 9000, "b": b"2" * 9000, "c": b"1" * 9000, "d": b"1", "e": b"1" * 9000}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "f").write_bytes(b"1" * 8999 + b"3")  # alike but for its last byte
    paths = [str(tmp_path / name) for name in (*contents, "f", "missing", "a")]
    (same,) = equal_files.groups(paths)
    assert [Path(path).name for path in same] == ["a", "c", "e"]
    names = equal_files.joint_names([same])
    assert set(names.values()) == {" = ".join(same)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """30 clips; each fifth one is there once more, under a name and a speaker of its own."""
    for i in range(30):
        noise(tmp_path / f"{i}.wav", i, 0.2)
    for i in range(0, 30, 5):
        shutil.copy(tmp_path / f"{i}.wav", tmp_path / f"copy{i}.wav")
    return tmp_path


def table(folder: Path, split: bool = False, other_label: bool = False):
    lines = ["audio,label,speaker" + (",split" if split else "")]
    for i in range(30):
        side = ("train", "val", "test")[i % 3]
        lines.append(f"{i}.wav,{'ab'[i % 2]},s{i}" + (f",{side}" if split else ""))
        if i % 5 == 0:
            label = "ab"[(i + other_label) % 2]
            lines.append(f"copy{i}.wav,{label},c{i}" + (",train" if split else ""))
    (folder / "table.csv").write_text("\n".join(lines))
    return dataset_class("csv")(file=str(folder / "table.csv"))


def test_equal_files_are_carved_to_one_side(folder: Path) -> None:
    for seed in range(4):
        prepared = prepare("ser", replace(table(folder), split_seed=seed), "")
        of = {id: split for split, rows in prepared.splits.items() for id in rows["id"]}
        assert all(of[f"{i}.wav"] == of[f"copy{i}.wav"] for i in range(0, 30, 5))


def test_equal_files_on_two_sides_are_refused(folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        prepare("ser", table(folder, split=True), "")
    first, second = folder / "5.wav", folder / "copy5.wav"
    assert f"4 recording(s) in more than one split: {first} = {second} (train, test)" in str(
        caught.value
    )


def test_equal_files_of_a_published_corpus_are_a_caution(folder: Path, monkeypatch) -> None:
    own = replace(corpora.corpus("csv"), files=())
    monkeypatch.setattr("spectrobert.corpora.csv.CORPUS", own)
    found = prepare("ser", table(folder, split=True), "").summary.definition
    assert found.endswith("; caution: 4 equal files in several of the owner's splits")


def test_a_file_that_changes_is_compared_again(folder: Path) -> None:
    options = table(folder, split=True)
    for i in range(0, 30, 5):
        with pytest.raises(UserError, match="more than one split"):
            prepare("ser", options, "")
        noise(folder / f"copy{i}.wav", 1000 + i, 0.25)
        if i == 25:
            prepare("ser", options, "")


def test_data_check_names_equal_sounds_of_different_labels(folder: Path) -> None:
    for quick, expected in ((False, 6), (True, 0)):  # --quick decodes nothing
        found = checking.inspect("ser", table(folder, other_label=True), "", is_quick=quick)
        (finding,) = (f for f in found.findings if f.check == "contradicting labels")
        assert len(finding.examples) == expected
    found = checking.inspect("ser", table(folder, other_label=True), "")
    (finding,) = (f for f in found.findings if f.check == "contradicting labels")
    assert finding.verdict == "warning"
    assert "0.wav = copy0.wav: a 1, b 1" in finding.examples


def test_data_check_names_one_path_of_two_labels(folder: Path) -> None:
    options = table(folder)
    with (folder / "table.csv").open("a") as file:
        file.write("\n7.wav,a,s7")
    found = checking.inspect("ser", options, "", is_quick=True)
    (finding,) = (f for f in found.findings if f.check == "contradicting labels")
    assert finding.examples == ["7.wav: b 1, a 1"]
