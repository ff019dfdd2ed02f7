"""Smoothed, focused and mixed targets against numbers done by hand."""

import math

import pytest
import torch

from spectrobert.config import OptimConfig
from spectrobert.config.tasks import (
    AqaBinaryConfig,
    DimensionalConfig,
    SentimentRegressionConfig,
    SerConfig,
    SerMultilabelConfig,
)
from spectrobert.errors import UserError
from spectrobert.models.model import Output
from spectrobert.settings import composition
from spectrobert.tasks import TASKS, Task, distributions, losses

from ..helpers.toy import classifier

LOGITS = torch.tensor([[math.log(2), 0.0, 0.0], [0.0, 0.0, math.log(6)]])  # p: 2 1 1 / 4, 1 1 6 / 8
LABEL = torch.tensor([0, 2])
MIXED = {"mix_with": torch.tensor([1, 0]), "mix_weight": torch.tensor([0.75, 1.0])}
COSTS = [[math.log(2), math.log(4), math.log(4)], [math.log(8), math.log(8), math.log(8 / 6)]]


def output(logits: torch.Tensor) -> Output:
    """Output of a model; losses read none of its other fields."""
    return Output(torch.zeros(len(logits), 1, 1), torch.ones(len(logits), 1), logits=logits)


def by_hand(targets: list[list[float]], weights: tuple[float, ...] = (1, 1, 1)) -> float:
    """Mean cost under target distributions, classes weighed."""
    cells = [
        (q * w, q * w * cost)
        for row, costs in zip(targets, COSTS)
        for q, w, cost in zip(row, weights, costs)
    ]
    return sum(cost for _, cost in cells) / sum(weight for weight, _ in cells)


def task(options) -> Task:
    model = classifier(num_logits=TASKS[options.name].num_logits(("a", "b", "c")))
    return TASKS[options.name](model, options, OptimConfig(), ("a", "b", "c"))


def loss(options, logits: torch.Tensor, weights=None, **batch: torch.Tensor) -> float:
    made = task(options)
    made.class_weights = weights
    return made.losses(output(logits), batch)["loss"].item()


def test_plain_targets_keep_their_loss_to_the_last_bit():
    logits = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
    label = torch.arange(16) % 3
    assert loss(SerConfig(), logits, label=label) == losses.classes(logits, label).item()
    one_hot = torch.nn.functional.one_hot(label, 3)
    for weights in (None, torch.tensor([1.0, 2.0, 4.0])):
        assert losses.distributions(logits, one_hot, weights).item() == pytest.approx(
            losses.classes(logits, label, weights).item()
        )


def test_smoothing_by_hand():
    smooth = [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]  # 0.3 spread over three
    options = SerConfig(label_smoothing=0.3)
    assert loss(options, LOGITS, label=LABEL) == pytest.approx(by_hand(smooth))
    weights = (1.0, 2.0, 4.0)
    found = loss(options, LOGITS, torch.tensor(weights), label=LABEL)
    assert found == pytest.approx(by_hand(smooth, weights))
    reference = torch.nn.functional.cross_entropy(LOGITS, LABEL, label_smoothing=0.3)
    assert by_hand(smooth) == pytest.approx(reference.item())


def test_mixing_by_hand():
    """The first row has a quarter of the second's target, the second is left alone."""
    targets = [[0.75, 0, 0.25], [0, 0, 1]]
    assert loss(SerConfig(), LOGITS, label=LABEL, **MIXED) == pytest.approx(by_hand(targets))
    smooth = [[0.7 * q + 0.1 for q in row] for row in targets]
    options = SerConfig(label_smoothing=0.3)
    assert loss(options, LOGITS, label=LABEL, **MIXED) == pytest.approx(by_hand(smooth))


def test_votes_take_the_place_of_the_label():
    """The first row has three votes for two classes, the second none: its label counts."""
    votes = torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    targets = [[1 / 3, 2 / 3, 0], [0, 0, 1]]
    batch = {"label": LABEL, "votes": votes}
    assert loss(SerConfig(), LOGITS, **batch) == pytest.approx(by_hand(targets))
    smooth = [[0.7 * q + 0.1 for q in row] for row in targets]
    mixture = [[0.75 * a + 0.25 * b for a, b in zip(*smooth)], smooth[1]]
    options = SerConfig(label_smoothing=0.3)
    assert loss(options, LOGITS, **batch, **MIXED) == pytest.approx(by_hand(mixture))
    weights = torch.tensor([1.0, 2.0, 4.0])
    found = loss(SerConfig(), LOGITS, weights, **batch)
    assert found == pytest.approx(by_hand(targets, (1.0, 2.0, 4.0)))


def test_one_logit_learns_votes():
    """Two of three say yes, which has probability 3/4."""
    logits, label = torch.tensor([[math.log(3)]]), torch.tensor([1])
    votes = torch.tensor([[1.0, 2.0]])
    expected = 2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(4)
    found = loss(AqaBinaryConfig(), logits, label=label, votes=votes)
    assert found == pytest.approx(expected)


def test_accuracy_is_against_the_own_label():
    batch = {"label": torch.tensor([0, 1])} | MIXED
    found = task(SerConfig()).losses(output(LOGITS), batch)
    assert found["accuracy"] == 0.5


def test_focal_loss_by_hand():
    """Probabilities of the right classes are 1/2 and 3/4."""
    expected = (0.5**2 * math.log(2) + 0.25**2 * math.log(8 / 6)) / 2
    assert loss(SerConfig(focal_gamma=2.0), LOGITS, label=LABEL) == pytest.approx(expected)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_loss_of_a_certain_row_has_a_finite_slope(gamma):
    logits = torch.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
    losses.distributions(logits, torch.tensor([[1.0, 0.0], [1.0, 0.0]]), None, gamma).backward()
    assert torch.isfinite(logits.grad).all()
    assert not logits.grad[0].any()
    assert logits.grad[1].tolist() == pytest.approx([-0.5, 0.5])


def test_one_logit_is_smoothed_focused_and_mixed_as_two_are():
    logits = torch.tensor([[math.log(3)], [-math.log(3)]])  # "yes" with 3/4 and 1/4
    label = torch.tensor([1, 1])
    likely, unlikely = math.log(4 / 3), math.log(4)
    plain = loss(AqaBinaryConfig(), logits, label=label)
    assert plain == losses.binary(logits, label).item() == pytest.approx((likely + unlikely) / 2)
    smooth = 0.9 * (likely + unlikely) + 0.1 * (unlikely + likely)
    found = loss(AqaBinaryConfig(label_smoothing=0.2), logits, label=label)
    assert found == pytest.approx(smooth / 2)
    focal = (0.25**2 * likely + 0.75**2 * unlikely) / 2
    assert loss(AqaBinaryConfig(focal_gamma=2), logits, label=label) == pytest.approx(focal)
    label = torch.tensor([1, 0])  # the first row is 3/4 yes, the second no
    mixture = 0.75 * likely + 0.25 * unlikely + likely
    found = loss(AqaBinaryConfig(), logits, label=label, **MIXED)
    assert found == pytest.approx(mixture / 2)


TARGETS = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
MIXTURE = torch.tensor([[0.75, 0.0], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("options", "plain"),
    [
        (DimensionalConfig(), losses.concordance),
        (SentimentRegressionConfig(), losses.absolute),
        (SentimentRegressionConfig(loss="mse"), losses.squared),
        (SerMultilabelConfig(), losses.multilabel),
    ],
)
def test_numbers_are_mixed_too(options, plain):
    logits = torch.tensor([[0.5, 0.1], [-1.0, 0.3]])
    assert loss(options, logits, targets=TARGETS) == plain(logits, TARGETS).item()
    found = loss(options, logits, targets=TARGETS, **MIXED)
    assert found == pytest.approx(plain(logits, MIXTURE).item())
    assert found != plain(logits, TARGETS).item()


def test_several_labels_are_smoothed_and_focused():
    logits = torch.tensor([[math.log(3), 0.0]])  # present with 3/4 and 1/2
    present, weights = torch.tensor([[1.0, 0.0]]), torch.tensor([3.0, 5.0])
    smooth = 3 * 0.9 * math.log(4 / 3) + 0.1 * math.log(4) + (5 * 0.1 + 0.9) * math.log(2)
    options = SerMultilabelConfig(label_smoothing=0.2)
    assert loss(options, logits, weights, targets=present) == pytest.approx(smooth / 2)
    focal = 3 * 0.25**2 * math.log(4 / 3) + 0.5**2 * math.log(2)
    options = SerMultilabelConfig(focal_gamma=2)
    assert loss(options, logits, weights, targets=present) == pytest.approx(focal / 2)
    assert loss(options, logits, targets=present) == pytest.approx(
        (0.25**2 * math.log(4 / 3) + 0.25 * math.log(2)) / 2
    )


def test_distributions_are_float32_under_autocast():
    logits = torch.randn(4, 3).bfloat16()
    targets = distributions.of_classes({"label": torch.tensor([0, 1, 2, 1])}, 3, 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        value = losses.distributions(logits, targets, None, 2.0)
    assert value.dtype == torch.float32
    assert torch.equal(value, losses.distributions(logits.float(), targets, None, 2.0))


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("task.contrastive=0.5", "task.contrastive=0.5"),
        ("model.classifier=class_means", "model.classifier=class_means"),
    ],
)
def test_a_mixed_clip_has_no_one_class(word, named):
    words = ("task=ser", "dataset=demo", "model=debug_wav2vec2", "augment.mixup=0.4", word)
    expected = f"augment.mixup=0.4: a mixed clip is of two classes, and {named} needs clips of one"
    with pytest.raises(UserError, match=expected):
        composition.compose(words)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"label_smoothing": 1.0}, "task.label_smoothing=1.0: must be 0 or more and below 1"),
        ({"label_smoothing": -0.1}, "task.label_smoothing=-0.1"),
        ({"focal_gamma": -1.0}, "task.focal_gamma=-1.0: must be 0 or more and finite"),
        ({"focal_gamma": math.inf}, "task.focal_gamma=inf"),
    ],
)
def test_values_out_of_range_are_one_line(options, named):
    with pytest.raises(UserError, match=named):
        SerConfig(**options)
