"""Lines of a table, from folders written by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from spectrobert.experiments import table_rows
from spectrobert.experiments.campaign import Campaign
from spectrobert.experiments.sheet import sheet
from spectrobert.experiments.table_rows import Line
from spectrobert.run.folder import RunFolder
from spectrobert.tasks.classification import Classification

from ..helpers.tables import ALL, SCORES, SOME, finish, of, own_table, prepared


@pytest.fixture
def ser(tmp_path) -> Campaign:
    """The SER table with two folds and two seeds, nothing run yet."""
    return prepared("ser", tmp_path, seeds=2, folds="1,2")


def lines_of(asked: Campaign) -> list[Line]:
    return table_rows.lines(asked.table, asked.jobs, {})


def test_folds_are_pooled_so_that_each_item_counts_once(ser):
    for job in of(ser, "baseline"):
        finish(job, ALL if job.fold == 1 else SOME, SCORES, epoch=job.fold)
    line = lines_of(ser)[0]
    assert line.cells["accuracy"].values == (4 / 6, 4 / 6)
    assert line.cells["unweighted_accuracy"].values == pytest.approx((0.75, 0.75))  # a 2/4, b 2/2
    assert line.cells["top2_accuracy"].values == (1, 1)
    assert not line.cells["top2_accuracy"].is_fold_mean
    assert line.cells["auroc"].is_fold_mean
    assert (line.n, line.epochs, line.seeds, line.finished) == (6, (1, 2, 1, 2), (0, 1), 4)
    assert line.comparison is None
    assert "auroc: mean of the folds, weighted by their n." in sheet(ser.table, [line]).notes


def test_top_k_without_ranks_has_no_interval_and_a_reason(ser):
    """An older version wrote no ranks, and six digits of probabilities have ties."""
    for job in of(ser, "baseline"):
        finish(job, ALL, SCORES)
        text = job.folder.predictions.read_text().splitlines()
        job.folder.predictions.write_text("\n".join(line.rpartition(",")[0] for line in text))
    line = lines_of(ser)[0]
    cell = line.cells["top2_accuracy"]
    assert (cell.values, cell.interval) == ((0, 0), None)  # of results.json
    assert cell.no_interval.startswith("no column rank in ")
    assert line.cells["accuracy"].values == (1, 1)
    assert line.cells["accuracy"].interval is not None


def test_ranks_are_those_of_the_logits():
    """Probabilities of six digits are equal, the logits are not; a collapsed model has ties."""
    task = SimpleNamespace(labels=("a", "b", "c"), unseen=())
    logits = np.array([[0, 1e-7, 2e-7], [0, 0, 0], [0, 0, 0]], dtype=np.float32)
    header, cells = Classification.predictions(task, logits, np.array([0, 1, 2]))
    ranks = [line[header.index("rank")] for line in cells]
    assert ranks == [3, 2, 3]  # of equal logits the first class comes first, as the metric has it
    assert len({cells[1][header.index(f"p_{name}")] for name in "abc"}) == 1


def test_the_examples_that_a_row_has_trained_on_are_named(ser):
    tuned = of(ser, "ser-nofrz")
    for job in (*of(ser, "baseline"), *tuned, *{j.needs for j in tuned}):
        finish(job, ALL, SCORES)
    lines = lines_of(ser)
    assert [line.examples for line in lines if line.cells] == [(0, 400), (400, 400)]
    assert (
        "Training examples seen by a run (pre-training + fine-tuning):"
        " baseline 400; ser-nofrz 400 + 400." in sheet(ser.table, lines).notes
    )


def test_a_seed_whose_folds_are_not_all_there_does_not_count(ser):
    for job in of(ser, "baseline")[:3]:
        finish(job, ALL, SCORES)
    line = lines_of(ser)[0]
    assert (line.seeds, line.finished, line.planned) == ((0,), 3, 4)
    assert sheet(ser.table, [line]).rows[0][-1] == ("3 of 4 runs",)


def test_a_metric_that_is_not_there_fails_its_row_with_the_names_that_are(tmp_path):
    ser = prepared("ser", tmp_path, folds="1")
    finish(of(ser, "baseline")[0], ALL, {"accuracy": 1, "loss": 2})
    line = lines_of(ser)[0]
    assert "no metric 'unweighted_accuracy'" in line.failure
    assert "it has: accuracy, loss" in line.failure


def test_the_gap_between_training_and_validation(tmp_path):
    run = RunFolder(tmp_path)
    run.metrics.write_text(
        "step,epoch,metric,value\n"
        "1,0,train/accuracy,0.5\n2,0,train/accuracy,0.7\n2,0,val/accuracy,0.55\n"
        "3,1,train/accuracy,0.9\n4,1,val/accuracy,0.5\n5,2,train/accuracy,1.0\n"
    )
    gap = table_rows.overfitting(run, {"monitor": {"epoch": 1}})
    assert gap == pytest.approx((0.05, 0.4))
    assert table_rows.overfitting(run, {"monitor": {"epoch": 3}}) is None  # not validated
    absent = RunFolder(tmp_path / "none")
    assert table_rows.overfitting(absent, {"monitor": {"epoch": 1}}) is None


def test_the_pre_training_of_encoders_is_that_of_their_checkpoints(tmp_path):
    rows = [
        {"name": "fusion", "overrides": ["model=cmt_base"]},
        {"name": "own", "overrides": ["model=cmt_base", "init.speech_model=a/b"]},
        {"name": "random", "overrides": ["model=hubert_base", "init.speech_model=random"]},
        {"name": "debug", "overrides": ["model=debug_cmt"]},
        {"name": "tiny", "overrides": ["model=tiny"]},
    ]
    asked = prepared(own_table(tmp_path, rows=rows, baseline=""), tmp_path)
    found = {
        line.row.name: line.pretraining for line in table_rows.lines(asked.table, asked.jobs, {})
    }
    assert found == {
        "fusion": "hubert-base-ls960 + roberta-base",
        "own": "b + roberta-base",
        "random": "none",
        "debug": "none",
        "tiny": "none",
    }
