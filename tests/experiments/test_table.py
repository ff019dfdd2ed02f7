"""Tables: what they hold, what they run, what they print, and what a wrong one says."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from rich.console import Console

from spectrobert import metrics
from spectrobert.__main__ import main
from spectrobert.config import InitConfig
from spectrobert.errors import UserError
from spectrobert.experiments import (
    campaign,
    formats,
    jobs,
    seed_statistics,
    slurm,
    table_rows,
    table_spec,
    workers,
)
from spectrobert.experiments.jobs import Settings, State
from spectrobert.experiments.seed_statistics import Answers
from spectrobert.run.folder import RESULTS, RunFolder
from spectrobert.settings import composition
from spectrobert.tasks.classification import Classification

from ..helpers.world import QUICK, ROOT, SMALL, data_dir, verb

LITTLE = (*QUICK, "model=tiny", *SMALL, "trainer.epochs=1")


# --- tables as data


@pytest.mark.parametrize("name", composition.options_of("table"))
def test_every_table_of_the_project_plans(name):
    found = table_spec.load(name)
    planned = jobs.plan(found, Settings(seeds=2))
    assert {job.row for job in planned} >= {row.name for row in found.rows if row.is_run}
    assert [job.seed for job in planned if job.row == found.baseline][:1] == [0]


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        (
            "aqa_binary",
            {
                "baseline": (64.9, 4),
                "bin-frz": (68.8, 30),
                "bin-frz-nolast": (74.3, 6),
                "bin-frz-noaudio": (69.6, 4),
            },
        ),
        (
            "aqa_open",
            {
                "baseline": (20.1, 44.4, 9),
                "open-nofrz": (49.7, 87.9, 28),
                "open-frz-nolast": (46.7, 78.3, 30),
                "open-frz-nolast2": (50.8, 85.4, 30),
            },
        ),
        (
            "ser",
            {
                "baseline": (42.3, 67.3, 47),
                "ser-frz-nolast": (29.9, 50.4, 28),
                "ser-frz-nolast-noaudio": (63.2, 82.1, 23),
            },
        ),
    ],
)
def test_the_thesis_figures(name, figures):
    chosen = [row for row in table_spec.load(name).rows if row.experiment and row.thesis]
    assert {row.name: tuple(row.thesis.values()) for row in chosen} == figures
    for row in table_spec.load(f"{name}_corpora").rows:
        assert tuple(row.thesis.values()) == figures.get(row.name.removesuffix(" from WavCaps"), ())


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        ("aqa_binary", ["accuracy", "auroc"]),
        ("aqa_open", ["accuracy", "top5_accuracy", "top10_accuracy", "auroc"]),
        ("ser", ["accuracy", "unweighted_accuracy", "top2_accuracy", "auroc"]),
    ],
)
def test_the_metrics_of_the_thesis_are_columns(name, metrics):
    """Sections 4.2.1 (accuracy, AUROC), 4.2.3 (top-5, top-10) and 4.2.4 (top-2)."""
    for found in (table_spec.load(name), table_spec.load(f"{name}_corpora")):
        assert list(found.metrics) == metrics


@pytest.mark.parametrize(
    ("name", "row", "epochs"), [("aqa_binary", "bin-nofrz", 30), ("ser", "ser-nofrz", 50)]
)
def test_full_fine_tuning_is_a_row(name, row, epochs):
    """Sections 4.2.3 and 4.2.4: pre-trained, with all weights unfrozen."""
    job = next(job for job in jobs.plan(table_spec.load(name), Settings()) if job.row == row)
    assert job.config.freeze.train == ["all"]
    assert job.config.init.checkpoint == "runs/pre_wavcaps/seed0"
    assert job.config.trainer.epochs == epochs


@pytest.mark.parametrize("name", ["aqa_binary", "aqa_open", "ser"])
def test_rows_share_three_pretraining_corpora(name):
    """Section 4.2.3, "Pre-Trained on Each Dataset": one preset, three corpora."""
    settings = Settings(folds="1" if name == "ser" else "all")
    planned = jobs.plan(table_spec.load(f"{name}_corpora"), settings)
    first = {job.row: job.folder for job in planned if job.task == "pre"}
    names = ("wavcaps", "librispeech", "common_voice")
    assert list(first.values()) == [Path(f"runs/pre_{corpus}/seed0") for corpus in names]
    chosen = [job for job in planned if job.needs]
    assert [job.needs.row for job in chosen] == ["WavCaps", "LibriSpeech", "Common Voice"]
    alike = [replace(job.config, experiment_name="same", init=InitConfig()) for job in chosen]
    assert alike[0] == alike[1] == alike[2]
    own = {job.folder for job in jobs.plan(table_spec.load(name), settings)}
    assert [job.folder in own for job in chosen] == [True, False, False]
    assert len({job.folder for job in chosen}) == 3


def test_rows_differ_as_the_thesis_says():
    planned = {
        job.row: job.config for job in jobs.plan(table_spec.load("ser"), Settings(folds="1"))
    }
    assert planned["WavCaps"].trainer.epochs == 50
    assert planned["baseline"].trainer.epochs == 50  # the best epoch was the 47th
    assert planned["baseline"].init.text_model == "google-bert/bert-base-uncased"
    assert planned["ser-frz-nolast"].freeze.train == ["head", "encoder.-1"]
    assert planned["ser-frz-nolast-noaudio"].freeze.train == ["head", "encoder.-1", "audio"]
    binary = {job.row: job.config for job in jobs.plan(table_spec.load("aqa_binary"), Settings())}
    assert binary["bin-frz"].trainer.epochs == 30
    assert binary["bin-frz"].init.checkpoint == "runs/pre_wavcaps/seed0"
    assert binary["bin-frz"].init.text_model == ""


def test_pretraining_is_shared_by_the_rows_of_a_seed_and_all_tables():
    binary, ser = (jobs.plan(table_spec.load(n), Settings(seeds=2)) for n in ("aqa_binary", "ser"))
    first = [job for job in ser if job.task == "pre"]
    assert [job.folder for job in first] == [Path(f"runs/pre_wavcaps/seed{k}") for k in (0, 1)]
    assert [j.folder for j in binary if j.task == "pre"] == [j.folder for j in first]
    for job in ser:
        if job.row == "ser-frz-nolast":
            assert job.needs is first[job.seed]
    folds = [(j.seed, j.fold) for j in ser if j.row == "baseline"]
    assert folds == [(seed, fold) for seed in (0, 1) for fold in range(1, 7)]
    assert all(job.needs is None for job in ser if job.row == "baseline")


def test_a_checkpoint_takes_the_place_of_pretraining():
    planned = jobs.plan(table_spec.load("aqa_binary"), Settings(checkpoint="runs/mine/seed0"))
    assert not [job for job in planned if job.task == "pre"]
    started = {job.row: job.config.init.checkpoint for job in planned if not job.needs}
    assert started["bin-frz"] == "runs/mine/seed0"
    assert started["baseline"] == ""


def test_pretraining_on_the_rows_own_corpus_does_not_hear_the_test_speakers(tmp_path):
    text = {
        "title": "t",
        "task": "ser",
        "dataset": "ravdess",
        "metrics": ["accuracy"],
        "pretraining": [{"name": "p", "experiment": "pre_librispeech", "dataset": "ravdess"}],
        "rows": [{"name": "r", "experiment": "ser_ser-frz-nolast", "needs": "p"}],
    }
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(text))
    planned = jobs.plan(table_spec.load(str(path)), Settings(folds="2,5"))
    assert [(job.row, job.fold) for job in planned] == [("p", 2), ("p", 5), ("r", 2), ("r", 5)]
    assert [job.needs.fold for job in planned if job.needs] == [2, 5]


OWN = {
    "title": "Two learning rates",
    "task": "aqa_binary",
    "dataset": "demo",
    "metrics": ["accuracy", "auroc"],
    "baseline": "slow",
    "rows": [
        {"name": "slow", "overrides": ["optim.lr=1e-5"]},
        {"name": "fast, or so", "overrides": ["optim.lr=1e-3"], "thesis": {"accuracy": 60}},
    ],
}


def own_table(tmp_path: Path, **changes) -> str:
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(OWN | changes))
    return str(path)


def test_rows_with_overrides_have_folders_of_their_own(tmp_path):
    planned = jobs.plan(table_spec.load(own_table(tmp_path)), Settings())
    assert [str(job.folder) for job in planned] == [
        "runs/demo_slow/seed0",
        "runs/demo_fast-or-so/seed0",
    ]
    assert [job.config.optim.lr for job in planned] == [1e-5, 1e-3]
    planned = jobs.plan(table_spec.load(own_table(tmp_path)), Settings(overrides=("optim.lr=2",)))
    assert [job.config.optim.lr for job in planned] == [2, 2]  # the command line wins


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"taks": "ser"}, ["unknown key 'taks'", "did you mean 'task'"]),
        ({"task": "aqa"}, ["unknown task 'aqa'", "aqa_open"]),
        ({"dataset": "demoo"}, ["unknown dataset 'demoo'", "did you mean 'demo'"]),
        ({"metrics": "accuracy"}, ["metrics must be a list of names, not 'accuracy'"]),
        ({"metrics": []}, ["metrics is empty"]),
        ({"baseline": "slower"}, ["baseline", "did you mean 'slow'"]),
        ({"rows": [{"experiment": "ser_baseline"}]}, ["rows 1: name is missing"]),
        ({"rows": [{"name": "slow", "experiment": "x"}]}, ["row 'slow'", "experiment 'x'"]),
        (
            {"rows": [{"name": "slow", "overrides": ["lr"]}]},
            ["row 'slow': overrides: 'lr' is not key=value"],
        ),
        (
            {"rows": [*OWN["rows"], {"name": "z", "overrides": ["a=b"], "needs": "x"}]},
            ["row 'z': needs: unknown pre-training 'x'"],
        ),
        (
            {"rows": [*OWN["rows"], {"name": "z", "silenced": "fats"}]},
            ["row 'z': silenced: unknown row 'fats'"],
        ),
        (
            {"rows": [{"name": "slow", "overrides": ["a=b"], "thesis": {"wer": 1}}]},
            ["thesis: unknown metric 'wer'", "accuracy"],
        ),
        (
            {"rows": [{"name": "slow", "overrides": ["a=b"], "thesis": {"accuracy": "x"}}]},
            ["thesis: accuracy must be a number, not 'x'"],
        ),
        ({"rows": [OWN["rows"][0], OWN["rows"][0]]}, ["two rows are named 'slow'"]),
    ],
)
def test_a_wrong_table_is_one_line(tmp_path, changes, said):
    with pytest.raises(UserError) as error:
        table_spec.load(own_table(tmp_path, **changes))
    assert "own.yaml" in str(error.value)
    assert "\n" not in str(error.value)
    for words in said:
        assert words in str(error.value)


def test_the_example_of_the_docs_plans(tmp_path):
    text = (ROOT / "docs" / "tables.md").read_text()
    path = tmp_path / "own.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0])
    planned = jobs.plan(table_spec.load(str(path)), Settings(folds="1"))
    assert [job.row for job in planned] == ["LibriSpeech", "slow", "fast", "fast, audio silenced"]
    assert str(planned[2].folder) == "runs/ravdess_fast/seed0/fold1"


@pytest.mark.parametrize("text", ["a: [", "- a\n- b", "", "\xff"])
def test_a_file_that_is_no_table_is_one_line(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"own\.yaml") as error:
        table_spec.load(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["aqa_binry"], "did you mean 'aqa_binary'"),
        (["none/such.yaml"], "No such file"),
        (["demo", "seed=3"], "takes this from --seeds"),
        (["demo", "--experiment_name", "x"], "overrides in the table's YAML"),
        (["demo", "dataset.root=/x"], "--data_dir"),
        (["demo", "--seeds", "0"], "--seeds 0: must be 1 or more"),
        (["demo", "--folds", "1"], "'demo' has no folds"),
        (["ser", "--folds", "0"], "must be all, or numbers"),
        (["ser", "--dataset", "ravdes"], "did you mean 'ravdess'"),
        (["ser", "--dataset", "clotho_aqa"], "no task 'ser'"),
        (["demo", "optim.lrr=1"], "unknown key 'optim.lrr'"),
        (["demo", "--format", "pdf"], "unknown --format 'pdf'"),
        (["demo", "--index", "99"], "jobs 0 to 5"),
        (["demo", "--sedes", "3"], "unknown flag '--sedes'"),
    ],
)
def test_a_wrong_call_is_one_line(words, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["spectrobert", "table", *words])
    assert main() == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert said in shown.err
    assert not shown.out


# --- statistics, by hand


def answers(hits, groups, labels=None, first=0) -> Answers:
    """Class a unless said otherwise; a miss is called z, and z is the second of two classes."""
    ids = tuple(str(first + i) for i in range(len(hits)))
    labels = tuple(labels or "a" * len(hits))
    said = tuple(label if hit else "z" for label, hit in zip(labels, hits))
    return Answers(ids, tuple(groups), labels, said, tuple(1 if hit else 2 for hit in hits))


def exchanged(row, baseline, groups) -> float:
    return seed_statistics.permutation_p(
        "accuracy", answers(row, groups), answers(baseline, groups)
    )


def test_permutation_of_whole_groups():
    # signs of two groups: |2+1|, |2-1|, |-2+1|, |-2-1|; two of four reach 3
    assert exchanged([1, 1, 1], [0, 0, 0], "xxy") == 0.5
    assert exchanged([1, 0], [0, 1], "xy") == 1.0
    assert exchanged([1, 0], [0, 1], "xx") == 1.0  # they cancel
    # four groups of one sign: all or none exchanged, 2 of 16
    assert exchanged([1] * 4, [0] * 4, "wxyz") == 2 / 16


def test_permutation_of_many_groups_is_drawn():
    groups = [str(i) for i in range(40)]
    assert exchanged([1, 0] * 20, [0, 1] * 20, groups) == 1.0
    assert exchanged([1] * 40, [0] * 40, groups) == pytest.approx(1 / 10_001)
    # 9 of 10 groups in favour: exactly 22 of 1024 patterns; 14 groups, 12 of them: 212 of 16384
    row = [1] * 12 + [0] * 2
    drawn = exchanged(row, [1 - hit for hit in row], groups[:14])
    assert drawn == pytest.approx(212 / 16384, abs=0.004)
    assert exchanged([1] * 9 + [0], [0] * 9 + [1], groups[:10]) == 22 / 1024


def test_comparison_pairs_items_by_their_id():
    baseline = answers([1, 0, 0], "ghi", "aab")
    row = answers([0, 1, 1, 1], "jihg", "bbaa").take([0, 1, 2, 3])
    row = dataclasses.replace(row, ids=("9", "2", "1", "0"))
    found = seed_statistics.compare("accuracy", [row], [baseline])
    assert (found.n, found.num_seeds) == (3, 1)  # item 9 the baseline has not seen
    assert found.difference == pytest.approx(2 / 3)
    assert found.p == 4 / 8  # the group without a difference doubles both counts
    ua = seed_statistics.compare("unweighted_accuracy", [row], [baseline])
    assert ua.difference == pytest.approx((1 / 2 + 1) / 2)
    assert (ua.interval, ua.p) == (None, 4 / 8)  # class b is in one group only


def test_one_seed_has_the_interval_of_results_json():
    """One rule for both: the same statistic, the same resamples of the same groups."""
    rng = np.random.default_rng(0)
    labels, hits = "aabbb" * 20, rng.random(100) < 0.7
    groups = [str(i // 5) for i in range(100)]
    mine = answers(hits, groups, labels)
    truth = np.array([label == "b" for label in labels]).astype(int)
    logits = np.eye(3)[np.where(hits, truth, 2)] + np.eye(3)[truth] / 2
    found, _ = classification_intervals(logits, truth, list("abz"), groups)
    for metric in ("accuracy", "unweighted_accuracy", "macro_f1", "top2_accuracy"):
        assert seed_statistics.interval(metric, [mine]) == pytest.approx(found[metric]), metric


def classification_intervals(logits, truth, labels, groups):
    return metrics.intervals(metrics.classification(logits, truth, labels, (2,)), groups)


def test_the_two_errors_by_hand():
    """Three seeds of 0.5, 0.6 and 0.7; of three seeds in two resamples, what they share."""
    drawn = np.array([[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])  # about their means
    found = seed_statistics.errors(np.array([0.5, 0.6, 0.7]), drawn, num_groups=5)
    assert found.of_seeds == pytest.approx(0.1 / np.sqrt(3))
    # mean covariance of two seeds: 2 (0.02 + 0.03 + 0.06) / 3 over R - 1 = 1, times 5 / 4
    assert found.of_groups**2 == pytest.approx(2 * 0.11 / 3 * 5 / 4)
    apart = np.array([[0.1, -0.1], [-0.1, 0.1]])  # seeds that share nothing
    assert seed_statistics.errors(np.array([0.5, 0.6]), apart, num_groups=5).of_groups == 0


def errors_of(seeds: float, groups: float) -> seed_statistics.Errors:
    return seed_statistics.Errors(np.float64(seeds), np.float64(groups), num_seeds=3, num_groups=11)


def test_one_error_alone_is_a_t_interval():
    assert errors_of(0.1, 0).half_width() == pytest.approx(4.3027 * 0.1, rel=1e-4)  # t of 2
    assert errors_of(0, 0.1).half_width() == pytest.approx(2.2281 * 0.1, rel=1e-4)  # t of 10
    assert errors_of(0.1, 0).tail(np.float64(0.1)) == pytest.approx(0.4226, rel=1e-3)
    assert errors_of(0, 0).half_width() == 0


def test_two_errors_have_the_mean_of_their_tails():
    """At 2.5 standard errors t of 2 has 0.1296 outside, t of 10 0.0314; variances are 1 to 3."""
    both = errors_of(0.1, 0.1 * np.sqrt(3))
    assert both.tail(np.float64(0.5)) == pytest.approx(0.1296 / 4 + 3 * 0.0314 / 4, abs=1e-4)
    assert both.tail(both.half_width()) == pytest.approx(0.05)


def test_seeds_that_differ_widen_the_interval():
    """Each of 20 items its own group; the seeds are right in 12, 12, 12 or in 8, 12, 16 of them."""
    groups = [str(i) for i in range(20)]
    alike = [answers([1] * 12 + [0] * 8, groups) for _ in range(3)]
    apart = [answers([1] * right + [0] * (20 - right), groups) for right in (8, 12, 16)]
    low, high = seed_statistics.interval("accuracy", alike)
    # equal seeds: the groups alone, by hand t of 19 times sqrt(0.6 0.4 / 19)
    assert high - low == pytest.approx(2 * 2.093 * np.sqrt(0.24 / 19), rel=0.05)
    low, high = seed_statistics.interval("accuracy", apart)
    assert (low, high) == (pytest.approx(0.6 - 4.3027 * 0.2 / np.sqrt(3), abs=0.06), 1.0)
    found = seed_statistics.compare("accuracy", apart, alike)
    assert (found.difference, found.num_seeds) == (pytest.approx(0), 3)
    assert found.p == pytest.approx(1)
    sure = seed_statistics.compare("accuracy", [answers([1] * 20, groups)] * 3, alike)
    assert sure.p < 0.01


def test_a_class_in_one_group_has_no_interval_over_seeds_either():
    some = [answers([1, 0, 1, 1], "wxyz", "aaab"), answers([1, 1, 0, 1], "wxyz", "aaab")]
    assert seed_statistics.interval("accuracy", some) is not None
    assert seed_statistics.interval("unweighted_accuracy", some) is None
    assert seed_statistics.obstacle("unweighted_accuracy", some) == "b in one group only"
    found = seed_statistics.compare("unweighted_accuracy", some, some[::-1])
    assert (found.difference, found.interval, found.p) == (pytest.approx(0), None, None)


def test_the_benchmark_of_coverage_uses_these_errors():
    """Its matrix products and the rows of a table give one interval."""
    spec = importlib.util.spec_from_file_location("coverage", ROOT / "benchmarks" / "coverage.py")
    coverage = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(coverage)
    generator = np.random.default_rng(0)
    sizes = np.array([1, 2, 3, 4, 2, 3, 5])
    hits = generator.random((3, sizes.sum())) < 0.7  # (K, N)
    groups = [str(i) for i, size in enumerate(sizes) for _ in range(size)]
    found = coverage.over_seeds_and_groups(coverage.by_group(hits[None], sizes), sizes)
    half = found.half_width()[0]
    low, high = seed_statistics.interval("accuracy", [answers(h, groups) for h in hits])
    assert min(1, hits.mean() + half) == pytest.approx(high)
    assert max(0, hits.mean() - half) == pytest.approx(low)


# --- lines, from folders written by hand


def finished(job, predictions, metrics, epoch=3) -> None:
    """A run's folder as training leaves it, of given (label, prediction) pairs."""
    folder = job.folder
    RunFolder(folder).write_config(job.config)
    with (folder / "predictions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "group", "label", "prediction", "rank"])
        for i, (label, prediction) in enumerate(predictions):
            rank = 1 if label == prediction else 2 if label == "a" else 3  # "a" is always second
            writer.writerow([f"{job.fold}-{i}", f"g{i}", label, prediction, rank])
    results = {
        "split": {"definition": "owner's test split", "counts": {"train": 100}},
        "epochs_run": 4,
        "test": {"split": "test", "n": len(predictions), "metrics": metrics},
        "monitor": {"name": "val/accuracy", "checkpoint": "best", "epoch": epoch},
    }
    (folder / RESULTS).write_text(json.dumps(results))


@pytest.fixture
def ser_jobs(tmp_path):
    """The SER table with two folds and two seeds, nothing run yet."""
    settings = Settings(seeds=2, folds="1,2", runs_dir=str(tmp_path))
    return campaign.prepare(table_spec.load("ser"), settings)


def of(asked, row):
    return [job for job in asked.jobs if job.row == row]


# one fold is right in 3 of 3, the other in 1 of 3, of class a 1 of 3 and of class b 0 of 0
ALL, SOME = [("a", "a"), ("b", "b"), ("b", "b")], [("a", "a"), ("a", "c"), ("a", "b")]


# of results.json, and no matter: folds are scored together
SCORES = {"accuracy": 0, "unweighted_accuracy": 0, "top2_accuracy": 0, "auroc": 0.5}


def test_folds_are_pooled_so_that_each_item_counts_once(ser_jobs):
    for job in of(ser_jobs, "baseline"):
        finished(job, ALL if job.fold == 1 else SOME, SCORES, epoch=job.fold)
    line = table_rows.lines(ser_jobs.table, ser_jobs.jobs, {})[0]
    assert line.cells["accuracy"].values == (4 / 6, 4 / 6)
    assert line.cells["unweighted_accuracy"].values == pytest.approx((0.75, 0.75))  # a 2/4, b 2/2
    assert line.cells["top2_accuracy"].values == (1, 1)
    assert not line.cells["top2_accuracy"].is_fold_mean
    assert (line.n, line.epochs, line.seeds, line.finished) == (6, (1, 2, 1, 2), (0, 1), 4)
    assert line.comparison is None


def test_a_table_names_its_errors(tmp_path):
    """Meaning of ± and of an interval, for three seeds, for one, and if there is none."""
    asked = campaign.prepare(
        table_spec.load("demo"),
        Settings(seeds=3, runs_dir=str(tmp_path), checkpoint="/all/runs/mine"),
    )
    scores = dict.fromkeys(asked.table.metrics, 0.5)
    for job in of(asked, "baseline"):
        finished(job, SOME, scores)
    finished(of(asked, "bin-frz")[0], ALL, scores)
    found = table_rows.lines(asked.table, asked.jobs, {})
    baseline, frozen = found[0], next(line for line in found if line.row.name == "bin-frz")
    said = " ".join(formats.notes(asked.table, [baseline, frozen]))
    assert "± is the standard deviation over seeds." in said
    assert "expected score of another seed on other groups" in said
    assert "One seed: in brackets: 95 % bootstrap interval over groups" in said
    assert "permutation test" in said
    assert "baseline: auroc has no interval: predictions.csv does not hold all" in said
    for text in (formats.latex, formats.markdown):
        shown = text(asked.table, [baseline, frozen])
        assert "is the standard deviation over seeds." in shown
        assert "for this trained model: how much seeds differ is not part of it." in shown
    assert baseline.cells["accuracy"].covers == "seeds and groups"


def test_top_k_without_ranks_has_no_interval_and_says_why(ser_jobs):
    """An older version wrote no ranks, and six digits of probabilities have ties."""
    for job in of(ser_jobs, "baseline"):
        finished(job, ALL, SCORES)
        text = (job.folder / "predictions.csv").read_text().splitlines()
        without = "\n".join(line.rpartition(",")[0] for line in text)
        (job.folder / "predictions.csv").write_text(without)
    line = table_rows.lines(ser_jobs.table, ser_jobs.jobs, {})[0]
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


def test_the_examples_that_a_row_has_trained_on_are_named(ser_jobs):
    tuned = of(ser_jobs, "ser-nofrz")
    for job in (*of(ser_jobs, "baseline"), *tuned, *{j.needs for j in tuned}):
        finished(job, ALL, SCORES)
    found = table_rows.lines(ser_jobs.table, ser_jobs.jobs, {})
    assert [line.examples for line in found if line.cells] == [(0, 400), (400, 400)]
    assert (
        "Training examples seen by a run (pre-training + fine-tuning):"
        " baseline 400; ser-nofrz 400 + 400." in formats.notes(ser_jobs.table, found)
    )


def test_a_seed_whose_folds_are_not_all_there_does_not_count(ser_jobs):
    for job in of(ser_jobs, "baseline")[:3]:
        finished(job, ALL, SCORES)
    line = table_rows.lines(ser_jobs.table, ser_jobs.jobs, {})[0]
    assert (line.seeds, line.finished, line.planned) == ((0,), 3, 4)
    shown = formats.cells(ser_jobs.table, [line], line)
    assert shown[-1] == ("3 of 4 runs",)


def test_mean_spread_and_comparison_over_seeds(tmp_path):
    asked = campaign.prepare(
        table_spec.load("demo"),
        Settings(seeds=3, runs_dir=str(tmp_path), checkpoint="/all/runs/mine"),
    )
    for job, accuracy in zip(of(asked, "baseline"), (0.5, 0.6, 0.7)):
        finished(job, SOME, {"accuracy": accuracy, "auroc": 0.5})
    for job in of(asked, "bin-frz")[:2]:
        finished(job, [("a", "a")] * 3, {"accuracy": 1.0, "auroc": 0.9})
    baseline, frozen, *_ = table_rows.lines(asked.table, asked.jobs, {})
    cell = baseline.cells["accuracy"]
    assert (cell.mean, cell.spread) == (pytest.approx(0.6), pytest.approx(0.1))
    assert frozen.comparison.difference == pytest.approx(2 / 3)  # seeds 0 and 1 only
    assert frozen.comparison.num_seeds == 2
    text = formats.markdown(asked.table, [baseline, frozen])
    assert "| baseline | none | 3/3/3 | 60.0 ± 10.0 (" in text
    assert "| bin-frz | runs/mine | 3/3 | 100.0 ± 0.0 (100.0 - 100.0) | 68.8 | +66.7 (" in text


def test_a_metric_that_is_not_there_fails_its_row_with_the_names_that_are(ser_jobs):
    ser_jobs = campaign.prepare(
        table_spec.load("ser"), Settings(folds="1", runs_dir=ser_jobs.settings.runs_dir)
    )
    finished(of(ser_jobs, "baseline")[0], ALL, {"accuracy": 1, "loss": 2})
    line = table_rows.lines(ser_jobs.table, ser_jobs.jobs, {})[0]
    assert "no metric 'unweighted_accuracy'" in line.failure
    assert "it has: accuracy, loss" in line.failure


def test_the_gap_between_training_and_validation(tmp_path):
    (tmp_path / "metrics.csv").write_text(
        "step,epoch,metric,value\n"
        "1,0,train/accuracy,0.5\n2,0,train/accuracy,0.7\n2,0,val/accuracy,0.55\n"
        "3,1,train/accuracy,0.9\n4,1,val/accuracy,0.5\n5,2,train/accuracy,1.0\n"
    )
    found = table_rows.overfitting(tmp_path, {"monitor": {"epoch": 1}})
    assert found == pytest.approx((0.05, 0.4))
    assert table_rows.overfitting(tmp_path, {"monitor": {"epoch": 3}}) is None  # not validated
    assert table_rows.overfitting(tmp_path / "none", {"monitor": {"epoch": 1}}) is None


def test_latex_escapes_what_it_reads_as_orders():
    assert formats.tex_escaped(r"50 % & a_b #1 {x} \y ~^<±") == (
        r"50 \% \& a\_b \#1 \{x\} \textbackslash{}y \textasciitilde{}\textasciicircum{}"
        r"\textless{}$\pm$"
    )


def test_latex_rows_have_as_many_cells_as_the_head(ser_jobs):
    lines = table_rows.lines(ser_jobs.table, ser_jobs.jobs, {})
    text = formats.latex(ser_jobs.table, lines)
    columns = len(formats.headings(ser_jobs.table, lines))
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(body) == 1 + len(lines)
    assert all(line.count(" & ") == columns - 1 for line in body)


def test_csv_is_for_programs(ser_jobs):
    for job in of(ser_jobs, "baseline"):
        finished(job, ALL if job.fold == 1 else SOME, SCORES)
    text = formats.comma_separated(
        ser_jobs.table, table_rows.lines(ser_jobs.table, ser_jobs.jobs, {})
    )
    first = next(iter(csv.DictReader(text.splitlines())))
    assert (first["experiment"], first["metric"], first["n"]) == ("baseline", "accuracy", "6")
    assert float(first["mean"]) == pytest.approx(4 / 6)
    assert (float(first["thesis"]), first["thesis_epoch"]) == (pytest.approx(0.423), "47")


def test_states_and_folders(ser_jobs):
    first, second, *_ = of(ser_jobs, "baseline")
    assert jobs.state(first).word == "missing"
    finished(first, ALL, {})
    assert jobs.state(first).word == "finished"
    RunFolder(second.folder).write_config(second.config)
    (second.folder / "checkpoints").mkdir()
    torch.save({}, second.folder / "checkpoints" / "last.ckpt")
    assert jobs.state(second).word == "begun"
    again = campaign.prepare(
        ser_jobs.table,
        Settings(2, "1,2", runs_dir=ser_jobs.settings.runs_dir, overrides=("optim.lr=1",)),
    )
    now = jobs.state(of(again, "baseline")[0])
    assert now.word == "refused"
    assert "optim.lr=1e-05 then, 1.0 now" in now.reason
    longer = campaign.prepare(
        ser_jobs.table,
        Settings(2, "1,2", runs_dir=ser_jobs.settings.runs_dir, overrides=("trainer.epochs=60",)),
    )
    assert "for 50 epochs, not 60" in jobs.state(of(longer, "baseline")[0]).reason
    found = table_rows.folders(ser_jobs.table, ser_jobs.settings.runs_dir)
    assert found["baseline"] == [first.folder]
    assert found["WavCaps"] == []


# --- runs


def test_a_dry_run_prints_commands_that_compose():
    done = verb("table", "aqa_binary", "--dry-run", "--seeds", "2", "--cuda", "task.epochs=3")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "# 0: WavCaps, seed 0: missing"
    commands = [shlex.split(line) for line in lines if not line.startswith("#")]
    assert len(commands) == 2 * (1 + 5 + 1)
    for words in commands[:12]:
        assert words[:2] == ["python", "train.py"]
        config = composition.compose(composition.rewrite(words[2:]))
        assert (config.trainer.accelerator, config.trainer.epochs) == ("cuda", 3)
        assert config.resume
    assert commands[12][:4] == ["python", "-m", "spectrobert", "evaluate"]


def call(*words: str, runs_dir: Path, **more) -> subprocess.CompletedProcess[str]:
    folders = ("--runs_dir", str(runs_dir), "--data_dir", str(data_dir()))
    return verb("table", *words, *folders, **more)


def test_one_row_fails_the_others_run_and_all_is_kept(tmp_path, monkeypatch, capsys):
    """Killed on its way, called again, then asked."""
    rows_of = [
        {"name": "slow", "overrides": ["optim.lr=1e-5"]},
        {"name": "bad", "overrides": ["trainer.precision=16-mixed"], "thesis": {"accuracy": 61.5}},
        {"name": "fast", "overrides": ["optim.lr=2e-3"]},
    ]
    words = (own_table(tmp_path, rows=rows_of), *LITTLE[:-1], "task.epochs=2")
    # row overrides lose against the command line's
    words = tuple(word for word in words if not word.startswith("optim.lr"))
    folders = ("--runs_dir", str(tmp_path / "r"), "--data_dir", str(data_dir()))
    first = subprocess.Popen(
        [sys.executable, "-m", "spectrobert", "table", *words, *folders],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
    waited = time.monotonic()
    slow = tmp_path / "r" / "demo_slow" / "seed0"
    while not (slow / "checkpoints" / "last.ckpt").exists():
        assert time.monotonic() - waited < 600
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()

    done = call(*words, runs_dir=tmp_path / "r")
    assert done.returncode == 1
    assert "error: trainer.precision=16-mixed needs --cuda" in done.stderr
    assert "bad failed: trainer.precision=16-mixed" in done.stdout
    for name in ("slow", "fast"):
        assert (
            RunFolder(tmp_path / "r" / f"demo_{name}" / "seed0").read_results()["epochs_run"] == 2
        )
    written = (tmp_path / "r" / "own.csv").read_text()
    found = {row["experiment"]: row for row in csv.DictReader(written.splitlines())}
    assert found["bad"]["failure"].startswith("trainer.precision=16-mixed needs")
    assert float(found["fast"]["n"]) == 104

    overrides = jobs.check_overrides(words[1:])
    settings = Settings(data_dir=str(data_dir()), runs_dir=str(tmp_path / "r"), overrides=overrides)
    asked = campaign.prepare(table_spec.load(words[0]), settings)
    called = []
    monkeypatch.setattr(workers, "_call", lambda command, *_: called.append(command) or (2, "no"))
    campaign.run(asked, Console(quiet=True))
    assert called == [asked.jobs[1].command]  # what has finished is not run again

    monkeypatch.setattr(sys, "argv", ["", "table", *words, *folders, "--status", "--format", "md"])
    assert main() == 0
    assert capsys.readouterr().out == (tmp_path / "r" / "own.md").read_text()


# --- one job at a time


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def test_what_a_run_says_last_is_why_it_failed(tmp_path, capfd):
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    script = "echo noise >&2; echo 'error: no corpus' >&2; exit 2"
    said = workers._call(shell(script), lock, False, {})
    assert said == (2, "no corpus")
    assert capfd.readouterr().err == "noise\nerror: no corpus\n"
    assert workers._call(shell("kill -9 $$"), lock, False, {})[0] == -9


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_a_killed_table_ends_its_run_and_starts_no_other(tmp_path, name):
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    # a run that leaves in its own way, with an exit code of its own
    end = f"trap 'touch {tmp_path}/over; exit 1' TERM"
    script = f"{end}; kill -{name} $PPID; while :; do sleep 0.1; done"
    with pytest.raises(KeyboardInterrupt):
        workers._call(shell(script), lock, False, {})
    assert (tmp_path / "over").exists()  # it was waited for
    with pytest.raises(KeyboardInterrupt):
        workers._call(shell("exit 130"), lock, False, {})


def test_a_failure_is_told_in_words(tmp_path, monkeypatch):
    found = campaign.prepare(table_spec.load("demo"), Settings(runs_dir=str(tmp_path)))
    codes = iter([(2, "no corpus"), (-9, ""), (3, ""), (0, "")])
    monkeypatch.setattr(workers, "_call", lambda *_: next(codes))
    quiet = Console(quiet=True)
    first, baseline = found.jobs[:2]
    assert workers.run(first, quiet) == "no corpus"
    assert workers.run(first, quiet) == "killed by SIGKILL; out of memory?"
    assert workers.run(first, quiet) == "exit code 3"
    assert workers.run(first, quiet) == f"{first.folder} is missing after its run"
    finished(baseline, ALL, {})
    assert workers.run(baseline, quiet) == ""


def test_what_needs_a_failed_run_is_not_run(tmp_path, monkeypatch):
    found = campaign.prepare(table_spec.load("demo"), Settings(runs_dir=str(tmp_path)))
    monkeypatch.setattr(workers, "run", lambda job, *_: "broken" if job.task == "pre" else "")
    failed = campaign.run(found, Console(quiet=True))
    assert {job.row for job in found.jobs} - {job.row for job in failed} == {"baseline"}
    reasons = {job.row: reason for job, reason in failed.items()}
    assert reasons["bin-frz"] == "not run: MLM + SAP, seed 0 failed: broken"
    assert reasons["bin-frz-nolast, audio silenced"] == reasons["bin-frz"]  # what broke the chain


# --- SLURM, with commands that only note what they are asked


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """slurm/submit and squeue that write down their words; `cluster.queue` is what squeue lists."""
    folder = tmp_path / "checkout" / "slurm"
    folder.mkdir(parents=True)
    for name, hours in (("pretraining", 96), ("aqa", 12)):
        (folder / f"{name}.sbatch").write_text(
            f"#SBATCH --time={hours}:00:00\n#SBATCH --mem=6GB\n#SBATCH --gres=gpu:1\n"
        )
    asked = tmp_path / "asked"
    queue = tmp_path / "queue"
    queue.touch()
    submit = folder / "submit"
    submit.write_text(f'#!/bin/sh\necho "$@" >>{asked}\nwc -l <{asked}\n')
    submit.chmod(0o755)
    squeue = tmp_path / "squeue"
    squeue.write_text(f"#!/bin/sh\ncat {queue}\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(slurm, "FOLDER", folder)
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("SPECTROBERT_DATA", "data")
    monkeypatch.setenv("SPECTROBERT_RUNS", "runs")
    return asked, queue


def test_arrays_wait_for_what_they_need(cluster):
    asked, queue = cluster
    found = campaign.prepare(table_spec.load("aqa_binary"), Settings(seeds=2))
    campaign.submit(found, ["aqa_binary", "--seeds", "2"])
    lines = asked.read_text().splitlines()
    # jobs 0, 1 pre-training; 2, 3 baseline; 4 .. 11 rows; 12, 13 silenced
    tail = "--job-name=aqa_binary"
    wait = "--kill-on-invalid-dep=yes"
    aqa = "--time=12:00:00 --mem=6GB table aqa_binary --seeds 2"
    assert lines == [
        f"--parsable --array=0,1 {tail} --time=96:00:00 --mem=6GB table aqa_binary --seeds 2",
        f"--parsable --array=2,3 {tail} {aqa}",
        f"--parsable --array=4,6,8,10 {tail} --dependency=afterok:1_0 {wait} {aqa}",
        f"--parsable --array=5,7,9,11 {tail} --dependency=afterok:1_1 {wait} {aqa}",
        f"--parsable --array=12 {tail} --dependency=afterok:3_6 {wait} {aqa}",
        f"--parsable --array=13 {tail} --dependency=afterok:4_7 {wait} {aqa}",
    ]

    queue.write_text("1_0 RUNNING\n1_1 PENDING\n2_2 COMPLETING\n3_4 PENDING\n")
    log = Path("runs/slurm/aqa_binary-2_3.out")
    log.write_text("epoch 1\nerror: no GPU\nsrun: error: task 0: Exited\n")
    words = [now.word for now in found.states().values()]
    assert words == ["running", "queued", "running", "failed", "queued", *["failed"] * 9]
    assert found.states()[found.jobs[3]].reason == "job 2_3: no GPU"

    asked.unlink()  # a second call submits again what has left the queue, and only that
    campaign.submit(found, ["aqa_binary"])
    arrays = [line.split()[1:5] for line in asked.read_text().splitlines()]
    assert [words[0] for words in arrays] == [
        "--array=3",
        "--array=5,7,9,11",
        "--array=6,8,10",
        "--array=12",
        "--array=13",
    ]
    assert arrays[2][2] == "--dependency=afterok:1_0"  # still in the queue


def test_a_local_run_leaves_the_clusters_jobs_alone(cluster, monkeypatch):
    _, queue = cluster
    found = campaign.prepare(table_spec.load("aqa_binary"), Settings())
    campaign.submit(found, ["aqa_binary"])
    queue.write_text("1_0 RUNNING\n2_1 PENDING\n")
    ran = []
    monkeypatch.setattr(workers, "run", lambda job, *_: ran.append(job.row) or "")
    failed = campaign.run(found, Console(quiet=True))
    assert ran == []
    assert {job.row: reason for job, reason in failed.items()}["bin-frz"] == (
        "not run: WavCaps, seed 0 is running on the cluster"
    )


def test_an_index_becomes_its_job(monkeypatch, tmp_path):
    found = campaign.prepare(table_spec.load("aqa_binary"), Settings(runs_dir=str(tmp_path)))
    called = []
    monkeypatch.setattr(os, "execv", lambda path, words: called.append((path, words)))
    workers.become(found.jobs[0])
    assert called == [(sys.executable, found.jobs[0].command)]
    with pytest.raises(UserError, match="bin-frz, seed 0 needs WavCaps, seed 0, which has not"):
        workers.become(found.jobs[2])
    finished(found.jobs[0], ALL, {})
    workers.become(found.jobs[0])  # nothing to do
    assert len(called) == 1


def test_without_slurm_one_line(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="squeue is not installed"):
        slurm._listed()


def test_state_words():
    assert campaign.failures(
        {1: State("refused", "a"), 2: State("begun"), 3: State("failed", "b")}
    ) == {
        1: "a",
        3: "b",
    }
