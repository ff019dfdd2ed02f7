"""Concordance and correlation, by hand and against SciPy."""

import numpy as np
import pytest
import scipy.stats
import torch

from spectrobert.metrics import dimensional, values
from spectrobert.metrics.continuous import concordance, pearson
from spectrobert.tasks import losses

TRUTH = np.array([1.0, 2.0, 3.0, 4.0])  # variance 5 / 4
ONCE = np.ones(4)


@pytest.mark.parametrize(
    ("predicted", "ccc", "r"),
    [
        (TRUTH, 1, 1),
        (5 - TRUTH, -1, -1),
        (TRUTH + 1, 2.5 / (2.5 + 1), 1),  # 2 cov / (var + var + shift^2)
        (2 * TRUTH, 5 / (1.25 + 5 + 6.25), 1),  # cov 2.5, variances 1.25 and 5, means 2.5 and 5
        ((TRUTH - 1) / 6, 2 * 1.25 / 6 / (1.25 + 1.25 / 36 + (2.5 - 0.25) ** 2), 1),
    ],
)
def test_by_hand(predicted, ccc, r):
    assert concordance(TRUTH, predicted, ONCE) == pytest.approx(ccc)
    assert pearson(TRUTH, predicted, ONCE) == pytest.approx(r)


@pytest.mark.parametrize("constant", [0.0, 0.1, 2.5, 1e6 / 3])
def test_a_constant_is_nought_and_not_nan(constant):
    """The mean of seven rows is off the constant by a rounding error."""
    varied, flat, once = np.arange(7.0), np.full(7, constant), np.ones(7)
    for figure in (concordance, pearson):
        assert figure(varied, flat, once) == 0
        assert figure(flat, varied, once) == 0
        assert figure(flat, flat, once) == 0


def test_what_a_resample_leaves_constant_is_nought_too():
    weights = np.array([2.0, 0, 0, 0])
    assert concordance(TRUTH, TRUTH / 3, weights) == pearson(TRUTH, TRUTH / 3, weights) == 0


def test_weights_are_repeated_rows():
    rng = np.random.default_rng(0)
    truth, predicted = rng.normal(size=50), rng.normal(size=50)
    times = rng.poisson(1, 50)
    again = np.repeat(truth, times), np.repeat(predicted, times)
    for figure in (concordance, pearson):
        assert figure(truth, predicted, times.astype(float)) == pytest.approx(
            figure(*again, np.ones(len(again[0])))
        )


def test_parity_with_scipy_and_numpy():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    predicted = 0.5 * truth + rng.normal(size=200) + 0.3
    r = scipy.stats.pearsonr(truth, predicted).statistic
    assert pearson(truth, predicted, np.ones(200)) == pytest.approx(r)
    # Lin 1989, through the correlation and the standard deviations
    scales = 2 * truth.std() * predicted.std()
    shift = truth.mean() - predicted.mean()
    expected = r * scales / (truth.var() + predicted.var() + shift**2)
    assert concordance(truth, predicted, np.ones(200)) == pytest.approx(expected)


def test_each_dimension_over_the_whole_set_and_their_mean():
    truth = np.stack([TRUTH, TRUTH], axis=1)
    predicted = np.stack([TRUTH + 1, np.zeros(4)], axis=1)
    found = values(dimensional(predicted, truth, ("arousal", "valence")), 4)
    ccc = 2.5 / 3.5
    assert found == pytest.approx(
        {"ccc": ccc / 2, "ccc_arousal": ccc, "ccc_valence": 0, "loss": 1 - ccc / 2}
    )


def test_the_map_of_the_targets_does_not_change_concordance():
    rng = np.random.default_rng(0)
    truth, predicted = rng.uniform(1, 7, 50), rng.uniform(1, 7, 50)
    mapped = concordance((truth - 1) / 6, (predicted - 1) / 6, np.ones(50))
    assert mapped == pytest.approx(concordance(truth, predicted, np.ones(50)))


def test_the_loss_is_one_minus_the_metric():
    rng = np.random.default_rng(0)
    truth, predicted = rng.normal(size=(2, 20, 3))
    metric = values(dimensional(predicted, truth, "avd"), 20)
    loss = losses.concordance(torch.tensor(predicted), torch.tensor(truth))
    assert loss.item() == pytest.approx(metric["loss"], abs=1e-6)


def test_a_batch_of_one_row_teaches_nothing_and_breaks_nothing():
    predicted = torch.tensor([[0.3, 2.0]], requires_grad=True)
    loss = losses.concordance(predicted, torch.tensor([[0.1, 2.0]]))
    loss.backward()
    assert loss.item() == 1
    assert predicted.grad is not None
    assert torch.equal(predicted.grad, torch.zeros(1, 2))
