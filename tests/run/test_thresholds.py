"""Thresholds of runs: chosen on validation, scored once on test, stored, and refused twice."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from spectrobert.commands.thresholds import thresholds as verb
from spectrobert.errors import UserError
from spectrobert.metrics import mistakes
from spectrobert.run import thresholds
from spectrobert.run.chosen_thresholds import read
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.run.thresholds import Choice, choose

from ..helpers.runs import silent, trained
from ..helpers.sounds import noise_table
from ..helpers.world import configure

ODD = ("[laughter]", 'a, "b"', "غضب 😀")
GRID = (0.1, 0.3, 0.34, 0.5, 0.9)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A run of three classes; its rows are stretches of their recordings."""
    place = tmp_path_factory.mktemp("odd")
    cells = [
        '"{}",{},{},0.1,0.3'.format(label.replace('"', '""'), f"s{take}", split)
        for take, split in enumerate(("train", "train", "val", "test", "test"))
        for label in ODD
    ]
    config = configure(place, "classification", "trainer.epochs=1")
    config.dataset = noise_table(place, "label,speaker,split,start,end", cells)
    fit(config, silent())
    return RunFolder.of(config)


@pytest.fixture
def fresh(run) -> RunFolder:
    """The same without a choice."""
    run.thresholds.unlink(missing_ok=True)
    return run


@pytest.mark.parametrize("label", ODD)
def test_a_choice_is_stored_with_the_figures_of_predictions_csv(fresh, label):
    (chosen,) = choose(fresh.path, [label], Choice(grid=GRID)).values()
    assert read(fresh) == {label: chosen}
    assert (chosen.n, chosen.positives, len(chosen.lines)) == (3, 1, len(GRID))
    test = chosen.test["rows"]
    rows = fresh.read_predictions()
    scores = np.array([float(row[f"p_{label}"]) for row in rows])
    truth = np.array([row["label"] == label for row in rows])
    wrong = mistakes(scores >= chosen.threshold, truth)
    assert wrong == {name: getattr(test, name) for name in wrong}
    assert test.metrics["accuracy"] == pytest.approx(1 - sum(wrong.values()) / len(rows))
    assert (test.n, test.positives) == (6, 2)
    assert chosen.test["seconds"].n == 6  # of recordings of less than a second
    assert len(chosen.seconds) == len(GRID)
    assert "2 speakers" in test.interval
    assert chosen.times_scored == 1


def test_a_stored_choice_is_read_and_another_one_is_refused(fresh, monkeypatch):
    first = choose(fresh.path, ODD[:1], Choice(grid=GRID))
    with pytest.raises(UserError, match=r"test has been scored for \[laughter\] at .*--again"):
        choose(fresh.path, ODD[:1], Choice(grid=(0.2,)))
    assert choose(fresh.path, ODD[1:2], Choice(grid=GRID)).keys() == {ODD[1]}
    second = choose(fresh.path, ODD[:1], Choice(grid=(0.2,)), again=True)
    assert (second[ODD[0]].threshold, second[ODD[0]].times_scored) == (0.2, 2)
    assert read(fresh).keys() == set(ODD[:2])
    monkeypatch.setattr(thresholds.scoring, "open_run", None)  # nothing is scored
    assert choose(fresh.path, ODD[:1], Choice(grid=(0.2,))) == second
    assert first[ODD[0]].times_scored == 1


def test_what_cannot_be_chosen_writes_nothing(fresh):
    with pytest.raises(UserError, match="--label names the class to detect"):
        choose(fresh.path)
    with pytest.raises(UserError, match=r"unknown label 'laughter'.*did you mean"):
        choose(fresh.path, ["laughter"])
    with pytest.raises(UserError, match=r"--precision 1: no threshold reaches it"):
        choose(fresh.path, ODD[:1], Choice(1.0, (0.99,)))
    with pytest.raises(UserError, match=r"no row of .* the lowest threshold 0.99; --at names"):
        choose(fresh.path, ODD[:1], Choice(grid=(0.99,)))
    assert not fresh.thresholds.exists()
    fresh.thresholds.write_text('{"a": {"threshold": 1}}')
    with pytest.raises(UserError, match=r"thresholds.json is damaged"):
        choose(fresh.path, ODD[:1])


def test_runs_without_classes_are_refused(tmp_path):
    folder = RunFolder.of(configure(tmp_path, "pre"))
    folder.write_config(configure(tmp_path, "pre"))
    with pytest.raises(UserError, match="is a pre run: it has no classes to detect"):
        choose(folder.path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"precision": 1.5}, "--precision 1.5: must be from 0 to 1"),
        ({"at": "0.1,high"}, "--at 0.1,high: numbers"),
        ({"at": "0,0.5"}, "--at 0: must be above 0 and below 1"),
        ({"at": "nan"}, "--at nan: must be above 0"),
    ],
)
def test_wrong_calls_are_one_line(run, wrong, message):
    with pytest.raises(UserError, match=message):
        verb(run.path, label=list(ODD[:1]), **wrong)


def test_yes_is_detected_by_default_and_printed(tmp_path, capsys):
    folder = trained(tmp_path, "aqa_binary", "trainer.epochs=1", "task.question_only=false")
    verb(folder.path, at="0.1,0.5")
    shown = capsys.readouterr().out
    assert "yes, validation," in shown
    assert "chosen" in shown
    assert "false negatives" in shown
    assert "by second" not in shown  # rows are whole recordings
    verb(folder.path, at="0.1,0.5", as_json=True)
    assert json.loads(capsys.readouterr().out).keys() == {"yes"}


def test_every_label_of_several_at_once_has_its_threshold():
    made = SimpleNamespace(labels=("joy", "anger"))
    task = thresholds.SerMultilabel.__new__(thresholds.SerMultilabel)
    object.__setattr__(task, "__dict__", {"labels": made.labels})
    assert thresholds._wanted("run", task, ()) == made.labels
    logits, truth = np.array([[2.0, -2.0]], np.float32), np.array([[0.0, 1.0]], np.float32)
    probabilities = thresholds._probabilities(task, logits)
    assert probabilities == pytest.approx(1 / (1 + np.exp(-logits)))
    assert thresholds._truth(task, truth, 1).tolist() == [True]


def test_seconds_take_the_highest_score_of_their_rows(tmp_path: Path):
    from datasets import Dataset

    from spectrobert.audio.segment import Segment
    from spectrobert.corpora.example import Example
    from spectrobert.data.clips import to_arrow

    stretches = [("a.wav", 0.0, 2.0), ("a.wav", 1.0, 3.0), ("b.wav", 5.0, None)]
    examples = [
        Example(str(i), (Segment(path, start, end),) if end else (Segment(path, start),))
        for i, (path, start, end) in enumerate(stretches)
    ]
    rows: Dataset = to_arrow(examples, [2.0, 2.0, 1.5])
    whole = thresholds.Decided(
        np.array([0.2, 0.8, 0.6]), np.array([True, False, False]), ["x", "y", "z"], "groups"
    )
    seconds = thresholds._seconds(rows, whole)
    assert seconds.scores.tolist() == [0.2, 0.8, 0.8, 0.6, 0.6]
    assert seconds.truth.tolist() == [True, True, False, False, False]
    assert seconds.groups == ["x", "x", "y", "z", "z"]
    assert thresholds._seconds(to_arrow([Example("0", (Segment("a.wav"),))], [2.0]), whole) is None
