"""Masked spans: by hand, and as much as wav2vec 2.0 and HuBERT mask."""

import numpy as np
import pytest

from spectrobert.models.objectives.masking import spans


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
