"""Masked spans: by hand, and as much as wav2vec 2.0 and HuBERT mask."""

import numpy as np
import pytest

from spectrobert.models.objectives.masking import HIDDEN, separate_spans, shown, spans


def masked(number: int, share: float, length: int, seed: int = 0) -> np.ndarray:
    return spans(number, share, length, np.random.default_rng(seed))


@pytest.mark.parametrize(("share", "covered"), [(0.65, 0.49), (0.8, 0.57)])
def test_overlapping_spans_cover_less_than_their_share(share, covered):
    """Spans of 10 cover 49 % and 57 % of 500 frames, the mean of many draws."""
    means = [masked(500, share, 10, seed).mean() for seed in range(200)]
    assert np.mean(means) == pytest.approx(covered, abs=0.01)


def test_masked_frames_lie_in_spans_and_depend_on_the_generator_alone():
    drawn = masked(60, 0.5, 10)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], drawn, [0]])))
    assert (edges[1::2] - edges[::2] >= 10).all()
    assert np.array_equal(drawn, masked(60, 0.5, 10))
    assert not np.array_equal(drawn, masked(60, 0.5, 10, seed=1))


@pytest.mark.parametrize(("number", "most"), [(0, 0), (1, 0), (2, 1), (5, 4)])
def test_a_short_clip_keeps_a_frame(number, most):
    assert masked(number, 0.8, 10).sum() == most


def test_separate_spans_are_those_of_ctal():
    """15 % of the frames, in spans of 20 to 50 that do not overlap."""
    lengths, covered = [], []
    for seed in range(200):
        drawn = separate_spans(800, 0.15, (20, 50), np.random.default_rng(seed))
        edges = np.flatnonzero(np.diff(np.concatenate([[0], drawn, [0]])))
        lengths += (edges[1::2] - edges[::2]).tolist()
        covered.append(drawn.mean())
    assert np.mean(covered) == pytest.approx(0.15, abs=0.01)
    assert min(lengths) == 20
    assert 45 < np.percentile(lengths, 90) <= 50


@pytest.mark.parametrize(("number", "most"), [(0, 0), (1, 0), (2, 1), (30, 29)])
def test_a_separate_span_leaves_a_short_clip_a_frame(number, most):
    drawn = separate_spans(number, 0.15, (20, 50), np.random.default_rng(0))
    assert min(1, most) <= drawn.sum() <= most


def test_what_is_shown_at_masked_places():
    is_masked = np.arange(4000) % 2 == 0
    seen = shown(is_masked, 0.1, 0.2, np.random.default_rng(0))
    places = np.arange(4000)
    assert np.array_equal(seen[1::2], places[1::2])
    own = seen[::2]
    assert (own == HIDDEN).mean() == pytest.approx(0.7, abs=0.03)
    assert (own == places[::2]).mean() == pytest.approx(0.2, abs=0.03)
    assert set(shown(np.ones(2, dtype=bool), 1.0, 0.0, np.random.default_rng(0))) == {0, 1}
