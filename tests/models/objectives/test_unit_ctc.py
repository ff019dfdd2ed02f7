"""SpeechLM's objectives of units: CTC against a sum over all paths, masks, swap, padding."""

from itertools import product

import numpy as np
import pytest
import torch

from spectrobert.models.objectives.unit_ctc import Spelling, UnitCtc, _errors

from ...helpers.encoders import composite, noise, sound_batch
from ...helpers.toy import CLOSE

OBJECTIVE = {"head": "pretraining", "num_logits": 0, "objectives": {"unit_ctc": {"num_units": 7}}}
LETTERS = ([3, 3, 9], [5])


def batch_of(*lengths: int) -> dict[str, torch.Tensor]:
    """Clips with units and letters; nothing is masked or swapped."""
    batch = sound_batch(noise(*lengths))
    tokens = ((batch["num_samples"] - 400) // 320 + 1).tolist()
    generator = torch.Generator().manual_seed(3)
    units = [torch.randint(0, 7, (n,), generator=generator) for n in tokens]
    batch["units"] = torch.nn.utils.rnn.pad_sequence(units, batch_first=True)
    batch["letters"] = torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(LETTERS[i]) for i in range(len(lengths))], batch_first=True
    )
    nothing = torch.zeros_like(batch["units"], dtype=torch.bool)
    return batch | {"unit_mask": nothing, "swapped": nothing, "masked": nothing}


@pytest.fixture(scope="module")
def model():
    return composite("debug_speechlm", **OBJECTIVE)


def all_paths(log_probs: np.ndarray, text: tuple[int, ...]) -> float:
    """Negative log of the summed probability of all paths that spell a text."""
    total = 0.0
    for path in product(range(log_probs.shape[1]), repeat=len(log_probs)):
        merged = [a for a, b in zip(path, (None, *path)) if a != b and a != 0]
        if tuple(merged) == text:
            total += np.exp(log_probs[range(len(path)), path].sum())
    return -np.log(total)


def test_ctc_sums_over_all_paths():
    """Five predictions of four symbols; texts of two letters, of one twice, and of none."""
    torch.manual_seed(0)
    log_probs = torch.randn(3, 5, 4).log_softmax(dim=-1)
    spelling = Spelling(
        log_probs,
        torch.tensor([5, 4, 5]),
        torch.tensor([[1, 3], [2, 2], [0, 0]]),
        torch.tensor([2, 2, 0]),
    )
    expected = [
        all_paths(log_probs[0].double().numpy(), (1, 3)),
        all_paths(log_probs[1, :4].double().numpy(), (2, 2)),
        0.0,
    ]
    assert spelling.cost.tolist() == pytest.approx(expected, rel=1e-5)


def test_a_text_of_more_letters_than_predictions_costs_nothing():
    log_probs = torch.zeros(1, 2, 4).log_softmax(dim=-1)
    long = torch.tensor([[1, 2, 3]])
    assert Spelling(log_probs, torch.tensor([2]), long, torch.tensor([3])).cost.tolist() == [0.0]


@torch.no_grad()
def test_the_loss_is_per_letter_and_padding_changes_nothing(model):
    objective = model.head.objectives["unit_ctc"]
    batch = batch_of(9000, 3000)
    output = model(batch)
    spelling = objective.spelling(output, batch)
    alone = {n: v[1:, :3000] if n == "waveform" else v[1:] for n, v in batch.items()}
    alone |= {n: v[:, :9] for n, v in alone.items() if n in ("units", "swapped", "unit_mask")}
    alone |= {"masked": alone["masked"][:, :9], "letters": alone["letters"][:, :1]}
    own = objective.spelling(model(alone), alone)
    assert (spelling.lengths.tolist(), own.lengths.tolist()) == ([28, 10], [10])
    torch.testing.assert_close(spelling.log_probs[1, :10], own.log_probs[0], **CLOSE)
    torch.testing.assert_close(spelling.cost[1:], own.cost, **CLOSE)
    loss = objective.losses(output, batch)["loss"]
    torch.testing.assert_close(loss, spelling.cost.sum() / 4)
    rows = objective.rows(output, batch)
    assert rows[:, 2].tolist() == [3, 1]
    statistics = objective.statistics(rows.numpy(), None)
    assert statistics["unit_ctc_loss"].of(np.ones(2)) == pytest.approx(loss.item(), rel=1e-5)


def test_errors_are_those_of_the_likeliest_path():
    objective = UnitCtc({"num_units": 7}, _sizes())
    log_probs = torch.full((2, 4, 4), -9.0)
    for row, path in enumerate([[1, 1, 0, 2], [3, 0, 3, 0]]):  # spells 1 2, and 3 3
        for place, symbol in enumerate(path):
            log_probs[row, place, symbol] = 0.0
    spelling = Spelling(
        log_probs, torch.tensor([4, 3]), torch.tensor([[1, 2], [1, 3]]), torch.tensor([2, 2])
    )
    objective.spelling = lambda output, batch: spelling
    rows = objective.rows(None, {})
    assert rows[:, 1].tolist() == [0, 1]
    rate = objective.statistics(rows.numpy(), None)["unit_ctc_error_rate"]
    assert rate.of(np.ones(2)) == 1 / 4


@pytest.mark.parametrize(("read", "text"), [("sitting", "kitten"), ("", "abc"), ("abcx", "bc")])
def test_errors_are_counted_as_torchaudio_does(read, text):
    from torchaudio.functional import edit_distance

    numbers = [list(map(ord, word)) for word in (read, text)]
    assert _errors(*numbers) == edit_distance(read, text) == 3 - (read == "abcx")
    assert _errors(numbers[0], []) == 0


def _sizes():
    from spectrobert.models.model import AudioSizes

    return AudioSizes(8, 8, 8, 8)


@torch.no_grad()
def test_swapped_frames_are_the_embeddings_of_their_units(model):
    objective, batch = model.head.objectives["unit_ctc"], batch_of(9000)
    hidden = torch.randn(1, 27, 32)
    assert objective.swap(hidden, {}) is hidden
    batch["swapped"] = torch.arange(27)[None] == 4
    swapped = objective.swap(hidden, batch)
    assert torch.equal(swapped[0, 4], objective.units.weight[batch["units"][0, 4]])
    assert torch.equal(swapped[0, 5:], hidden[0, 5:])


def test_masks_and_swaps_are_drawn_apart():
    objective = UnitCtc({"num_units": 7}, _sizes())
    masked = np.arange(500) < 250
    drawn = objective.draw(np.random.default_rng(0), masked)
    assert not (drawn["swapped"] & masked).any()
    assert 0.2 < drawn["swapped"][250:].mean() < 0.5  # 0.4 without overlaps
    assert 0.45 < drawn["unit_mask"].mean() < 0.7  # 0.8 without overlaps


def test_every_part_of_the_objective_trains(model):
    batch = batch_of(9000, 3000)
    batch["unit_mask"] = batch["unit_mask"] | (torch.arange(27) % 3 == 0)
    model.zero_grad()
    model.head.objectives["unit_ctc"].losses(model(batch), batch)["loss"].backward()
    named = dict(model.named_parameters())
    trained = {name for name, value in named.items() if value.grad is not None}
    own = {name for name in named if name.startswith("head.")}
    shared = {name for name in named if ".shared." in name}
    assert trained == own | shared  # no gradient reaches the speech layers
