"""ROC curves and the surest answers, by hand."""

import pytest

from spectrobert.run.confidence import roc_curves, surest


def row(name: str, label: str, prediction: str, probability: float) -> dict[str, str]:
    cells = {"id": name, "label": label, "prediction": prediction}
    return cells | {"p_prediction": str(probability), "p_x": str(probability)}


def test_mistakes_come_first_and_the_surest_first():
    rows = [row("a", "x", "y", 0.6), row("b", "x", "x", 0.99), row("c", "x", "y", 0.9)]
    assert [r["id"] for r in surest(rows, 2, 1)] == ["c", "a", "b"]
    assert [r["id"] for r in surest(rows, 1, 0)] == ["c"]


def test_a_curve_needs_both_sides_and_a_column():
    rows = [row("", "x", "x", p) for p in (0.9, 0.4)] + [row("", "y", "x", p) for p in (0.6, 0.1)]
    curves = roc_curves(rows, ["x", "y", "z"])  # p_x alone is written
    assert list(curves) == ["x"]
    assert curves["x"].area == pytest.approx(3 / 4)  # of the pairs of an x and a y in order
    assert curves["x"].false_positives == [0, 0, 0.5, 0.5, 1]
    assert curves["x"].true_positives == [0, 0.5, 0.5, 1, 1]
    assert roc_curves(rows[:2], ["x"]) == {}
