"""Jobs of a table on this machine: one process each, so that what kills a run stops no other."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rich.console import Console

from ..errors import UserError
from ..run import locks
from ..terminal import print_line, print_rule
from . import jobs
from .jobs import Job

NOT_RUN = "not run:"
INTERRUPTED = {130, -signal.SIGINT}  # exit codes of a run that Ctrl-C ended


def run_all(
    todo: Sequence[Job],
    console: Console,
    elsewhere: Mapping[Job, str],
    to_stderr: bool = False,
    refused: Mapping[Job, str] = MappingProxyType({}),
) -> dict[Job, str]:
    """Run missing jobs, in order. Returns those that failed, with reasons.

    Args:
        elsewhere: jobs that are left to the cluster, with how far they are there.
        to_stderr: what the runs print goes there, so that stdout holds the table alone.
        refused: finished jobs whose scores cannot be used, with reasons.
    """
    failed: dict[Job, str] = {}
    for job in todo:
        needs = job.needs
        if job in refused:
            failed[job] = refused[job]
        elif job in elsewhere:
            print_line(console, f"{elsewhere[job]} on the cluster: {job.name}")
        elif needs and needs in failed:
            why = failed[needs]  # of a chain, the first failure is reported
            is_first = not why.startswith(NOT_RUN)
            failed[job] = f"{NOT_RUN} {needs.name} failed: {why}" if is_first else why
        elif needs and needs in elsewhere:
            failed[job] = f"{NOT_RUN} {needs.name} is {elsewhere[needs]} on the cluster"
        else:
            try:
                reason = run(job, console, to_stderr)
            except KeyboardInterrupt:
                print_line(console, "what has finished stays; the same command continues")
                raise
            if reason:
                failed[job] = reason
        if job in failed:
            print_line(console, f"failed: {job.name}: {failed[job]}")
    return failed


def run(job: Job, console: Console, to_stderr: bool = False) -> str:
    """Run one job unless it has finished. Returns the reason of a failure, or ""."""

    def waiting(holder: str) -> None:
        print_line(console, f"waiting: {holder} runs in {job.folder}")

    # before the state is read: another process may change it
    with locks.hold(job.folder.path, waiting) as lock:
        now = jobs.state(job)
        if now.word == "finished":
            print_line(console, f"finished: {job.name} ({job.folder})")
        if now.word in ("finished", "refused"):
            return now.reason
        print_rule(console, f"{job.task}: {job.name}")
        print_line(console, job.line)
        given = locks.environment(job.folder.path, lock)
        code, last = _call(job.command, lock, to_stderr, given)
    if code == 0:
        now = jobs.state(job)
        return "" if now.word == "finished" else f"{job.folder} is {now.word} after its run"
    if code < 0:
        hint = "; out of memory?" if code == -signal.SIGKILL else ""
        return f"killed by {signal.Signals(-code).name}{hint}"
    return last or f"exit code {code}"


def _call(
    command: Sequence[str], lock: int, to_stderr: bool, given: Mapping[str, str]
) -> tuple[int, str]:
    """Exit code and last line of stderr, which is passed on as it comes.

    Args:
        given: environment variables of the run, in addition to this process' own.

    Raises KeyboardInterrupt, once the run has ended, if this process or the run was interrupted.
    """
    last = ""
    started: list[subprocess.Popen[str]] = []
    asked: list[int] = []

    def stop(number: int, frame: object) -> None:
        # The terminal's Ctrl-C reaches the run by itself, a plain `kill` only this process. SIGTERM
        # does not hurry a run that is leaving already
        asked.append(number)
        for process in started:
            process.terminate()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with subprocess.Popen(
            command,
            stdout=sys.stderr if to_stderr else None,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=os.environ | given,
            pass_fds=(lock,),  # should this process be killed, its run still holds the lock
        ) as process:
            started.append(process)
            if asked:  # before there was anything to pass it on to
                process.terminate()
            assert process.stderr is not None
            for line in process.stderr:
                print(line, end="", file=sys.stderr, flush=True)
                last = line.strip() or last
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked or process.returncode in INTERRUPTED:
        raise KeyboardInterrupt
    return process.returncode, last.removeprefix("error: ")


def become(job: Job) -> None:
    """Turn this process into the job, so that the cluster's signals and its exit code are its own.

    Raises UserError if it cannot run, or not yet.
    """
    now = jobs.state(job)
    if now.word == "refused":
        raise UserError(now.reason)
    if job.needs and jobs.state(job.needs).word != "finished":
        raise UserError(f"{job.name} needs {job.needs.name}, which has not finished")
    if now.word != "finished":
        sys.stdout.flush()
        os.execv(sys.executable, job.command)
