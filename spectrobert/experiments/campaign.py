"""A table and its settings as runs, and its runs as lines, for `table`, `demo` and `report`."""

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ..errors import UserError
from ..terminal import print_line
from . import formats, learning_curves, slurm, table_rows, workers
from .jobs import Job, Settings, State, plan, state
from .matrix import sheet_of
from .table_rows import Line
from .table_spec import Table

STUCK = ("failed", "refused")


@dataclass(frozen=True)
class Campaign:
    """A table, its settings and its jobs."""

    table: Table
    settings: Settings
    jobs: tuple[Job, ...]

    @property
    def queue(self) -> slurm.Queue:
        """Its jobs on a cluster."""
        return slurm.queue(self.table.stem, self.settings.runs_dir)

    def states(self) -> dict[Job, State]:
        """State of each job by now."""
        return slurm.states(self.jobs, {job: state(job) for job in self.jobs}, self.queue)


def prepare(table: Table, settings: Settings) -> Campaign:
    """Plan the runs. Raises UserError if a row cannot be composed."""
    return Campaign(table, settings, tuple(plan(table, settings)))


def run(campaign: Campaign, console: Console, to_stderr: bool = False) -> dict[Job, str]:
    """Run missing jobs, here. Returns those that failed, with reasons."""
    words = {job: now.word for job, now in campaign.states().items()}
    elsewhere = {job: word for job, word in words.items() if word in slurm.ELSEWHERE}
    refused = outdated(campaign.jobs, console)
    return workers.run_all(campaign.jobs, console, elsewhere, to_stderr, refused)


def outdated(jobs: Sequence[Job], console: Console) -> dict[Job, str]:
    """Finished runs whose corpus has changed since, with the changes.

    A corpus that cannot be opened here is not compared: a table can be printed elsewhere.
    """
    from ..data import preparation, split_record

    reasons: dict[tuple[str, bytes], str] = {}  # by corpus and split: rows and seeds share them
    changed = {}
    for job in jobs:
        if job.is_scoring or not job.folder.is_finished:
            continue
        record, config = split_record.read(job.folder.split), job.config
        if record is None:
            continue
        corpus = repr((job.task, config.dataset, config.data_dir))
        key = (corpus, job.folder.split.read_bytes())
        if key not in reasons:
            reasons[key] = ""
            try:
                preparation.prepare(job.task, config.dataset, config.data_dir, recorded=record)
            except split_record.CorpusChanged as error:
                reasons[key] = str(error)
            except UserError as error:
                print_line(console, f"{job.name}: not compared with its corpus: {error}")
        if reasons[key]:
            changed[job] = reasons[key]
    return changed


def submit(campaign: Campaign, words: Sequence[str]) -> None:
    """Give missing jobs to the cluster; `words` stand behind `table` on the command line."""
    if Path.cwd() != slurm.FOLDER.parent:
        raise UserError(f"--slurm: run it at the top of the checkout, {slurm.FOLDER.parent}")
    os.environ["SPECTROBERT_DATA"] = campaign.settings.data_dir  # they win over slurm/site.sh
    os.environ["SPECTROBERT_RUNS"] = campaign.settings.runs_dir
    slurm.submit(campaign.jobs, campaign.states(), campaign.queue, words)


def failures(states: Mapping[Job, State]) -> dict[Job, str]:
    """Jobs that cannot go on by themselves, with reasons."""
    return {job: now.reason for job, now in states.items() if now.word in STUCK}


def lines(campaign: Campaign, failed: Mapping[Job, str]) -> list[Line]:
    """The table so far, also written into the folder of the runs."""
    lines = table_rows.lines(campaign.table, campaign.jobs, failed)
    if any(line.cells for line in lines):
        folder, table = Path(campaign.settings.runs_dir), campaign.table
        formats.write(folder, table, lines)
        if table.curve:
            path = folder / f"{table.stem}_curves.csv"
            learning_curves.write(path, campaign.jobs, table.curve)
    return lines


def write_report(
    path: Path, title: str, campaign: Campaign, lines: Sequence[Line], data_dir: str = ""
) -> Path:
    """Write the HTML page of a table: its lines, then the first finished run of each row.

    Raises UserError if no run of the table has finished.
    """
    from .report import page  # draws with torch and Matplotlib, and renders with Jinja

    table, runs_dir = campaign.table, campaign.settings.runs_dir
    done = table_rows.folders(table, runs_dir)
    trained = [row.name for row in (*table.pretraining, *table.rows) if not row.scored]
    folders = {name: done[name] for name in trained if done.get(name)}
    if not folders:
        raise UserError(
            f"no run of table {table.stem} has finished in {runs_dir}; first:"
            f" python -m spectrobert table {table.stem}"
        )
    summary = sheet_of(table, lines)
    return page.write(path, title or summary.title, folders, summary, data_dir)


def show_commands(campaign: Campaign) -> None:
    """The list of jobs, each with its number and, unless it has finished, its command."""
    for number, (job, now) in enumerate(campaign.states().items()):
        print(f"# {number}: {job.name}: {now.word}")
        if now.word != "finished":
            print(job.line)


def show_states(console: Console, states: Mapping[Job, State]) -> None:
    """One line per row: how many of its runs are in which state."""
    by_row: dict[str, list[State]] = defaultdict(list)
    for job, now in states.items():
        by_row[job.row].append(now)
    for name, some in by_row.items():
        counts = Counter(now.word for now in some).items()
        line = f"{name}: {', '.join(f'{count} {word}' for word, count in counts)}"
        reasons = dict.fromkeys(now.reason for now in some if now.word in STUCK)
        print_line(console, line + (f" ({'; '.join(reasons)})" if reasons else ""))
