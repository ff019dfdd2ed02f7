"""Losses against numbers done by hand."""

from __future__ import annotations

import math

import pytest
import torch

from spectrobert.config import OptimConfig, PretrainingConfig
from spectrobert.models.batch import IGNORED
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.tasks import TASKS, losses

from ..helpers.toy import TOY, padded_batch


def test_no_masked_word_costs_nothing_and_moves_nothing():
    weight = torch.ones(3, 4, requires_grad=True)
    loss = losses.masked_words(torch.zeros(0, 3) @ weight, torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.zeros(3, 4))


def test_masked_words_is_the_mean_over_words():
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
    by_hand = (math.log(2) + math.log(4)) / 2
    assert losses.masked_words(logits, torch.tensor([0, 1])).item() == pytest.approx(by_hand)


def test_match_is_binary_cross_entropy():
    logits, targets = torch.tensor([0.0, math.log(3)]), torch.tensor([1, 0])
    assert losses.match(logits, targets).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_binary_is_binary_cross_entropy_of_one_logit():
    logits, targets = torch.tensor([[0.3], [-2.0], [1.5]]), torch.tensor([1, 0, 0])
    expected = torch.nn.BCELoss()(logits.sigmoid().squeeze(1), targets.float())
    assert losses.binary(logits, targets).item() == pytest.approx(expected.item())


# Row 0 costs log 2 and has weight 3, row 1 costs log 4 and has weight 1
WEIGHTED = (3 * math.log(2) + math.log(4)) / 4


def test_weights_of_the_binary_loss():
    logits, targets = torch.tensor([[0.0], [math.log(3)]]), torch.tensor([1, 0])
    loss = losses.binary(logits, targets, torch.tensor([1.0, 3.0]))
    assert loss.item() == pytest.approx(WEIGHTED)


def test_weights_of_the_loss_over_classes():
    logits, targets = torch.tensor([[0.0, 0.0], [0.0, math.log(3)]]), torch.tensor([1, 0])
    assert losses.classes(logits, targets, torch.tensor([1.0, 3.0])).item() == pytest.approx(
        WEIGHTED
    )
    assert losses.classes(logits, targets).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


@pytest.mark.parametrize(
    ("loss", "shape", "targets"),
    [
        (losses.masked_words, (4, 50), [0, 7, 30, 49]),
        (losses.match, (4,), [0, 1, 1, 0]),
        (losses.binary, (4, 1), [0, 1, 1, 0]),
        (losses.classes, (4, 3), [0, 1, 2, 1]),
        (losses.multilabel, (4, 2), [[0, 1], [1, 1], [0, 0], [1, 0]]),
        (losses.concordance, (4, 2), [[0, 1], [1, 1], [0, 0], [1, 0]]),
        (losses.absolute, (4, 1), [[0], [1], [2], [1]]),
        (losses.squared, (4, 1), [[0], [1], [2], [1]]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_losses_are_float32_under_autocast(loss, shape, targets):
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0)).bfloat16()
    labels = torch.tensor(targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(logits, labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, loss(logits.float(), labels))


def test_several_labels_are_binary_cross_entropies():
    logits = torch.tensor([[0.0, math.log(3)]])
    by_hand = (math.log(2) + math.log(4)) / 2
    assert losses.multilabel(logits, torch.tensor([[1, 0]])).item() == pytest.approx(by_hand)
    weighted = losses.multilabel(logits, torch.tensor([[1, 0]]), torch.tensor([3.0, 5.0]))
    assert weighted.item() == pytest.approx((3 * math.log(2) + math.log(4)) / 2)


def test_absolute_and_squared_error():
    predicted, targets = torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])
    assert losses.absolute(predicted, targets).item() == 2
    assert losses.squared(predicted, targets).item() == 5


def test_concordance_of_a_shifted_copy():
    # variance 5 / 4, shift 1; the second dimension is a copy
    targets = torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0]])
    predicted = targets + torch.tensor([1.0, 0.0])
    by_hand = ((1 - 2.5 / 3.5) + 0) / 2
    assert losses.concordance(predicted, targets).item() == pytest.approx(by_hand, abs=1e-6)


def test_the_loss_of_pretraining_is_weighted():
    torch.manual_seed(0)
    model = SpectroBert(SpectroBertConfig(**TOY, head="pretraining"))
    weights = PretrainingConfig(mlm_weight=0.25, sap_weight=2.0)
    batch = padded_batch(60) | {"matched": torch.tensor([1, 0])}
    batch["mlm_labels"] = torch.where(batch["input_ids"] % 3 == 0, batch["input_ids"], IGNORED)
    task = TASKS["pre"](model.eval(), weights, OptimConfig())
    found = {name: float(loss) for name, loss in task.losses(task(batch), batch).items()}
    assert found["mlm_loss"] > 2 > found["sap_loss"] > 0
    assert found["loss"] == pytest.approx(0.25 * found["mlm_loss"] + 2 * found["sap_loss"])
