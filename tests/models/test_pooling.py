"""Poolings, layer weights and norms of pooled vectors, by hand."""

import numpy as np
import pytest
import torch

from spectrobert.models.pooling import POOLINGS, LayerWeights, RunningNorm, SpeakerNorm, pooled_norm

from ..helpers.encoders import moved

HIDDEN = torch.tensor(
    [[[1.0, -5.0], [3.0, -1.0], [99.0, 99.0]], [[2.0, 0.0], [4.0, 6.0], [0.0, 3.0]]]
)
MASK = torch.tensor([[True, True, False], [True, True, True]])
ROOT = (8 / 3) ** 0.5
EXPECTED = {
    "first": [[1.0, -5.0], [2.0, 0.0]],
    "last": [[3.0, -1.0], [0.0, 3.0]],
    "mean": [[2.0, -3.0], [2.0, 3.0]],
    "max": [[3.0, -1.0], [4.0, 6.0]],
    "statistics": [[2.0, -3.0, 1.0, 2.0], [2.0, 3.0, ROOT, 6**0.5]],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_pooling_reads_real_tokens_alone(name):
    pooling = POOLINGS[name](2)
    torch.testing.assert_close(pooling(HIDDEN, MASK), torch.tensor(EXPECTED[name]))
    assert len(EXPECTED[name][0]) == 2 * pooling.widths


def test_all_poolings_are_listed_here():
    assert POOLINGS.keys() == EXPECTED.keys() | {"attentive", "gru"}


@torch.no_grad()
def test_a_gru_is_a_plain_loop_over_real_frames():
    torch.manual_seed(0)
    pooling = moved(POOLINGS["gru"](2))
    own = dict(pooling.gru.named_parameters())
    cell = torch.nn.GRUCell(2, 2)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in own.items()})
    for hidden, mask, pooled in zip(HIDDEN, MASK, pooling(HIDDEN, MASK)):
        state = torch.zeros(2)
        for frame in hidden[mask]:
            state = cell(frame, state)
        torch.testing.assert_close(pooled, state)


@torch.no_grad()
def test_attentive_statistics_are_a_plain_loop():
    torch.manual_seed(0)
    pooling = moved(POOLINGS["attentive"](2))
    for hidden, mask, pooled in zip(HIDDEN, MASK, pooling(HIDDEN, MASK)):
        frames = hidden[mask].double().numpy()
        own = {n: p.double().numpy() for n, p in pooling.named_parameters()}
        scores = [
            own["score.weight"][0] @ np.tanh(own["hidden.weight"] @ x + own["hidden.bias"])
            for x in frames
        ]
        shares = np.exp(scores) / np.exp(scores).sum()
        mean = sum(a * x for a, x in zip(shares, frames))
        square = sum(a * x * x for a, x in zip(shares, frames))
        expected = np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, 1e-5))])
        np.testing.assert_allclose(pooled, expected, rtol=1e-4)


def test_one_frame_has_a_deviation_with_a_gradient():
    hidden = torch.ones(1, 1, 2, requires_grad=True)
    POOLINGS["statistics"](2)(hidden, torch.tensor([[True]])).sum().backward()
    assert hidden.grad.isfinite().all()


@torch.no_grad()
def test_layer_weights_start_as_a_mean_and_are_a_softmax():
    weights = LayerWeights(2)
    states = torch.tensor([[[1.0]], [[5.0]]])
    assert weights(states).item() == 3.0
    weights.weights.copy_(torch.tensor([0.0, 3.0]).log1p())  # softmax: 1/5, 4/5
    torch.testing.assert_close(weights(states), torch.tensor([[1 / 5 + 4.0]]))


def test_a_running_norm_has_the_moments_of_all_rows_so_far():
    norm = RunningNorm(3)
    rows = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)) * 4 + 7
    start = 0
    for size in (1, 7, 12, 20):
        ours = norm(rows[start : start + size])
        start += size
        seen = rows[:start].numpy()
        expected = (seen[start - size :] - seen.mean(0)) / np.sqrt(seen.var(0) + 1e-5)
        torch.testing.assert_close(ours, torch.from_numpy(expected), rtol=1e-4, atol=1e-4)
    assert torch.equal(norm.eval()(rows[20:]), ours)
    assert norm.count == 40


def test_older_rows_of_a_running_norm_fade():
    norm = RunningNorm(1, window=10)
    for value in (0.0, 100.0):
        for _ in range(10):
            norm(torch.full((10, 1), value))
    assert norm.mean.item() > 99.0
    assert norm.count == 10


def test_norms_by_name():
    row = torch.tensor([[1.0, 3.0]])
    assert torch.equal(pooled_norm("none", 2)(row), row)
    torch.testing.assert_close(pooled_norm("layer", 2)(row), torch.tensor([[-1.0, 1.0]]))
    assert not list(pooled_norm("running", 2).parameters())


class TestSpeakerNorm:
    def test_by_hand(self):
        """Rows of a speaker, and one more with the statistics of all rows (0 and 1 at first)."""
        norm = SpeakerNorm(1).eval()
        rows, speaker = torch.tensor([[1.0], [5.0], [3.0]]), torch.tensor([8, 2, 8])
        # speaker 8: mean (1 + 3 + 0) / 3, variance (1/9 + 25/9 + 1) / 3; speaker 2: mean 5/2,
        # variance ((5/2) ** 2 + 1) / 2
        first, second = (35 / 27) ** 0.5, (7.25 / 2) ** 0.5
        expected = torch.tensor([[-1 / 3 / first], [2.5 / second], [5 / 3 / first]])
        torch.testing.assert_close(norm(rows, speaker), expected, rtol=1e-4, atol=1e-4)

    def test_many_rows_have_mean_0_and_deviation_1_per_speaker(self):
        generator = torch.Generator().manual_seed(0)
        rows = torch.randn(400, 3, generator=generator) * 4 + 10
        speaker = torch.arange(400) % 2
        rows[speaker == 1] *= 7
        normed = SpeakerNorm(3).eval()(rows, speaker)
        for number in range(2):
            own = normed[speaker == number]
            assert own.mean(dim=0).abs().max() < 0.1
            assert (own.std(dim=0) - 1).abs().max() < 0.1

    def test_speakers_do_not_meet(self):
        norm, rows = SpeakerNorm(2).eval(), torch.tensor([[1.0, 2.0], [3.0, 5.0], [9.0, 9.0]])
        together = norm(rows, torch.tensor([0, 0, 1]))
        torch.testing.assert_close(norm(rows[:2], torch.tensor([4, 4])), together[:2])

    def test_without_speakers_it_is_the_norm_of_all_rows(self):
        norm, plain = SpeakerNorm(2), RunningNorm(2)
        rows = torch.tensor([[1.0, 2.0], [3.0, 5.0], [9.0, 9.0]])
        norm.train()(rows, torch.tensor([0, 0, 1]))
        plain.train()(rows)
        torch.testing.assert_close(norm.eval()(rows), plain.eval()(rows))
