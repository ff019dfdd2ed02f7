"""Studies by inner cross-validation: one epoch for all parts, and a test split that is not read."""

import csv
import io
import sys

import numpy as np
import pytest
import yaml
from rich.console import Console

from spectrobert.__main__ import main
from spectrobert.errors import UserError
from spectrobert.experiments import inner_folds, search_space, study_report, tuning
from spectrobert.run import curves
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition

from ..helpers.sounds import noise_table
from ..helpers.world import QUICK, SMALL

MONITOR = "val/unweighted_accuracy"


def test_the_epoch_is_that_of_the_best_mean_over_all_parts():
    parts = [{0: 0.1, 1: 0.9, 2: 0.4, 3: 1.0}, {0: 0.3, 1: 0.0, 2: 0.6}]
    best = inner_folds.choose(parts, "max", is_any_epoch=True)
    assert best == inner_folds.InnerScore(3, (0.4, 0.6))
    assert best.mean == pytest.approx(0.5)
    assert best.deviation == pytest.approx(np.sqrt(0.02))
    assert inner_folds.choose(parts, "min", is_any_epoch=True).epoch == 1
    assert inner_folds.choose(parts[:1], "max", is_any_epoch=False).epoch == 4
    equal = [{0: 0.5, 1: 0.5}, {0: 0.5, 1: 0.5}]
    assert inner_folds.choose(equal, "max", is_any_epoch=True).epoch == 1
    with pytest.raises(UserError, match="no epoch was measured in all inner folds"):
        inner_folds.choose([{0: 0.1}, {1: 0.2}], "max", is_any_epoch=True)


@pytest.mark.parametrize(
    ("option", "is_cut_short"),
    [
        ("optim.lr=1e-3", True),
        ("optim.schedule=cosine", False),
        ("optim.warmup_share=0.1", False),
        ("optim.average=swa", False),
        ("optim.average=ema", True),
    ],
)
def test_only_a_run_that_can_be_cut_short_chooses_among_its_epochs(option, is_cut_short):
    config = composition.compose(["task=ser", "dataset=ravdess", option])
    assert inner_folds.is_cut_short(config) == is_cut_short


def test_the_run_that_follows_has_no_validation_and_no_patience():
    words = ["task=ser", "dataset=ravdess"]
    config = composition.compose(words)
    assert inner_folds.final_overrides(config, 7) == ["dataset.val_share=0", "trainer.epochs=7"]
    config = composition.compose([*words, "trainer.patience=3"])
    assert inner_folds.final_overrides(config, 7)[2:] == ["trainer.patience=0"]


@pytest.fixture
def search(tmp_path) -> tuning.Search:
    """Twelve speakers of four clips; two test."""
    cells = [f"{'ab'[i % 2]},s{i // 4},{'test' if i < 8 else 'train'}" for i in range(48)]
    noise_table(tmp_path, "label,speaker,split", cells)
    space = tmp_path / "space.yaml"
    space.write_text("optim.lr: [1e-4, 1e-3]\n")
    words = ["task=classification", "dataset=csv", f"dataset.file={tmp_path / 'table.csv'}"]
    quick = [word for word in QUICK if not word.startswith(("dataset.size", "optim.lr"))]
    words += ["model=tiny", *SMALL, *quick, f"runs_dir={tmp_path / 'runs'}", "trainer.epochs=2"]
    folder = tmp_path / "runs" / "study"
    return tuning.Search(folder, tuple(words), search_space.read(str(space)), 0, 8, 2)


def test_a_study_takes_the_mean_of_its_parts_and_reads_no_test_clip(search):
    console = Console(file=io.StringIO(), width=200)
    study = tuning.work(search, 2, 60, console)
    study_report.write(study, search, MONITOR, console)
    for trial in study.trials:
        runs = [search.folder / f"trial{trial.number}/seed0/inner{k}" for k in (1, 2)]
        results = [RunFolder(run).read_results() for run in runs]
        assert all("test" not in one for one in results)
        speakers = [set(one["split"]["speakers"]["val"]) for one in results]
        assert len(speakers[0] | speakers[1]) == 10
        assert not speakers[0] & speakers[1]
        assert all(one["split"]["speakers"]["test"] == ["s0", "s1"] for one in results)
        measured = [curves.epoch_means(RunFolder(run).metrics, MONITOR) for run in runs]
        means = [np.mean([part[epoch] for part in measured]) for epoch in (0, 1)]
        assert trial.value == pytest.approx(max(means))
        assert trial.user_attrs["epoch"] == 1 + int(np.argmax(means))
        assert sorted(trial.intermediate_values) == [0, 1, 2, 3]
        is_best = trial.number == study.best_trial.number
        assert all((run / "model").exists() == is_best for run in runs)
    best = study.best_trial
    with (search.folder / "trials.csv").open(newline="") as file:
        line = list(csv.DictReader(file))[best.number]
    parts = [float(line["inner1"]), float(line["inner2"])]
    assert np.mean(parts) == pytest.approx(best.value)
    assert int(line["epoch"]) == best.user_attrs["epoch"]
    printed = console.file.getvalue()
    shown = f"{best.value:.4f} ± {np.std(parts, ddof=1):.4f} over 2 parts, epoch {line['epoch']}"
    assert f"{MONITOR} {shown}; test clips were neither trained on nor scored" in printed
    command = printed.split("test it: ")[1].split()
    config = composition.compose(command[2:])
    assert config.dataset.val_share == 0
    assert config.dataset.inner_folds == 0
    assert config.trainer.epochs == best.user_attrs["epoch"]
    assert sum(word.startswith("trainer.epochs=") for word in command) == 1
    written = yaml.safe_load((search.folder / "best.yaml").read_text())
    assert written["dataset"] == {"val_share": 0}
    assert written["trainer"] == {"epochs": best.user_attrs["epoch"]}
    other = tuning.Search(search.folder, search.overrides, search.space, 0, 8)
    with pytest.raises(UserError, match="another study: inner_folds 2 then, None now"):
        tuning.work(other, 3, 60, console)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--inner_folds", "1"], "dataset.inner_folds=1: must be 2 or more"),
        (["--inner_folds", "3", "dataset.val_share=0.2"], "--inner_folds chooses the validation"),
        (["--inner_folds", "3", "dataset.inner_folds=3"], "--inner_folds chooses the validation"),
        (["--inner_folds", "3", "optim.schedule=plateau"], "no validation that it could watch"),
        (["--inner_folds", "3", "task.monitor=train/loss"], "a metric of validation is needed"),
        (["--inner_folds", "3", "dataset.split=random"], "split=random shares speakers"),
    ],
)
def test_wrong_words_are_one_line(tmp_path, words, message, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    start = ["", "tune", "--trials", "2", "--task", "ser", "--dataset", "ravdess"]
    monkeypatch.setattr(sys, "argv", [*start, *words])
    assert main() == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1
    assert not (tmp_path / "runs").exists()
