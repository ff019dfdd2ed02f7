"""A run that is asked to leave: it writes its state, has SLURM start it again, and goes.

SIGINT is Ctrl-C: the first lets the step end and the state be written, the second leaves at once.
SIGUSR1 comes from SLURM before a job's time is up (`--signal=SIGUSR1@120`): the job is requeued.
SIGTERM comes from `scancel` and from preemption: SLURM itself decides what is started again.
A launcher with a handler of its own (submitit: SIGUSR2) is called when the state is written.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import checkpoints

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
PATIENCE_SECONDS = 60.0  # for a validation to end; SLURM waits 120 s by --signal=SIGUSR1@120
WORKER_SECONDS = 30  # that a loader's worker outlives SIGTERM


class PreemptionNotice:
    """The request to this process to leave.

    During training the loop looks at it between two steps, when the state is whole. At any other
    time there is nothing to write, and the process leaves at once.

    Args:
        folder: of the run's checkpoints.
    """

    def __init__(self, log: Callable[[str], None], folder: Path):
        self.log = log
        self.folder = folder
        self.signal: signal.Signals | None = None
        self.came_at = 0.0
        self.is_training = False
        self.launchers: dict[int, Any] = {}  # handlers that were there before

    @property
    def is_given(self) -> bool:
        return self.signal is not None

    @property
    def is_overdue(self) -> bool:
        """True if the loop has had its time to reach a state that can be written."""
        return self.is_given and time.monotonic() - self.came_at > PATIENCE_SECONDS

    def listen(self) -> None:
        """Take the signals; SIGUSR2 only from a launcher."""
        for number in WATCHED:
            if number != signal.SIGUSR2 or callable(self.launchers.get(number)):
                signal.signal(number, self._receive)

    def begin_training(self) -> None:
        """From here on the loop looks at the notice. Lightning has taken SIGTERM: take it back."""
        if self.launchers:
            self.listen()
        self.is_training = True

    def _receive(self, number: int, frame: Any) -> None:
        is_second = self.signal == number == signal.SIGINT
        if self.signal is None:
            self.signal, self.came_at = signal.Signals(number), time.monotonic()
        if not self.is_training:
            self.leave("outside training nothing is written")
        if is_second:
            self.leave("the step is not waited for")
        if number == signal.SIGINT:
            self.log("SIGINT: this step ends, its state is written; Ctrl-C again leaves at once")

    def leave(self, state: str) -> None:
        """Log what was written, ask to be started again, and raise SystemExit(128 + signal)."""
        number = self.signal or signal.SIGTERM  # None: another process of the run was asked
        for watched in self.launchers:
            signal.signal(watched, signal.SIG_IGN)  # a requeued job is sent SIGTERM at once
        remedy = (
            f"--resume continues from {self.folder / checkpoints.LAST}"
            if checkpoints.exist(self.folder)
            else "there is no checkpoint yet: the same command starts over"
        )
        self.log(f"{number.name}: {state}; {remedy}")
        launcher = self.launchers.get(number)
        if callable(launcher):
            launcher(number, None)
        elif number == signal.SIGUSR1 and "SLURM_JOB_ID" in os.environ:
            self.log(requeue(os.environ["SLURM_JOB_ID"]))
        raise SystemExit(128 + number)


@contextmanager
def listening(log: Callable[[str], None], folder: Path) -> Iterator[PreemptionNotice]:
    """Take SIGINT, SIGTERM and SIGUSR1 while a run lasts, and give them back after it."""
    notice = PreemptionNotice(log, folder)
    if threading.current_thread() is not threading.main_thread():
        yield notice  # Python hands signals to the main thread alone
        return
    notice.launchers = {number: signal.getsignal(number) for number in WATCHED}
    notice.listen()
    try:
        yield notice
    except SystemExit as left:
        if left.code != 128 + signal.SIGINT:
            raise
        raise KeyboardInterrupt from None  # for a caller in the same process
    finally:
        for number, handler in notice.launchers.items():
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """Lightning turns Ctrl-C into exit code 1 and ignores it from then on: undo both."""
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as left:
        if not isinstance(left.__context__, KeyboardInterrupt):
            raise
        if is_main:
            signal.signal(signal.SIGINT, before)
        raise KeyboardInterrupt from None


def requeue(job: str) -> str:
    """Have SLURM start a job again; one process of the job does it. Returns a line for the log."""
    if os.environ.get("SLURM_PROCID", "0") != "0":
        return f"the first process of job {job} requeues it"
    command = ["scontrol", "requeue", job]
    try:
        subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        return f"job {job} is not requeued ({reason.strip()})"
    return f"job {job} is requeued"


def is_restart() -> bool:
    """True if SLURM started this job before: it was requeued, or its node failed."""
    return int(os.environ.get("SLURM_RESTART_COUNT", "0")) > 0


def leave_to_parent(worker: int) -> None:
    """For a loader's worker: SLURM signals every process of a job, and the parent decides.

    A worker that dies of SIGTERM would end the run before its state is written.
    """
    for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: signal.alarm(WORKER_SECONDS))
