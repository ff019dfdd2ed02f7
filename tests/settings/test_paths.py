"""A run means the same files from any working directory."""

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from spectrobert.corpus_tools import prepare
from spectrobert.data import copies
from spectrobert.files import read_yaml
from spectrobert.run import scoring
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition, paths
from spectrobert.settings.schemas import dataset_class, own_options

from ..helpers import world
from ..helpers.sounds import noise


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """The working directory, with a table in it."""
    lines = ["audio,label,speaker"]
    for i in range(24):
        noise(tmp_path / "audio" / f"{i}.wav", i, 0.2)
        lines.append(f"audio/{i}.wav,{'ab'[i % 2]},s{i // 2}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compose(home: Path, *more: str):
    words = world.overrides(home, "ser", "trainer.epochs=1", "data_dir=data", *more)
    of_demo = ("dataset=", "dataset.size=")
    return composition.compose(["dataset=csv", *(w for w in words if not w.startswith(of_demo))])


def test_a_run_from_a_relative_table_is_scored_from_elsewhere(home, monkeypatch):
    config = compose(home, "dataset.file=table.csv")
    results = fit(config, Console(file=io.StringIO()))
    folder = RunFolder.of(config).path
    kept = read_yaml(folder / "config.yaml")
    assert kept["dataset"]["file"] == str(home / "table.csv")
    assert kept["data_dir"] == str(home / "data")
    monkeypatch.chdir(home / "elsewhere")
    assert scoring.evaluate(folder).to_dict() == results["test"]
    # another spelling is no other setting, here or in the run
    again = compose(home, "dataset.file=../table.csv", "resume=true")
    assert fit(again, Console(file=io.StringIO()))["test"] == results["test"]


def test_folders_become_absolute_and_names_stay(home):
    (home / "bert").mkdir()
    config = compose(home, "dataset.file=./table.csv", "init.text_model=bert")
    paths.make_absolute(config)
    assert config.init.text_model == str(home / "bert")
    config = compose(
        home, "dataset.file=table.csv", "init.text_model=google-bert/bert-base-uncased"
    )
    paths.make_absolute(config)
    assert config.init.text_model == "google-bert/bert-base-uncased"
    parts = ("dataset.ravdess.root=r", "dataset.csv.file=[table.csv,other.csv]")
    mixed = composition.compose(["task=pre", "dataset=csv+ravdess", "model=tiny", *parts])
    paths.make_absolute(mixed)
    assert mixed.dataset.ravdess.root == str(home / "r")
    assert mixed.dataset.csv.file == [str(home / "table.csv"), str(home / "other.csv")]
    assert mixed.dataset.csv.root == ""


def test_a_prepared_folder_is_found_under_any_spelling(home):
    def options(file: str | Path) -> dict:
        return own_options(dataset_class("csv")(file=str(file)))

    with prepare.processes(1) as pool:
        prepare.write(home / "p", "csv", home, "ser", options("table.csv"), pool)
    spellings = ["table.csv", "./table.csv", "elsewhere/../table.csv", home / "table.csv"]
    folders = {copies.opened(home / "p", "csv", "ser", options(s)).folder for s in spellings}
    os.chdir(home / "elsewhere")
    folders.add(copies.opened(home / "p", "csv", "ser", options("../table.csv")).folder)
    assert len(folders) == 1
