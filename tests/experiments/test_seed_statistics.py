"""Intervals and paired tests over seeds and groups, by hand."""

import numpy as np
import pytest

from benchmarks import interval_coverage
from spectrobert import metrics
from spectrobert.experiments import seed_statistics
from spectrobert.experiments.seed_statistics import Answers


def answers(hits, groups, labels=None, ids=None) -> Answers:
    """Class a by default; a miss is called z, and z is the second of two classes."""
    labels = list(labels or "a" * len(hits))
    predictions = [label if hit else "z" for label, hit in zip(labels, hits)]
    columns = (ids or range(len(hits)), list(groups), labels, predictions)
    ranks = np.array([1 if hit else 2 for hit in hits])
    return Answers(*(np.array(column, dtype=str) for column in columns), ranks)


def exchanged(row, baseline, groups) -> float:
    return seed_statistics.permutation_p(
        "accuracy", answers(row, groups), answers(baseline, groups)
    )


def test_permutation_of_whole_groups():
    # signs of two groups: |2+1|, |2-1|, |-2+1|, |-2-1|; two of four reach 3
    assert exchanged([1, 1, 1], [0, 0, 0], "xxy") == 0.5
    assert exchanged([1, 0], [0, 1], "xy") == 1.0
    assert exchanged([1, 0], [0, 1], "xx") == 1.0  # they cancel
    # four groups of one sign: all or none exchanged, 2 of 16
    assert exchanged([1] * 4, [0] * 4, "wxyz") == 2 / 16


def test_permutation_of_many_groups_is_drawn():
    groups = [str(i) for i in range(40)]
    assert exchanged([1, 0] * 20, [0, 1] * 20, groups) == 1.0
    assert exchanged([1] * 40, [0] * 40, groups) == pytest.approx(1 / 10_001)
    # 9 of 10 groups in favour: exactly 22 of 1024 patterns; 14 groups, 12 of them: 212 of 16384
    row = [1] * 12 + [0] * 2
    drawn = exchanged(row, [1 - hit for hit in row], groups[:14])
    assert drawn == pytest.approx(212 / 16384, abs=0.004)
    assert exchanged([1] * 9 + [0], [0] * 9 + [1], groups[:10]) == 22 / 1024


def test_comparison_pairs_items_by_their_id():
    baseline = answers([1, 0, 0], "ghi", "aab")
    row = answers([0, 1, 1, 1], "jihg", "bbaa", ids=[9, 2, 1, 0])
    accuracy = seed_statistics.compare("accuracy", [row], [baseline])
    assert accuracy.num_seeds == 1
    assert accuracy.difference == pytest.approx(2 / 3)  # item 9 the baseline has not seen
    assert accuracy.p == 4 / 8  # the group without a difference doubles both counts
    ua = seed_statistics.compare("unweighted_accuracy", [row], [baseline])
    assert ua.difference == pytest.approx((1 / 2 + 1) / 2)
    assert (ua.interval, ua.p) == (None, 4 / 8)  # class b is in one group only


def test_one_seed_has_the_interval_of_results_json():
    """One rule for both: the same statistic, the same resamples of the same groups."""
    labels, hits = "aabbb" * 20, np.random.default_rng(0).random(100) < 0.7
    groups = [str(i // 5) for i in range(100)]
    truth = np.array([label == "b" for label in labels]).astype(int)
    logits = np.eye(3)[np.where(hits, truth, 2)] + np.eye(3)[truth] / 2
    statistics = metrics.classification(logits, truth, list("abz"), (2,))
    expected, _ = metrics.intervals(statistics, groups)
    for metric in ("accuracy", "unweighted_accuracy", "macro_f1", "top2_accuracy"):
        interval, _ = seed_statistics.interval(metric, [answers(hits, groups, labels)])
        assert interval == pytest.approx(expected[metric]), metric


def test_the_two_errors_by_hand():
    """Three seeds of 0.5, 0.6 and 0.7; of three seeds in two resamples, what they share."""
    drawn = np.array([[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])  # about their means
    errors = seed_statistics.errors(np.array([0.5, 0.6, 0.7]), drawn, num_groups=5)
    assert errors.of_seeds == pytest.approx(0.1 / np.sqrt(3))
    # mean covariance of two seeds: 2 (0.02 + 0.03 + 0.06) / 3 over R - 1 = 1, times 5 / 4
    assert errors.of_groups**2 == pytest.approx(2 * 0.11 / 3 * 5 / 4)
    apart = np.array([[0.1, -0.1], [-0.1, 0.1]])  # seeds that share nothing
    assert seed_statistics.errors(np.array([0.5, 0.6]), apart, num_groups=5).of_groups == 0


def errors_of(seeds: float, groups: float) -> seed_statistics.Errors:
    return seed_statistics.Errors(np.float64(seeds), np.float64(groups), num_seeds=3, num_groups=11)


def test_one_error_alone_is_a_t_interval():
    assert errors_of(0.1, 0).half_width() == pytest.approx(4.3027 * 0.1, rel=1e-4)  # t of 2
    assert errors_of(0, 0.1).half_width() == pytest.approx(2.2281 * 0.1, rel=1e-4)  # t of 10
    assert errors_of(0.1, 0).tail(np.float64(0.1)) == pytest.approx(0.4226, rel=1e-3)
    assert errors_of(0, 0).half_width() == 0


def test_two_errors_have_the_mean_of_their_tails():
    """At 2.5 standard errors t of 2 has 0.1296 outside, t of 10 0.0314; variances are 1 to 3."""
    both = errors_of(0.1, 0.1 * np.sqrt(3))
    assert both.tail(np.float64(0.5)) == pytest.approx(0.1296 / 4 + 3 * 0.0314 / 4, abs=1e-4)
    assert both.tail(both.half_width()) == pytest.approx(0.05)


def test_seeds_that_differ_widen_the_interval():
    """Each of 20 items its own group; the seeds are right in 12, 12, 12 or in 8, 12, 16 of them."""
    groups = [str(i) for i in range(20)]
    alike = [answers([1] * 12 + [0] * 8, groups) for _ in range(3)]
    apart = [answers([1] * right + [0] * (20 - right), groups) for right in (8, 12, 16)]
    (low, high), _ = seed_statistics.interval("accuracy", alike)
    # equal seeds: the groups alone, by hand t of 19 times sqrt(0.6 0.4 / 19)
    assert high - low == pytest.approx(2 * 2.093 * np.sqrt(0.24 / 19), rel=0.05)
    (low, high), _ = seed_statistics.interval("accuracy", apart)
    assert (low, high) == (pytest.approx(0.6 - 4.3027 * 0.2 / np.sqrt(3), abs=0.06), 1.0)
    comparison = seed_statistics.compare("accuracy", apart, alike)
    assert (comparison.difference, comparison.num_seeds) == (pytest.approx(0), 3)
    assert comparison.p == pytest.approx(1)
    sure = seed_statistics.compare("accuracy", [answers([1] * 20, groups)] * 3, alike)
    assert sure.p < 0.01


def test_a_class_in_one_group_has_no_interval_over_seeds_either():
    some = [answers([1, 0, 1, 1], "wxyz", "aaab"), answers([1, 1, 0, 1], "wxyz", "aaab")]
    assert seed_statistics.interval("accuracy", some)[0] is not None
    none = seed_statistics.interval("unweighted_accuracy", some)
    assert none == (None, "b in one group only")
    comparison = seed_statistics.compare("unweighted_accuracy", some, some[::-1])
    assert comparison.difference == pytest.approx(0)
    assert (comparison.interval, comparison.p) == (None, None)


@pytest.mark.parametrize("num_seeds", [1, 2])
def test_resamples_that_lose_a_class_leave_no_interval(num_seeds):
    """A class in two of 20 groups is lost by 12 % of the resamples, one of eight by most."""
    labels = ["a"] * 18 + ["b"] * 2
    seeds = [answers([1] * 20, [str(i) for i in range(20)], labels)] * num_seeds
    assert seed_statistics.interval("unweighted_accuracy", seeds)[0] == (1, 1)
    rare = ["a"] * 2 + list("bcdefghi") * 2  # all nine classes are rarely drawn together
    seeds = [answers([1] * 18, [str(i) for i in range(18)], rare)] * num_seeds
    reason = "undefined in more than half of the resamples"
    assert seed_statistics.interval("unweighted_accuracy", seeds) == (None, reason)


def test_the_benchmark_of_coverage_uses_these_errors():
    """Its matrix products and the rows of a table give one interval."""
    sizes = np.array([1, 2, 3, 4, 2, 3, 5])
    hits = np.random.default_rng(0).random((3, sizes.sum())) < 0.7  # (K, N)
    groups = [str(i) for i, size in enumerate(sizes) for _ in range(size)]
    sums = interval_coverage.by_group(hits[None], sizes)
    errors = interval_coverage.over_seeds_and_groups(sums, sizes)
    half = errors.half_width()[0]
    (low, high), _ = seed_statistics.interval("accuracy", [answers(h, groups) for h in hits])
    assert min(1, hits.mean() + half) == pytest.approx(high)
    assert max(0, hits.mean() - half) == pytest.approx(low)


def test_what_so_many_groups_and_seeds_could_show():
    # t(0.975; 11) = 2.2010, t(0.80; 11) = 0.8755; half an interval of one seed is 2.2010 errors
    found = seed_statistics.detectable((-0.02201, 0.02201), 1, 12)
    assert found == pytest.approx(0.01 * (2.2010 + 0.8755), rel=1e-4)
    # t(0.975; 2) = 4.3027, t(0.80; 2) = 1.0607: half of the interval, and as much more
    found = seed_statistics.detectable((0.0, 0.086054), 3, 24)
    assert found == pytest.approx(0.01 * (4.3027 + 1.0607), rel=1e-4)
    assert seed_statistics.detectable(None, 3, 24) is None
    some = [answers([1, 0, 1, 1], "wxyz", "abab"), answers([1, 1, 0, 1], "wxyz", "abab")]
    assert seed_statistics.compare("accuracy", some[:1], some[1:]).num_groups == 4


def test_several_comparisons_are_corrected_and_one_is_not():
    def compared(p):
        return seed_statistics.Comparison(0.1, None, p, 1)

    several = seed_statistics.corrected([compared(0.03), compared(None), compared(0.01)])
    assert [one.p_holm for one in several] == [pytest.approx(0.03), None, pytest.approx(0.02)]
    assert [one.p for one in several] == [0.03, None, 0.01]
    assert seed_statistics.corrected([compared(0.03), compared(None)])[0].p_holm is None
