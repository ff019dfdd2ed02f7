"""table: run the experiments of a table, and print it."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from ..errors import UserError, unknown
from .options import Seeds


def table(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="TABLE", help="a file of conf/table, as ser; or PATH.yaml"),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            help="another corpus than the table's; of cross_corpus those it is about: ravdess+tess"
        ),
    ] = "",
    seeds: Seeds = 1,
    folds: Annotated[str, typer.Option(help="all, or numbers as in 1,2")] = "all",
    data_dir: Annotated[
        str, typer.Option("--data_dir", help="corpora lie in DIR/<their name> (data)")
    ] = "",
    runs_dir: Annotated[
        str, typer.Option("--runs_dir", help="where runs and TABLE.{md,csv,tex} go (runs)")
    ] = "",
    checkpoint: Annotated[
        Optional[str],
        typer.Option(help="a pre-trained run, in place of the table's own pre-training"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the commands that would run, and stop")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="run nothing: print states, and the table so far")
    ] = False,
    index: Annotated[
        Optional[int], typer.Option(help="run one job of the --dry-run list, counted from 0")
    ] = None,
    slurm: Annotated[
        bool,
        typer.Option("--slurm", help="submit what is missing as SLURM job arrays, with --cuda"),
    ] = False,
    form: Annotated[str, typer.Option("--format", help="print the table as md, csv or tex")] = "",
) -> None:
    """Run what is missing of a table, then print it next to published figures.

    Finished runs are not run again, and killed ones resume. Other words are flags and overrides of
    train.py, for every run: --cuda model=tiny trainer.patience=5 ...
    """
    from ..experiments import campaign, formats, workers
    from ..experiments import slurm as cluster
    from ..experiments.jobs import Settings, check_overrides
    from ..experiments.table_spec import load
    from ..files import check_writable
    from ..terminal import console

    if form and form not in formats.FORMATS:
        raise unknown("--format", form, formats.FORMATS)
    if checkpoint == "":
        raise UserError("--checkpoint needs a value, and was given an empty one")
    words = tuple(context.args)
    if slurm:
        words = ("--cuda", *words)  # as slurm/table.sbatch does; the user's words win
        data_dir = data_dir or cluster.site_value("SPECTROBERT_DATA")
        runs_dir = runs_dir or cluster.site_value("SPECTROBERT_RUNS")
    overrides = check_overrides(words)
    data_dir, runs_dir = data_dir or "data", runs_dir or "runs"
    settings = Settings(seeds, folds, data_dir, runs_dir, checkpoint or "", overrides)
    check_writable("--runs_dir", Path(settings.runs_dir), is_folder=True)
    asked = campaign.prepare(load(name).on(dataset), settings)
    if dry_run:
        campaign.show_commands(asked)
        return
    if index is not None:
        if not 0 <= index < len(asked.jobs):
            raise UserError(f"--index {index}: the table has jobs 0 to {len(asked.jobs) - 1}")
        workers.become(asked.jobs[index])
        return
    if slurm and not status:
        flags = ["--seeds", str(seeds), "--folds", folds]
        for flag, value in (("--dataset", dataset), ("--checkpoint", checkpoint)):
            flags += [flag, value] if value else []
        campaign.submit(asked, [name, *flags, *context.args])
    if slurm or status:
        states = asked.states()
        failed = campaign.failures(states)
        if not form:
            campaign.show_states(console(), states)
    else:  # with --format, stdout holds the table alone
        failed = campaign.run(asked, console(stderr=bool(form)), to_stderr=bool(form))
    lines = campaign.lines(asked, failed)
    if form:
        print(formats.FORMATS[form](asked.table, lines), end="")
    else:
        formats.show(console(), asked.table, lines)
    if failed:
        raise typer.Exit(1)
