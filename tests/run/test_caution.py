"""Cautions: scores of a random split, or after a leak, are printed with a warning everywhere."""

import dataclasses
import json
from types import SimpleNamespace

import datasets
import pytest

from spectrobert import corpora
from spectrobert.config import Config
from spectrobert.data.splits import RANDOM, caution
from spectrobert.experiments import formats, table_rows, table_spec
from spectrobert.experiments.report.page import write as write_report
from spectrobert.run import leaks, scoring
from spectrobert.run.folder import NEEDED, RunFolder
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
    page = write_report(tmp_path / "report.html", "A report", {"ser": [folder.path]})
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


def test_speakers_that_pre_training_on_the_same_corpus_has_heard_are_counted(tmp_path):
    """RAVDESS, pre-trained on fold 1's training speakers and tested on fold 2's."""
    first = configure(tmp_path, "pre")
    first.dataset, first.experiment_name = dataset_class("ravdess")(), "tapt"
    folder = RunFolder.of(first)
    folder.path.mkdir(parents=True)
    folder.write_config(first)
    split = {"speakers": {"train": ["01", "02", "03"], "val": ["04"]}}
    folder.results.write_text(json.dumps({key: {} for key in NEEDED} | {"split": split, "val": {}}))
    config = configure(tmp_path, "ser")
    config.dataset, config.init.checkpoint = dataset_class("ravdess")(), str(folder)

    def heard(*test: str) -> str:
        summary = SimpleNamespace(speakers={"test": list(test)})
        return leaks.heard_rows(config, SimpleNamespace(summary=summary, splits={}), "test")

    expected = f"{folder} was trained, without labels, on 2 of 4 test speakers"
    assert heard("02", "03", "04", "05") == expected
    assert heard("04", "05", "06", "07") == ""  # a speaker who has chosen its epoch alone
    config.dataset = dataset_class("emodb")()
    assert heard("02", "03") == ""  # of another corpus


def test_without_speakers_rows_are_compared(tmp_path):
    first = configure(tmp_path, "ser")
    folder = RunFolder.of(first)
    folder.path.mkdir(parents=True)
    folder.write_config(first)
    folder.results.write_text(json.dumps({"split": {"speakers": {}}}))
    folder.split.write_text("id,split,label,text\na,train,x,\nb,val,x,\nc,train,x,\n")
    config = configure(tmp_path, "ser")
    config.init.checkpoint = str(folder)
    test = datasets.Dataset.from_dict({"id": ["c", "d"]})
    prepared = SimpleNamespace(summary=SimpleNamespace(speakers={}), splits={"test": test})
    assert leaks.heard_rows(config, prepared, "test") == (
        f"{folder} was trained on 1 of 2 test rows"
    )
