"""Results of a study: a table, the best experiment, plots."""

import warnings
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from ..files import write_table, write_whole
from ..terminal import numbers, print_line, print_table
from .tuning import Search, best_experiment, command, short, value_of

SHOWN = 10
MIN_VALUES = 4  # different ones: fewer give no estimate of importance


def write(study: optuna.Study, search: Search, monitor: str, console: Console) -> None:
    """Write trials.csv, best.yaml and the plots; print the best trials and how to go on."""
    trials = study.get_trials(deepcopy=False)
    names = list(search.space)
    rows = [
        (
            *(t.number, t.state.name.lower(), t.value),
            *(t.params.get(name) for name in names),
            *(t.user_attrs.get(name) for name in ("folder", "fault")),
            *inner_cells(t, search),
        )
        for t in trials
    ]
    inner = ("epoch", *(f"inner{i + 1}" for i in range(search.inner_folds)))
    header = ("trial", "state", monitor, *names, "folder", "fault")
    header += inner if search.inner_folds else ()
    write_table(search.folder / "trials.csv", header, rows)
    counts = {state: sum(t.state == state for t in trials) for state in TrialState}
    states = ", ".join(f"{n} {state.name.lower()}" for state, n in counts.items() if n)
    print_line(console, f"{search.folder}: {states}")
    done = [t for t in trials if t.state == TrialState.COMPLETE]
    if not done:
        return
    best, path = study.best_trial, search.folder / "best.yaml"
    write_whole(path, best_experiment(search, best, monitor))
    is_max = study.direction == optuna.study.StudyDirection.MAXIMIZE
    ranked = sorted(done, key=lambda t: t.value or 0.0, reverse=is_max)[:SHOWN]
    cells = [
        (str(t.number), value_of(t), *(short(t.params[name]) for name in names)) for t in ranked
    ]
    title = f"{study.study_name}: best trials by {monitor} on validation"
    print_table(console, numbers("trial", monitor, *names), cells, title=title)
    for plot in draw(study, done, search.folder):
        print_line(console, f"plot: {plot}")
    print_line(console, f"best: {path} (put it into conf/experiment to use it)")
    if search.inner_folds:
        unseen = "test clips were neither trained on nor scored"
        print_line(console, f"{monitor} {value_of(best)}; {unseen}")
    print_line(console, f"test it: {command(search, best)}")


def inner_cells(trial: FrozenTrial, search: Search) -> list[float | None]:
    """Cells of trials.csv about inner folds: the epoch, and the value of each."""
    if not search.inner_folds:
        return []
    values = trial.user_attrs.get("inner", [None] * search.inner_folds)
    return [trial.user_attrs.get("epoch"), *values]


def draw(study: optuna.Study, done: list[FrozenTrial], folder: Path) -> list[Path]:
    """Plots of the study, as far as it has trials enough for each."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from optuna.visualization import matplotlib as plots

    wanted = {
        "history": lambda: plots.plot_optimization_history(study),
        "curves": lambda: plots.plot_intermediate_values(study),
        "slices": lambda: plots.plot_slice(study),
    }
    if len({t.value for t in done}) >= MIN_VALUES:
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        wanted["importance"] = lambda: plots.plot_param_importances(study, evaluator=evaluator)
    written = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        for name, plot in wanted.items():
            plot()
            figure = plt.gcf()  # Optuna returns axes, one or many
            number = len(study.best_params)
            figure.set_size_inches(3.2 * number if name == "slices" else 7, 4)
            # Matplotlib divides by zero in constrained layouts of one slice and its colour bar
            is_one = name == "slices" and number == 1
            figure.set_layout_engine("tight" if is_one else "constrained")
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=90)
            plt.close(figure)
            written.append(path)
    return written
