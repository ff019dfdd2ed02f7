"""Transfer between modalities as a table: what starts from what, is tested against what, and when
a model leaves the answer of one class.
"""

import csv

import pytest

from spectrobert.errors import UserError
from spectrobert.experiments import campaign, learning_curves, table_spec
from spectrobert.experiments.sheet import sheet
from spectrobert.run.folder import RunFolder

from ..helpers.tables import ALL, SOME, finish, of, own_table, prepared

SPEECHT5 = ["model=debug_speecht5"]
TEXT = [*SPEECHT5, "model.modality=text"]
ROWS = [
    {"name": "S2C", "overrides": SPEECHT5},
    {"name": "few", "overrides": [*TEXT, "dataset.shots=4"]},
    {
        "name": "few from S2C",
        "overrides": [*TEXT, "dataset.shots=4"],
        "needs": "S2C",
        "baseline": "few",
    },
    {"name": "zero", "swapped": "S2C"},
]
TRANSFER = {
    "task": "sentiment",
    "metrics": ["accuracy"],
    "curve": "val/accuracy",
    "baseline": "",
    "rows": ROWS,
}


def transfer(folder, **changes) -> str:
    return own_table(folder, **(TRANSFER | changes))


def run(job, predictions, curve=(0.5, 0.6)) -> None:
    """A finished run with three validation rows, two of class a."""
    finish(job, predictions, {"accuracy": 0})
    results = job.folder.read_results()
    results["split"]["labels"] = {"val": {"a": 2, "b": 1, "c": 0}}
    job.folder.write_results(results)
    lines = [f"{3 * e},{e},val/accuracy,{value}" for e, value in enumerate(curve)]
    job.folder.metrics.write_text("\n".join(["step,epoch,metric,value", *lines, ""]))


def test_a_row_starts_from_the_run_of_its_seed_and_draws_its_clips_by_it(tmp_path):
    asked = prepared(transfer(tmp_path), tmp_path / "runs", seeds=2)
    firsts, fews = of(asked, "S2C"), of(asked, "few from S2C")
    for seed in (0, 1):
        assert fews[seed].needs is firsts[seed]
        assert fews[seed].config.init.checkpoint == str(firsts[seed].folder)
        assert fews[seed].config.dataset.shots_seed == seed
        assert f"dataset.shots_seed={seed}" in fews[seed].words
        same = of(asked, "few")[seed].config
        assert same.dataset == fews[seed].config.dataset


def test_zero_shot_reads_the_other_modality_of_the_same_run(tmp_path):
    asked = prepared(transfer(tmp_path), tmp_path / "runs")
    (first,), (zero,) = of(asked, "S2C"), of(asked, "zero")
    assert zero.needs is first
    words = ("evaluate", str(first.folder), "--modality", "text")
    assert words == zero.words[2:6]
    assert zero.folder.path == first.folder.path / "other_modality"
    assert [job.name for job in asked.jobs if job.is_scoring] == [zero.name]


def test_a_checkpoint_takes_no_rows_place(tmp_path):
    asked = prepared(transfer(tmp_path), tmp_path / "runs", checkpoint="elsewhere")
    (few,) = of(asked, "few from S2C")
    assert few.config.init.checkpoint == str(of(asked, "S2C")[0].folder)


def test_each_row_is_tested_against_its_own_baseline(tmp_path):
    asked = prepared(transfer(tmp_path), tmp_path / "runs")
    for row, predictions, curve in (
        ("S2C", ALL, (0.5, 0.7)),
        ("few", SOME, (0.6, 2 / 3)),
        ("few from S2C", ALL, (0.7,)),
        ("zero", SOME, ()),
    ):
        run(of(asked, row)[0], predictions, curve)
    lines = {line.row.name: line for line in campaign.lines(asked, {})}
    assert lines["S2C"].comparison is None
    assert lines["few from S2C"].comparison.difference == pytest.approx(2 / 3)
    assert {name: line.leaves for name, line in lines.items()} == {
        "S2C": (2,),
        "few": (None,),
        "few from S2C": (1,),
        "zero": (),
    }
    assert lines["zero"].pretraining == "S2C"
    shown = sheet(asked.table, list(lines.values()))
    assert "minus its baseline" in shown.header
    at = shown.header.index("above one class at")
    assert [row[at] for row in shown.rows] == [("2",), ("never",), ("1",), ("",)]
    assert "Tested: few from S2C against few." in shown.notes
    with (tmp_path / "runs" / "own_curves.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[1] == ["S2C", "0", "", "1", "val/accuracy", "0.5"]
    assert len(rows) == 6


def test_the_answer_of_one_class_by_hand(tmp_path):
    """The most frequent class of 262, 51 and 1124 rows alone has 78.22 % and 29.26 % F1."""
    counts = [262, 51, 1124]
    values = {name: of_one(counts) for name, of_one in learning_curves.ONE_CLASS.items()}
    assert values["val/macro_f1"] == pytest.approx(0.2926, abs=5e-5)
    assert values["val/accuracy"] == pytest.approx(0.7822, abs=5e-5)
    assert values["val/unweighted_accuracy"] == pytest.approx(1 / 3)
    nothing = {"split": {"labels": {"val": {}}}}
    assert learning_curves.first_above(RunFolder(tmp_path), nothing, "val/accuracy") is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"needs": "later"}, "unknown pre-training 'later'"),
        ({"swapped": "S2C"}, "a swapped row scores another row's runs"),
        ({"baseline": "none"}, "unknown row 'none'"),
    ],
)
def test_rows_that_cannot_be_are_refused(tmp_path, changes, message):
    row = {"name": "wrong", "overrides": TEXT} | changes
    later = {"name": "later", "overrides": ["model=debug_speecht5", "optim.lr=1"]}
    with pytest.raises(UserError, match=message):
        table_spec.load(transfer(tmp_path, rows=[ROWS[0], row, later]))


def test_zero_shot_needs_a_model_of_both_modalities(tmp_path):
    rows = [{"name": "S2C", "overrides": ["model=debug_hubert"]}, ROWS[3]]
    with pytest.raises(UserError, match="no model that reads either modality"):
        prepared(transfer(tmp_path, rows=rows), tmp_path / "runs")


def test_a_curve_is_of_a_metric_whose_one_class_answer_is_known(tmp_path):
    assert set(table_spec.CURVES) == set(learning_curves.ONE_CLASS)
    with pytest.raises(UserError, match="unknown metric of a curve 'val/loss'"):
        table_spec.load(transfer(tmp_path, curve="val/loss"))
