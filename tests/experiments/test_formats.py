"""A table in words, as Markdown, LaTeX and CSV."""

import csv

import pytest

from spectrobert.experiments import formats, table_rows
from spectrobert.experiments.sheet import sheet
from spectrobert.markup import tex_escaped

from ..helpers.tables import ALL, SCORES, SOME, finish, of, prepared


@pytest.fixture
def demo(tmp_path):
    """Three seeds of the demo's table, nothing run yet."""
    return prepared("demo", tmp_path, seeds=3, checkpoint="/all/runs/mine")


def test_a_table_names_its_errors(demo):
    """Meaning of ± and of an interval, for three seeds, for one, and if there is none."""
    for job in of(demo, "baseline"):
        finish(job, SOME, dict.fromkeys(demo.table.metrics, 0.5))
    finish(of(demo, "bin-frz")[0], ALL, dict.fromkeys(demo.table.metrics, 0.5))
    baseline, frozen, *_ = table_rows.lines(demo.table, demo.jobs, {})
    notes = " ".join(sheet(demo.table, [baseline, frozen]).notes)
    assert "± is the standard deviation over seeds." in notes
    assert "expected score of another seed on other groups" in notes
    assert "One seed: in brackets: 95 % bootstrap interval over groups" in notes
    assert "permutation test" in notes
    assert "baseline: auroc has no interval: predictions.csv does not hold all" in notes
    for text in (formats.latex, formats.markdown):
        shown = text(demo.table, [baseline, frozen])
        assert "is the standard deviation over seeds." in shown
        assert "for this trained model: how much seeds differ is not part of it." in shown
    assert baseline.cells["accuracy"].covers == "seeds and groups"


def test_mean_spread_and_comparison_over_seeds(demo):
    for job, accuracy in zip(of(demo, "baseline"), (0.5, 0.6, 0.7)):
        finish(job, SOME, {"accuracy": accuracy, "auroc": 0.5})
    for job in of(demo, "bin-frz")[:2]:
        finish(job, [("a", "a")] * 3, {"accuracy": 1.0, "auroc": 0.9})
    baseline, frozen, *_ = table_rows.lines(demo.table, demo.jobs, {})
    cell = baseline.cells["accuracy"]
    assert (cell.mean, cell.spread) == (pytest.approx(0.6), pytest.approx(0.1))
    assert frozen.comparison.difference == pytest.approx(2 / 3)  # seeds 0 and 1 only
    assert frozen.comparison.num_seeds == 2
    text = formats.markdown(demo.table, [baseline, frozen])
    assert "| baseline | none | 3/3/3 | 60.0 ± 10.0 (" in text
    assert "| bin-frz | runs/mine | 3/3 | 100.0 ± 0.0 (100.0 - 100.0) | 68.8 | +66.7 (" in text


def test_latex_escapes_its_commands():
    assert tex_escaped(r"50 % & a_b #1 {x} \y ~^<±") == (
        r"50 \% \& a\_b \#1 \{x\} \textbackslash{}y \textasciitilde{}\textasciicircum{}"
        r"\textless{}$\pm$"
    )


def test_latex_rows_have_as_many_cells_as_the_head(demo):
    lines = table_rows.lines(demo.table, demo.jobs, {})
    text = formats.latex(demo.table, lines)
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(body) == 1 + len(lines)
    columns = len(sheet(demo.table, lines).header)
    assert all(line.count(" & ") == columns - 1 for line in body)


def test_csv_is_for_programs(tmp_path):
    asked = prepared("ser", tmp_path, seeds=2, folds="1,2")
    for job in of(asked, "baseline"):
        finish(job, ALL if job.fold == 1 else SOME, SCORES)
    lines = table_rows.lines(asked.table, asked.jobs, {})
    first, *_ = csv.DictReader(formats.comma_separated(asked.table, lines).splitlines())
    assert (first["experiment"], first["metric"], first["n"]) == ("baseline", "accuracy", "6")
    assert float(first["mean"]) == pytest.approx(4 / 6)
    assert (float(first["thesis"]), first["thesis_epoch"]) == (pytest.approx(0.423), "47")
