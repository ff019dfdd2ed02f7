"""The batch scripts: their resources, and their jobs if this machine has its own SLURM.

Jobs are submitted as a user submits them, through slurm/submit; only values that slurm/site.sh
reads from the environment, and words of train.py, make them small.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from spectrobert.run import curves
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition, conf
from spectrobert.settings.schemas import register

from ..helpers.world import QUICK, ROOT, SMALL, data_dir

JOBS = sorted(path.stem for path in (ROOT / "slurm").glob("*.sbatch"))
# hours, cores, GB: thesis, appendix B; what it does not print is as SER
RESOURCES = {
    "pretraining": (96, 4, 12),
    "aqa": (12, 2, 6),
    "ser": (2, 2, 6),
    "sentiment": (2, 2, 6),
}
TASKS = {
    "pretraining": ("pre", "wavcaps"),
    "ddp": ("pre", "wavcaps"),
    "aqa": ("aqa_binary", "clotho_aqa"),
    "ser": ("ser", "ravdess"),
    "sentiment": ("sentiment", "slue_voxceleb"),
}
EPOCHS = 4
STEPS = 8 * EPOCHS  # 120 clips, batches of 16
LIMIT = 180  # seconds that any of these jobs may take


def run(*command: str, timeout: float = 60, **more) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **more)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def directives(job: str) -> dict[str, str]:
    text = (ROOT / "slurm" / f"{job}.sbatch").read_text()
    return {
        name: value for name, _, value in re.findall(r"^#SBATCH --([\w-]+)(=(\S+))?", text, re.M)
    }


def launched(job: str, *words: str) -> list[str]:
    """The words behind `python` that a job starts, by its script with a `srun` that prints them."""
    script = (
        ". slurm/site.sh; launch() { printf '%s\\0' \"$@\"; };"
        f" source <(grep -v 'site.sh' slurm/{job}.sbatch)"
    )
    variables = {
        "ARRAY_TASK_ID": "3",
        "ARRAY_TASK_COUNT": "8",
        "NTASKS_PER_NODE": "2",
        "JOB_NUM_NODES": "1",
    }
    environment = os.environ | {f"SLURM_{name}": value for name, value in variables.items()}
    printed = run("bash", "-euc", script, job, *words, cwd=ROOT, env=environment)
    return printed.split("\0")[:-1]


# --- without a SLURM


@pytest.mark.parametrize("path", sorted((ROOT / "slurm").iterdir()), ids=lambda p: p.name)
def test_bash_reads_it(path):
    if path.suffix != ".md":
        subprocess.run(["bash", "-n", str(path)], check=True)


@pytest.mark.parametrize("job", JOBS)
def test_every_job_is_requeued_signalled_in_time_and_keeps_its_log(job):
    found = directives(job)
    assert found["partition"] == "cuda"
    assert found["signal"] == "SIGUSR1@120"
    assert found["open-mode"] == "append"
    assert "requeue" in found
    assert found["output"].startswith("runs/slurm/%x-%")
    assert found["job-name"] == job
    assert found["gres"] == f"gpu:{found['ntasks-per-node']}"


@pytest.mark.parametrize("job", RESOURCES)
def test_the_thesis_resources(job):
    hours, cores, memory = RESOURCES[job]
    found = directives(job)
    assert found["time"] == f"{hours:02}:00:00"
    assert found["cpus-per-task"] == str(cores)
    assert found["mem"] == f"{memory}GB"
    assert found["gres"] == "gpu:1"


@pytest.mark.parametrize("job", TASKS)
def test_its_training_composes(job):
    script, *words = launched(job, "--seed", "2")
    assert script == "train.py"
    config = composition.compose(words)
    assert (config.task.name, config.dataset.name) == TASKS[job]
    assert config.trainer.accelerator == "cuda"
    assert config.init.text_model == "google-bert/bert-base-uncased"
    assert config.resume
    assert config.seed == 2
    if job == "pretraining":
        assert config.experiment_name == "wavcaps_pretraining"
    if job == "ddp":
        assert (config.trainer.devices, config.trainer.nodes) == (2, 1)


def test_a_checkpoint_takes_the_place_of_berts_weights():
    _, *words = launched("ser", "--checkpoint", "runs/librispeech_pretraining/seed0")
    config = composition.compose(words)
    assert config.init.checkpoint == "runs/librispeech_pretraining/seed0"
    assert config.init.text_model == ""


def test_a_task_of_an_array_runs_one_job_of_a_table_or_joins_a_study():
    words = ["--seeds", "3", "--folds", "1"]
    started = ["-m", "spectrobert", "table", "aqa_binary", "--index", "3", "--cuda", *words]
    assert launched("table", "aqa_binary", *words)[: len(started)] == started
    shared = ["-m", "spectrobert", "evaluate", "runs/a/seed0", "--stress", "--part", "3/8"]
    assert launched("stress", "runs/a/seed0")[: len(shared)] == shared
    words = ["--study", "mine", "--trials", "40"]
    started = ["-m", "spectrobert", "tune", "--cuda", *words]
    assert launched("tune", *words)[: len(started)] == started


def test_a_sweep_asks_for_what_ser_asks_for():
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    from hydra import compose, initialize_config_dir

    register(["demo"])
    with initialize_config_dir(str(conf.CONF), version_base="1.3"):
        words = ["task=ser", "dataset=demo", "hydra/launcher=slurm"]
        found = compose("config", words, return_hydra_config=True).hydra.launcher
    asked = directives("ser")
    assert f"{found.timeout_min // 60:02}:00:00" == asked["time"]
    assert f"{found.mem_gb}GB" == asked["mem"]
    assert str(found.cpus_per_task) == asked["cpus-per-task"]
    assert (found.gres, found.partition) == (asked["gres"], asked["partition"])
    assert f"@{found.signal_delay_s}" in asked["signal"]


def test_submit_names_the_jobs_it_knows():
    done = subprocess.run(["slurm/submit", "sre"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"error: unknown job 'sre'; known: {' '.join(JOBS)}\n"


def test_site_values_reach_sbatch(tmp_path):
    fake = tmp_path / "sbatch"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SPECTROBERT_PARTITION": "gpu",
        "SPECTROBERT_ACCOUNT": "speech",
        "SPECTROBERT_SBATCH": "--qos=long --constraint=v100",
        "SPECTROBERT_RUNS": str(tmp_path / "my runs"),
    }
    words = ["--array=0-2", "table", "ser", "--seeds", "3"]
    printed = run(str(ROOT / "slurm/submit"), *words, env=environment, cwd=tmp_path)
    assert printed.splitlines() == [
        f"--output={tmp_path / 'my runs'}/slurm/%x-%A_%a.out",
        *("--partition=gpu", "--account=speech", "--qos=long", "--constraint=v100"),
        *("--array=0-2", "slurm/table.sbatch", "ser", "--seeds", "3"),
    ]
    assert (tmp_path / "my runs" / "slurm").is_dir()


# --- on a SLURM


def happens(is_so: Callable[[], bool], pause: float = 0.5) -> bool:
    """True once a condition holds; False if it does not within LIMIT."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(pause)
    return False


class Cluster:
    """A SLURM of this machine alone, and a folder for what its jobs write."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.runs = folder / "runs"
        self.submitted: list[str] = []
        self.environment = os.environ | {
            "SPECTROBERT_VENV": sys.prefix,
            "SPECTROBERT_DATA": str(data_dir()),
            "SPECTROBERT_RUNS": str(self.runs),
            # two jobs at a time: the one GPU that such a machine pretends to have would be too few
            "SPECTROBERT_SBATCH": "--cpus-per-task=1 --mem=1500M --gres=none --time=10",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
        }

    def submit(self, job: str, *words: str, options: tuple[str, ...] = ()) -> str:
        """Job id."""
        answer = run(
            str(ROOT / "slurm/submit"), "--parsable", *options, job, *words, env=self.environment
        )
        self.submitted.append(answer.strip())
        return self.submitted[-1]

    def train(self, job: str, name: str, *words: str, options: tuple[str, ...] = ()) -> str:
        """A tiny run on the CPU, on the demo corpus. Job id."""
        small = ["--dataset", "demo", "model=tiny", *SMALL, *QUICK, "init.text_model="]
        more = ["trainer.accelerator=cpu", f"experiment_name={name}", "dataset.crop=random"]
        return self.submit(
            job, *small, *more, f"trainer.epochs={EPOCHS}", "trainer.num_workers=1", *words,
            options=options,
        )  # fmt: skip

    def state(self, job: str) -> str:
        return re.findall(r"JobState=(\S+)", run("scontrol", "show", "job", job))[0]

    def wait(self, job: str, *states: str) -> None:
        """Until the job is in one of these states; fails if that takes too long."""
        if not happens(lambda: self.state(job) in states):
            pytest.fail(f"job {job} is {self.state(job)}, not {states}: {self.log(job)}")

    def log(self, job: str) -> str:
        (path,) = (self.runs / "slurm").glob(f"*-{job}.out")
        return path.read_text()

    def wait_for_step(self, name: str, step: int) -> None:
        path = self.path(name) / "metrics.csv"
        if not happens(lambda: any(s >= step for s, *_ in curves.read(path)), pause=0.05):
            pytest.fail(f"{name} never reached step {step}")

    def start_daemon_until_it_misses(self, job: str) -> None:
        """For half a minute from its start, SLURM believes that a job's script may yet come."""
        for _ in range(12):
            run("slurmd")
            time.sleep(4)
            if self.state(job) != "RUNNING":
                return
            run("kill", "-9", self.pid_file.read_text().strip())
        pytest.fail(f"SLURM does not miss job {job}")

    def begin_again(self, job: str) -> None:
        """SLURM lets a requeued job wait for two minutes; not here."""
        self.wait(job, "PENDING")
        run("scontrol", "update", f"JobId={job}", "StartTime=now")

    def path(self, name: str) -> Path:
        return self.runs / name / "seed0"

    def results(self, name: str) -> dict:
        return RunFolder(self.path(name)).read_results()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if shutil.which("sinfo") is None:
        pytest.skip("SLURM is not installed here")
    try:
        config = run("scontrol", "show", "config")
        nodes = run("sinfo", "--noheader", "--partition=cuda", "--format=%n").split()
    except (AssertionError, subprocess.TimeoutExpired):
        pytest.skip("SLURM is not running here")
    host = socket.gethostname().partition(".")[0]
    is_controller = re.search(rf"^SlurmctldHost\S*\s+= {host}\b", config, re.M)
    if nodes != [host] or not is_controller:
        pytest.skip("this SLURM is not of this machine alone: its nodes are left in peace")
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    found.pid_file = Path(re.findall(r"^SlurmdPidFile\s+= (\S+)", config, re.M)[0])
    yield found
    if found.submitted:
        run("scancel", *found.submitted)  # what a failed test left behind


@pytest.fixture(scope="module")
def alone(cluster) -> Path:
    """A pre-training that nothing disturbs."""
    job = cluster.train("pretraining", "alone")
    cluster.wait(job, "COMPLETED")
    return cluster.path("alone")


def assert_equal(run_: Path, other: Path) -> None:
    """Two finished runs: every loss, the weights, the scores."""
    both = (RunFolder(run_), RunFolder(other))
    assert len(curves.curve(both[0].metrics, "train/loss")) == STEPS
    for metric in ("train/loss", "val/loss"):
        first, second = (curves.curve(folder.metrics, metric) for folder in both)
        assert first == second
    last = (torch.load(folder.checkpoints / "last.ckpt", weights_only=True) for folder in both)
    first, second = (checkpoint["state_dict"] for checkpoint in last)
    assert all(torch.equal(value, second[key]) for key, value in first.items())
    first, second = (folder.read_scores() for folder in both)
    assert first == second


@pytest.mark.slow
def test_each_template_completes_with_its_results(cluster):
    names = {job: f"of_{job}" for job in ("aqa", "ser", "sentiment")}
    ids = {job: cluster.train(job, name, "trainer.epochs=1") for job, name in names.items()}
    for job, name in names.items():
        cluster.wait(ids[job], "COMPLETED")
        results = cluster.results(name)
        assert results["task"] == TASKS[job][0]
        assert results["test"]["n"] == results["split"]["counts"]["test"] >= 100
        assert "accuracy" in cluster.log(ids[job])
        assert "\x1b" not in cluster.log(ids[job])


@pytest.mark.slow
def test_a_signalled_job_is_requeued_and_ends_as_one_left_alone(cluster, alone):
    job = cluster.train("pretraining", "signalled")
    cluster.wait_for_step("signalled", 10)
    run("scancel", "--signal=USR1", job)
    cluster.begin_again(job)
    cluster.wait(job, "COMPLETED")
    log = cluster.log(job)
    step = re.findall(r"SIGUSR1: the state of step (\d+) is written", log)[0]
    assert int(step) >= 10
    assert f"job {job} is requeued" in log
    assert "resuming from" in log
    assert_equal(cluster.path("signalled"), alone)


@pytest.mark.slow
def test_a_cancelled_job_has_written_its_state(cluster, alone):
    job = cluster.train("pretraining", "cancelled")
    cluster.wait_for_step("cancelled", 12)
    run("scancel", job)
    cluster.wait(job, "CANCELLED")
    time.sleep(1)
    assert "SIGTERM: the state of step" in cluster.log(job)
    again = cluster.train("pretraining", "cancelled")
    cluster.wait(again, "COMPLETED")
    assert_equal(cluster.path("cancelled"), alone)


@pytest.mark.slow
def test_a_node_failure_costs_the_work_since_the_last_checkpoint(cluster, alone):
    if os.geteuid() != 0:
        pytest.skip("only root may end the node's daemon")
    job = cluster.train("pretraining", "failed", "trainer.checkpoint_minutes=0")
    cluster.wait_for_step("failed", 12)
    daemon = cluster.pid_file.read_text().strip()
    processes = [line.split(maxsplit=2) for line in run("ps", "-eo", "pid,ppid,args").splitlines()]
    ended = {pid for pid, _, words in processes if words.startswith(f"slurmstepd: [{job}.")}
    assert ended
    while more := {pid for pid, parent, _ in processes if parent in ended} - ended:
        ended |= more
    run("kill", "-9", daemon, *ended)
    cluster.start_daemon_until_it_misses(job)
    cluster.begin_again(job)
    cluster.wait(job, "COMPLETED")
    assert "resuming from" in cluster.log(job)
    assert_equal(cluster.path("failed"), alone)


@pytest.mark.slow
def test_two_processes_of_a_job_make_one_run(cluster):
    options = ("--nodes=1", "--ntasks-per-node=2")
    job = cluster.train("ddp", "two", "trainer.epochs=1", options=options)
    cluster.wait(job, "COMPLETED")
    results = cluster.results("two")
    assert results["test"]["n"] == results["split"]["counts"]["test"]
    steps = [step for step, _ in curves.curve(cluster.path("two") / "metrics.csv", "train/loss")]
    assert steps == list(range(8))


@pytest.mark.slow
def test_a_sweep_is_submitted_by_hydra(cluster):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    words = ["--task", "ser", "--dataset", "demo", "-m", "seed=0,1", "model=tiny", *SMALL, *QUICK]
    words += ["trainer.epochs=1", "experiment_name=swept", f"runs_dir={cluster.runs}"]
    words += [f"data_dir={data_dir()}", "hydra/launcher=submitit_slurm"]
    words += ["hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=1"]
    words += ["hydra.launcher.partition=cuda", "hydra.launcher.timeout_min=10"]
    command = [sys.executable, str(ROOT / "train.py"), *words]
    run(*command, env=cluster.environment, timeout=LIMIT, cwd=cluster.folder)
    for seed in (0, 1):
        folder = RunFolder(cluster.runs / "swept" / f"seed{seed}")
        assert folder.read_results()["seed"] == seed


def test_shell_words_of_the_readme_exist():
    text = (ROOT / "slurm" / "README.md").read_text()
    lines = re.findall(r"^(?:\w+=\S+ )?slurm/submit .*$", text, re.M)
    assert lines
    for line in lines:
        words = shlex.split(line, comments=True)
        words = words[words.index("slurm/submit") + 1 :]
        assert next(word for word in words if not word.startswith("-")) in JOBS, line
