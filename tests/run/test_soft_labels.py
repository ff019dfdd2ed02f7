"""A corpus with votes in whole runs: learnt, scored, resumed bit by bit, or refused."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from spectrobert.config import Config
from spectrobert.errors import UserError
from spectrobert.metrics import by_votes, values
from spectrobert.run import fit, scoring
from spectrobert.run.cross_corpus import evaluate_on
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition

from ..helpers.csv_file import write_csv
from ..helpers.runs import checkpoint, finish, kill_at, losses, silent, start
from ..helpers.sounds import noise
from ..helpers.world import SMALL, train_py

CLASSES = ("angry", "happy", "sad")
SIDES = ("train", "train", "train", "val", "test")
VOTE_METRICS = (
    *("jensen_shannon", "vote_accuracy", "human_ceiling", "human_ceiling_share"),
    *(f"accuracy_{name}_entropy" for name in ("low", "middle", "high")),
)


def votes_of(row: int) -> list[int]:
    """Five votes for the classes, the most for the label; row 7 has none, row 8 one for another."""
    if row == 7:
        return [0, 0, 0, 0]
    spread = [[5, 0, 0], [4, 1, 0], [3, 1, 1]][row % 3]
    turn = (row // 3) % 3
    return [*spread[-turn:], *spread[:-turn], int(row == 8)] if turn else [*spread, int(row == 8)]


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """60 clips of 20 speakers, with votes."""
    folder = tmp_path_factory.mktemp("votes")
    rows = []
    for i in range(60):
        votes = votes_of(i)
        cells = dict(zip((*(f"votes.{name}" for name in CLASSES), "votes.other"), votes))
        clip = noise(folder / f"{i}.wav", i)
        speaker = f"{i % 5} {i // 15}"
        label = CLASSES[int(np.argmax(votes[:3]))]
        rows.append(
            {"audio": clip, "label": label, "split": SIDES[i % 5], "speaker": speaker} | cells
        )
    return write_csv(folder / "table.csv", rows)


def words(table: Path, runs_dir: Path, *more: str) -> list[str]:
    return [
        *("task=ser", "dataset=csv", f"dataset.file={table}", "model=tiny", *SMALL),
        *("trainer.epochs=2", "trainer.batch_size=8", "trainer.num_workers=0"),
        *("trainer.threads=1", "trainer.log_every_n_steps=1", "optim.lr=1e-3"),
        *(f"runs_dir={runs_dir}", "task.soft_labels=true", *more),
    ]


def configure(table: Path, runs_dir: Path, *more: str) -> Config:
    return composition.compose(words(table, runs_dir, *more))


@pytest.fixture(scope="module")
def finished(table, tmp_path_factory):
    monitored = ("task.monitor=val/jensen_shannon", "task.mode=min")
    return finish(configure(table, tmp_path_factory.mktemp("finished"), *monitored))


def test_votes_are_learnt_and_scored(finished):
    run, results, printed = finished
    assert "targets: votes of annotators, of 35 of 36 training rows" in printed
    test = results["test"]
    assert set(VOTE_METRICS) <= set(test["metrics"])
    assert set(VOTE_METRICS) <= set(test["intervals"])
    assert results["monitor"]["name"] == "val/jensen_shannon"
    assert results["monitor"]["value"] <= results["last_validation"]["val/jensen_shannon"]
    card = run.card.read_text()
    for name in VOTE_METRICS:
        assert f"| {name} | {test['metrics'][name]:.4f} |" in card
        assert name in printed
    again = scoring.evaluate(run.path)
    assert again.to_dict() == test
    with run.predictions.open() as file:
        rows = list(csv.DictReader(file))
    predicted = np.array([[float(row[f"p_{name}"]) for name in CLASSES] for row in rows])
    votes = np.array([votes_of(int(Path(row["id"]).stem))[:3] for row in rows], dtype=float)
    truth = np.array([CLASSES.index(row["label"]) for row in rows])
    expected = values(by_votes(np.log(predicted), truth, votes), len(rows))
    for name, value in expected.items():
        assert test["metrics"][name] == pytest.approx(value, abs=1e-4), name


@pytest.mark.parametrize("has_votes", [True, False])
def test_a_run_is_scored_on_another_corpus_with_its_votes(finished, tmp_path, has_votes):
    run, _, _ = finished
    rows = []
    for i in range(12):
        clip = noise(tmp_path / f"{i}.wav", 100 + i)
        row = {"audio": clip, "label": CLASSES[i % 2], "speaker": f"other {i // 2}"}
        own = {f"votes.{name}": (i + k) % 3 for k, name in enumerate(CLASSES)}
        rows.append(row | (own if has_votes else {}))
    file = write_csv(tmp_path / "other.csv", rows)
    scores = evaluate_on(run.path, "csv", [f"dataset.file={file}"]).scores
    assert ("jensen_shannon" in scores.values) == has_votes
    if has_votes:  # of the two classes that both have
        ceilings = [max(a, b) / (a + b) for a, b in ((i % 3, (i + 1) % 3) for i in range(12))]
        assert scores.values["human_ceiling"] == pytest.approx(np.mean(ceilings))


def test_labels_alone_are_scored_against_votes_too(table, tmp_path):
    soft, hard = (
        fit.fit(configure(table, tmp_path / name, f"task.soft_labels={name}"), silent())
        for name in ("true", "false")
    )
    assert set(VOTE_METRICS) <= set(hard["test"]["metrics"])
    assert soft["test"]["metrics"]["loss"] != hard["test"]["metrics"]["loss"]


def test_a_killed_run_resumes_bit_by_bit(table, tmp_path):
    more = ("dataset.balance=sampler", "task.label_smoothing=0.1", "trainer.checkpoint_minutes=0")
    whole = train_py(*words(table, tmp_path, *more, "experiment_name=whole"))
    assert whole.returncode == 0, whole.stderr
    again = words(table, tmp_path, *more, "experiment_name=killed")
    folders = [tmp_path / name / "seed0" for name in ("whole", "killed")]
    kill_at(start(again), RunFolder(folders[1]).metrics, 6)  # of 2 * 5 steps
    assert not RunFolder(folders[1]).is_finished
    resumed = train_py(*again, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert losses(folders[1]) == losses(folders[0])
    one, other = (checkpoint(folder)["state_dict"] for folder in folders)
    assert all(torch.equal(one[name], other[name]) for name in one)
    scores = [RunFolder(folder).read_scores()["metrics"] for folder in folders]
    assert scores[0] == scores[1]


def test_a_corpus_without_votes_is_refused_before_anything_is_written(table, tmp_path):
    for more in (("dataset.votes=",), ("dataset.votes=x",)):
        with pytest.raises(UserError, match=r"soft_labels=true: no training row of csv has votes"):
            fit.fit(configure(table, tmp_path, *more), silent())
    assert not list(tmp_path.rglob("config.yaml"))


def test_what_no_votes_measure_is_no_monitor(table, tmp_path):
    more = ("task.soft_labels=false", "task.monitor=val/jensen_shannon", "dataset.votes=")
    with pytest.raises(UserError, match=r"task\.monitor=val/jensen_shannon is not measured here"):
        fit.fit(configure(table, tmp_path, *more), silent())
