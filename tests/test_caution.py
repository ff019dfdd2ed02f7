"""Scores of a random split never stand alone: speakers are shared, and every output says so."""

from __future__ import annotations

import io
import json

from rich.console import Console

from spectrobert import runs, scoring
from spectrobert.data.splits import RANDOM
from spectrobert.experiments import formats, report, rows, table
from spectrobert.training import fit

from .world import configure, verb


def test_a_random_split_is_told_everywhere(tmp_path):
    config = configure(tmp_path, "ser", "trainer.epochs=1", "dataset.split=random")
    told = io.StringIO()
    results = fit(config, Console(file=told, width=200))
    folder = runs.run_folder(config)
    printed = " ".join(told.getvalue().split())
    assert f"test split, demo (n={results['test']['n']}, {RANDOM})" in printed
    assert f"split: {RANDOM}: " in printed
    assert results["split"]["definition"].startswith(RANDOM)
    assert results["test"]["caution"] == RANDOM
    assert scoring.evaluate(folder).caution == RANDOM
    done = verb("evaluate", str(folder), "--json")
    assert json.loads(done.stdout)["caution"] == RANDOM
    done = verb("evaluate", str(folder))
    assert RANDOM in " ".join(done.stdout.split())
    page = report.write(tmp_path / "report.html", "A report", {"ser": [folder]})
    assert f"<h1>A report: {RANDOM}</h1>" in page.read_text()


def test_an_official_split_needs_no_caution(tmp_path):
    config = configure(tmp_path, "ser", "trainer.epochs=1")
    results = fit(config, Console(file=io.StringIO(), width=200))
    assert "caution" not in results["test"]
    assert RANDOM not in json.dumps(results)


def test_a_table_says_it_of_each_row():
    chosen = table.load("ser")
    cell = rows.Cell((0.9,), (0.8, 1.0), is_fold_mean=False)
    line = rows.Line(chosen.rows[0], "none", {"unweighted_accuracy": cell}, caution=RANDOM)
    for form in (formats.markdown, formats.latex):
        assert f"{chosen.rows[0].name}: {RANDOM}" in form(chosen, [line])
