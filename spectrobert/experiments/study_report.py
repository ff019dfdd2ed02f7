"""What a study leaves to read: a table, the best experiment, plots."""

from __future__ import annotations

import warnings
from pathlib import Path

import optuna
from optuna.trial import TrialState
from rich.console import Console

from ..files import write_table, write_whole
from ..terminal import numbers, print_line, print_table
from .tuning import Search, best_experiment, command

SHOWN = 10


def write(study: optuna.Study, search: Search, monitor: str, console: Console) -> None:
    """Write trials.csv, best.yaml and the plots; print the best trials and how to go on."""
    trials = study.get_trials(deepcopy=False)
    names = list(search.space)
    write_table(
        search.folder / "trials.csv",
        ("trial", "state", monitor, *names, "folder", "fault"),
        [
            [
                t.number,
                t.state.name.lower(),
                "" if t.value is None else t.value,
                *(t.params.get(name, "") for name in names),
                t.user_attrs.get("folder", ""),
                t.user_attrs.get("fault", ""),
            ]
            for t in trials
        ],
    )
    done = [t for t in trials if t.state == TrialState.COMPLETE]
    counts = {state: sum(t.state == state for t in trials) for state in TrialState}
    told = ", ".join(f"{n} {state.name.lower()}" for state, n in counts.items() if n)
    print_line(console, f"{search.folder}: {told}")
    if not done:
        return
    best = study.best_trial
    write_whole(search.folder / "best.yaml", best_experiment(search, best, monitor))
    _show(study, names, monitor, console)
    for path in draw(study, search.folder):
        print_line(console, f"plot: {path}")
    print_line(
        console, f"best: {search.folder / 'best.yaml'} (put it into conf/experiment to use it)"
    )
    print_line(console, f"test it: {command(search, best)}")


def _show(study: optuna.Study, names: list[str], monitor: str, console: Console) -> None:
    rows = []
    is_max = study.direction == optuna.study.StudyDirection.MAXIMIZE
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    for t in sorted(done, key=lambda t: t.value or 0.0, reverse=is_max)[:SHOWN]:
        values = [t.params[name] for name in names]
        cells = [f"{v:.3g}" if isinstance(v, float) else str(v) for v in values]
        rows.append((str(t.number), f"{t.value:.4f}", *cells))
    title = f"{study.study_name}: best trials by {monitor} on validation"
    print_table(console, numbers("trial", monitor, *names), rows, title=title)


def draw(study: optuna.Study, folder: Path) -> list[Path]:
    """Plots of the study, as far as it has trials enough for each."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from optuna.visualization import matplotlib as plots

    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    wanted = {
        "history": lambda: plots.plot_optimization_history(study),
        "curves": lambda: plots.plot_intermediate_values(study),
        "slices": lambda: plots.plot_slice(study),
    }
    if len({t.value for t in done}) > 3:  # fewer say nothing of importance
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        wanted["importance"] = lambda: plots.plot_param_importances(study, evaluator=evaluator)
    written = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        for name, plot in wanted.items():
            plot()
            figure = plt.gcf()  # Optuna returns axes, one or many
            figure.set_size_inches(3.2 * len(study.best_params) if name == "slices" else 7, 4)
            figure.set_layout_engine("constrained")
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=90)
            plt.close(figure)
            written.append(path)
    return written
