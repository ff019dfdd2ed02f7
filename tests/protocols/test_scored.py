"""Figures against values by hand, the project's own scoring and scikit-learn; what is imported."""

import json
import math
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

import spectrobert
from spectrobert import __main__
from spectrobert.errors import UserError

from ..helpers.world import ROOT
from .conftest import PREDICTED, write_rows

LIGHT = {"numpy", "pyyaml", "rich", "typer"}  # all that docs/score.md installs
MODULES = {
    "pytorch-lightning": "pytorch_lightning",
    "hydra-core": "hydra",
    "scikit-learn": "sklearn",
}


def values(one) -> dict[str, float]:
    return {name: metric.value for name, metric in one.metrics.items()}


def test_figures_intervals_and_means_of_folds_by_hand(hand, predicted):
    """angry: 3 of 4 right, 1 sad called angry; sad: 1 of 2 right."""
    scored = spectrobert.score(predicted, **hand)
    (one,) = scored.files
    assert (scored.n, scored.groups, scored.folds, scored.is_whole) == (6, 2, ("1", "2"), True)
    found = values(one)
    assert found["unweighted_accuracy"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["macro_f1"] == pytest.approx((6 / 8 + 2 / 4) / 2)
    assert found["weighted_f1"] == pytest.approx((4 * 6 / 8 + 2 * 2 / 4) / 6)
    assert found["recall_angry"] == pytest.approx(3 / 4)
    # a resample is twice s1 (angry 1 / 2, sad 1), twice s2 (angry 1, sad 0) or each once
    assert one.metrics["unweighted_accuracy"].interval == pytest.approx((0.5, 0.75))
    assert one.metrics["accuracy"].interval == pytest.approx((4 / 6, 4 / 6))
    assert one.by_fold["unweighted_accuracy"] == {"1": 0.75, "2": 0.5}
    assert found["unweighted_accuracy_mean_of_folds"] == pytest.approx(0.625)
    # F1 of angry and sad: of fold 1 2/3 and 2/3, of fold 2 4/5 and 0
    assert found["macro_f1_mean_of_folds"] == pytest.approx((2 / 3 + 2 / 5) / 2)
    assert "auroc" not in found


def test_two_files_by_hand(hand, predicted, tmp_path):
    """The second calls all angry: UA 1/2. To exchange the answers of s1 turns the difference."""
    other = write_rows(
        tmp_path / "other.csv",
        ("id", "pred"),
        [(f"s{g}-{i}.wav", "Anger") for g in (1, 2) for i in (1, 2, 3)],
    )
    scored = spectrobert.score(predicted, other=other, **hand)
    one = scored.comparisons["unweighted_accuracy"]
    assert one.difference == pytest.approx(0.625 - 0.5)
    assert one.interval == pytest.approx((0.0, 0.25))  # twice s2: 0; twice s1: 3/4 - 1/2
    assert one.p == pytest.approx(1)
    assert set(scored.comparisons) == {"unweighted_accuracy", "accuracy", "macro_f1", "weighted_f1"}


def test_probabilities_give_loss_and_auroc_by_hand(hand, tmp_path):
    """Angry rows have 0.8, 0.4, 0.6, 0.6 for angry, sad rows 0.2, 0.7: 5.5 of 8 pairs in order."""
    angry = (0.8, 0.4, 0.2, 0.6, 0.6, 0.7)
    lines = [
        {"id": f"s{1 + i // 3}-{1 + i % 3}", "scores": {"ang": p, "sad": round(1 - p, 3)}}
        for i, p in enumerate(angry)
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (one,) = spectrobert.score(path, **hand).files
    assert values(one)["accuracy"] == pytest.approx(4 / 6)  # the labels are PREDICTED
    assert values(one)["auroc"] == pytest.approx(5 / 8)
    right = (0.8, 0.4, 0.8, 0.6, 0.6, 0.3)
    assert values(one)["loss"] == pytest.approx(-sum(map(math.log, right)) / 6)


def test_probabilities_of_some_classes_give_labels_alone(tmp_path, ravdess):
    lines = [
        {"file": f"{i}.wav", "predictions": [{"label": w, "score": 0.4}]} for i, w, _ in ravdess
    ]
    path = tmp_path / "top1.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = values(spectrobert.score(path, "ravdess/emobox6").files[0])
    assert found["accuracy"] == 1
    assert "loss" not in found


def test_figures_are_scikit_learns(tmp_path, ravdess):
    generator = np.random.default_rng(0)
    truth = [label for _, label, _ in ravdess]
    predicted = [generator.choice(truth) if generator.random() < 0.5 else t for t in truth]
    lines = list(zip((id for id, _, _ in ravdess), predicted))
    path = write_rows(tmp_path / "a.csv", ("id", "label"), lines[::-1])
    found = values(spectrobert.score(path, "ravdess/emobox6").files[0])
    assert found["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(truth, predicted))
    for name, average in (("unweighted_accuracy", None), ("macro_f1", "macro")):
        figure = (
            sklearn_metrics.f1_score(truth, predicted, average=average)
            if average
            else sklearn_metrics.balanced_accuracy_score(truth, predicted)
        )
        assert found[name] == pytest.approx(figure)


def test_some_folds_are_marked_as_a_part(tmp_path, ravdess):
    path = write_rows(tmp_path / "a.csv", ("id", "label"), [row[:2] for row in ravdess])
    scored = spectrobert.score(path, "ravdess/emobox6", folds=["2", "5"])
    assert (scored.n, scored.groups, scored.is_whole) == (480, 8, False)
    assert scored.files[0].left_out == 960
    assert scored.values["accuracy"] == 1


def questions(folder) -> dict:
    """Clotho-AQA's rows of two questions, three annotators each, and another task's."""
    rows = [("a.wav", "rain?", word) for word in ("yes", "Yes", "no")]
    rows += [("b.wav", "rain?", "no")] * 3 + [("b.wav", "what?", "rain")]
    write_rows(folder / "test.csv", ("file_name", "QuestionText", "answer"), rows)
    (folder / "aqa.yaml").write_text(
        "version: 1\ncorpus: clotho_aqa\ntask: aqa_binary\nrule: clotho_aqa.binary\nfile: its table"
        "\nunit: recording\nmetrics: [row_accuracy, any_of_three_accuracy, majority_accuracy,"
        " unanimous_accuracy]\nsource: this test\n"
    )
    return {"protocol": str(folder / "aqa.yaml"), "ids": folder / "test.csv"}


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        (("id", "prediction"), [(f"test:{n}", "yes") for n in range(1, 7)]),
        (("file_name", "QuestionText", "answer"), [(f"{x}.wav", "rain?", "yes") for x in "ab"]),
    ],
)
def test_clotho_aqa_by_row_or_by_question_by_hand(tmp_path, header, lines):
    """Yes to both: 2 of 6 rows, 1 of 2 questions, majority 1 of 2, unanimous 0 of 1."""
    path = write_rows(tmp_path / "a.csv", header, lines)
    found = values(spectrobert.score(path, **questions(tmp_path)).files[0])
    assert found == pytest.approx(
        {
            "row_accuracy": 2 / 6,
            "any_of_three_accuracy": 1 / 2,
            "majority_accuracy": 1 / 2,
            "unanimous_accuracy": 0,
        }
    )


def test_one_question_has_one_answer(tmp_path):
    lines = [(f"test:{n}", "yes" if n % 2 else "no") for n in range(1, 7)]
    path = write_rows(tmp_path / "a.csv", ("id", "prediction"), lines)
    with pytest.raises(UserError, match="2 another answer to the same question"):
        spectrobert.score(path, **questions(tmp_path))


def test_a_row_and_its_question_are_twice_the_same(tmp_path):
    lines = [("test:2", "", "yes"), ("a.wav", "rain?", "yes"), ("b.wav", "rain?", "no")]
    path = write_rows(tmp_path / "a.csv", ("id", "question", "prediction"), lines)
    with pytest.raises(UserError, match="1 twice the same id"):
        spectrobert.score(path, **questions(tmp_path))


def test_json_and_the_table_of_one_protocol(hand, predicted, tmp_path, monkeypatch, capsys):
    def call(*words) -> int:
        monkeypatch.setattr(sys, "argv", ["spectrobert", *map(str, words)])
        return __main__.main()

    asked = ["--protocol", hand["protocol"], "--ids", hand["ids"]]
    assert call("score", predicted, *asked, "--json", tmp_path / "a.json") == 0
    out = capsys.readouterr().out
    for said in ("n = 6, 2 speakers", "0.6250", "0.5000 - 0.7500", "by fold: 0.7500, 0.5000"):
        assert said in out
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["version"] == 1
    assert content["files"][0]["metrics"]["accuracy"]["value"] == pytest.approx(4 / 6)
    assert len(content["files"][0]["sha256"]) == 64
    assert call("score", predicted, *asked, "--folds", "1", "--json", tmp_path / "b.json") == 0
    assert "which is not the whole protocol" in capsys.readouterr().out
    assert call("protocol", "table", tmp_path / "a.json", tmp_path / "a.json") == 0
    assert capsys.readouterr().out.count("0.6250") >= 2
    assert call("protocol", "table", tmp_path / "a.json", tmp_path / "b.json") == 2
    assert "two protocols are not put into one table" in capsys.readouterr().err
    (tmp_path / "c.json").write_text("{}")
    assert call("protocol", "table", tmp_path / "c.json") == 2
    assert "was not written by score --json" in capsys.readouterr().err


def test_show_and_list_name_what_counts(monkeypatch, capsys):
    for words in (["show", "ravdess/emobox6"], ["list"]):
        monkeypatch.setattr(sys, "argv", ["spectrobert", "protocol", *words])
        assert __main__.main() == 0
    out = capsys.readouterr().out
    for said in ("1 (240 rows: 01, 11, 20, 21)", "fearful: fear", "speaker", "emodb/loso10"):
        assert said in out


def test_nothing_heavy_is_imported(hand, predicted, tmp_path):
    """All but what docs/score.md installs is out of sight; two files, so that p is computed."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    packages = {line.split(">")[0].split("=")[0] for line in declared} - LIGHT
    assert {"torch", "scipy", "soundfile", "pyarrow"} <= packages
    heavy = sorted(MODULES.get(name, name) for name in packages)
    words = ["score", predicted, predicted, "--protocol", hand["protocol"], "--ids", hand["ids"]]
    code = (
        f"import sys\nfor name in {heavy!r}: sys.modules[name] = None\n"
        f"sys.argv = ['spectrobert', *{list(map(str, words))!r}]\n"
        "from spectrobert.__main__ import main\ncode = main()\n"
        f"print([n for n in {heavy!r} if sys.modules[n]], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.stdout.endswith("[] 0\n"), done.stderr
    assert len(PREDICTED) == 6
