"""Tables of results without training: specifications, campaigns, and folders of finished runs."""

from pathlib import Path

import yaml

from spectrobert.experiments import campaign, table_spec
from spectrobert.experiments.campaign import Campaign
from spectrobert.experiments.jobs import Job, Settings

OWN = {
    "title": "Two learning rates",
    "task": "aqa_binary",
    "dataset": "demo",
    "metrics": ["accuracy", "auroc"],
    "baseline": "slow",
    "rows": [
        {"name": "slow", "overrides": ["optim.lr=1e-5"]},
        {"name": "fast, or so", "overrides": ["optim.lr=1e-3"], "published": {"accuracy": 60}},
    ],
}
# (label, prediction) of a fold: 3 of 3 are right; 1 of 3, of class a 1 of 3 and of class b 0 of 0
ALL, SOME = [("a", "a"), ("b", "b"), ("b", "b")], [("a", "a"), ("a", "c"), ("a", "b")]
# of results.json; folds are scored together, whatever it says
SCORES = {"accuracy": 0, "unweighted_accuracy": 0, "top2_accuracy": 0, "auroc": 0.5}


def own_table(folder: Path, **changes) -> str:
    """Path of a user's own table, OWN with changes."""
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(OWN | changes))
    return str(path)


def prepared(name: str, runs_dir: Path | str = "runs", **settings) -> Campaign:
    """A table of the project or a path, with nothing run yet."""
    return campaign.prepare(table_spec.load(name), Settings(runs_dir=str(runs_dir), **settings))


def of(asked: Campaign, row: str) -> list[Job]:
    """The jobs of a row."""
    return [job for job in asked.jobs if job.row == row]


def finish(job: Job, predictions: list[tuple[str, str]], metrics: dict, epoch: int = 3) -> None:
    """Leave a run's folder as training does; the second class is always a."""
    job.folder.write_config(job.config)
    header = ("id", "group", "label", "prediction", "rank")
    rows = []
    for i, (label, prediction) in enumerate(predictions):
        rank = 1 if label == prediction else 2 if label == "a" else 3
        rows.append((f"{job.fold}-{i}", f"g{i}", label, prediction, rank))
    job.folder.write_predictions(header, rows)
    results = {
        "split": {"definition": "owner's test split", "counts": {"train": 100}},
        "epochs_run": 4,
        "test": {"split": "test", "n": len(predictions), "metrics": metrics},
        "monitor": {"name": "val/accuracy", "checkpoint": "best", "epoch": epoch},
    }
    job.folder.write_results(results)
