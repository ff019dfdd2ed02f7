"""Classes under other names, left out, and those of several corpora together."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from spectrobert.config import LabelsConfig
from spectrobert.data import relabelling, rows, votes
from spectrobert.data.preparation import Prepared, prepare
from spectrobert.errors import UserError
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition

from ..helpers.csv_file import write_csv
from ..helpers.rows import example
from ..helpers.sounds import noise

CLASSES = ("anger", "calm", "fear", "joy")
ACTORS = 24
EMOTIONS = 8  # of RAVDESS


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A table of twelve speakers who say each of four classes once, and RAVDESS' names."""
    folder = tmp_path_factory.mktemp("relabelled")
    lines = []
    for i in range(48):
        path = noise(folder / "own" / f"{i}.wav", i, 0.1)
        lines.append({"audio": path, "label": CLASSES[i % 4], "speaker": f"s{i // 4:02}"})
    write_csv(folder / "own.csv", lines)
    for i in range(ACTORS * EMOTIONS):
        actor, emotion = 1 + i // EMOTIONS, 1 + i % EMOTIONS
        noise(folder / "ravdess" / f"03-01-0{emotion}-01-01-01-{actor:02}.wav", 100 + i, 0.1)
    return folder


def of(folder: Path, dataset: str, *more: str) -> Prepared:
    words = ["task=ser", f"dataset={dataset}", "model=tiny", f"data_dir={folder}", *more]
    prefix = "dataset.csv" if "+" in dataset else "dataset"
    words += [f"{prefix}.file={folder / 'own.csv'}"] if "csv" in dataset else []
    return prepare("ser", composition.compose(words).dataset, str(folder))


def counts(prepared: Prepared) -> Counter[str]:
    return Counter(label for rows in prepared.splits.values() for label in rows["label"])


def test_classes_get_other_names_and_merge(folder):
    prepared = of(folder, "csv", "dataset.labels.map={anger: angry, calm: neutral, joy: neutral}")
    assert prepared.labels == ("angry", "fear", "neutral")
    assert counts(prepared) == {"angry": 12, "fear": 12, "neutral": 24}
    assert prepared.dropped == []
    assert set(prepared.record.column("label").to_pylist()) == set(prepared.labels)


def test_votes_get_the_names_of_the_classes():
    """Votes for two classes that become one are added; those for a class left out are dropped."""
    given = (("anger", 2.0), ("calm", 1.0), ("joy", 1.0))
    table = rows.to_table([example(label="anger", votes=given), example("b", label="joy")])
    options = LabelsConfig({"anger": "angry", "calm": "angry"}, ["angry", "fear"])
    renamed = relabelling.apply(table, np.arange(2), [options], ["calm", "fear"])
    assert renamed.table.schema == table.schema
    found = votes.table(renamed.table.column("votes"), ("fear", "angry"))
    assert found.tolist() == [[0, 3], [0, 0]]
    assert votes.num_voted(renamed.table.column("votes"), ("joy", "anger", "calm")) == 0


def test_rows_of_other_classes_are_left_out_and_counted(folder):
    prepared = of(folder, "csv", "dataset.labels.keep=[joy,anger]")
    assert prepared.labels == ("joy", "anger")  # in the order that was asked for
    assert counts(prepared) == {"joy": 12, "anger": 12}
    reasons = Counter(row.reason for row in prepared.dropped)
    assert reasons == {
        "class calm, not in labels.keep": 12,
        "class fear, not in labels.keep": 12,
    }
    kept = {row_id for rows in prepared.splits.values() for row_id in rows["id"]}
    assert kept.isdisjoint(row.what for row in prepared.dropped)
    assert len(prepared.record) == 24


def test_the_map_is_applied_before_the_choice(folder):
    prepared = of(
        folder, "csv", "dataset.labels.map.fear=fearful", "dataset.labels.keep=[fearful,calm]"
    )
    assert counts(prepared) == {"fearful": 12, "calm": 12}


def test_a_closed_set_is_renamed_in_its_order(folder):
    prepared = of(folder, "ravdess", "dataset.labels.map={calm: neutral}")
    assert prepared.labels == (
        *("neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised"),
    )
    assert counts(prepared)["neutral"] == 2 * ACTORS


def test_nothing_changes_without_options(folder):
    assert of(folder, "csv").labels == CLASSES
    assert sum(counts(of(folder, "csv")).values()) == 48


def test_corpora_with_common_names_train_together(folder):
    prepared = of(
        folder,
        "csv+ravdess",
        "dataset.csv.labels.map={anger: angry, joy: happy}",
        "dataset.labels.keep=[angry,happy]",
    )
    assert prepared.labels == ("angry", "happy")
    assert counts(prepared) == {"angry": 12 + ACTORS, "happy": 12 + ACTORS}
    parts = prepared.summary.more["parts"]
    assert sum(parts["csv"]["counts"].values()) == 24
    assert all(
        part["counts"][split] for part in parts.values() for split in ("train", "val", "test")
    )
    dropped = Counter(row.what.split("/")[0] for row in prepared.dropped)
    assert dropped == {"csv": 24, "ravdess": ACTORS * (EMOTIONS - 2)}


def test_without_a_choice_the_classes_of_all_corpora_are_learnt(folder):
    """Those of a table without a closed set, so sorted; else in the order of the corpora."""
    prepared = of(folder, "csv+ravdess", "dataset.csv.labels.map={joy: happy}")
    assert prepared.labels == tuple(sorted({*prepared.labels}))
    assert {"anger", "angry", "happy", "surprised"} <= set(prepared.labels)
    assert "joy" not in prepared.labels


@pytest.mark.parametrize(
    ("dataset", "words", "message"),
    [
        (
            "csv",
            ["dataset.labels.map={angry: anger}"],
            "unknown class in labels.map: 'angry' (did you mean 'anger'?); known: anger, calm",
        ),
        ("csv", ["dataset.labels.keep=[joy,fearful]"], "'fearful' (did you mean 'fear'?)"),
        ("csv", ["dataset.labels.keep=[joy]"], "two classes are needed at least, each once"),
        ("csv", ["dataset.labels.keep=[joy,joy]"], "two classes are needed at least, each once"),
        ("csv", ["dataset.labels.map=joy"], "must be names by name, as in {a: b}"),
        (
            "csv+ravdess",
            ["dataset.labels.keep=[calm,boredom]"],
            "dataset.labels.keep: the rows that are used have no class 'boredom'; found: calm",
        ),
        ("ravdess", ["task=pre", "dataset.labels.map.calm=neutral"], "not pre"),
    ],
)
def test_a_wrong_name_is_one_line(folder, dataset, words, message):
    with pytest.raises(UserError) as caught:
        of(folder, dataset, *words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dataset", ["csv", "csv+ravdess"])
def test_the_configuration_is_read_back(dataset, tmp_path):
    own = "dataset.csv.labels" if "+" in dataset else "dataset.labels"
    words = [f"{own}.map={{anger: angry}}", "dataset.labels.keep=[angry,sad]"]
    config = composition.compose(["task=ser", f"dataset={dataset}", "model=tiny", *words])
    RunFolder(tmp_path).write_config(config)
    assert RunFolder(tmp_path).read_config() == config
    assert config.dataset.parts["csv"].labels.map == {"anger": "angry"}
