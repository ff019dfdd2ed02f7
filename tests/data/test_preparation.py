"""From files to tables: labels and splits are verified, unusable rows left out."""

from pathlib import Path

import pytest

from spectrobert.config import DatasetConfig
from spectrobert.data.preparation import prepare
from spectrobert.errors import UserError
from spectrobert.settings.schemas import dataset_class

from ..helpers.sounds import constant, noise, noise_table

# ---------------------------------------------------------------- labels and splits


@pytest.fixture
def table(tmp_path):
    """`table(rows)` writes label, split, speaker, text of each row and returns the options."""

    def write(rows: list[tuple[str, str, str, str]], **options):
        return noise_table(tmp_path, "label,split,speaker,text", map(",".join, rows), **options)

    return write


def rows(*splits: str) -> list[tuple[str, str, str, str]]:
    """Two labels, one speaker per split, one text per row."""
    return [("ab"[i % 2], split, f"of {split}", f"text {i}") for i, split in enumerate(splits)]


THREE = ("train",) * 4 + ("val",) * 2 + ("test",) * 2


def refused(task: str, options) -> str:
    with pytest.raises(UserError) as caught:
        prepare(task, options, "")
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_owners_splits_become_tables(table):
    prepared = prepare("ser", table(rows(*THREE)), "")
    ids = {name: list(split["id"]) for name, split in prepared.splits.items()}
    assert ids == {
        "train": [f"audio/{i}.wav" for i in range(4)],
        "val": ["audio/4.wav", "audio/5.wav"],
        "test": ["audio/6.wav", "audio/7.wav"],
    }
    assert prepared.labels == ("a", "b")
    assert prepared.summary.counts == {"train": 4, "val": 2, "test": 2}
    assert "owner's test split" in prepared.summary.definition
    assert prepared.splits["val"]["seconds"][:] == pytest.approx([0.3] * 2)


def test_a_label_outside_the_set_is_one_line(table):
    several = [*rows(*THREE), ("c", "test", "of test", "x"), ("c", "val", "of val", "x")]
    message = refused("ser", table(several))
    for words in ("'c' of 2 examples", "audio/8.wav", "classes of train: a, b"):
        assert words in message


def test_a_label_outside_a_closed_set_is_one_line(table, monkeypatch):
    from spectrobert.corpora import csv

    monkeypatch.setattr(
        "spectrobert.corpora.csv.CORPUS",
        csv.CORPUS.__class__(
            load=csv.load, tasks=("ser",), labels={"ser": ("b", "z")}, needs_root=False
        ),
    )
    assert "not among the corpus' classes: b, z" in refused("ser", table(rows(*THREE)))


def test_a_single_class_is_one_line(table):
    single = [("a", *rest) for _, *rest in rows(*THREE)]
    assert "only one class ('a') for task 'ser'" in refused("ser", table(single))


def test_a_random_split_says_so_and_gives_up_the_owners_lines(table):
    one_speaker = [(label, split, "anna", text) for label, split, _, text in rows(*THREE * 3)]
    assert "anna" in refused("ser", table(one_speaker))
    prepared = prepare("ser", table(one_speaker, split="random", val_share=0.25), "")
    assert prepared.summary.definition.startswith("random split (speakers shared)")
    assert "owner's" not in prepared.summary.definition
    assert prepared.summary.counts["val"] == pytest.approx(6, abs=1)
    assert sum(prepared.summary.counts.values()) == 24


def test_a_validation_share_of_zero_leaves_all_rows_to_training(table):
    corpus = rows(*("train",) * 6, *("test",) * 2)
    prepared = prepare("ser", table(corpus, val_share=0.0), "")
    assert {name: len(split) for name, split in prepared.splits.items()} == {
        "train": 6,
        "val": 0,
        "test": 2,
    }
    assert "no validation split" in prepared.summary.definition


def test_unusable_rows_are_in_no_table(table, tmp_path):
    options = table(rows(*THREE), max_skipped=0.5)
    constant(tmp_path / "audio" / "0.wav", 0.0)
    prepared = prepare("ser", options, "")
    assert list(prepared.splits["train"]["id"]) == [f"audio/{i}.wav" for i in (1, 2, 3)]
    assert [s.id for s in prepared.skipped] == ["audio/0.wav"]
    assert prepared.summary.counts["train"] == 3


def test_pre_training_needs_two_texts_in_each_split(table):
    assert prepare("pre", table(rows(*THREE)), "").labels == ()
    one_text = [(label, split, speaker, split) for label, split, speaker, _ in rows(*THREE)]
    assert "two different texts in split 'train'" in refused("pre", table(one_text))


def test_pre_training_needs_another_recording_for_each_text(tmp_path):
    """Two captions of one recording: no mismatched pair can be drawn, which must not hang."""
    lines = ["audio,text,split"]
    for i, split in enumerate(THREE):
        noise(tmp_path / f"{i}.wav", i)
        lines.append(f"{'6' if split == 'test' else i}.wav,text {i},{split}")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    message = refused("pre", dataset_class("csv")(file=str(path)))
    assert "split 'test'" in message
    assert "6.wav|" in message


# ---------------------------------------------------------------- open answers


def answers(folder: Path) -> DatasetConfig:
    """Train knows the answers a and b; the test split has c and d too."""
    rows = ["a,train", "b,train", "a,val", "c,test", "c,test", "d,test"]
    return noise_table(folder, "question,answer,split", (f"what is it?,{row}" for row in rows))


def test_an_answer_that_train_lacks_has_a_number_after_the_labels(tmp_path):
    prepared = prepare("aqa_open", answers(tmp_path), "")
    assert (prepared.labels, prepared.unseen) == (("a", "b"), ("c", "d"))
    assert prepared.unseen_rows == {"test": {"c": 2, "d": 1}}


def test_a_class_that_train_lacks_is_refused(tmp_path):
    options = answers(tmp_path)
    text = (tmp_path / "table.csv").read_text().replace("question,answer", "text,label")
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(UserError, match=r"label 'c' of 2 examples .* classes of train: a, b"):
        prepare("ser", options, "")


# ---------------------------------------------------------------- shares of pre-training


@pytest.mark.parametrize(
    ("num_rows", "val"), [(40, 0.1), (1000, 0.1), (2000, 0.05), (50_000, 0.02), (400_000, 0.005)]
)
def test_pre_training_validates_on_few_clips_and_tests_on_none(num_rows, val):
    assert DatasetConfig().carved_shares("pre", num_rows) == (val, None)
    assert DatasetConfig().carved_shares("ser", num_rows) == (0.1, 0.1)
    asked = DatasetConfig(val_share=0.3, test_share=0.2)
    for task in ("pre", "ser"):
        assert asked.carved_shares(task, num_rows) == (0.3, 0.2)


def test_an_unsplit_corpus_is_not_tested_in_pre_training_unless_asked(tmp_path):
    def counts(**more) -> tuple[dict[str, int], str]:
        texts = (f"words {i}" for i in range(40))
        prepared = prepare("pre", noise_table(tmp_path, "text", texts, **more), "")
        return prepared.summary.counts, prepared.summary.definition

    found, definition = counts()
    assert (found["test"], found["train"] + found["val"]) == (0, 40)
    assert 2 <= found["val"] <= 6
    assert definition.startswith("no test split; validation carved by recording")
    assert counts(test_share=0.2)[0]["test"] > 0
