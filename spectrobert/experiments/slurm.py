"""A table on a cluster: arrays of its jobs through slurm/submit, and how far they are there."""

import getpass
import json
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..errors import UserError
from ..settings.conf import CONF
from .jobs import Job, State

FOLDER = CONF.parent / "slurm"
# task -> the batch script with its time, memory and cores
SCRIPTS = {"pre": "pretraining", "aqa_binary": "aqa", "aqa_open": "aqa"}
RESOURCES = re.compile(r"^#SBATCH (--(?:time|mem|cpus-per-task)=\S+)", re.MULTILINE)
ELSEWHERE = ("queued", "running")  # states of jobs on the cluster
WORDS = {"PENDING": "queued"}  # every other state that squeue lists is of a running job


@dataclass(frozen=True)
class Queue:
    """Ids of the submitted jobs of a table, in a file among its runs."""

    path: Path  # folder of a job -> its id, ARRAY_INDEX
    log: str  # path of a job's output, %s standing for its id

    def read(self) -> dict[str, str]:
        """Folder of a job -> its id; empty if nothing was submitted."""
        return files.read_json(self.path) if self.path.is_file() else {}


def queue(stem: str, runs_dir: str) -> Queue:
    """The queue of the table with this stem."""
    folder = Path(runs_dir) / "slurm"
    return Queue(folder / f"{stem}.json", str(folder / f"{stem}-%s.out"))


def site_value(name: str) -> str:
    """A variable as the environment or slurm/site.sh has it."""
    done = _call(["bash", "-c", f'. "{FOLDER / "site.sh"}" && printf %s "${name}"'])
    return done.stdout


def submit(
    jobs: Sequence[Job], states: Mapping[Job, State], submitted: Queue, words: Sequence[str]
) -> None:
    """Submit missing jobs: an array for all that wait for the same one.

    Args:
        words: behind `table` on the command line of each task, which adds its --index.
    """
    if not (FOLDER / "submit").is_file():
        raise UserError(f"--slurm: no {FOLDER / 'submit'}; run it from a checkout of the project")
    active = {str(job.folder) for job in jobs if states[job].word in ELSEWHERE}
    ids = {folder: known for folder, known in submitted.read().items() if folder in active}
    arrays: dict[tuple[Job | None, str], list[int]] = defaultdict(list)
    for number, job in enumerate(jobs):
        if states[job].word not in ("finished", "refused", *ELSEWHERE):
            is_ready = job.needs is None or states[job.needs].word == "finished"
            arrays[None if is_ready else job.needs, job.task].append(number)
    for (needs, task), numbers in arrays.items():
        if needs is not None and str(needs.folder) not in ids:
            continue  # what it needs is refused
        options = [f"--array={','.join(map(str, numbers))}", f"--job-name={submitted.path.stem}"]
        if needs is not None:
            options += [f"--dependency=afterok:{ids[str(needs.folder)]}"]
            options += ["--kill-on-invalid-dep=yes"]
        script = FOLDER / f"{SCRIPTS.get(task, task)}.sbatch"
        options += RESOURCES.findall(script.read_text(encoding="utf-8"))
        command = [str(FOLDER / "submit"), "--parsable", *options, "table", *words]
        # with several clusters, SLURM adds ";" and the cluster's name
        array = _call(command).stdout.strip().split("\n")[-1].partition(";")[0]
        ids |= {str(jobs[number].folder): f"{array}_{number}" for number in numbers}
        # at once: should the next one be refused, these are known
        files.write_whole(submitted.path, json.dumps(ids, indent=1))


def states(jobs: Sequence[Job], local: Mapping[Job, State], submitted: Queue) -> dict[Job, State]:
    """State of each job: that in `local`, or the cluster's if it has not finished."""
    ids = submitted.read()
    if not ids:
        return dict(local)
    listed = _listed()
    now = {}
    for job in jobs:
        known, state = ids.get(str(job.folder)), local[job]
        if known and state.word not in ("finished", "refused"):
            if known in listed:
                state = State(WORDS.get(listed[known], "running"), f"job {known}")
            else:
                reason = _last_line(Path(submitted.log % known))
                state = State("failed", f"job {known}: {reason}")
        now[job] = state
    return now


def _listed() -> dict[str, str]:
    """Job id -> state, of this user's jobs that wait or run."""
    done = _call(
        ["squeue", "--noheader", "--array", f"--user={getpass.getuser()}", "--format=%i %T"]
    )
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())


def _last_line(log: Path) -> str:
    if not log.is_file():
        return f"left the queue without output; the job it needs may have failed ({log} is missing)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").split("\n")
    printed = [line.strip() for line in lines if line.strip()]
    errors = [line for line in printed if line.startswith("error: ")]
    return (errors or printed or ["printed nothing"])[-1].removeprefix("error: ")


def _call(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Raises UserError in one line if the command is missing or fails."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    except FileNotFoundError as error:
        raise UserError(f"{command[0]} is not installed here; --slurm needs a SLURM") from error
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().split("\n")[-1]
        raise UserError(f"{Path(command[0]).name} refused: {last}") from error
