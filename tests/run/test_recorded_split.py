"""A run keeps its split: a corpus that changes later is refused, or its recorded rows are taken."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from spectrobert.commands.evaluate import evaluate
from spectrobert.config import Config
from spectrobert.corpora.example import SPLITS
from spectrobert.errors import UserError
from spectrobert.experiments import campaign
from spectrobert.experiments.jobs import Job
from spectrobert.files import read_table
from spectrobert.run import curves, scoring
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition

from ..helpers import world
from ..helpers.runs import finish, silent
from ..helpers.sounds import noise

SPEAKERS = 12
HEADER = "audio,label,speaker"
LINES = [f"audio/{s}-{c}.wav,{'ab'[c % 2]},s{s:02}" for s in range(SPEAKERS) for c in range(4)]
NEW = [f"audio/{SPEAKERS}-0.wav,a,s{SPEAKERS}", f"audio/{SPEAKERS}-1.wav,b,s{SPEAKERS}"]


class Trained(NamedTuple):
    """A finished run and the corpus it was trained on."""

    table: Path
    run: RunFolder
    results: dict
    overrides: tuple[str, ...]

    @property
    def ids(self) -> dict[str, list[str]]:
        """Split -> ids in split.csv."""
        record = read_table(self.run.split)
        return {s: [row["id"] for row in record if row["split"] == s] for s in SPLITS}


def write(table: Path, lines: list[str]) -> None:
    table.write_text("\n".join([HEADER, *lines]) + "\n")


def configured(folder: Path, overrides: tuple[str, ...], *more: str) -> Config:
    words = world.overrides(folder, "ser", *overrides, "trainer.epochs=1", *more)
    of_demo = ("dataset=", "dataset.size=")
    return composition.compose(["dataset=csv", *(w for w in words if not w.startswith(of_demo))])


@pytest.fixture(scope="module")
def once(tmp_path_factory) -> Trained:
    folder = tmp_path_factory.mktemp("record")
    for s in range(SPEAKERS + 2):
        for c in range(4):
            noise(folder / "audio" / f"{s}-{c}.wav", 100 * s + c, 0.2)
    write(folder / "table.csv", LINES)
    overrides = (f"dataset.file={folder / 'table.csv'}", "dataset.test_share=0.2")
    run, _, _ = finish(configured(folder, overrides))
    return Trained(folder / "table.csv", run, run.read_results(), overrides)


@pytest.fixture
def trained(once):
    """The run; its table is as it was once the test is over."""
    yield once
    write(once.table, LINES)


def refusal(trained: Trained, **options) -> str:
    with pytest.raises(UserError) as caught:
        scoring.evaluate(trained.run.path, how=scoring.Rereading(**options))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_run_directory_holds_the_split(trained):
    ids = trained.ids
    assert {s: len(own) for s, own in ids.items()} == trained.results["split"]["counts"]
    every = sorted(row_id for own in ids.values() for row_id in own)
    assert every == sorted(line.partition(",")[0] for line in LINES)
    tested = [row["id"] for row in trained.run.read_predictions()]
    assert sorted(tested) == sorted(ids["test"])


def test_shuffled_rows_change_nothing(trained):
    """The recorded split, its scores and their intervals."""
    assert scoring.evaluate(trained.run.path).to_dict() == trained.results["test"]
    write(trained.table, random.Random(1).sample(LINES, len(LINES)))
    assert scoring.evaluate(trained.run.path).to_dict() == trained.results["test"]


def without_speaker_of(split: str) -> Callable[[Trained], list[str]]:
    def gone(trained: Trained) -> str:
        return trained.results["split"]["speakers"][split][0]

    return lambda trained: [line for line in LINES if not line.endswith(gone(trained))]


def relabelled(trained: Trained) -> list[str]:
    first = f"{trained.ids['test'][0]},a"
    assert any(line.startswith(first) for line in LINES)
    return [line.replace(",a,", ",b,") if line.startswith(first) else line for line in LINES]


@pytest.mark.parametrize(
    ("change", "message", "is_scored"),
    [
        (
            lambda trained: [*LINES, *NEW],
            f"has changed since {{run}} was trained: 2 rows new (the first: {NEW[0].split(',')[0]})"
            "; --recorded takes the recorded rows alone",
            True,
        ),
        (without_speaker_of("train"), "4 rows missing (train 4; the first: audio/", True),
        # with the recorded rows alone there is nothing to score them against
        (without_speaker_of("test"), "4 rows missing (test 4; the first: audio/", False),
        (relabelled, "1 row with another label (test 1; the first: {first}: a then, b now)", False),
    ],
)
def test_a_changed_corpus_is_refused_and_its_recorded_rows_are_scored(
    trained, change, message, is_scored
):
    write(trained.table, change(trained))
    expected = message.format(run=trained.run, first=trained.ids["test"][0])
    assert expected in refusal(trained)
    if not is_scored:
        assert expected in refusal(trained, recorded=True)
        return
    scores = scoring.evaluate(trained.run.path, how=scoring.Rereading(recorded=True))
    assert scores.to_dict() == trained.results["test"]
    assert {row["id"] for row in scores.predictions} == set(trained.ids["test"])


def test_a_speaker_renamed_into_two_splits_is_refused(trained):
    speakers = trained.results["split"]["speakers"]
    one, other = speakers["test"][0], speakers["train"][0]
    write(trained.table, [line.replace(one, other) for line in LINES])
    assert f"1 speaker(s) in more than one split: {other} (train, test)" in refusal(trained)


def test_a_table_refuses_runs_whose_corpus_has_changed(trained):
    job = Job("a", "ser", 0, None, trained.run, (), trained.run.read_config(), None)
    console = silent()
    assert campaign.outdated([job], console) == {}
    write(trained.table, [*LINES, "audio/12-0.wav,a,s99"])
    reason = campaign.outdated([job], console)[job]
    assert "1 row new (the first: audio/12-0.wav)" in reason
    trained.table.unlink()  # no corpus here: nothing to compare, and nothing wrong
    assert campaign.outdated([job], console) == {}
    assert "a, seed 0: not compared with its corpus: " in console.file.getvalue()


def test_resume_takes_the_recorded_rows(trained, tmp_path):
    run, _, _ = finish(configured(tmp_path, trained.overrides))
    before = run.split.read_bytes()
    run.results.unlink()
    write(trained.table, [*LINES, NEW[0]])
    more = ("resume=true", "trainer.epochs=2")
    with pytest.raises(UserError, match=r"has changed since .*: 1 row new"):
        fit(configured(tmp_path, trained.overrides, *more), silent())
    results = fit(configured(tmp_path, trained.overrides, *more, "recorded=true"), silent())
    assert results["epochs_run"] == 2
    assert sum(results["split"]["counts"].values()) == len(LINES)
    assert run.split.read_bytes() == before
    assert len(curves.curve(run.metrics, "val/loss")) == 2


def test_recorded_goes_with_resume(trained, tmp_path):
    with pytest.raises(UserError, match="--recorded goes with --resume"):
        fit(configured(tmp_path, trained.overrides, "recorded=true"), silent())


def test_a_run_without_the_file_is_read(trained, capsys):
    content = trained.run.split.read_bytes()
    trained.run.split.unlink()
    try:
        evaluate(trained.run.path)
    finally:
        trained.run.split.write_bytes(content)
    assert "has no split.csv, being of an older version" in capsys.readouterr().err


def test_a_share_of_train_is_trained_resumed_and_scored(trained, tmp_path):
    overrides = (*trained.overrides, "dataset.train_share=0.25")
    run, _, _ = finish(configured(tmp_path, overrides))
    results, before = run.read_results(), run.split.read_bytes()
    whole = trained.results["split"]["counts"]
    labels = trained.results["split"]["labels"]["train"]
    used = {"train": sum(int(n / 4 + 0.5) for n in labels.values())}
    assert results["split"]["counts"] == whole | used
    share = {"share": 0.25, "used": used["train"], "of": whole["train"]}
    assert results["split"]["train_share"] == share
    assert scoring.evaluate(run.path).to_dict() == results["test"]
    run.results.unlink()
    again = fit(configured(tmp_path, overrides, "resume=true", "trainer.epochs=2"), silent())
    assert again["split"] == results["split"]
    assert run.split.read_bytes() == before
