"""Clotho-AQA: rows by their answers, and recordings with two names."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from spectrobert import corpora
from spectrobert.corpora.example import Example
from spectrobert.data import drawing, splits
from spectrobert.errors import UserError

from ..helpers.corpus_files import by_split, write


def load(root: Path, task: str) -> list[Example]:
    return corpora.load("clotho_aqa", root, task)[0]


def clotho_folder(root: Path, rows: Sequence[str] = (), encoding: str = "utf-8") -> Path:
    for split in ("train", "val", "test"):
        lines = ["file_name,QuestionText,answer,confidence", *rows]
        (root / f"clotho_aqa_{split}.csv").write_bytes("\n".join(lines).encode(encoding))
    return root


ROWS = ("a b.wav,Is it loud?, Yes ,Maybe", "a b.wav,What is it?,Wind,yes", "c.wav,Cold?,no,yes")


def test_rows_are_told_apart_by_their_answers(tmp_path: Path) -> None:
    clotho_folder(tmp_path, ROWS)
    binary = load(tmp_path, "aqa_binary")
    (opened, _, _) = load(tmp_path, "aqa_open")
    assert [(e.id, e.label) for e in binary[:2]] == [("train:1", "yes"), ("train:3", "no")]
    assert [e.split for e in binary] == ["train"] * 2 + ["val"] * 2 + ["test"] * 2
    assert (opened.id, opened.question, opened.label) == ("train:2", "What is it?", "wind")
    assert opened.group == "a b.wav"
    assert opened.audio[0].audio == str(tmp_path / "a b.wav")
    (tmp_path / "audio_files").mkdir()
    (opened, _, _) = load(tmp_path, "aqa_open")
    assert opened.audio[0].audio == str(tmp_path / "audio_files" / "a b.wav")
    _, dropped = corpora.load("clotho_aqa", tmp_path, "aqa_binary")
    assert [row.what for row in dropped] == ["train:2", "val:2", "test:2"]
    assert {row.reason for row in dropped} == {"answered other than yes or no, for aqa_open"}
    assert len(corpora.load("clotho_aqa", tmp_path, "aqa_open")[1]) == 6


def test_latin_1(tmp_path: Path) -> None:
    clotho_folder(tmp_path, ["é.wav,Où?,café,yes"], "latin-1")
    assert load(tmp_path, "aqa_open")[0].label == "café"


def test_a_recording_with_two_names(tmp_path: Path) -> None:
    one, other = "souffle_me.tallique.wav", "souffle_me_tallique.wav"
    clotho_folder(tmp_path, [f"{one},Why?,wind,yes"])
    assert load(tmp_path, "aqa_open")[0].audio[0].audio == str(tmp_path / one)
    write(tmp_path / other)
    assert load(tmp_path, "aqa_open")[0].audio[0].audio == str(tmp_path / other)
    write(tmp_path / one)
    assert load(tmp_path, "aqa_open")[0].audio[0].audio == str(tmp_path / one)


def test_missing_file_and_column(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"clotho_aqa_train\.csv"):
        load(tmp_path, "aqa_open")
    clotho_folder(tmp_path)
    (tmp_path / "clotho_aqa_val.csv").write_text("file_name,question,answer\n")
    with pytest.raises(UserError, match=r"clotho_aqa_val\.csv.*QuestionText"):
        load(tmp_path, "aqa_open")


@pytest.mark.parametrize(
    ("task", "counts", "ceiling"),
    [
        ("aqa_binary", {"train": 14088, "val": 4128, "test": 5676}, 86.2),
        ("aqa_open", {"train": 7044, "val": 2064, "test": 2838}, 61.1),
    ],
)
def test_real(real_data: Path, task: str, counts: dict[str, int], ceiling: float) -> None:
    examples = load(real_data / "clotho_aqa", task)
    names, summary = drawing.assign(examples)
    assert summary.counts == counts
    splits.verify(examples, names, random=False)
    answers = defaultdict(Counter)
    for example in by_split(examples)["test"]:
        answers[example.group, example.question][example.label] += 1
    best = sum(most for found in answers.values() for _, most in found.most_common(1))
    assert 100 * best / counts["test"] == pytest.approx(ceiling, abs=0.05)
    in_train = {e.label for e in by_split(examples)["train"]}
    assert len(in_train) == (828 if task == "aqa_open" else 2)
    assert {e.label for e in examples} == in_train
    at_hand = [e for e in examples if Path(str(e.audio[0].audio)).exists()]
    assert len({e.group for e in at_hand}) == 3
