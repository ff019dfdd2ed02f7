"""A run keeps its split: a corpus that changes later is refused, or its recorded rows are taken."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from rich.console import Console

from spectrobert.audio.segment import Segment
from spectrobert.commands.evaluate import evaluate
from spectrobert.corpora.example import SPLITS, Example
from spectrobert.data import rows, split_record
from spectrobert.errors import UserError
from spectrobert.experiments import campaign
from spectrobert.experiments.jobs import Job
from spectrobert.files import read_table
from spectrobert.run import curves, scoring
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition

from ..helpers import world
from ..helpers.sounds import noise

SPEAKERS = 12
HEADER = "audio,label,speaker"


def silent() -> Console:
    return Console(file=io.StringIO())


def lines() -> list[str]:
    return [f"audio/{s}-{c}.wav,{'ab'[c % 2]},s{s:02}" for s in range(SPEAKERS) for c in range(4)]


def write(table: Path, rows: list[str]) -> None:
    table.write_text("\n".join([HEADER, *rows]) + "\n")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Path, tuple[str, ...]]:
    """Table and run directory of a finished run, and the overrides that made it."""
    folder = tmp_path_factory.mktemp("record")
    for s in range(SPEAKERS + 2):
        for c in range(4):
            noise(folder / "audio" / f"{s}-{c}.wav", 100 * s + c, 0.2)
    write(folder / "table.csv", lines())
    overrides = (f"dataset.file={folder / 'table.csv'}", "dataset.test_share=0.2")
    config = configured(folder, overrides)
    fit(config, silent())
    return folder / "table.csv", RunFolder.of(config).path, overrides


def configured(folder: Path, overrides: tuple[str, ...], *more: str):
    words = world.overrides(folder, "ser", *overrides, "trainer.epochs=1", *more)
    of_demo = ("dataset=", "dataset.size=")
    return composition.compose(["dataset=csv", *(w for w in words if not w.startswith(of_demo))])


@pytest.fixture
def table(trained):
    """The table, as it was once the test is over."""
    yield trained[0]
    write(trained[0], lines())


def refusal(folder: Path, **options) -> str:
    with pytest.raises(UserError) as caught:
        scoring.evaluate(folder, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def sides(folder: Path) -> dict[str, list[str]]:
    recorded = read_table(folder / "split.csv")
    return {s: [row["id"] for row in recorded if row["split"] == s] for s in SPLITS}


def test_the_run_directory_holds_the_split(trained):
    _, folder, _ = trained
    own = sides(folder)
    counts = RunFolder(folder).read_results()["split"]["counts"]
    assert {split: len(ids) for split, ids in own.items()} == counts
    assert sorted(id for ids in own.values() for id in ids) == sorted(
        line.partition(",")[0] for line in lines()
    )
    tested = [row["id"] for row in RunFolder(folder).read_predictions()]
    assert sorted(tested) == sorted(own["test"])


def test_shuffled_rows_change_nothing(trained, table):
    """The recorded split, its scores and their intervals."""
    _, folder, _ = trained
    before = scoring.evaluate(folder).to_dict()
    assert before == RunFolder(folder).read_results()["test"]
    shuffled = lines()
    random.Random(1).shuffle(shuffled)
    write(table, shuffled)
    assert scoring.evaluate(folder).to_dict() == before


def test_appended_rows_are_refused_or_left_out(trained, table):
    _, folder, _ = trained
    new = [f"audio/{SPEAKERS}-0.wav,a,s{SPEAKERS}", f"audio/{SPEAKERS}-1.wav,b,s{SPEAKERS}"]
    write(table, [*lines(), *new])
    assert refusal(folder) == (
        f"the corpus has changed since {folder} was trained: 2 rows new"
        f" (the first: audio/{SPEAKERS}-0.wav); --recorded takes the recorded rows alone"
    )
    scores = scoring.evaluate(folder, recorded=True)
    assert scores.to_dict() == RunFolder(folder).read_results()["test"]
    assert {row[0] for row in scores.rows} == set(sides(folder)["test"])


def test_a_dropped_speaker_of_test_is_refused(trained, table):
    _, folder, _ = trained
    gone = RunFolder(folder).read_results()["split"]["speakers"]["test"][0]
    write(table, [line for line in lines() if not line.endswith(gone)])
    assert "4 rows missing (test 4; the first: audio/" in refusal(folder)
    # with the recorded rows alone there is nothing to score them against
    assert "4 rows missing (test 4; the first: audio/" in refusal(folder, recorded=True)


def test_a_dropped_speaker_of_training_does_not_change_recorded_test_rows(trained, table):
    _, folder, _ = trained
    gone = RunFolder(folder).read_results()["split"]["speakers"]["train"][0]
    write(table, [line for line in lines() if not line.endswith(gone)])
    assert "4 rows missing (train 4; the first: audio/" in refusal(folder)
    again = scoring.evaluate(folder, recorded=True)
    assert again.to_dict() == RunFolder(folder).read_results()["test"]


def test_a_corrected_label_is_refused(trained, table):
    _, folder, _ = trained
    first = sides(folder)["test"][0]
    changed = [
        line.replace(",a,", ",b,") if line.startswith(f"{first},") else line for line in lines()
    ]
    assert changed != lines()
    write(table, changed)
    expected = f"1 row with another label (test 1; the first: {first}: a then, b now)"
    assert expected in refusal(folder)
    assert expected in refusal(folder, recorded=True)


def test_a_speaker_renamed_into_two_splits_is_refused(trained, table):
    _, folder, _ = trained
    speakers = RunFolder(folder).read_results()["split"]["speakers"]
    one, other = speakers["test"][0], speakers["train"][0]
    write(table, [line.replace(one, other) for line in lines()])
    assert f"1 speaker(s) in more than one split: {other} (train, test)" in refusal(folder)


def test_a_table_refuses_runs_whose_corpus_has_changed(trained, table):
    path, folder, _ = trained
    job = Job("a", "ser", 0, None, RunFolder(folder), (), RunFolder(folder).read_config(), None)
    printed = io.StringIO()
    console = Console(file=printed, width=200)
    assert campaign.outdated([job], console) == {}
    write(path, [*lines(), "audio/12-0.wav,a,s99"])
    why = campaign.outdated([job], console)[job]
    assert "1 row new (the first: audio/12-0.wav)" in why
    path.unlink()  # no corpus here: nothing to compare, and nothing wrong
    assert campaign.outdated([job], console) == {}
    assert "a, seed 0: not compared with its corpus: " in printed.getvalue()


def test_resume_takes_the_recorded_rows(trained, table, tmp_path):
    _, _, overrides = trained
    config = configured(tmp_path, overrides)
    fit(config, silent())
    folder = RunFolder.of(config).path
    before = (folder / "split.csv").read_bytes()
    (folder / "results.json").unlink()
    write(table, [*lines(), f"audio/{SPEAKERS}-0.wav,a,s{SPEAKERS}"])
    more = ("resume=true", "trainer.epochs=2")
    with pytest.raises(UserError, match=r"has changed since .*: 1 row new"):
        fit(configured(tmp_path, overrides, *more), silent())
    results = fit(configured(tmp_path, overrides, *more, "recorded=true"), silent())
    assert results["epochs_run"] == 2
    assert sum(results["split"]["counts"].values()) == len(lines())
    assert (folder / "split.csv").read_bytes() == before
    assert len(curves.curve(folder / "metrics.csv", "val/loss")) == 2


def test_recorded_goes_with_resume(trained, tmp_path):
    _, _, overrides = trained
    with pytest.raises(UserError, match="--recorded goes with --resume"):
        fit(configured(tmp_path, overrides, "recorded=true"), silent())


def test_a_run_without_the_file_is_read(trained, capsys):
    _, folder, _ = trained
    content = (folder / "split.csv").read_bytes()
    (folder / "split.csv").unlink()
    try:
        evaluate(folder)
    finally:
        (folder / "split.csv").write_bytes(content)
    assert "has no split.csv, being of an older version" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,split\na,train\n", "its columns must be id, split, label, text"),
        ("", "cannot be read"),
        ("id,split,label,text\na,tain,x,\n", "split 'tain' is none of train, val, test"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, content, message):
    (tmp_path / "split.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        split_record.read(tmp_path / "split.csv")


def example(id: str, split: str = "", **more) -> Example:
    return Example(id, (Segment(f"{id}.wav"),), split=split, **more)


def recorded(folder: Path, examples: list[Example], splits: list[str]):
    split_record.write(folder / "split.csv", split_record.record(rows.to_table(examples), splits))
    found = split_record.read(folder / "split.csv")
    assert found is not None
    return found


def test_odd_cells_survive(tmp_path):
    odd = ['a,"b"', "null", "", "1", "NaN", "two\nlines", "ü"]
    examples = [example(f"{i}{text}", label=text, text=text) for i, text in enumerate(odd)]
    found = recorded(tmp_path, examples, ["train"] * len(odd))
    assert found.table == split_record.record(rows.to_table(examples), ["train"] * len(odd))
    found.places(rows.to_table(examples), False)


def test_what_the_owner_moves_is_refused(tmp_path):
    owned = ["train", "train", "train", "val", "test", "test"]
    examples = [example(str(i), split) for i, split in enumerate(owned)]
    found = recorded(tmp_path, examples, owned)
    examples[4] = replace(examples[4], split="train")
    with pytest.raises(
        UserError, match=r"1 row that the owner moved from its split \(test 1; the first: 4"
    ):
        found.places(rows.to_table(examples), False)
    found.places(rows.to_table(examples), True)  # a random split does not ask the owner


def test_rows_carved_from_the_owners_training_have_not_moved(tmp_path):
    owned = ["train", "train", "", "test"]
    examples = [example(str(i), split) for i, split in enumerate(owned)]
    found = recorded(tmp_path, examples, ["train", "val", "val", "test"])
    places, names = found.places(rows.to_table(examples), False)
    assert places.tolist() == [0, 1, 2, 3]
    assert names == ["train", "val", "val", "test"]


def test_texts_and_targets_count(tmp_path):
    examples = [example(str(i), text=f"text {i}", targets=(i / 3,)) for i in range(3)]
    found = recorded(tmp_path, examples, list(SPLITS))
    examples[1] = replace(examples[1], text="other")
    examples[2] = replace(examples[2], targets=(0.5,))
    with pytest.raises(UserError) as caught:
        found.places(rows.to_table(examples), False)
    assert "1 row with another text (val 1; the first: 1)" in str(caught.value)
    assert "with another label (test 1; the first: 2: 0.6666666666666666 then, 0.5 now)" in str(
        caught.value
    )


def test_parts_of_a_mixture_have_their_own_ids(tmp_path):
    examples = [example(f"{name}/{i}") for name in ("one", "two") for i in range(2)]
    found = recorded(tmp_path, examples, ["train", "val", "train", "test"])
    assert found.part("two").table.column("id").to_pylist() == ["0", "1"]
    own = rows.to_table([example("1"), example("0")])
    places, names = found.part("two").places(own, False)
    assert isinstance(own, pa.Table)
    assert (places.tolist(), names) == ([1, 0], ["train", "test"])
