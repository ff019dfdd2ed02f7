"""Sweeps: their first job, their folders, and what stops them before any job."""

import sys
from types import SimpleNamespace

import pytest

from spectrobert.commands import train
from spectrobert.config import Config
from spectrobert.errors import UserError
from spectrobert.run.folder import RunFolder
from spectrobert.settings.flags import rewrite
from spectrobert.settings.overrides import checked

from ..helpers.world import SER, overrides, train_py


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["seed=1,2"], ["seed=1"]),
        (["seed=range(3,6)", "optim.lr=1e-3"], ["seed=3", "optim.lr=1e-3"]),
        (["freeze.train=[head],[all]"], ["freeze.train=[head]"]),
        (["freeze.train=[head,audio]"], ["freeze.train=[head,audio]"]),
        (["experiment_name='a,b'"], ["experiment_name='a,b'"]),
        (["freeze=choice(bin-frz,none)"], ["freeze=bin-frz"]),
    ],
)
def test_first_job_of_a_sweep(words, first):
    assert [o.first for o in checked(rewrite(["-m", *SER, *words]))][2:] == first


@pytest.fixture
def jobs(monkeypatch, tmp_path):
    """`jobs(*words)`: a sweep that only collects its jobs, and its exit code."""
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.chdir(tmp_path)

    def collect(*words: str, refuse_seed: int = -1) -> SimpleNamespace:
        seen: list[Config] = []

        def run(config: Config) -> None:
            if config.seed == refuse_seed:
                raise UserError(f"seed {config.seed} is refused")
            seen.append(config)

        return SimpleNamespace(code=train.main(words, run), seen=seen)

    return collect


def test_a_sweep_over_seeds_shares_a_folder(jobs):
    # `1e-3` and the quoted name are written otherwise by Hydra: they are no part of the sweep
    sweep = jobs(*SER, "-m", "optim.lr=1e-3", "seed=1,2", "--experiment_name", "my runs")
    assert sweep.code == 0
    folders = [RunFolder.of(config).path.as_posix() for config in sweep.seen]
    assert folders == ["runs/my runs/seed1", "runs/my runs/seed2"]


def test_a_sweep_over_an_option_gives_each_value_a_folder(jobs):
    sweep = jobs("-m", *SER, "optim.lr=0.001,0.01", "freeze=bin-frz,none", "--seed", "4")
    folders = [RunFolder.of(config).path.as_posix() for config in sweep.seen]
    assert folders == [
        f"runs/demo_ser/optim.lr={lr},freeze={freeze}/seed4"
        for lr in (0.001, 0.01)
        for freeze in ("bin-frz", "none")
    ]
    assert [config.optim.lr for config in sweep.seen] == [0.001, 0.001, 0.01, 0.01]


def test_a_sweep_over_names_keeps_them(jobs):
    sweep = jobs(*SER, "-m", "experiment_name=1e3,007")
    assert [config.experiment_name for config in sweep.seen] == ["1e3", "007"]


def test_a_sweep_from_a_checkpoint(jobs):
    sweep = jobs(*SER, "--checkpoint", "/a/b=c", "-m", "seed=1,2")
    assert [config.model for config in sweep.seen] == [None, None]
    assert {config.init.checkpoint for config in sweep.seen} == {"/a/b=c"}
    assert {config.experiment_name for config in sweep.seen} == {"demo_ser"}


def test_a_sweep_with_a_wrong_later_value_starts_no_job(jobs, capsys):
    sweep = jobs(*SER, "-m", "seed=1,x")
    assert (sweep.code, sweep.seen) == (2, [])
    assert capsys.readouterr().err.startswith("error: seed=x: must be an integer")


def test_a_refused_job_of_a_sweep_gives_one_line(jobs, capsys):
    sweep = jobs(*SER, "-m", "seed=1,2", refuse_seed=2)
    assert sweep.code == 2
    assert [config.seed for config in sweep.seen] == [1]
    err = capsys.readouterr().err
    assert err.splitlines()[-1] == "error: seed 2 is refused"
    assert "Traceback" not in err


def test_a_real_sweep_leaves_finished_runs(tmp_path):
    quick = ("trainer.max_steps=2", "trainer.epochs=1", "trainer.progress=false")
    words = [*overrides(tmp_path, "ser", *quick), "-m", "seed=1,2"]
    done = train_py(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for seed in (1, 2):
        results = RunFolder(tmp_path / "runs" / "demo_ser" / f"seed{seed}").read_results()
        assert (results["seed"], results["steps_run"]) == (seed, 2)
