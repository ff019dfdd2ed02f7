"""Temperature, reliability, abstention and conformal sets, by hand and against known answers."""

import numpy as np
import pytest

from spectrobert import metrics
from spectrobert.metrics.calibration import SEARCHED

RNG = np.random.default_rng(0)


def drawn(n: int, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and a truth that is drawn by their softmax: they are calibrated."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(n, classes)) * 2
    sums = metrics.softmax(logits).cumsum(axis=1)
    return logits, (generator.random((n, 1)) > sums).sum(axis=1).clip(max=classes - 1)


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_factor(factor):
    logits, truth = drawn(20_000)
    found = metrics.temperature(logits * factor, truth)
    assert found == pytest.approx(factor, rel=0.03)
    assert metrics.log_loss(logits * factor, truth, found) <= metrics.log_loss(
        logits * factor, truth
    )


def test_log_loss_is_torchs():
    torch = pytest.importorskip("torch")
    logits, truth = drawn(50)
    expected = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits / 2.0), torch.from_numpy(truth)
    )
    assert metrics.log_loss(logits, truth, 2.0) == pytest.approx(float(expected))
    assert metrics.softmax(logits, 2.0) == pytest.approx(
        torch.from_numpy(logits / 2.0).softmax(dim=1).numpy()
    )


def test_a_model_that_is_always_right_has_the_lowest_temperature():
    logits = np.eye(3)[[0, 1, 2]]
    assert metrics.temperature(logits, np.array([0, 1, 2])) == pytest.approx(
        np.exp(SEARCHED[0]), rel=1e-3
    )


def test_reliability_by_hand():
    sure = np.array([0.95, 0.95, 0.55, 0.55])
    right = np.array([1.0, 1.0, 1.0, 0.0])
    centres, shares, error = metrics.reliability(sure, right)
    assert centres == pytest.approx([0.55, 0.95])
    assert shares == pytest.approx([0.5, 1.0])
    assert error == pytest.approx(0.05)
    statistic = metrics.expected_error(sure, right)
    assert statistic.of(np.ones(4)) == pytest.approx(error)
    # the first row twice, the last not: bins (0.95 x 3: -0.15), (0.55 x 1: -0.45), over 4
    assert statistic.of(np.array([2.0, 1.0, 1.0, 0.0])) == pytest.approx((0.15 + 0.45) / 4)


def test_risk_and_coverage_by_hand():
    sure = np.array([0.9, 0.8, 0.8, 0.5])
    right = np.array([1.0, 1.0, 0.0, 0.0])
    coverage, risks, mean = metrics.risk_coverage(sure, right)
    assert coverage == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert risks == pytest.approx([0.0, 1 / 3, 1 / 3, 0.5])  # the two at 0.8 come together
    assert mean == pytest.approx((2 / 3 + 0.5) / 4)
    assert metrics.least_confidence(sure, right, 0.6) == 0.8
    assert metrics.least_confidence(sure, right, 0.5) == 0.5
    assert metrics.least_confidence(sure, right, 1.0) == 0.9
    assert metrics.least_confidence(sure, 1 - right, 0.9) is None


def test_conformal_sets_by_hand():
    probabilities = np.array([[0.7, 0.3], [0.4, 0.6], [0.9, 0.1], [0.2, 0.8]])
    truth = np.array([0, 0, 0, 1])
    # scores of the truth: 0.3, 0.6, 0.1, 0.2; of 4 the ceil(5 x 0.6) = 3rd is 0.3
    least = metrics.conformal_quantile(probabilities, truth, 0.6)
    assert least == pytest.approx(0.7)
    sets = metrics.conformal_sets(probabilities, least)
    assert sets.tolist() == [[True, False], [False, True], [True, False], [False, True]]
    assert metrics.conformal_quantile(probabilities, truth, 0.9) == 0.0  # too few rows
    assert metrics.conformal_sets(probabilities, 0.0).all()


def test_conformal_sets_hold_the_truth_as_often_as_promised():
    """Over 200 draws; a model that is wrong about its own probabilities too."""
    held = []
    for seed in range(200):
        logits, truth = drawn(400, seed=seed)
        probabilities = metrics.softmax(logits, 0.3)
        least = metrics.conformal_quantile(probabilities[:200], truth[:200], 0.9)
        sets = metrics.conformal_sets(probabilities[200:], least)
        held.append(sets[np.arange(200), truth[200:]].mean())
    assert np.mean(held) == pytest.approx(0.9, abs=0.01)
