"""Validation of so many speakers, of named ones, and inner cross-validation."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import Example
from spectrobert.data.drawing import assign, draw
from spectrobert.data.preparation import prepare
from spectrobert.data.splits import SplitSummary
from spectrobert.data.validation import Choice
from spectrobert.errors import UserError
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition
from spectrobert.settings.schemas import dataset_class

from ..helpers.sounds import noise


def clip(name: str, label: str, speaker: str, group: str = "", split: str = "") -> Example:
    audio = (Segment(f"{name}.wav"),)
    return Example(name, audio, label=label, split=split, speaker=speaker, group=group)


def even(num_speakers: int = 12, clips: int = 8) -> list[Example]:
    """As RAVDESS: each speaker has as many clips of each of four classes."""
    return [
        clip(f"{s}-{c}", "abcd"[c % 4], f"s{s:02d}")
        for s in range(num_speakers)
        for c in range(clips)
    ]


def uneven() -> list[Example]:
    """Speakers of 4 to 40 clips; half of them have no clip of class b, and two alone have c."""
    return [
        clip(f"{s}-{c}", "ac"[s < 2 and c == 0] if s % 2 else "ab"[c % 2], f"s{s:02d}")
        for s in range(14)
        for c in range(4 + 3 * (s % 13))
    ] + [clip("extra", "c", "s04")]


def validation(examples: list[Example], choice: Choice, seed: int = 0) -> SplitSummary:
    return assign(examples, seed=seed, choice=choice)[1]


@pytest.mark.parametrize("make", [even, uneven])
@pytest.mark.parametrize("number", [1, 3, 6])
def test_exactly_so_many_speakers_validate(make, number: int) -> None:
    for seed in range(20):
        summary = validation(make(), Choice(number), seed)
        assert len(summary.speakers["val"]) == number
        assert summary.labels["train"].keys() == summary.labels["train"].keys() | {"a", "b"}
        known = len(summary.speakers["train"]) + number
        phrase = (
            f"validation drawn (dataset.val_speakers={number}) by speaker ({number} of {known})"
        )
        assert f"{phrase}, seed {seed}" in summary.definition


def test_speakers_are_chosen_by_how_near_they_bring_each_class() -> None:
    """b is a quarter of the clips; two of the eight speakers have all of it."""
    examples = [
        clip(f"{s}-{c}", "b" if s < 2 else "a", f"s{s}", split="train")
        for s in range(8)
        for c in range(10)
    ] + [clip("t", "a", "t", split="test")]
    for seed in range(20):
        assert validation(examples, Choice(4), seed).labels["val"] == {"a": 30, "b": 10}


def test_the_choice_depends_on_seed_and_names_alone() -> None:
    examples = even()
    chosen = {tuple(validation(examples, Choice(4), seed).speakers["val"]) for seed in range(9)}
    assert len(chosen) > 5
    again = validation(list(reversed(examples)), Choice(4))
    assert again.speakers == validation(examples, Choice(4)).speakers
    fewer = validation(examples[:-1], Choice(4))
    assert fewer.speakers["val"] == again.speakers["val"]


def test_groups_stand_in_for_speakers_that_no_row_has() -> None:
    examples = [clip(f"{g}-{c}", "ab"[c % 2], "", f"g{g}") for g in range(10) for c in range(4)]
    definition = validation(examples, Choice(3)).definition
    assert "validation drawn (dataset.val_speakers=3) by group (3 of 9)" in definition


def test_named_speakers_validate() -> None:
    examples = [replace_split(e, "test" if e.speaker == "s11" else "train") for e in even()]
    summary = validation(examples, Choice(("s07", "s03")))
    assert summary.speakers["val"] == ["s03", "s07"]
    named = "validation named (dataset.val_speakers=[s07,s03]) by speaker (2 of 11)"
    assert summary.definition == f"owner's test split; {named}"


def replace_split(example: Example, split: str) -> Example:
    return replace(example, split=split)


def joined(examples: list[Example]) -> list[Example]:
    """Speakers in pairs, each pair of a session."""
    return [replace(e, group=str(int(e.speaker[1:]) // 2)) for e in examples]


@pytest.mark.parametrize(
    ("examples", "choice", "message"),
    [
        (even(), Choice(("s03", "s3")), "[s03,s3]: unknown training speaker 's3' (did you mean"),
        (
            [replace_split(e, "val" if e.speaker == "s01" else "train") for e in even()],
            Choice(2),
            "dataset.val_speakers=2: the corpus has its owner's validation split, which is kept",
        ),
        (
            [*even(), clip("x", "a", "")],
            Choice(2),
            "dataset.val_speakers=2: some rows of the training material have no speaker;",
        ),
        (
            [clip(f"{i}", "ab"[i % 2], "") for i in range(40)],
            Choice(2),
            "have no speaker, and none has a group; dataset.val_share= carves",
        ),
        (even(), Choice(11), "has 11 speakers, of which training needs one at least"),
        (joined(even(12)), Choice(3), "2 of 10 can be taken, not 3: each class stays"),
        (even(), Choice(tuple(f"s{i:02d}" for i in range(12))), "unknown training speaker"),
        (even(5), Choice(folds=6, fold=1), "dataset.inner_folds=6: speakers, groups and"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(examples, choice: Choice, message: str) -> None:
    with pytest.raises(UserError) as refusal:
        validation(examples, choice)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_naming_all_speakers_leaves_none_to_train() -> None:
    examples = [replace_split(e, "test" if e.speaker == "s03" else "train") for e in even(4)]
    with pytest.raises(UserError, match="all 3 training speakers are named; training needs one"):
        validation(examples, Choice(("s00", "s01", "s02")))


@pytest.mark.parametrize("make", [even, uneven])
@pytest.mark.parametrize("folds", [2, 3, 5])
def test_inner_folds_divide_the_training_speakers(make, folds: int) -> None:
    """Each speaker validates once, the test split is the same in all, and no class is lost."""
    parts = [validation(make(), Choice(folds=folds, fold=k + 1)) for k in range(folds)]
    plain = assign(make())[1]
    own = Counter(speaker for part in parts for speaker in part.speakers["val"])
    assert own == Counter([*plain.speakers["train"], *plain.speakers["val"]])
    for part in parts:
        assert part.speakers["test"] == plain.speakers["test"]
        assert sum(part.counts.values()) == len(make())
        assert {"a", "b"} <= part.labels["train"].keys()
        assert "(dataset.inner_folds, test is not read) drawn by speaker" in part.definition


def test_parts_are_of_like_size() -> None:
    sizes = [
        len(validation(even(24), Choice(folds=5, fold=k), seed).speakers["val"])
        for seed in range(5)
        for k in range(1, 6)
    ]
    assert set(sizes) <= {3, 4, 5}
    assert np.mean(sizes) == pytest.approx((24 - 2) / 5)


def test_an_inner_fold_reads_no_test_clip(tmp_path) -> None:
    paths = [noise(tmp_path / f"{i}.wav", i) for i in range(12)]
    lines = [f"{p},{'ab'[i % 2]},s{i // 2}" for i, p in enumerate(paths)]
    (tmp_path / "t.csv").write_text("\n".join(["audio,label,speaker", *lines]))
    options = dataset_class("csv")(file=str(tmp_path / "t.csv"), inner_folds=2, inner_fold=2)
    prepared = prepare("classification", options, "")
    assert len(prepared.splits["test"]) == 0
    assert prepared.summary.counts["test"] == 2
    assert prepared.record.column("split").to_pylist().count("test") == 2
    other = prepare("classification", replace(options, inner_fold=1), "")
    ids = [set(one.splits["val"]["id"]) for one in (prepared, other)]
    assert len(ids[0] | ids[1]) == 10
    assert not ids[0] & ids[1]


def test_a_recorded_split_is_described_alike() -> None:
    options = dataset_class("csv")(val_speakers=4, check="none")
    examples = even()
    first = draw(examples, "csv", "classification", options, {})
    again = draw(examples, "csv", "classification", options, {}, first.sides)
    assert again.summary == first.summary
    assert "dataset.val_speakers=4" in first.summary.definition


def test_options_make_the_choice_and_the_folder(tmp_path) -> None:
    def choice(*words: str) -> Choice | None:
        return Choice.of(composition.compose(["task=ser", "dataset=ravdess", *words]).dataset)

    assert choice() is None
    assert choice("dataset.val_speakers=4") == Choice(4)
    assert choice("dataset.val_speakers=[04,17]") == Choice(("04", "17"))
    inner = ["dataset.inner_folds=5", "dataset.inner_fold=2"]
    assert choice(*inner) == Choice(folds=5, fold=2)
    config = composition.compose(["task=ser", "dataset=ravdess", f"runs_dir={tmp_path}", *inner])
    folder = RunFolder.of(config)
    assert folder.path == tmp_path / "ravdess_ser" / "seed0" / "fold1" / "inner2"
    folder.path.mkdir(parents=True)
    folder.write_config(config)
    assert folder.read_config() == config
