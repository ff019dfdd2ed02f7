"""`make demo` at a twentieth of its size: the same steps, the same table, the same report."""

import re
from pathlib import Path

import pytest

from spectrobert.experiments import demo, table_spec

from ..helpers.world import data_dir, verb

TABLE = table_spec.load("demo")
ROWS = [row.name for row in TABLE.rows if row.experiment]
SILENCED = [row.name for row in TABLE.rows if row.silenced]


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
    for name in (*ROWS, *SILENCED):
        assert re.search(rf"^ +{re.escape(name)}  ", output, re.MULTILINE), name
    assert output.strip().splitlines()[-1] == f"report: {runs_dir / 'report.html'}"


def test_the_report_stands_alone(shown):
    runs_dir, _ = shown
    page = (runs_dir / "report.html").read_text()
    assert not re.search(r"(src|href)=\"https?://", page)
    assert "<script" not in page
    for name in (TABLE.pretraining[0].name, *ROWS):
        assert f">{name}</h2>" in page


def test_rows_differ_in_what_trains(shown):
    runs_dir, _ = shown
    from spectrobert.run.folder import RunFolder

    trains = {
        name: RunFolder(runs_dir / name / "seed0").read_results()["freeze"]["trainable"]
        for name in ROWS
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


def test_a_smaller_demo_trains_for_fewer_epochs():
    assert demo.settings(Path("r"), "d", 1, 2).overrides == ()
    smaller = demo.settings(Path("r"), "d", 0.5, 2)
    assert smaller.overrides == ("dataset.size=0.5", "trainer.epochs=6")
    assert smaller.seeds == 2
    assert demo.settings(Path("r"), "d", 0.01, 1).overrides[1] == "trainer.epochs=2"
