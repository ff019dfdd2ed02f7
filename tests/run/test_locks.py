"""A run directory is one process: a second is refused or waits; a killed one is not in the way."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spectrobert.errors import UserError
from spectrobert.run import admission, locks
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition

from ..helpers.runs import last_words, start
from ..helpers.world import ROOT, configure, overrides, train_py

HOLD = """
import os, sys, time
from pathlib import Path
from spectrobert.run import locks
with locks.hold(Path(sys.argv[1])):
    if os.fork() == 0:
        print("forked", flush=True)
        time.sleep(60)
        os._exit(0)
    time.sleep(60)
"""


def python(code: str, folder: Path, **more) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | more.pop("given", {})
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **more)


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of a folder and has forked another, as loaders do."""
    folder = tmp_path / "runs" / "x" / "seed0"
    process = python(HOLD, folder, start_new_session=True)
    assert process.stdout.readline() == "forked\n"
    yield folder, process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_second_run_is_refused_by_the_name_of_the_first(holder, tmp_path):
    folder, process = holder
    done = train_py(*overrides(tmp_path, "ser", "experiment_name=x"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: {folder}: process {process.pid} on ")
    assert done.stderr.count("\n") == 1
    assert not folder.exists()


def test_a_killed_process_has_released_its_lock_though_its_workers_live(holder):
    folder, process = holder
    process.kill()  # it alone: what it has forked lives on
    process.wait()
    with locks.hold(folder):
        pass


def test_a_table_waits_and_then_finds_the_lock_its_own(holder):
    folder, process = holder
    said: list[str] = []

    def waiting(name: str) -> None:
        said.append(name)
        process.kill()

    with locks.hold(folder, waiting):
        code = "import sys; from pathlib import Path; from spectrobert.run import locks\n"
        code += "with locks.hold(Path(sys.argv[1])): pass"
        other = python(code, folder, stderr=subprocess.PIPE)
        assert "runs in it" in other.communicate()[1]
    assert said[0].startswith(f"process {process.pid} on ")


def test_the_run_of_a_table_has_its_lock_and_keeps_it(tmp_path):
    """Should the table be killed, its run still holds the lock."""
    folder = tmp_path / "x" / "seed0"
    with locks.hold(folder) as lock:
        given = locks.environment(folder, lock)
        run = python(HOLD, folder, pass_fds=(lock,), given=given, start_new_session=True)
        assert run.stdout.readline() == "forked\n"
    try:
        with pytest.raises(UserError, match=f"process {run.pid} on "), locks.hold(folder):
            pass
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def test_nothing_stays_of_a_lock(tmp_path):
    with locks.hold(tmp_path / "a" / "b" / "seed0") as first:
        with locks.hold(tmp_path / "a" / "b" / "seed0") as again:
            assert first == again
        assert (tmp_path / "a" / "b" / ".seed0.lock").exists()
    assert not list(tmp_path.iterdir())


def test_the_other_processes_of_a_run_take_no_lock(holder, tmp_path, monkeypatch):
    config = configure(tmp_path, "ser", "experiment_name=x", "trainer.devices=2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with admission.admitted(config):
        pass
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(UserError, match="runs in it"), admission.admitted(config):
        pass
    # started by srun, but not as one run of several processes
    monkeypatch.delenv("LOCAL_RANK")
    monkeypatch.setenv("SLURM_PROCID", "1")
    config.trainer.devices = 1
    with pytest.raises(UserError, match="runs in it"), admission.admitted(config):
        pass


def test_a_requeued_job_is_not_in_its_own_way(holder, tmp_path, monkeypatch):
    _, process = holder
    config = configure(tmp_path, "ser", "experiment_name=x")
    process.kill()
    process.wait()
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    with admission.admitted(config):
        assert config.resume


def test_of_two_runs_at_once_one_trains(tmp_path):
    both = [start(overrides(tmp_path, "ser", "trainer.epochs=1")) for _ in range(2)]
    said = [last_words(process) for process in both]
    assert sorted(process.returncode for process in both) == [0, 2], said
    refused = next(text for text, p in zip(said, both) if p.returncode == 2)
    assert refused.startswith("error: ")
    assert refused.count("\n") == 1


# --- refused before torch is imported


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("dataset=csv dataset.file=none.csv", "no file none.csv"),
        ("dataset=csv dataset.file=table.csv", "no column 'audio'"),
        ("dataset=csv", "needs dataset.file="),
        ("dataset=ravdess", "no folder"),
        ("dataset=demo init.checkpoint=none", "no SpectroBERT there"),
        ("dataset=demo init.checkpoint=bert", "is a 'bert' model"),
        ("dataset=demo runs_dir=table.csv", "table.csv/demo_ser: Not a directory; see runs_dir"),
        ("dataset=demo runs_dir=/proc/x", "cannot write /proc/x/demo_ser"),
        (f"dataset=demo runs_dir={'a' * 300}", "File name too long"),
        (f"dataset=demo init.checkpoint={'a' * 300}", "no SpectroBERT there"),
        ("dataset=demo resume=true experiment_name=old", "begun with other settings: seed=3 then"),
        ("dataset=demo experiment_name=old", "holds a run already"),
    ],
)
def test_what_needs_no_torch_is_refused_without_it(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("path,label\na.wav,x\n")
    Path("bert").mkdir()
    Path("bert/config.json").write_text('{"model_type": "bert"}')
    old = composition.compose(["task=ser", "dataset=demo", "experiment_name=old", "seed=3"])
    RunFolder("runs/old/seed0").write_config(old)
    Path("runs/old/seed0/checkpoints").mkdir()
    Path("runs/old/seed0/checkpoints/last.ckpt").touch()
    code = (
        "import sys; from spectrobert.commands.train import main\n"
        "code = main(sys.argv[1:])\n"
        "heavy = {'torch', 'transformers', 'pytorch_lightning', 'datasets'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "task=ser", *words.split()],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
