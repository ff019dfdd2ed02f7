"""A table in words, as Markdown, LaTeX and CSV."""

import csv
import dataclasses

import pytest

from spectrobert.experiments import formats, table_rows, table_spec
from spectrobert.experiments.seed_statistics import Comparison
from spectrobert.experiments.sheet import sheet
from spectrobert.experiments.table_rows import Line
from spectrobert.markup import tex_escaped

from ..helpers.tables import ALL, SCORES, SOME, finish, of, own_table, prepared


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


def test_a_table_counts_its_comparisons_and_shows_what_it_could_have_found(demo):
    row = table_rows.lines(demo.table, demo.jobs, {})[1]
    found = Comparison(0.02, (-0.01, 0.05), 0.04, 1, 12)
    cells = {"accuracy": table_rows.Cell((0.6,), None, False)}
    one = dataclasses.replace(row, comparison=found, cells=cells)
    alone = sheet(demo.table, [one])
    assert not any("Holm" in note for note in alone.notes)
    assert any("bin-frz 4.2 (12 groups, 1 seed)." in note for note in alone.notes)
    assert ("+2.0", "(-1.0 to +5.0)", "p = 0.040") in alone.rows[0]
    both = [dataclasses.replace(one, comparison=dataclasses.replace(found, p_holm=0.08))] * 2
    shown = sheet(demo.table, both)
    assert any(note.startswith("2 comparisons with a baseline were made") for note in shown.notes)
    assert ("+2.0", "(-1.0 to +5.0)", "p = 0.040, Holm 0.080") in shown.rows[0]
    assert "0.04,0.08,0.0419" in formats.comma_separated(demo.table, both)


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
    assert (first["source"], first["protocol"]) == ("thesis", "")
    assert (float(first["published"]), first["published_epoch"]) == (pytest.approx(0.423), "47")


MIXED = {
    "metrics": ["unweighted_accuracy", "mae"],
    "source": "EmoBox",
    "protocol": "Six folds.",
    "baseline": "",
    "rows": [
        {"name": "probe", "published": {"unweighted_accuracy": 75.32, "mae": 0.501, "epoch": 4}},
        {
            "name": "other",
            "published": {"unweighted_accuracy": 70},
            "source": "SUPERB",
            "protocol": "Five folds.",
        },
        {"name": "third", "published": {"mae": 1}},
    ],
}


def test_published_figures_stand_in_the_units_of_their_columns(tmp_path):
    one = own_table(tmp_path, **MIXED | {"rows": MIXED["rows"][:1]})
    words = sheet(table := table_spec.load(one), [Line(row) for row in table.rows])
    assert words.header[3:7] == ["UA %", "EmoBox", "mae", "EmoBox"]
    assert list(words.rows[0][3:7]) == [("",), ("75.3",), ("",), ("0.501",)]
    assert words.notes == ["EmoBox: Six folds.", "Published epochs, EmoBox: probe 4."]


def test_rows_of_several_sources_name_their_protocols(tmp_path):
    table = table_spec.load(own_table(tmp_path, **MIXED))
    lines = [Line(row) for row in table.rows]
    words = sheet(table, lines)
    assert words.header[3:7] == ["UA %", "published", "mae", "published"]
    assert words.notes[:2] == ["EmoBox (probe; third): Six folds.", "SUPERB (other): Five folds."]
    records = list(csv.DictReader(formats.comma_separated(table, lines).splitlines()))
    known = [(r["published"], r["source"], r["protocol"]) for r in records]
    assert known == [
        ("0.7532", "EmoBox", "Six folds."),
        ("0.501", "EmoBox", "Six folds."),
        ("0.7", "SUPERB", "Five folds."),
        ("", "SUPERB", "Five folds."),
        ("", "EmoBox", "Six folds."),
        ("1.0", "EmoBox", "Six folds."),
    ]


def test_figures_without_a_protocol_name_their_corpus(tmp_path):
    table = table_spec.load(own_table(tmp_path)).on("csv")
    notes = sheet(table, [Line(row) for row in table.rows]).notes
    assert notes == ["thesis: figures of demo, these are of csv."]
