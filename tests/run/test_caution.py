"""Scores of a random split never stand alone: speakers are shared, and every output says so."""

from __future__ import annotations

import dataclasses
import io
import json

from rich.console import Console

from spectrobert import corpora
from spectrobert.config import Config
from spectrobert.data.splits import RANDOM, caution
from spectrobert.experiments import formats, report, table_rows, table_spec
from spectrobert.run import leaks, scoring
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.settings.schemas import dataset_class

from ..helpers.world import configure, verb


def test_a_random_split_is_told_everywhere(tmp_path):
    config = configure(tmp_path, "ser", "trainer.epochs=1", "dataset.split=random")
    told = io.StringIO()
    results = fit(config, Console(file=told, width=200))
    folder = RunFolder.of(config).path
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


def test_speakers_that_an_owner_shares_are_told_too(tmp_path, monkeypatch):
    caveat = "both speakers are in every split"
    demo = dataclasses.replace(corpora.corpus("demo"), caveat=caveat)
    monkeypatch.setattr("spectrobert.corpora.demo.CORPUS", demo)
    config = configure(tmp_path, "ser", "trainer.epochs=1")
    told = io.StringIO()
    results = fit(config, Console(file=told, width=200))
    assert f"n={results['test']['n']}, {caveat})" in " ".join(told.getvalue().split())
    assert results["test"]["caution"] == caveat
    assert caution(results["split"]["definition"]) == caveat  # what tables and reports read


def test_an_official_split_needs_no_caution(tmp_path):
    config = configure(tmp_path, "ser", "trainer.epochs=1")
    results = fit(config, Console(file=io.StringIO(), width=200))
    assert "caution" not in results["test"]
    assert RANDOM not in json.dumps(results)


def test_a_table_says_it_of_each_row():
    chosen = table_spec.load("ser")
    cell = table_rows.Cell((0.9,), (0.8, 1.0), is_fold_mean=False)
    line = table_rows.Line(chosen.rows[0], "none", {"unweighted_accuracy": cell}, caution=RANDOM)
    for form in (formats.markdown, formats.latex):
        assert f"{chosen.rows[0].name}: {RANDOM}" in form(chosen, [line])


def test_a_checkpoint_that_has_heard_the_corpus_is_named(tmp_path):
    """Through two runs: WavCaps, then the demo, then ESC-10."""

    def run(name: str, corpus: str, checkpoint: str = "", **options) -> Config:
        config = configure(tmp_path, "pre")
        config.experiment_name = name
        config.dataset = dataset_class(corpus)(**options)
        config.init.checkpoint = checkpoint
        folder = RunFolder.of(config).path
        folder.mkdir(parents=True)
        RunFolder(folder).write_config(config)
        return config

    wavcaps = str(RunFolder.of(run("w", "wavcaps")).path)
    demo = str(RunFolder.of(run("d", "demo", wavcaps)).path)
    told = f"{wavcaps} was trained on wavcaps with its FreeSound recordings left in"
    assert leaks.caution(run("e", "esc10", demo)).startswith(told)
    assert leaks.caution(run("c", "clotho_aqa", demo)) == ""
    both = "librispeech+wavcaps"
    clean = dataset_class(both)(wavcaps={"blacklist": "all_ac+ub8k_esc50_vggsound"})
    mixed = run("m", both, **{"wavcaps": clean.wavcaps})
    assert leaks.caution(run("f", "esc10", str(RunFolder.of(mixed).path))) == ""
    assert leaks.caution(run("g", "esc10", str(tmp_path))) == ""
