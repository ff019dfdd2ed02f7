"""Clotho-AQA's protocols, by hand and on the owner's own files."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from spectrobert import corpora
from spectrobert.data import clips
from spectrobert.metrics import by_question, values
from spectrobert.run.scoring import question_numbers

# question 0: 1 1 1 (unanimous), question 1: 0 1 1 (majority 1), question 2: 0 1 2 (none)
PROTOCOLS = ("row", "any_of_three", "majority", "unanimous")
QUESTIONS = np.repeat([7, 3, 5], 3)
ANSWERS = np.array([1, 1, 1, 0, 1, 1, 0, 1, 2])


def measured(predictions: list[int], top_k: tuple[int, ...] = ()) -> dict[str, float]:
    """One prediction per question; the others rank behind it by their number."""
    logits = -np.arange(4.0) + 10 * np.eye(4)[np.repeat(predictions, 3)]
    return values(by_question(logits, ANSWERS, QUESTIONS, top_k), len(ANSWERS))


@pytest.mark.parametrize(
    ("predictions", "k", "by_hand"),
    [
        ([1, 0, 2], 1, (5 / 9, 1, 1 / 2, 1)),
        ([0, 1, 3], 1, (2 / 9, 1 / 3, 1 / 2, 0)),
        # Behind the prediction comes 0, or 1 if 0 is the prediction
        ([0, 2, 3], 2, (5 / 9, 1, 1 / 2, 1)),
    ],
)
def test_the_four_protocols_differ(predictions, k, by_hand):
    found = measured(predictions, top_k=(2,))
    name = "accuracy" if k == 1 else f"top{k}_accuracy"
    assert [found[f"{protocol}_{name}"] for protocol in PROTOCOLS] == pytest.approx(by_hand)


def test_each_has_its_n():
    found = by_question(np.zeros((9, 4)), ANSWERS, QUESTIONS, (2,))
    assert {name: (s.n, s.unit) for name, s in found.items() if "top2" not in name} == {
        "row_accuracy": (9, "rows"),
        "any_of_three_accuracy": (3, "questions"),
        "majority_accuracy": (2, "questions"),
        "unanimous_accuracy": (1, "questions"),
    }
    assert all(found[name].n == found[name.replace("_top2", "")].n for name in found)


def test_two_answers_without_a_logit_are_not_one():
    """Classes 4 and 5 of four: three people say 4, 4, 5; then 4, 5, 0, and the prediction is 0."""
    answers = np.array([4, 4, 5, 4, 5, 0])
    logits = np.tile([9.0, 0, 0, 0], (6, 1))
    found = by_question(logits, answers, np.repeat([0, 1], 3))
    assert values(found, 6)["row_accuracy"] == pytest.approx(1 / 6)
    assert values(found, 6)["any_of_three_accuracy"] == 1 / 2
    assert (found["majority_accuracy"].n, found["unanimous_accuracy"].n) == (1, 0)


def test_half_is_no_majority():
    """The one question of train with six rows, evenly divided."""
    answers, questions = np.array([0, 0, 0, 1, 1, 1]), np.zeros(6, dtype=int)
    found = by_question(np.eye(2)[[0] * 6], answers, questions)
    assert found["majority_accuracy"].n == 0
    assert "majority_accuracy" not in values(found, 6)


def test_a_question_is_answered_once():
    """Rows of a question that differ by rounding cannot be right both ways."""
    logits = np.array([[0.0, 1e-6], [1e-6, 0.0]])
    found = values(by_question(logits, np.array([0, 1]), np.zeros(2, dtype=int)), 2)
    assert found["row_accuracy"] == pytest.approx(1 / 2)
    assert found["any_of_three_accuracy"] == 1


def test_rows_of_a_question_need_not_stand_together():
    order = np.random.default_rng(0).permutation(9)
    logits = np.eye(4)[np.repeat([1, 0, 2], 3)]
    found = values(by_question(logits[order], ANSWERS[order], QUESTIONS[order]), 9)
    assert found == values(by_question(logits, ANSWERS, QUESTIONS), 9)


@pytest.mark.parametrize(
    ("task", "n", "ceiling", "constant_share"),
    [
        ("aqa_binary", (5676, 1892, 1892, 1109), 86.2, 56.7),
        ("aqa_open", (2838, 946, 584, 203), 61.1, 2.6),
    ],
)
def test_an_oracle_meets_the_known_ceilings(real_data: Path, task, n, ceiling, constant_share):
    """The majority's answer, from the owner's files: 100 % but of rows."""
    examples, _ = corpora.load("clotho_aqa", real_data / "clotho_aqa", task)
    tested = [e for e in examples if e.split == "test"]
    names = sorted({e.label for e in examples if e.split == "train"})
    number = {name: i for i, name in enumerate(names)}
    questions = question_numbers(clips.to_arrow(tested, [1.0] * len(tested)))
    truth = np.array([number[e.label] for e in tested])
    counted: dict[int, Counter] = {}
    for question, answer in zip(questions.tolist(), truth.tolist()):
        counted.setdefault(question, Counter())[answer] += 1
    oracle = [counted[question].most_common(1)[0][0] for question in questions.tolist()]
    logits = np.eye(len(names), dtype=np.float32)[oracle]
    found = by_question(logits, truth, questions)
    assert tuple(found[f"{protocol}_accuracy"].n for protocol in PROTOCOLS) == n
    shares = values(found, len(tested))
    assert round(100 * shares["row_accuracy"], 1) == ceiling
    for protocol in PROTOCOLS[1:]:
        assert shares[f"{protocol}_accuracy"] == 1
    common, _ = Counter(e.label for e in examples if e.split == "train").most_common(1)[0]
    constant = np.eye(len(names))[[number[common]] * len(truth)]
    most = values(by_question(constant, truth, questions), len(truth))["row_accuracy"]
    assert round(100 * most, 1) == constant_share


def test_the_question_of_train_with_six_rows_is_one(real_data: Path):
    examples, _ = corpora.load("clotho_aqa", real_data / "clotho_aqa", "aqa_binary")
    train = [e for e in examples if e.split == "train"]
    numbers = question_numbers(clips.to_arrow(train, [1.0] * len(train)))
    sizes = Counter(Counter(numbers.tolist()).values())
    assert sizes == {3: 4694, 6: 1}
