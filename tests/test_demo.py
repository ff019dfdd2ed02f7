"""`make demo` at a twentieth of its size: the same steps, the same table, the same report."""

from __future__ import annotations

import re

import pytest

from spectrobert.experiments import demo

from .world import data_dir, verb


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    runs_dir = tmp_path_factory.mktemp("demo")
    done = verb(
        "demo", "--runs_dir", str(runs_dir), "--data_dir", str(data_dir()), "--size", "0.05"
    )
    assert done.returncode == 0, done.stderr
    return runs_dir, done.stdout


def test_prints_the_table_and_last_the_report(shown):
    runs_dir, output = shown
    for name in (*demo.ROWS, f"{demo.SILENCED}, audio silenced"):
        assert re.search(rf"│ {re.escape(name)} +│", output), name
    assert output.strip().splitlines()[-1] == f"report: {runs_dir / 'report.html'}"


def test_the_report_stands_alone(shown):
    runs_dir, _ = shown
    page = (runs_dir / "report.html").read_text()
    assert not re.search(r"(src|href)=\"https?://", page)
    assert "<script" not in page
    for name in (demo.PRETRAINING, *demo.ROWS):
        assert f">{name}</h2>" in page


def test_rows_differ_in_what_trains(shown):
    runs_dir, _ = shown
    from spectrobert import runs

    trains = {
        name: runs.read_results(runs_dir / name / "seed0")["freeze"]["trainable"]
        for name in demo.ROWS
    }
    assert trains["bin-frz"] < trains["bin-frz-nolast"] < trains["bin-frz-noaudio"]
    assert trains["bin-frz-noaudio"] < trains["baseline"]


def test_a_demo_that_was_stopped_goes_on(shown):
    runs_dir, _ = shown
    (runs_dir / "report.html").unlink()
    before = (runs_dir / "bin-frz" / "seed0" / "results.json").stat().st_mtime_ns
    done = verb(
        "demo", "--runs_dir", str(runs_dir), "--data_dir", str(data_dir()), "--size", "0.05"
    )
    assert done.returncode == 0, done.stderr
    assert (runs_dir / "bin-frz" / "seed0" / "results.json").stat().st_mtime_ns == before
    assert (runs_dir / "report.html").exists()


def test_interval_of_pooled_seeds_resamples_scenes():
    table = [{"label": "a", "prediction": "a", "group": "one"}] * 5
    table += [{"label": "a", "prediction": "b", "group": "two"}] * 5
    low, high = demo.pooled_interval([table, table])
    assert (low, high) == (0.0, 1.0)  # two scenes: both right, both wrong, or one of each
