"""A table as it is called: wrong calls, runs that fail or are killed, and a cluster."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from spectrobert.__main__ import main
from spectrobert.errors import UserError
from spectrobert.experiments import campaign, jobs, slurm, workers
from spectrobert.experiments.jobs import State
from spectrobert.run.folder import RunFolder

from ..helpers.tables import ALL, finish, own_table, prepared
from ..helpers.world import QUICK, ROOT, SMALL, data_dir, verb

QUIET = Console(quiet=True)


@pytest.mark.parametrize(
    ("words", "message"),
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
def test_a_wrong_call_is_one_line(words, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["spectrobert", "table", *words])
    assert main() == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert message in shown.err
    assert not shown.out


def test_one_row_fails_the_others_run_and_all_is_kept(tmp_path, monkeypatch, capsys):
    """Killed on its way, called again, then asked."""
    rows = [
        {"name": "slow", "overrides": ["optim.lr=1e-5"]},
        {
            "name": "bad",
            "overrides": ["trainer.precision=16-mixed"],
            "published": {"accuracy": 61.5},
        },
        {"name": "fast", "overrides": ["optim.lr=2e-3"]},
    ]
    # row overrides lose against the command line's
    quick = [word for word in QUICK if not word.startswith("optim.lr")]
    flags = [*quick, "model=tiny", *SMALL, "task.epochs=2"]
    folder = tmp_path / "r"
    words = ["table", own_table(tmp_path, rows=rows), *flags]
    words += ["--runs_dir", str(folder), "--data_dir", str(data_dir())]
    first = subprocess.Popen(
        [sys.executable, "-m", "spectrobert", *words],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
    waited = time.monotonic()
    slow, fast = (RunFolder(folder / f"demo_{name}" / "seed0") for name in ("slow", "fast"))
    while not (slow.checkpoints / "last.ckpt").exists():
        assert time.monotonic() - waited < 600
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()

    done = verb(*words)
    assert done.returncode == 1
    assert "error: trainer.precision=16-mixed needs --cuda" in done.stderr
    assert "bad failed: trainer.precision=16-mixed" in done.stdout
    assert [run.read_results()["epochs_run"] for run in (slow, fast)] == [2, 2]
    written = csv.DictReader((folder / "own.csv").read_text().splitlines())
    by_row = {row["experiment"]: row for row in written}
    assert by_row["bad"]["failure"].startswith("trainer.precision=16-mixed needs")
    assert float(by_row["fast"]["n"]) == 104

    overrides = jobs.check_overrides(flags)
    asked = prepared(words[1], folder, data_dir=str(data_dir()), overrides=overrides)
    called = []
    monkeypatch.setattr(workers, "_call", lambda command, *_: called.append(command) or (2, "no"))
    campaign.run(asked, QUIET)
    assert called == [asked.jobs[1].command]  # what has finished is not run again

    monkeypatch.setattr(sys, "argv", ["", *words, "--status", "--format", "md"])
    assert main() == 0
    assert capsys.readouterr().out == (folder / "own.md").read_text()


# --- one job at a time


def call(script: str, tmp_path: Path) -> tuple[int, str]:
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    return workers._call(["sh", "-c", script], lock, False, {})


def test_the_last_line_of_a_run_is_why_it_failed(tmp_path, capfd):
    script = "echo noise >&2; echo 'error: no corpus' >&2; exit 2"
    assert call(script, tmp_path) == (2, "no corpus")
    assert capfd.readouterr().err == "noise\nerror: no corpus\n"
    assert call("kill -9 $$", tmp_path)[0] == -9


@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_a_killed_table_ends_its_run_and_starts_no_other(tmp_path, name):
    # a run that leaves in its own way, with an exit code of its own
    end = f"trap 'touch {tmp_path}/over; exit 1' TERM"
    with pytest.raises(KeyboardInterrupt):
        call(f"{end}; kill -{name} $PPID; while :; do sleep 0.1; done", tmp_path)
    assert (tmp_path / "over").exists()  # it was waited for
    with pytest.raises(KeyboardInterrupt):
        call("exit 130", tmp_path)


def test_a_failure_is_reported_in_words(tmp_path, monkeypatch):
    asked = prepared("demo", tmp_path)
    codes = iter([(2, "no corpus"), (-9, ""), (3, ""), (0, "")])
    monkeypatch.setattr(workers, "_call", lambda *_: next(codes))
    first, baseline = asked.jobs[:2]
    assert workers.run(first, QUIET) == "no corpus"
    assert workers.run(first, QUIET) == "killed by SIGKILL; out of memory?"
    assert workers.run(first, QUIET) == "exit code 3"
    assert workers.run(first, QUIET) == f"{first.folder} is missing after its run"
    finish(baseline, ALL, {})
    assert workers.run(baseline, QUIET) == ""


def test_a_row_that_needs_a_failed_run_is_not_run(tmp_path, monkeypatch):
    asked = prepared("demo", tmp_path)
    monkeypatch.setattr(workers, "run", lambda job, *_: "broken" if job.task == "pre" else "")
    failed = campaign.run(asked, QUIET)
    assert {job.row for job in asked.jobs} - {job.row for job in failed} == {"baseline"}
    reasons = {job.row: reason for job, reason in failed.items()}
    assert reasons["bin-frz"] == "not run: MLM + SAP, seed 0 failed: broken"
    assert reasons["bin-frz-nolast, audio silenced"] == reasons["bin-frz"]  # what broke the chain


# --- SLURM, with commands that only note their words


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """slurm/submit and squeue that write down their words, and the file that squeue lists."""
    folder = tmp_path / "checkout" / "slurm"
    folder.mkdir(parents=True)
    for name, hours in (("pretraining", 96), ("aqa", 12)):
        (folder / f"{name}.sbatch").write_text(
            f"#SBATCH --time={hours}:00:00\n#SBATCH --mem=6GB\n#SBATCH --gres=gpu:1\n"
        )
    asked, queue = tmp_path / "asked", tmp_path / "queue"
    queue.touch()
    scripts = {
        folder / "submit": f'echo "$@" >>{asked}\nwc -l <{asked}',
        tmp_path / "squeue": f"cat {queue}",
    }
    for path, script in scripts.items():
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(slurm, "FOLDER", folder)
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("SPECTROBERT_DATA", "data")
    monkeypatch.setenv("SPECTROBERT_RUNS", "runs")
    return asked, queue


def test_arrays_wait_for_what_they_need(cluster):
    asked, queue = cluster
    table = prepared("aqa_binary", seeds=2)
    campaign.submit(table, ["aqa_binary", "--seeds", "2"])
    # jobs 0, 1 pre-training; 2, 3 baseline; 4 .. 11 rows; 12, 13 silenced
    tail = "--job-name=aqa_binary"
    wait = "--kill-on-invalid-dep=yes"
    aqa = "--time=12:00:00 --mem=6GB table aqa_binary --seeds 2"
    assert asked.read_text().splitlines() == [
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
    words = [now.word for now in table.states().values()]
    assert words == ["running", "queued", "running", "failed", "queued", *["failed"] * 9]
    assert table.states()[table.jobs[3]].reason == "job 2_3: no GPU"

    asked.unlink()  # a second call submits again what has left the queue, and only that
    campaign.submit(table, ["aqa_binary"])
    arrays = [line.split()[1:5] for line in asked.read_text().splitlines()]
    numbers = ["3", "5,7,9,11", "6,8,10", "12", "13"]
    assert [words[0] for words in arrays] == [f"--array={some}" for some in numbers]
    assert arrays[2][2] == "--dependency=afterok:1_0"  # still in the queue


def test_a_local_run_leaves_the_clusters_jobs_alone(cluster, monkeypatch):
    _, queue = cluster
    table = prepared("aqa_binary")
    campaign.submit(table, ["aqa_binary"])
    queue.write_text("1_0 RUNNING\n2_1 PENDING\n")
    ran = []
    monkeypatch.setattr(workers, "run", lambda job, *_: ran.append(job.row) or "")
    reasons = {job.row: reason for job, reason in campaign.run(table, QUIET).items()}
    assert ran == []
    assert reasons["bin-frz"] == "not run: WavCaps, seed 0 is running on the cluster"


def test_an_index_becomes_its_job(monkeypatch, tmp_path):
    table = prepared("aqa_binary", tmp_path)
    called = []
    monkeypatch.setattr(os, "execv", lambda path, words: called.append((path, words)))
    workers.become(table.jobs[0])
    assert called == [(sys.executable, table.jobs[0].command)]
    with pytest.raises(UserError, match="bin-frz, seed 0 needs WavCaps, seed 0, which has not"):
        workers.become(table.jobs[2])
    finish(table.jobs[0], ALL, {})
    workers.become(table.jobs[0])  # nothing to do
    assert len(called) == 1


def test_without_slurm_one_line(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="squeue is not installed"):
        slurm._listed()


def test_failed_and_refused_jobs_cannot_go_on():
    states = {1: State("refused", "a"), 2: State("begun"), 3: State("failed", "b")}
    assert campaign.failures(states) == {1: "a", 3: "b"}
