"""Several corpora as one: each with its own splits, drawn by weight."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from spectrobert.config import PretrainingConfig
from spectrobert.data import vocabulary
from spectrobert.data.batches import LengthBatches
from spectrobert.data.clips import ClipDataset, ReadOptions, RowKey
from spectrobert.data.mixtures import Quota, places, quotas
from spectrobert.data.preparation import Prepared, prepare
from spectrobert.errors import UserError
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition
from spectrobert.settings.schemas import dataset_class

from ..helpers.sounds import noise

TASK = ("task=pre", "model=tiny")


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Path:
    """Two corpora: `csv` of 40 clips with speakers, and demo-like RAVDESS names of 24 actors."""
    folder = tmp_path_factory.mktemp("mixture")
    lines = ["audio,text,speaker,split"]
    for i in range(40):
        noise(folder / "own" / f"{i}.wav", i, 0.1 + i / 400)
        split = ("train", "train", "val", "test")[i // 10]
        lines.append(f"own/{i}.wav,text {i},0{1 + i // 10},{split}")
    (folder / "own.csv").write_text("\n".join(lines))
    for i in range(48):
        actor, sentence = i // 2 + 1, i % 2 + 1
        name = f"03-01-0{1 + actor % 8}-01-0{sentence}-01-{actor:02}.wav"
        noise(folder / "ravdess" / name, i, 0.2)
    return folder


def composed(words: list[str]):
    return composition.compose(words)


def configured(tables: Path, *more: str):
    words = (*TASK, "dataset=csv+ravdess", f"dataset.csv.file={tables / 'own.csv'}")
    return composition.compose([*words, f"data_dir={tables}", *more])


def mixed(tables: Path, *more: str) -> Prepared:
    return prepare("pre", configured(tables, *more).dataset, str(tables))


def test_each_corpus_keeps_its_splits_and_names(tables):
    prepared = mixed(tables)
    csv = prepare("pre", dataset_class("csv")(file=str(tables / "own.csv")), "")
    ravdess = prepare("pre", dataset_class("ravdess")(), str(tables))
    for split, rows in prepared.splits.items():
        expected = [f"csv/{i}" for i in csv.splits[split]["id"]]
        expected += [f"ravdess/{i}" for i in ravdess.splits[split]["id"]]
        assert list(rows["id"]) == expected
    record = prepared.summary.to_dict()
    assert record["parts"]["ravdess"]["counts"] == ravdess.summary.counts
    assert record["definition"] == (
        f"csv: {csv.summary.definition}; ravdess: {ravdess.summary.definition}"
    )
    assert "csv/01" in record["speakers"]["train"]
    assert sum(record["counts"].values()) == 88
    assert prepared.quotas == ()


def test_a_part_has_its_own_options(tables):
    folds = [mixed(tables, f"dataset.ravdess.fold={fold}") for fold in (1, 2)]
    speakers = [f.summary.speakers["test"] for f in folds]
    assert "ravdess/11" in speakers[0]
    assert "ravdess/04" in speakers[1]


@pytest.mark.parametrize(("negatives", "sources"), [("any", {"csv", "ravdess"}), ("auto", {"csv"})])
def test_texts_meet_sounds_of_the_other_corpus_if_asked_to(tables, negatives, sources):
    prepared = mixed(tables)
    rows = prepared.splits["train"]
    words = vocabulary.train(rows["text"], 100)
    task = PretrainingConfig(mismatch_probability=0.99, negatives=negatives)
    options = configured(tables).dataset
    clips = ClipDataset(rows, ReadOptions(words, options, {}, 0, task), True)
    drawn = {clips.mismatches.draw(0, np.random.default_rng(i)) for i in range(100)}
    assert {rows[i]["id"].partition("/")[0] for i in drawn} == sources
    assert set(rows["source"]) == {"csv", "ravdess"}
    once, again = clips[RowKey(0, 3)], clips[RowKey(0, 3, 1)]
    assert once["index"] == again["index"] == 3
    assert not np.array_equal(once["input_ids"], again["input_ids"]) or not np.array_equal(
        once["waveform"], again["waveform"]
    )


def test_weights_share_out_an_epoch(tables):
    prepared = mixed(tables, "dataset.weights=[1,3]")
    sizes = [part["counts"]["train"] for part in prepared.summary.more["parts"].values()]
    assert [q.size for q in prepared.quotas] == sizes
    assert sum(q.rows for q in prepared.quotas) == sum(sizes) == len(prepared.splits["train"])
    assert prepared.quotas[1].rows == round(0.75 * sum(sizes))


def test_quotas_by_hand():
    assert quotas([6, 4], []) == ()
    assert quotas([6, 4], [1, 1]) == (Quota(6, 5), Quota(4, 5))
    assert quotas([3, 3, 4], [1, 1, 1]) == (Quota(3, 4), Quota(3, 3), Quota(4, 3))
    with pytest.raises(UserError, match="none of 10 rows"):
        quotas([6, 4], [1, 1000])


def test_no_row_comes_again_before_all_of_its_corpus_have_come():
    found = places((Quota(6, 2), Quota(4, 8)), np.random.default_rng(0))
    assert len(found) == 10
    rows = Counter((found % 10).tolist())
    assert {row: n for row, n in rows.items() if row >= 6} == dict.fromkeys(range(6, 10), 2)
    assert sum(n for row, n in rows.items() if row < 6) == 2
    assert len(set(found.tolist())) == 10  # a repeated row has another number
    assert sorted(found[found >= 10] - 10) == [6, 7, 8, 9]
    part = places((Quota(4, 7),), np.random.default_rng(0))
    assert len(set(part.tolist())) == 7
    assert set(part.tolist()) > set(range(4))


def weighted(seed: int = 0, rank: int = 0, world_size: int = 1) -> LengthBatches:
    given = (Quota(30, 10), Quota(10, 30))
    return LengthBatches(np.linspace(1, 2, 40), 4, seed, True, rank, world_size, given)


def test_weighted_batches_depend_on_seed_and_epoch_alone_and_resume():
    one, other = weighted(), weighted()
    first = list(one)
    assert first == list(other)
    assert len(first) == len(one) == 10
    keys = [key for batch in first for key in batch]
    assert Counter(key.row >= 30 for key in keys) == {True: 30, False: 10}
    assert {key.repeat for key in keys} == {0, 1, 2}
    assert len(set(keys)) == 40
    other.set_epoch(1)
    assert list(other) != first
    other.set_epoch(0)
    other.done = (0, 7)
    assert list(other) == first[7:]
    assert list(weighted(seed=1)) != first
    halves = [list(weighted(rank=rank, world_size=2)) for rank in (0, 1)]
    together = [sorted(a + b) for a, b in zip(*halves)]
    assert together == [sorted(batch) for batch in first]


def test_the_configuration_is_read_back(tables, tmp_path):
    config = configured(tables, "dataset.weights=[1,2]", "dataset.ravdess.fold=3")
    assert config.dataset.ravdess.fold == 3
    assert config.experiment_name == "csv+ravdess_pre"
    RunFolder(tmp_path).write_config(config)
    assert RunFolder(tmp_path).read_config() == config


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dataset=csv+ravdes",), "unknown dataset 'ravdes' (did you mean 'ravdess'?)"),
        (("dataset=csv+csv",), "--dataset csv+csv names a corpus twice"),
        (
            ("dataset=csv+iemocap", "task=dimensional"),
            "a mixture serves --task pre and tasks with one of several classes, not dimensional",
        ),
        (
            ("dataset=csv+ravdess", "task=ser", "dataset.labels.map.calm=neutral"),
            "each corpus of a mixture has its own: dataset.csv.labels.map=",
        ),
        (("dataset=csv+ravdess", "dataset.ravdess.fould=3"), "did you mean 'fold'?"),
        (("dataset=csv+ravdess", "dataset.fold=3"), "unknown key 'dataset.fold'"),
        (("dataset=csv+ravdess", "dataset.root=x"), "dataset.csv.root="),
        (("dataset=csv+ravdess", "dataset.weights=[1]"), "each of csv, ravdess"),
        (("dataset=csv+ravdess", "dataset.weights=[1,0]"), "one number above 0"),
        (("dataset=csv+ravdess", "dataset.weights=[1,a]"), "dataset.weights"),
    ],
)
def test_wrong_mixtures_get_one_line(words, message):
    with pytest.raises(UserError) as caught:
        composed([*TASK, *words])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_corpus_without_the_task_is_named(tables):
    config = composition.compose([*TASK, "dataset=ravdess+emodb"])
    with pytest.raises(UserError, match="dataset 'emodb' has no task 'pre'"):
        prepare("pre", config.dataset, str(tables))


def test_a_recording_in_two_corpora_on_two_sides_is_refused(tables, tmp_path):
    lines = ["audio,text,split"]
    for path in sorted((tables / "ravdess").iterdir()):
        lines.append(f"{path},text {path.stem},{'train' if path.stem[-2:] != '01' else 'val'}")
    lines += [f"{noise(tmp_path / f'{i}.wav', i)},other {i},test" for i in range(2)]
    (tmp_path / "same.csv").write_text("\n".join(lines))
    with pytest.raises(UserError, match=r"recording\(s\) in more than one split"):
        mixed(tables, f"dataset.csv.file={tmp_path / 'same.csv'}", "dataset.csv.speaker=''")
