"""Clotho-AQA's four protocols: several annotators answer one question, and need not agree.

Published figures are on different ones of them, and compare only within one (Lipping et al. 2022
score rows; MWAFM drops questions without a majority; Audio Flamingo scores unanimous ones).
"""

from collections.abc import Sequence

import numpy as np

from .classes import ranks
from .statistic import Statistic, mean


def by_question(
    logits: np.ndarray, truth: np.ndarray, questions: np.ndarray, top_k: Sequence[int] = ()
) -> dict[str, Statistic]:
    """Row, any-of-three, majority and unanimous accuracy, and the same of the first k answers.

    Args:
        logits, truth: (N, C), (N,), one row per annotator's answer.
        questions: (N,) numbers; rows of one number are one question about one recording.

    A question has one prediction, that of its first row: the others differ by rounding alone.
    """
    _, first, member, sizes = np.unique(
        questions, return_index=True, return_inverse=True, return_counts=True
    )
    rank = ranks(logits[first][member], truth)
    answers = member * (truth.max() + 1) + truth  # (N,) a number for each (question, answer)
    _, alike, times = np.unique(answers, return_inverse=True, return_counts=True)
    share = times[alike] / sizes[member]  # (N,) share of the question's annotators with this answer
    majority = _first_rows(member, share > 1 / 2)
    unanimous = _first_rows(member, share == 1)
    found: dict[str, Statistic] = {}
    for k in (1, *(k for k in top_k if k < logits.shape[1])):
        is_hit = rank < k
        any_hit = np.zeros(len(first), dtype=bool)
        np.logical_or.at(any_hit, member, is_hit)
        name = "accuracy" if k == 1 else f"top{k}_accuracy"
        what = "the prediction is" if k == 1 else f"one of the first {k} predictions is"
        rows = f"share of rows, one per annotator, where {what} right"
        any_of = f"share of questions where {what} any annotator's answer"
        found[f"row_{name}"] = mean(is_hit, rows)
        found[f"any_of_three_{name}"] = mean(any_hit, any_of, first, "questions")
        for protocol, at, agreed in (
            ("majority", majority, "more than half of the"),
            ("unanimous", unanimous, "all"),
        ):
            meaning = (
                f"of the questions that {agreed} annotators answer alike, the share where"
                f" {what} that answer"
            )
            found[f"{protocol}_{name}"] = mean(is_hit[at], meaning, at, "questions")
    return found


def _first_rows(member: np.ndarray, is_chosen: np.ndarray) -> np.ndarray:
    """The first chosen row of each question that has one."""
    chosen = np.flatnonzero(is_chosen)
    return chosen[np.unique(member[chosen], return_index=True)[1]]
