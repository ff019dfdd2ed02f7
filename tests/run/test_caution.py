"""Cautions: scores of a random split, or after a leak, are printed with a warning everywhere."""

import dataclasses
import json

import pytest

from spectrobert import corpora
from spectrobert.config import Config
from spectrobert.data.splits import RANDOM, caution
from spectrobert.experiments import formats, report, table_rows, table_spec
from spectrobert.run import leaks, scoring
from spectrobert.run.folder import RunFolder
from spectrobert.settings.schemas import dataset_class

from ..helpers.runs import finish
from ..helpers.world import configure, verb


def test_a_random_split_is_named_everywhere(tmp_path):
    folder, results, printed = finish(
        configure(tmp_path, "ser", "trainer.epochs=1", "dataset.split=random")
    )
    assert f"test split, demo (n={results['test']['n']}, {RANDOM})" in printed
    assert f"split: {RANDOM}: " in printed
    assert results["split"]["definition"].startswith(RANDOM)
    assert results["test"]["caution"] == RANDOM
    assert f"| caution | {RANDOM} |" in folder.card.read_text()
    assert scoring.evaluate(folder.path).caution == RANDOM
    done = verb("evaluate", str(folder), "--json")
    assert json.loads(done.stdout)["caution"] == RANDOM
    done = verb("evaluate", str(folder))
    assert RANDOM in " ".join(done.stdout.split())
    page = report.write(tmp_path / "report.html", "A report", {"ser": [folder.path]})
    assert f"<h1>A report: {RANDOM}</h1>" in page.read_text()


def test_speakers_that_an_owner_shares_are_named_too(tmp_path, monkeypatch):
    caveat = "both speakers are in every split"
    demo = dataclasses.replace(corpora.corpus("demo"), caveat=caveat)
    monkeypatch.setattr("spectrobert.corpora.demo.CORPUS", demo)
    _, results, printed = finish(configure(tmp_path, "ser", "trainer.epochs=1"))
    assert f"n={results['test']['n']}, {caveat})" in printed
    assert results["test"]["caution"] == caution(results["split"]["definition"]) == caveat


def test_an_official_split_needs_no_caution(tmp_path):
    _, results, _ = finish(configure(tmp_path, "ser", "trainer.epochs=1"))
    assert "caution" not in results["test"]
    assert RANDOM not in json.dumps(results)


@pytest.mark.parametrize("form", [formats.markdown, formats.latex])
def test_a_table_prints_it_of_each_row(form):
    chosen = table_spec.load("ser")
    cell = table_rows.Cell((0.9,), (0.8, 1.0), is_fold_mean=False)
    line = table_rows.Line(chosen.rows[0], "none", {"unweighted_accuracy": cell}, caution=RANDOM)
    assert f"{chosen.rows[0].name}: {RANDOM}" in form(chosen, [line])


def test_a_checkpoint_that_has_heard_the_corpus_is_named(tmp_path):
    """Through two runs: WavCaps, then the demo, then ESC-10."""

    def begin(corpus: str, checkpoint: str = "", **options) -> Config:
        config = configure(tmp_path, "pre")
        config.experiment_name = f"on {corpus}"
        config.dataset = dataset_class(corpus)(**options)
        config.init.checkpoint = checkpoint
        folder = RunFolder.of(config)
        folder.path.mkdir(parents=True)
        folder.write_config(config)
        return config

    def directory(config: Config) -> str:
        return str(RunFolder.of(config))

    wavcaps = directory(begin("wavcaps"))
    demo = directory(begin("demo", wavcaps))
    named = f"{wavcaps} was trained on wavcaps with its FreeSound recordings left in"
    esc10 = begin("esc10", demo)
    assert leaks.caution(esc10).startswith(named)
    assert leaks.caution(begin("clotho_aqa", demo)) == ""
    both = "librispeech+wavcaps"
    clean = dataset_class(both)(wavcaps={"blacklist": "all_ac+ub8k_esc50_vggsound"})
    for clear in (directory(begin(both, wavcaps=clean.wavcaps)), str(tmp_path)):
        esc10.init.checkpoint = clear
        assert leaks.caution(esc10) == ""
