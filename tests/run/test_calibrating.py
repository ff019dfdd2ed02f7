"""A run's calibration: fitted on validation, checked on test, used by predict."""

import csv
import io
import json

import numpy as np
import pytest

from spectrobert import load, metrics
from spectrobert.commands.calibrate import calibrate as verb
from spectrobert.commands.predict import predict
from spectrobert.errors import UserError
from spectrobert.run import calibration
from spectrobert.run.calibrating import Wish, calibrate
from spectrobert.run.calibration import Calibration
from spectrobert.run.folder import RunFolder

from ..helpers.runs import trained
from ..helpers.sounds import noise


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    return trained(tmp_path_factory.mktemp("calibration"), "ser", "trainer.epochs=1")


def test_what_is_stored_is_of_the_runs_own_predictions(run):
    found = calibrate(run.path, Wish(0.3, 0.8))
    assert json.loads(run.calibration.read_text()) == found
    rows = run.read_predictions()
    labels = run.read_scores()["labels"]
    probabilities = np.array([[float(row[f"p_{label}"]) for label in labels] for row in rows])
    truth = np.array([labels.index(row["label"]) for row in rows])
    fitted = calibration.read(run)
    own = fitted.probabilities(probabilities)
    sure, right = own.max(axis=1), (own.argmax(axis=1) == truth).astype(float)
    test = found["test"]
    assert test["n"] == len(rows)
    assert test["metrics"]["accuracy"] == pytest.approx(right.mean())
    assert test["metrics"]["ece_before"] == pytest.approx(
        metrics.reliability(probabilities.max(axis=1), right)[2], abs=1e-4
    )
    held = fitted.plausible(own)[np.arange(len(truth)), truth]
    assert test["metrics"]["sets_hold_truth"] == pytest.approx(held.mean(), abs=0.02)
    if fitted.threshold is not None:
        answered = (sure >= fitted.threshold).mean()
        assert test["metrics"]["answered"] == pytest.approx(answered, abs=0.02)
    val = found["val"]
    assert val["log_loss_after"] <= val["log_loss_before"]
    assert val["metrics"]["sets_hold_truth"] >= 0.8
    assert [coverage for coverage, _ in test["risk_coverage"]][-1] == 1


def test_a_threshold_that_validation_does_not_reach_holds_all_back(run, monkeypatch):
    monkeypatch.setattr(metrics, "least_confidence", lambda *of: None)
    found = calibrate(run.path, Wish(accuracy=0.999))
    assert found["threshold"] is None
    assert "accuracy_of_answers" not in found["test"]["metrics"]
    assert not calibration.read(run).answers([1.0, 0.0])


def test_the_verb_prints_both_splits(run, capsys):
    verb(run.path, accuracy=0.3)
    printed = capsys.readouterr().out
    assert "val (n=" in printed
    assert "test (n=" in printed
    assert "conformal sets that hold the truth" in printed
    verb(run.path, accuracy=0.3, as_json=True)
    card = run.card.read_text(encoding="utf-8")
    assert card.count("### Calibration") == 1
    assert "| test | sets hold truth | " in card
    assert json.loads(capsys.readouterr().out)["accuracy"] == 0.3


def test_predict_uses_it_in_every_format(run, tmp_path, capsys):
    labels = run.read_scores()["labels"]
    sound = noise(tmp_path / "a.wav", seconds=0.5)
    plain = load(run.path).predict(sound, top=99)
    assert (plain.plausible, plain.is_held_back) == ((), False)
    calibration.write(run, Calibration(0.5, 0.9, 2.0, 0.9, 0.0), {})  # nothing is sure enough
    one = load(run.path, calibrated=True).predict(sound, top=99)
    assert one.is_held_back
    assert one.plausible == tuple(labels)
    before, after = dict(plain.ranked), dict(one.ranked)
    squares = {label: value**2 for label, value in before.items()}  # of logits times two
    assert after == pytest.approx({k: v / sum(squares.values()) for k, v in squares.items()})
    predict(run.path, audio=[sound], calibrated=True, format="csv")
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["held_back"] == "1"
    assert json.loads(row["plausible"]) == labels
    predict(run.path, audio=[sound], calibrated=True, format="jsonl")
    assert json.loads(capsys.readouterr().out)["held_back"] is True
    predict(run.path, audio=[sound], calibrated=True)
    assert "answer: held back, not sure enough; plausible: " in capsys.readouterr().out


def test_what_cannot_be_calibrated_is_one_line(run, tmp_path):
    with pytest.raises(UserError, match=r"--accuracy 1\.5: must be above 0 and below 1"):
        verb(run.path, accuracy=1.5)
    run.calibration.unlink(missing_ok=True)
    with pytest.raises(UserError, match="is not calibrated: python -m spectrobert calibrate"):
        load(run.path, calibrated=True)
    run.calibration.write_text('{"temperature": 1}')
    with pytest.raises(UserError, match=r"calibration.json is damaged"):
        load(run.path, calibrated=True)
    with pytest.raises(UserError, match="--calibrated: not with --timeline"):
        predict(run.path, audio=["a.wav"], calibrated=True, timeline=True)
    with pytest.raises(UserError, match="holds no calibration"):
        load(tmp_path / "a.onnx", calibrated=True)


def test_numbers_have_no_probabilities(tmp_path):
    folder = trained(tmp_path, "pre", "trainer.epochs=1")
    with pytest.raises(UserError, match="is a pre run: it has no classes to calibrate"):
        calibrate(folder.path)
    assert not folder.calibration.exists()
