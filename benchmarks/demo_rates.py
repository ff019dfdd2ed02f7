"""The learning rates of the demo's rows, chosen on validation.

    python benchmarks/demo_rates.py [--rows baseline bin-frz] [--rates 3e-4 1e-3] [--seeds 3]

Each row of conf/table/demo.yaml is a grid search of `tune` per seed, from that seed's pre-training;
the rate with the best mean over seeds is the one for conf/experiment. `tune` never reads the test
split. Called again it runs only what is missing. Printed per row and rate: the monitored
validation metric, its mean over seeds and its values.
"""

import sys
from pathlib import Path

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState
from rich.console import Console

if __name__ == "__main__":  # not this folder: it would hide libraries of the same names
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import script
from spectrobert.experiments import campaign, jobs, table_spec, tuning, workers
from spectrobert.run.quiet import quiet
from spectrobert.settings import flags, literals
from spectrobert.terminal import console, print_line, print_table

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
GRACE = 120.0  # seconds without a sign of life until a trial counts as killed
# what `tune` sets itself
OWN = ("experiment_name=", "runs_dir=", "resume=")


def main() -> int:
    """Run the searches, print their table."""
    parser = script.Parser(__doc__)
    parser.add_argument("--rows", nargs="+", help="default: every row that trains")
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs_dir", default="runs/demo_rates")
    parser.add_argument("--data_dir", default="data")
    parser.add_argument("overrides", nargs="*", help="for every run, as trainer.epochs=24")
    asked = parser.parse_args()
    quiet()
    settings = jobs.Settings(
        seeds=asked.seeds,
        data_dir=asked.data_dir,
        runs_dir=asked.runs_dir,
        overrides=tuple(asked.overrides),
    )
    planned = campaign.prepare(table_spec.load("demo"), settings).jobs
    trained = [job for job in planned if not job.is_silenced]
    wanted = [j for j in trained if j.row in asked.rows] if asked.rows else trained
    screen = console()
    first = {job.needs for job in wanted if job.needs is not None}
    if failed := workers.run_all(sorted(first, key=lambda job: job.name), screen, {}):
        print_line(screen, f"failed: {next(iter(failed.values()))}")
        return 1
    found: dict[tuple[str, float], list[float]] = {}
    for job in wanted:
        for rate, value in search(job, asked.rates, Path(asked.runs_dir), screen).items():
            found.setdefault((job.row, rate), []).append(value)
    show(found, screen)
    return 0


def search(job: jobs.Job, rates: list[float], home: Path, screen: Console) -> dict[float, float]:
    """The best value of the monitored metric on validation, by rate."""
    overrides = [
        *(o for o in flags.rewrite(job.words[1:]) if not o.startswith(OWN)),
        f"runs_dir={literals.quoted(str(home))}",
    ]
    name = f"{job.row}-seed{job.seed}".replace(" ", "").replace("+", "-")
    space = {"optim.lr": CategoricalDistribution(list(rates))}
    asked = tuning.Search(home / name, tuple(overrides), space, job.seed, len(rates))
    study = tuning.work(asked, len(rates), GRACE, screen)
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return {trial.params["optim.lr"]: trial.value for trial in done if trial.value is not None}


def show(found: dict[tuple[str, float], list[float]], screen: Console) -> None:
    """A line per row and rate."""
    rows = []
    for (row, rate), values in found.items():
        by_seed = " ".join(f"{value:.4f}" for value in values)
        rows.append((row, f"{rate:g}", f"{np.mean(values):.4f}", by_seed))
    headings = ("row", "optim.lr", "mean over seeds", "by seed")
    print_table(screen, headings, rows, title="validation, best epoch of each run")


if __name__ == "__main__":
    script.run(main)
