"""A run that is asked to leave, finds its disk full or its checkpoint damaged loses no step."""

import io
import os
import resource
import signal
import time
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from spectrobert.errors import UserError
from spectrobert.run import checkpoints, preemption
from spectrobert.run.callbacks import LastCheckpoint, WholeFiles
from spectrobert.run.fit import fit
from spectrobert.run.progress import duration

from ..helpers.runs import checkpoint, last_words, losses, silent, start, trained, wait_for_step
from ..helpers.world import configure, overrides, train_py

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
LIMIT = 300_000  # bytes: more than metrics.csv, less than a checkpoint


def words(folder: Path, name: str, *more: str) -> list[str]:
    return overrides(
        folder, "pre", f"experiment_name={name}", "trainer.epochs=3", "trainer.num_workers=1", *more
    )


@pytest.mark.slow
def test_signalled_then_out_of_space_then_damaged_ends_as_one_left_alone(tmp_path):
    done = train_py(*words(tmp_path, "whole"))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "signalled" / "seed0"
    kept = folder / "checkpoints"

    # SLURM signals every process of a job: the loader's worker too
    process = start(words(tmp_path, "signalled"), start_new_session=True)
    wait_for_step(process, folder / "metrics.csv", 10)
    os.killpg(process.pid, signal.SIGUSR1)
    log = last_words(process)
    assert process.returncode == 128 + signal.SIGUSR1, log
    step = checkpoint(folder)["global_step"]
    assert f"SIGUSR1: the state of step {step} is written" in log
    assert "Traceback" not in log
    assert step > 10
    assert checkpoints.fault(kept / "previous.ckpt") == ""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))

    before = (kept / "last.ckpt").read_bytes()
    again = words(tmp_path, "signalled", "trainer.num_workers=0", "resume=true")
    process = start(again, preexec_fn=limited)
    log = last_words(process)
    assert process.returncode == 2, log
    assert log.splitlines()[-1].startswith(f"error: {folder}: File too large")
    assert "Traceback" not in log
    assert (kept / "last.ckpt").read_bytes() == before
    assert {p.name for p in kept.iterdir()} == {"best.ckpt", "last.ckpt", "previous.ckpt"}

    (kept / "last.ckpt").write_bytes(before[: len(before) // 2])
    (kept / ".next.ckpt.123").write_bytes(b"left by a run that was killed")
    done = train_py(*words(tmp_path, "signalled"), "--resume")
    assert done.returncode == 0, done.stderr
    assert f"{kept / 'last.ckpt'} cannot be read" in done.stdout
    assert f"resuming from {kept / 'previous.ckpt'}" in done.stdout
    assert losses(folder) == losses(tmp_path / "runs" / "whole" / "seed0")
    assert {p.name for p in kept.iterdir()} == {"best.ckpt", "last.ckpt"}


def sound(path, value: int) -> None:
    WholeFiles().save_checkpoint({"value": torch.tensor(value)}, path)


def value(path) -> int:
    return int(torch.load(path)["value"])


def test_the_last_two_are_kept(tmp_path):
    for number in range(4):
        sound(tmp_path / "next.ckpt", number)
        checkpoints.rotate(tmp_path)
    assert {p.name: value(p) for p in tmp_path.iterdir()} == {"last.ckpt": 3, "previous.ckpt": 2}
    assert checkpoints.newest(tmp_path) == (tmp_path / "last.ckpt", [])


@pytest.mark.parametrize("killed_after", ["writing", "the first renaming"])
def test_killed_while_rotating_loses_none(tmp_path, killed_after, monkeypatch):
    sound(tmp_path / "last.ckpt", 1)
    sound(tmp_path / "next.ckpt", 2)
    if killed_after == "the first renaming":
        (tmp_path / "last.ckpt").rename(tmp_path / "previous.ckpt")
    found, faults = checkpoints.newest(tmp_path)
    assert found is not None
    assert value(found) == (1 if killed_after == "writing" else 2)
    assert faults == []


def test_a_damaged_checkpoint_gives_way_to_the_one_before_it(tmp_path):
    sound(tmp_path / "last.ckpt", 1)
    sound(tmp_path / "previous.ckpt", 0)
    whole = (tmp_path / "last.ckpt").read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(b"data.pkl") + 60] ^= 1
    for damaged in (b"", whole[:-1], whole[:200], bytes(flipped)):
        (tmp_path / "last.ckpt").write_bytes(damaged)
        found, (fault,) = checkpoints.newest(tmp_path)
        assert found == tmp_path / "previous.ckpt"
        assert fault.startswith(f"{tmp_path / 'last.ckpt'} cannot be read (")
    (tmp_path / "previous.ckpt").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"last\.ckpt cannot be read .*previous\.ckpt cannot be"):
        checkpoints.newest(tmp_path)


def test_no_checkpoint_is_none(tmp_path):
    assert checkpoints.newest(tmp_path / "checkpoints") == (None, [])
    assert not checkpoints.exist(tmp_path)


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path, monkeypatch):
    sound(tmp_path / "last.ckpt", 1)

    class Full(io.BytesIO):
        def write(self, data) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.open", lambda *_: Full())
    with pytest.raises(OSError, match="No space left on device"):
        sound(tmp_path / "last.ckpt", 2)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]
    assert value(tmp_path / "last.ckpt") == 1


def test_outside_training_a_process_leaves_at_once_and_handlers_come_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    log: list[str] = []

    def run() -> None:
        with preemption.listening(log.append, Path("nowhere")):
            signal.raise_signal(signal.SIGTERM)
            pytest.fail("it went on")

    with pytest.raises(SystemExit) as left:
        run()
    assert left.value.code == 143
    assert log[0].startswith("SIGTERM: outside training nothing is written; there is no")
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_during_training_a_signal_waits_for_the_step(tmp_path):
    with preemption.listening(print, tmp_path) as notice:
        notice.begin_training()
        signal.raise_signal(signal.SIGUSR1)
        assert notice.is_given
        assert not notice.is_overdue
        keeper = LastCheckpoint(None, 1, notice)
        keeper.on_validation_batch_end(None)  # a validation that ends soon is waited for
        notice.came_at -= preemption.PATIENCE_SECONDS
        with pytest.raises(SystemExit):
            keeper.on_validation_batch_end(None)


def test_a_launcher_is_called_after_the_state_is_written():
    order: list[str] = []
    own = signal.signal(signal.SIGUSR2, lambda *_: order.append("launcher"))

    def run() -> None:
        with preemption.listening(order.append, Path("nowhere")) as notice:
            notice.begin_training()
            signal.raise_signal(signal.SIGUSR2)
            assert order == []
            notice.leave("the state of step 3 is written")

    try:
        with pytest.raises(SystemExit):
            run()
    finally:
        signal.signal(signal.SIGUSR2, own)
    assert order == [
        "SIGUSR2: the state of step 3 is written;"
        " there is no checkpoint yet: the same command starts over",
        "launcher",
    ]


@pytest.mark.parametrize(
    ("rank", "script", "calls", "words"),
    [
        ("0", "exit 0", 1, "job 17 is requeued"),
        ("0", "echo no rights >&2; exit 1", 1, "job 17 is not requeued (no rights)"),
        ("1", "exit 0", 0, "the first process of job 17 requeues it"),
        ("0", None, 0, "job 17 is not requeued ([Errno 2] No such file or directory: 'scontrol')"),
    ],
)
def test_one_process_requeues_the_job(tmp_path, monkeypatch, rank, script, calls, words):
    log = tmp_path / "log"
    if script:
        (tmp_path / "scontrol").write_text(f"#!/bin/sh\necho $* >> {log}\n{script}\n")
        (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SLURM_PROCID", rank)
    assert preemption.requeue("17") == words
    assert (log.read_text() if log.exists() else "") == "requeue 17\n" * calls


def test_a_run_that_left_while_it_was_scored_has_the_same_results(tmp_path):
    more = ("trainer.epochs=2", "dataset.crop=random")
    folder = trained(tmp_path, "ser", *more)
    first = folder.read_results()
    folder.results.unlink()
    again = trained(tmp_path, "ser", *more, "resume=true").read_results()
    assert again["last_validation"].keys() >= {"val/loss", "val/accuracy"}
    for key in ("test", "last_validation", "monitor", "epochs_run", "steps_run"):
        assert again[key] == first[key], key


def test_a_requeued_job_resumes_by_itself(tmp_path, monkeypatch):
    first = trained(tmp_path, "ser", "trainer.epochs=1").read_results()
    with pytest.raises(UserError, match="holds a run already"):
        trained(tmp_path, "ser", "trainer.epochs=1")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    again = fit(configure(tmp_path, "ser", "trainer.epochs=1"), silent())
    assert again == first


class Slow(torch.utils.data.Dataset):
    """Rows that tell which process read them, and take their time."""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, row: int) -> int:
        time.sleep(0.05)
        return os.getpid()


def test_a_worker_outlives_the_signals_of_its_job():
    loader = iter(DataLoader(Slow(), num_workers=1, worker_init_fn=preemption.leave_to_parent))
    (worker,) = next(loader).tolist()
    for number in SIGNALS:
        os.kill(worker, number)
    assert {pid for batch in loader for pid in batch.tolist()} == {worker}


def test_a_log_shows_steps_pace_and_end(tmp_path):
    console = silent()
    fit(configure(tmp_path, "pre", "trainer.epochs=2", "trainer.progress_minutes=0"), console)
    log = console.file.getvalue()
    lines = [line for line in log.splitlines() if "clips/s" in line]
    assert len(lines) == 16
    assert lines[8].startswith("epoch 2/2  batch 1/8  step 9  train/loss ")
    assert lines[-1].endswith("epoch ends in 0 s, training in 0 s")
    assert not set("\x1b\r") & set(log)


def test_by_default_a_short_epoch_has_its_own_line_only(tmp_path):
    console = silent()
    fit(configure(tmp_path, "pre", "trainer.epochs=1"), console)
    assert "clips/s" not in console.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(42, "42 s"), (150, "2 min"), (34_000, "9 h 26 min"), (400_000, "4 d 15 h")],
)
def test_durations(seconds, words):
    assert duration(seconds) == words
