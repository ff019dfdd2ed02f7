"""Tasks that learn numbers, from a table to a run directory; the evaluation card."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from spectrobert import corpora
from spectrobert.commands import train
from spectrobert.errors import UserError
from spectrobert.metrics.continuous import concordance
from spectrobert.run import build, fit, scoring
from spectrobert.run.folder import RunFolder
from spectrobert.run.load import predict
from spectrobert.settings import composition

from ..helpers.csv_file import write_csv
from ..helpers.sounds import noise
from ..helpers.world import SMALL, configure

DIMENSIONS = ("arousal", "valence", "dominance")
EMOTIONS = ("happy", "sad")
TARGETS = {
    "dimensional": DIMENSIONS,
    "sentiment_regression": ("sentiment",),
    "ser_multilabel": EMOTIONS,
}
METRICS = {
    "dimensional": {"ccc", "loss", *(f"ccc_{name}" for name in DIMENSIONS)},
    "sentiment_regression": {
        *("acc7", "acc2_nonneg", "f1_nonneg", "acc2_pos", "f1_pos", "mae", "pearson_r", "loss")
    },
    "ser_multilabel": {"loss"}
    | {
        f"{name}{label}"
        for name in ("balanced_accuracy", "weighted_f1", "f1", "auroc")
        for label in ("", "_happy", "_sad")
    },
}
SPLITS = ("train", "train", "val", "test")


def silent() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """32 clips of four speakers a split, with numbers of every kind."""
    folder = tmp_path_factory.mktemp("numbers")
    rng = np.random.default_rng(0)
    rows = []
    for i in range(32):
        split = SPLITS[i % len(SPLITS)]
        numbers = dict(zip(DIMENSIONS, rng.random(3).round(3)))
        numbers |= {"sentiment": i % 7 - 3, "happy": (i // 4) % 2, "sad": int(i % 3 == 0)}
        clip = noise(folder / f"{i}.wav", i)
        speaker = f"{split} {(i // 4) % 4}"
        rows.append({"audio": clip, "split": split, "speaker": speaker, "text": "so", **numbers})
    return write_csv(folder / "table.csv", rows)


def words(table: Path, task: str, runs_dir: Path, *more: str) -> list[str]:
    return [
        *("--task", task, "--dataset", "csv", f"dataset.file={table}"),
        f"dataset.targets=[{','.join(TARGETS.get(task, ('arousal',)))}]",
        *("model=tiny", *SMALL, "trainer.epochs=2", "trainer.batch_size=8"),
        *("trainer.num_workers=0", "trainer.threads=1", f"runs_dir={runs_dir}", *more),
    ]


@pytest.fixture(scope="module")
def finished(table, tmp_path_factory):
    """One finished run a task, made on first use."""
    folder = tmp_path_factory.mktemp("finished")
    made = {}

    def get(task: str) -> tuple[Path, dict]:
        if task not in made:
            config = composition.compose(words(table, task, folder))
            made[task] = (RunFolder.of(config).path, fit.fit(config, silent()))
        return made[task]

    return get


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("task", TARGETS)
def test_each_task_trains_scores_and_writes_its_card(finished, task):
    folder, results = finished(task)
    test = results["test"]
    assert set(test["metrics"]) == METRICS[task]
    assert set(test["intervals"]) == METRICS[task]
    assert test["targets"] == list(TARGETS[task])
    for name, (low, high) in test["intervals"].items():
        assert low <= high, name
    monitored = results["monitor"]
    assert monitored["name"].removeprefix("val/") in METRICS[task]
    assert monitored["checkpoint"] == "best"
    card = (folder / "card.md").read_text()
    for name in METRICS[task]:
        label = next((label for label in TARGETS[task] if name.endswith(f"_{label}")), "")
        cell = f"| {label} | {name.removesuffix(f'_{label}')} | " if label else f"| {name} | "
        assert cell in card
    assert "8 rows" in card
    assert "resamples of 4 speakers" in card


def test_predictions_hold_what_the_metric_is_made_of(finished, table):
    folder, results = finished("dimensional")
    rows = read(folder / "predictions.csv")
    lines = {Path(line["audio"]).name: line for line in read(table)}  # ids are paths
    for row in rows:
        for name in DIMENSIONS:
            assert float(row[name]) == pytest.approx(float(lines[row["id"]][name]), abs=1e-6)
    for name in DIMENSIONS:
        truth, predicted = (
            np.array([float(row[column]) for row in rows]) for column in (name, f"predicted_{name}")
        )
        ccc = concordance(truth, predicted, np.ones(len(rows)))
        assert results["test"]["metrics"][f"ccc_{name}"] == pytest.approx(ccc, abs=1e-4)
    assert {row["group"] for row in rows} == {f"speaker test {i}" for i in range(4)}


def test_several_labels_are_written_as_probabilities(finished):
    folder, results = finished("ser_multilabel")
    rows = read(folder / "predictions.csv")
    truth = [row["happy"] == "1.000000" for row in rows]
    predicted = [float(row["p_happy"]) > 0.5 for row in rows]
    sides = [np.mean([p == side for t, p in zip(truth, predicted) if t == side]) for side in (0, 1)]
    found = results["test"]["metrics"]["balanced_accuracy_happy"]
    assert found == pytest.approx(np.mean(sides))


@pytest.mark.parametrize("task", TARGETS)
def test_evaluate_reproduces_the_results(finished, task):
    folder, results = finished(task)
    again = scoring.evaluate(folder)
    assert again.values == pytest.approx(results["test"]["metrics"], abs=1e-6)


@pytest.mark.parametrize("task", TARGETS)
def test_predict_is_what_the_test_saw(finished, table, task):
    folder, _ = finished(task)
    row = read(folder / "predictions.csv")[0]
    clip = table.parent / row["id"]
    (answer,) = predict(folder, [str(clip)], text="so")
    is_probability = task == "ser_multilabel"
    assert answer.measure == ("probability" if is_probability else "value")
    column = "p" if is_probability else "predicted"
    expected = {name: float(row[f"{column}_{name}"]) for name in TARGETS[task]}
    assert dict(answer.ranked) == pytest.approx(expected, abs=1e-4)


def test_mse_is_another_loss(table, tmp_path):
    more = ("task.loss=mse", "trainer.epochs=1")
    config = composition.compose(words(table, "sentiment_regression", tmp_path, *more))
    fit.fit(config, silent())
    rows = read(RunFolder.of(config).predictions)
    squares = [(float(r["sentiment"]) - float(r["predicted_sentiment"])) ** 2 for r in rows]
    results = RunFolder.of(config).read_results()
    assert results["test"]["metrics"]["loss"] == pytest.approx(np.mean(squares), rel=1e-4)


def test_weights_of_several_labels_are_absent_over_present(table, tmp_path):
    config = composition.compose(words(table, "ser_multilabel", tmp_path))
    prepared = fit.prepare(config, silent())
    targets = np.array(prepared.splits["train"]["targets"])
    weights = build.class_weights(prepared, config.task.truth)
    assert weights.tolist() == pytest.approx(((1 - targets).sum(0) / targets.sum(0)).tolist())


@pytest.mark.parametrize(
    ("task", "more", "named"),
    [
        ("dimensional", ["dataset.targets=[]"], ["task dimensional needs dataset.targets="]),
        ("dimensional", ["dataset.targets=[arousal,arousal]"], ["each column once"]),
        ("dimensional", ["dataset.targets=[energy]"], ["'energy'", "found: audio", "arousal"]),
        ("dimensional", ["dataset.targets=[speaker]"], ["row 1", "'train 0'", "not a number"]),
        ("ser_multilabel", ["dataset.targets=[arousal]"], ["row 1", "neither 0 nor 1"]),
        ("sentiment_regression", ["dataset.targets=[arousal,valence]"], ["one target"]),
        ("dimensional", ["trainer.batch_size=1"], ["trainer.batch_size=1: must be 2 or more"]),
        ("dimensional", ["task.class_weights=true"], ["'dimensional' has no classes"]),
        ("sentiment_regression", ["task.class_weights=true"], ["no classes"]),
        ("sentiment_regression", ["task.loss=l2"], ["task.loss='l2'", "l1, mse"]),
    ],
)
def test_what_is_wrong_is_one_line(table, tmp_path, capsys, task, more, named):
    code = train.main(words(table, task, tmp_path / "runs", *more))
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    for word in named:
        assert word in error
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("cell", ["", "inf", "nan"])
def test_a_cell_that_is_no_number_is_refused(tmp_path, cell):
    path = tmp_path / "table.csv"
    path.write_text(f"audio,arousal\na.wav,0.5\nb.wav,{cell}\n")
    with pytest.raises(UserError, match=r"table\.csv row 2: arousal .* is not a number"):
        corpora.load("csv", tmp_path, "dimensional", file=str(path), targets=["arousal"])


# ---------------------------------------------------------------- the card


def test_a_random_split_is_named_on_the_card(table, tmp_path):
    more = ("dataset.split=random", "dataset.test_share=0.3", "trainer.epochs=1")
    config = composition.compose(words(table, "dimensional", tmp_path, *more))
    results = fit.fit(config, silent())
    card = RunFolder.of(config).card.read_text()
    assert "random split (speakers shared)" in card
    assert "random split (speakers shared)" in results["split"]["definition"]


def test_the_card_of_the_questions_names_the_control(tmp_path):
    config = configure(tmp_path, "aqa_binary", "trainer.epochs=1")
    shown = silent()
    results = fit.fit(config, shown)
    control = results["question_only"]
    assert control["n"] == results["test"]["n"]
    again = scoring.evaluate(RunFolder.of(config).path, how=scoring.Rereading(silence_audio=True))
    assert again.values == pytest.approx(control["metrics"], abs=1e-6)
    text = shown.file.getvalue()
    assert "question only" in text
    assert f"{control['metrics']['accuracy']:.4f}" in text
    facts = results["evaluation"]
    card = RunFolder.of(config).card.read_text()
    for expected in (
        "| task | aqa_binary |",
        f"| split | test; {results['split']['definition']} |",
        "size=0.05",
        "| labels | no, yes |",
        "| n | definition |",
        "audio silenced: question only",
        f"| {control['metrics']['accuracy']:.4f} | {control['n']} rows |",
        f"best by val/accuracy, epoch {results['monitor']['epoch']}",
        "| seed | 0 |",
        "1000 resamples of",
        "share of rows that are right",
        "| yes | ",
    ):
        assert expected in card
    assert results["test"]["metric_n"]["accuracy"] == control["n"] >= 100
    assert set(facts["metrics"]) == set(results["test"]["metrics"])
    assert json.loads(RunFolder.of(config).results.read_text())["evaluation"] == facts


def test_the_control_can_be_left_out(tmp_path):
    config = configure(tmp_path, "aqa_binary", "task.question_only=false", "trainer.max_steps=1")
    assert fit.fit(config, silent())["question_only"] is None


def test_annotators_of_a_question_are_scored_by_every_protocol(tmp_path):
    """Three rows a question, as in Clotho-AQA, through a whole run."""
    rows = []
    for i in range(24):
        clip = noise(tmp_path / f"{i}.wav", i)
        answers = ("yes", "yes", "no" if i % 3 else "yes")
        split = SPLITS[(i // 2) % len(SPLITS)]
        asked = {"audio": clip, "question": "is it?", "split": split}
        rows += [asked | {"answer": answer} for answer in answers]
    path = write_csv(tmp_path / "table.csv", rows)
    config = composition.compose(words(path, "aqa_binary", tmp_path / "runs"))
    results = fit.fit(config, silent())
    unanimous = sum(1 for i in range(24) if SPLITS[(i // 2) % 4] == "test" and i % 3 == 0)
    expected = {"row": 18, "any_of_three": 6, "majority": 6, "unanimous": unanimous}
    n = results["test"]["metric_n"]
    assert {name: n[f"{name}_accuracy"] for name in expected} == expected
    found = results["test"]["metrics"]
    assert found["row_accuracy"] == found["accuracy"]
    assert "resamples of 6 recordings" in results["evaluation"]["interval"]
    written = read(RunFolder.of(config).predictions)
    assert len({row["group"] for row in written}) == 6  # as many as results.json resamples
