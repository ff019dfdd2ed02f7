"""Whole runs of the debug world: every task trains, is scored, is read back, and answers."""

import json
from functools import cache

import numpy as np
import pytest
import soundfile
import torch

from spectrobert.commands.predict import predict as predict_verb
from spectrobert.corpora.demo import texts
from spectrobert.errors import UserError
from spectrobert.experiments.report.page import write as write_report
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.run import build, curves, scoring
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.run.load import predict
from spectrobert.run.saved_run import load_run
from spectrobert.settings.schemas import dataset_class
from spectrobert.tasks import TASKS as TASK_CLASSES

from ..helpers.runs import silent, trained
from ..helpers.sounds import constant, noise, noise_table
from ..helpers.world import configure, data_dir

TASKS = ("pre", "aqa_binary", "aqa_open", "classification", "ser", "sentiment")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One finished run per task, made on first use: its folder and its results."""
    folder = tmp_path_factory.mktemp("finished")

    @cache
    def get(task: str):
        run = trained(folder, task, "trainer.epochs=1")
        return run.path, run.read_results()

    return get


@pytest.mark.parametrize("task", TASKS)
def test_every_task_trains_and_fills_its_run_directory(finished, task):
    folder, results = finished(task)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "config.yaml",
        "card.md",
        "checkpoints",
        "metrics.csv",
        "model",
        "predictions.csv",
        "results.json",
        "split.csv",
        "skipped.csv",
        "tokenizer",
    }
    test = results["test"]
    n = test["n"]
    assert n == results["split"]["counts"]["test"] >= 100
    assert results["freeze"]["trainable"] == results["freeze"]["total"] > 0
    assert results["monitor"]["checkpoint"] == "best"
    assert results["monitor"]["epoch"] == 1
    rows = RunFolder(folder).read_predictions()
    assert len(rows) == len({row["id"] for row in rows}) == n
    if task != "pre":
        right = np.mean([row["label"] == row["prediction"] for row in rows])
        assert test["metrics"]["accuracy"] == pytest.approx(right)
        low, high = test["intervals"]["accuracy"]
        assert low <= right <= high
        assert sum(test["predicted_histogram"].values()) == n
    else:
        assert test["pairs"]["ceiling"] == 1
        mismatched = sum(row["matched"] == "0" for row in rows)
        assert test["pairs"]["mismatched"] == mismatched
        assert f"{mismatched} mismatched pairs" in (folder / "card.md").read_text()
    steps = [step for step, _ in curves.curve(folder / "metrics.csv", "train/loss")]
    assert steps == list(range(len(steps)))


@pytest.mark.parametrize("task", TASKS)
def test_evaluate_reproduces_the_results(finished, task):
    folder, results = finished(task)
    again = scoring.evaluate(folder)
    for name, value in results["test"]["metrics"].items():
        assert again.values[name] == pytest.approx(value, abs=1e-6), name


def test_results_hold_each_fact_once(finished):
    _, results = finished("aqa_binary")
    metrics = {"metrics"}  # values of the scores, definitions of the evaluation
    scores = results["test"].keys() - metrics
    assert not results["evaluation"].keys() & (results.keys() | scores)
    assert not results["split"].keys() & (results.keys() | results["evaluation"].keys())
    assert not scores & results.keys() - {"split"}  # the name of the split, and how it was drawn


def test_the_exported_model_is_the_monitored_checkpoint(finished):
    folder, _ = finished("ser")
    saved = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    model = SpectroBert.from_pretrained(folder / "model")
    for name, value in model.state_dict().items():
        assert torch.equal(value, saved[f"model.{name}"]), name


def test_a_monitor_that_is_not_measured_is_refused_by_name(tmp_path):
    config = configure(tmp_path, "ser", "trainer.epochs=1", "task.monitor=val/accurracy")
    with pytest.raises(UserError, match=r"val/accurracy is not measured .* val/accuracy, "):
        fit(config, silent())


def test_silenced_audio_gives_one_answer_per_text(finished):
    folder, _ = finished("ser")
    scores = scoring.evaluate(folder, how=scoring.Rereading(silence_audio=True))
    spoken = scoring.evaluate(folder)
    probability = scores.header.index("p_prediction")
    assert len({row[probability] for row in scores.rows}) < len(
        {r[probability] for r in spoken.rows}
    )


def test_fine_tuning_starts_from_a_checkpoint(finished, tmp_path):
    start, _ = finished("pre")
    more = (f"init.checkpoint={start}", "freeze=bin-frz", "trainer.epochs=1")
    config = configure(tmp_path, "aqa_binary", *more, from_checkpoint=True)
    console = silent()
    results = fit(config, console)
    line = "\nhead: random weights (the checkpoint's is for pretraining)\n"
    assert line in console.file.getvalue()
    tuned = SpectroBert.from_pretrained(RunFolder.of(config).model)
    pretrained = SpectroBert.from_pretrained(start / "model").state_dict()
    for name, value in tuned.state_dict().items():
        if not name.startswith("head."):
            assert torch.equal(value, pretrained[name]), name
    assert results["freeze"]["counts"]["encoder.0"][0] == 0


def test_fine_tuning_goes_on_with_the_head_of_the_same_labels(finished, tmp_path):
    start, _ = finished("ser")
    more = (f"init.checkpoint={start}", "freeze.train=[encoder.0]", "trainer.epochs=1")
    config = configure(tmp_path, "ser", *more, from_checkpoint=True)
    console = silent()
    fit(config, console)
    assert "\nhead: the checkpoint's\n" in console.file.getvalue()
    head = SpectroBert.from_pretrained(RunFolder.of(config).model).head.linear
    assert torch.equal(head.weight, SpectroBert.from_pretrained(start / "model").head.linear.weight)


def test_a_checkpoint_of_another_size_is_refused(finished, tmp_path):
    start, _ = finished("pre")
    config = configure(tmp_path, "ser", f"init.checkpoint={start}", "model.hidden_size=64")
    with pytest.raises(UserError, match="hidden_size=32 there, 64 here"):
        fit(config, silent())
    assert not (tmp_path / "runs").exists()


def test_a_finished_run_is_not_overwritten(finished):
    folder, _ = finished("ser")
    config = configure(folder.parents[2], "ser", "trainer.epochs=1")
    config.runs_dir = str(folder.parents[1])
    with pytest.raises(UserError, match="holds a run already"):
        fit(config, silent())


def test_predict_ranks_all_labels(finished):
    folder, results = finished("ser")
    clip = next(data_dir().rglob("ser-test-*.flac"))
    (answer,) = predict(folder, [str(clip)], text="we meet at seven today")
    assert {label for label, _ in answer.ranked} == set(results["test"]["labels"])
    assert sum(p for _, p in answer.ranked) == pytest.approx(1)
    probabilities = [p for _, p in answer.ranked]
    assert probabilities == sorted(probabilities, reverse=True)


def test_predict_is_what_the_test_saw(finished):
    folder, _ = finished("ser")
    rows = RunFolder(folder).read_predictions()[:3]
    from spectrobert import corpora

    examples, _ = corpora.load("demo", data_dir() / "demo", "ser", size=0.05)
    by_id = {e.id: e for e in examples}
    for row in rows:
        example = by_id[row["id"]]
        (answer,) = predict(folder, [example.audio[0].audio], text=example.text)
        assert answer.ranked[0][0] == row["prediction"]
        assert answer.ranked[0][1] == pytest.approx(float(row["p_prediction"]), abs=1e-5)


def test_plain_classes_are_predicted_and_reported(finished, tmp_path):
    folder, results = finished("classification")
    measured = results["test"]["metrics"]
    expected = {"accuracy", "unweighted_accuracy", "macro_f1", "auroc", "top2_accuracy"}
    assert expected <= set(measured)
    assert results["monitor"]["name"] == "val/unweighted_accuracy"
    assert not any(name.startswith("binary") for name in measured)
    clip = next(data_dir().rglob("classification-test-*.flac"))
    (answer,) = predict(folder, [str(clip)], top=20)
    assert {label for label, _ in answer.ranked} == set(texts.NAMES)
    page = write_report(tmp_path / "page.html", "sounds", {"sounds": [folder]}).read_text()
    assert "<td>task</td><td>classification</td>" in page


def test_a_metric_that_many_classes_lack_is_refused_before_training(tmp_path):
    config = configure(tmp_path, "classification")
    labels = tuple(f"word {i}" for i in range(51))
    model = SpectroBert(build.model_config(config, 99, labels))
    with pytest.raises(UserError, match="here with 51 classes; allowed are val/accuracy"):
        TASK_CLASSES["classification"](model, config.task, config.optim, labels)
    config.task.monitor = "val/accuracy"
    TASK_CLASSES["classification"](model, config.task, config.optim, labels)


@pytest.mark.parametrize(
    ("task", "arguments", "words"),
    [
        ("aqa_binary", {}, "give --question"),
        ("ser", {"question": "is it?"}, "takes no --question"),
        ("ser", {"text": "so " * 200}, "reads 128 at most"),
        ("ser", {"audio": ["/no/such.wav"]}, "/no/such.wav"),
    ],
)
def test_predict_refuses(finished, task, arguments, words):
    folder, _ = finished(task)
    clip = str(next(data_dir().rglob("ser-test-*.flac")))
    with pytest.raises(UserError, match=words):
        predict(folder, **({"audio": [clip]} | arguments))


def test_predict_names_the_stretch_that_it_heard(finished, tmp_path, monkeypatch):
    folder, _ = finished("ser")
    clip = noise(tmp_path / "long.wav", seconds=12)
    (answer,) = predict(folder, [clip])
    assert (answer.seconds, answer.used) == (12, (0, pytest.approx(10.24)))
    first, _ = soundfile.read(clip, frames=163_840, dtype="float32")
    soundfile.write(tmp_path / "first.wav", first, 16_000)
    (same,) = predict(folder, [str(tmp_path / "first.wav")])
    assert same.used == (0, same.seconds) == (0, pytest.approx(10.24))
    assert dict(same.ranked) == pytest.approx(dict(answer.ranked), abs=1e-6)

    config, *loaded = load_run(folder)
    config.dataset.crop = "random"  # in training; else the middle
    monkeypatch.setattr("spectrobert.run.saved_run.load_run", lambda run: (config, *loaded))
    (answer,) = predict(folder, [clip])
    assert answer.used == pytest.approx((0.88, 11.12))


@pytest.mark.parametrize("seconds", [2, 12, 700])
@pytest.mark.parametrize("level", [0.0, 0.3])
def test_predict_gives_a_silent_file_no_class(finished, tmp_path, seconds, level):
    """700 s are three blocks; a constant offset is silence too."""
    folder, _ = finished("ser")
    with pytest.raises(UserError, match="silent: no sound in it"):
        predict(folder, [constant(tmp_path / "silent.wav", level, seconds)])


def test_predict_gives_a_silent_start_no_class(finished, tmp_path):
    folder, _ = finished("ser")
    samples = np.zeros(12 * 16_000, np.float32)
    samples[11 * 16_000 :: 2] = 0.1
    soundfile.write(tmp_path / "late.wav", samples, 16_000)
    heard = r"no sound from 0\.00 to 10\.24 s, which is what the run hears of its 12\.0 s"
    with pytest.raises(UserError, match=heard):
        predict(folder, [str(tmp_path / "late.wav")])


def test_the_verb_prints_what_predict_heard(finished, tmp_path, capsys):
    folder, _ = finished("ser")
    clip = noise(tmp_path / "long.wav", seconds=12)
    predict_verb(folder, audio=[clip])
    assert "used 0.00-10.24 s of 12.00 s" in capsys.readouterr().out
    predict_verb(folder, audio=[clip], as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["seconds"], row["used"]) == (12, [0, pytest.approx(10.24)])


def test_class_weights_are_inverse_frequencies(tmp_path):
    from spectrobert.run.fit import prepare

    config = configure(tmp_path, "ser", "task.class_weights=true")
    prepared = prepare(config, silent())
    words = build.tokenizer(config, prepared.splits["train"]["text"])
    settings = build.model_config(config, len(words), prepared.labels)
    task = build.task(config, build.model(config, settings), prepared)
    labels = list(prepared.splits["train"]["label"])
    for weight, label in zip(task.class_weights.tolist(), prepared.labels):
        expected = len(labels) / (len(prepared.labels) * labels.count(label))
        assert weight == pytest.approx(expected)


def test_composed_and_read_back_alike(tmp_path):
    config = configure(tmp_path, "ser", "freeze=ser-frz-nolast", "dataset.crop=center")
    RunFolder(tmp_path).write_config(config)
    assert RunFolder(tmp_path).read_config() == config


def test_cuda_is_refused_in_one_line_without_a_gpu(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UserError, match="--cuda: no usable GPU"):
        fit(configure(tmp_path, "ser", "--cuda"), silent())


def test_pre_training_without_a_test_split_scores_validation(tmp_path):
    lines = ["audio,text", *(f"{noise(tmp_path / f'{i}.wav', i)},words {i}" for i in range(40))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    config = configure(tmp_path, "pre", "trainer.epochs=1")
    config.dataset = dataset_class("csv")(file=str(tmp_path / "t.csv"))
    results = fit(config, silent())
    folder = RunFolder.of(config).path
    assert "test" not in results
    assert results["val"]["n"] == results["split"]["counts"]["val"] == 4
    assert RunFolder(folder).read_scores() == results["val"]
    assert "| split | val; no test split" in (folder / "card.md").read_text()
    with pytest.raises(UserError, match="has no test split: --split val"):
        scoring.evaluate(folder)
    again = scoring.evaluate(folder, "val")
    assert again.values["loss"] == pytest.approx(results["val"]["metrics"]["loss"])
    page = write_report(tmp_path / "report.html", "A report", {"pre": [folder]})
    assert "val split scored" in page.read_text()


def test_a_run_without_validation_tests_its_last_epoch(tmp_path):
    """All speakers but the tested ones train; what needs a validation split is refused."""
    cells = [f"{'ab'[i % 2]},{split},{i}" for i, split in enumerate(("train",) * 6 + ("test",) * 2)]
    config = configure(tmp_path, "ser", "trainer.epochs=2")
    config.dataset = noise_table(tmp_path, "label,split,speaker", cells, val_share=0.0)
    results = fit(config, silent())
    assert results["split"]["counts"]["val"] == 0
    assert results["monitor"]["checkpoint"] == "last"
    assert results["last_validation"] == {}
    config.experiment_name = "patient"
    config.trainer.patience = 3
    with pytest.raises(UserError, match=r"val_share=0.0 leaves no validation split, which trainer"):
        fit(config, silent())
