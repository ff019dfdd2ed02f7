"""Losses against numbers done by hand."""

import dataclasses
import math

import pytest
import torch

from spectrobert.config import OptimConfig, PretrainingConfig, SerConfig
from spectrobert.errors import UserError
from spectrobert.models.batch import IGNORED
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.objectives.mlm import masked_words
from spectrobert.models.objectives.sap import match
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.tasks import TASKS, losses

from ..helpers.toy import TOY, classifier, padded_batch


def test_no_masked_word_costs_nothing_and_moves_nothing():
    weight = torch.ones(3, 4, requires_grad=True)
    loss = masked_words(torch.zeros(0, 3) @ weight, torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.zeros(3, 4))


MEAN = (math.log(2) + math.log(4)) / 2
ROWS = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])  # cost log 2 and, if class 1 is true, log 4


@pytest.mark.parametrize(
    ("loss", "logits", "targets"),
    [
        (masked_words, ROWS, [0, 1]),
        (losses.classes, ROWS, [0, 1]),
        (match, ROWS[:, 0], [1, 0]),
        (losses.multilabel, ROWS[:, 0][None], [[1, 0]]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_mean_by_hand(loss, logits, targets):
    assert loss(logits, torch.tensor(targets)).item() == pytest.approx(MEAN)


def test_losses_of_the_model_are_added_and_logged():
    task = TASKS["ser"](classifier(), SerConfig(), OptimConfig(), ("a", "b", "c"))
    batch = padded_batch(60) | {"label": torch.tensor([0, 2]), "index": torch.arange(2)}
    plain = task(batch)
    extra = {"orthogonality": plain.logits.sum(), "other": torch.tensor(0.5)}
    logged = {}
    task.log_dict = lambda values, **_: logged.update(values)
    task.forward = lambda batch: dataclasses.replace(plain, losses=extra)
    loss = task.training_step(batch, 0)
    expected = losses.classes(plain.logits, batch["label"]) + plain.logits.sum() + 0.5
    assert loss.item() == pytest.approx(expected.item())
    assert loss.requires_grad
    assert logged["train/loss"] == loss.detach()
    assert logged["train/orthogonality"] == plain.logits.sum()
    assert logged["train/other"] == 0.5


def test_binary_is_binary_cross_entropy_of_one_logit():
    logits, targets = torch.tensor([[0.3], [-2.0], [1.5]]), torch.tensor([1, 0, 0])
    expected = torch.nn.BCELoss()(logits.sigmoid().squeeze(1), targets.float())
    assert losses.binary(logits, targets).item() == pytest.approx(expected.item())


@pytest.mark.parametrize(
    ("loss", "logits", "targets", "weights"),
    [
        # Row 0 costs log 2 and has weight 3, row 1 costs log 4 and has weight 1
        (losses.binary, ROWS[:, :1], [1, 0], [1, 3]),
        (losses.classes, ROWS.flip(1), [1, 0], [1, 3]),
    ],
)
def test_weights_of_classes(loss, logits, targets, weights):
    found = loss(logits, torch.tensor(targets), torch.tensor(weights).float())
    assert found.item() == pytest.approx((3 * math.log(2) + math.log(4)) / 4)


def test_weights_of_several_labels_multiply_the_present():
    loss = losses.multilabel(ROWS[:, 0][None], torch.tensor([[1, 0]]), torch.tensor([3.0, 5.0]))
    assert loss.item() == pytest.approx((3 * math.log(2) + math.log(4)) / 2)


@pytest.mark.parametrize(
    ("loss", "shape", "targets"),
    [
        (masked_words, (4, 50), [0, 7, 30, 49]),
        (match, (4,), [0, 1, 1, 0]),
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
    weights = PretrainingConfig(objectives={"mlm": 0.25, "sap": 2.0})
    batch = padded_batch(60) | {"matched": torch.tensor([1, 0])}
    batch["mlm_labels"] = torch.where(batch["input_ids"] % 3 == 0, batch["input_ids"], IGNORED)
    task = TASKS["pre"](model.eval(), weights, OptimConfig())
    found = {name: float(loss) for name, loss in task.losses(task(batch), batch).items()}
    assert found["mlm_loss"] > 2 > found["sap_loss"] > 0
    assert found["loss"] == pytest.approx(0.25 * found["mlm_loss"] + 2 * found["sap_loss"])


def test_supervised_contrastive_by_hand():
    """Two pairs of classes, and a row of a class of its own, which is no anchor."""
    torch.manual_seed(0)
    embedding, labels = torch.randn(5, 3), torch.tensor([0, 1, 0, 1, 2])
    unit = (embedding / embedding.norm(dim=1, keepdim=True)).tolist()

    def score(i: int, j: int) -> float:
        return math.exp(sum(a * b for a, b in zip(unit[i], unit[j])) / 0.5)

    costs = []
    for i, p in ((0, 2), (1, 3), (2, 0), (3, 1)):
        costs.append(-math.log(score(i, p) / sum(score(i, a) for a in range(5) if a != i)))
    loss = losses.supervised_contrastive(embedding, labels, 0.5)
    assert loss.item() == pytest.approx(sum(costs) / 4, rel=1e-5)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0]])
def test_a_batch_without_a_pair_costs_nothing_and_moves_nothing(labels):
    embedding = torch.randn(len(labels), 4, requires_grad=True)
    loss = losses.supervised_contrastive(embedding, torch.tensor(labels), 0.07)
    loss.backward()
    assert loss.item() == 0.0
    assert not embedding.grad.any()


def test_a_model_without_an_embedding_learns_no_contrast():
    options = SerConfig(contrastive=0.5)
    with pytest.raises(UserError, match=r"task.contrastive=0.5 needs an embedding"):
        TASKS["ser"](classifier(), options, OptimConfig(), ("a", "b", "c"))


def test_supervised_contrastive_is_float32_under_autocast():
    embedding, labels = torch.randn(6, 4), torch.tensor([0, 0, 1, 1, 2, 2])
    plain = losses.supervised_contrastive(embedding, labels, 0.07)
    with torch.autocast("cpu", torch.bfloat16):
        assert losses.supervised_contrastive(embedding, labels, 0.07) == plain
