"""tune: search hyperparameters."""

from pathlib import Path
from typing import Annotated, Optional

import typer


def tune(
    context: typer.Context,
    trials: Annotated[int, typer.Option(min=1, help="finished and pruned ones, of all workers")],
    study: Annotated[
        Optional[str],
        typer.Option(help="workers of one name share it; default: DATASET_TASK_tuning"),
    ] = None,
    space: Annotated[
        str, typer.Option(help="a file of conf/space, or PATH.yaml of your own")
    ] = "default",
    runs_dir: Annotated[str, typer.Option("--runs_dir", help="where studies and runs go")] = "runs",
    startup: Annotated[
        int, typer.Option(min=1, help="trials at random, before TPE and pruning begin")
    ] = 8,
    inner_folds: Annotated[
        int,
        typer.Option(
            "--inner_folds", min=0, help="parts of the training speakers that validate in turn"
        ),
    ] = 0,
    grace: Annotated[
        float, typer.Option(help="seconds without a sign of life until a trial counts as killed")
    ] = 120.0,
) -> None:
    """Search hyperparameters: tune --trials 40 --task ser --dataset ravdess model=tiny.

    All other words are train.py's flags and overrides, the same for every trial. Call it again, or
    at the same time elsewhere, to join the study; trials of killed workers are repeated.
    """
    from ..config.checks import folder_inside
    from ..errors import UserError, require_extra
    from ..experiments import inner_folds as inner
    from ..experiments.search_space import read
    from ..files import check_writable
    from ..settings import composition, flags, literals
    from ..settings.overrides import named
    from ..terminal import console

    require_extra("tune", "tune")
    check_writable("--runs_dir", Path(runs_dir), is_folder=True)
    overrides = flags.rewrite([*context.args, f"runs_dir={literals.quoted(runs_dir)}"])
    config = composition.compose(overrides)
    if config.classic.is_on:
        raise UserError("classic.features has no search: validation chooses among classic.costs")
    if inner_folds:
        inner.require(config)
        composition.compose([*overrides, f"dataset.inner_folds={inner_folds}"])
    varied = read(space)
    for key in varied:
        if named(overrides, key):
            raise UserError(f"{key} is set on the command line and searched by --space {space}")

    from ..experiments import study_report, tuning
    from ..run.quiet import quiet

    quiet()
    name = f"{config.dataset.name}_{config.task.name}_tuning" if study is None else study
    folder_inside("--study", name)
    search = tuning.Search(
        Path(runs_dir) / name, tuple(overrides), varied, config.seed, startup, inner_folds
    )
    finished = tuning.work(search, trials, grace, console())
    study_report.write(finished, search, config.task.monitor, console())
