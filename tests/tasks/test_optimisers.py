"""Optimisers against plain loops over tensors, parameter groups by part, schedules by hand."""

import math

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from spectrobert.config import OptimConfig, SerConfig
from spectrobert.errors import UserError
from spectrobert.models import freezing
from spectrobert.tasks import TASKS, optimisers

from ..helpers.toy import classifier

LABELS = ("a", "b", "c")


def stepped(options: OptimConfig) -> dict[str, torch.Tensor]:
    """Weights after two steps whose gradients are all 1, and no others."""
    model = classifier()
    optimizer = optimisers.optimiser(model, options)
    for _ in range(2):
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
    return {name: value.detach() for name, value in model.named_parameters()}


def test_the_default_is_one_group_as_ever():
    model = classifier()
    (group,) = optimisers.optimiser(model, OptimConfig()).param_groups
    assert list(map(id, group["params"])) == list(map(id, model.parameters()))
    plain = torch.optim.RAdam(model.parameters(), lr=1e-5, decoupled_weight_decay=True)
    assert {k: v for k, v in group.items() if k != "params"} == {
        k: v for k, v in plain.param_groups[0].items() if k != "params"
    }


@pytest.mark.parametrize(("name", "is_decoupled"), [("adam", False), ("adamw", True)])
def test_weight_decay_is_added_to_the_gradient_or_apart_from_it(name, is_decoupled):
    decay, rate = 0.5, 0.1
    start = {n: p.detach().clone() for n, p in classifier().named_parameters()}
    options = OptimConfig(name=name, lr=rate, weight_decay=decay, decay_norms=True)
    for key, found in stepped(options).items():
        w, mean, square = start[key].clone(), torch.zeros(()), torch.zeros(())
        for step in (1, 2):
            gradient = torch.ones_like(w) + (0 if is_decoupled else decay * w)
            w = w - (rate * decay * w if is_decoupled else 0)
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.999 * square + 0.001 * gradient**2
            scale = mean / (1 - 0.9**step) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
            w = w - rate * scale
        torch.testing.assert_close(found, w, rtol=1e-4, atol=1e-5)


def test_biases_and_norms_do_not_decay_unless_asked():
    """Decoupled decay with a learning rate: weights shrink, biases and norms take the same step."""
    kept = stepped(OptimConfig(name="adamw", lr=0.1))
    spared = stepped(OptimConfig(name="adamw", lr=0.1, weight_decay=0.5))
    for name, value in spared.items():
        assert torch.equal(value, kept[name]) == (value.dim() <= 1 or not value.any()), name


def test_a_specific_name_wins_over_a_general_one():
    model = classifier()
    rates = {"all": 4.0, "audio": 2.0, "encoder.-1": 3.0, "audio.conv": 1.0, "encoder": 5.0}
    expected = {
        "audio_encoder.conv_layers.": 1.0,
        "audio_encoder.": 2.0,
        "encoder.layer.1.": 3.0,
        "encoder.layer.": 5.0,
        "": 4.0,
    }
    names = {id(p): name for name, p in model.named_parameters()}
    found = optimisers.groups(model, OptimConfig(lr_of=rates))
    assert len(found) == len(rates)  # none is left at optim.lr
    assert sum(len(group["params"]) for group in found) == len(names)
    for group in found:
        for parameter in group["params"]:
            name = names[id(parameter)]
            assert group["lr"] == next(r for p, r in expected.items() if name.startswith(p)), name


def test_frozen_parts_have_no_group_and_the_rest_has_the_common_rate():
    model = classifier()
    freezing.freeze(model, ["head", "encoder.1"])
    rates = {"audio": 1.0, "head": 2.0}
    rest, head = optimisers.groups(model, OptimConfig(lr=0.5, lr_of=rates))
    assert (rest["lr"], head["lr"]) == (0.5, 2.0)
    assert list(map(id, rest["params"])) == list(map(id, model.encoder.layer[1].parameters()))
    assert list(map(id, head["params"])) == list(map(id, model.head.parameters()))
    assert optimisers.idle_rates(model, rates) == ["audio"]


def test_rates_of_parts_scale_their_steps():
    start = {n: p.detach().clone() for n, p in classifier().named_parameters()}
    rates = {"head": 0.1, "encoder.-1": 0.01}
    for name, value in stepped(OptimConfig(name="adam", lr=0.001, lr_of=rates)).items():
        rate = 0.1 if name.startswith("head.") else 0.001
        rate = 0.01 if name.startswith("encoder.layer.1.") else rate
        expected = torch.full_like(value, 2 * rate)
        torch.testing.assert_close(start[name] - value, expected, rtol=1e-3, atol=1e-6)


def test_an_unknown_part_is_refused_before_training():
    with pytest.raises(UserError, match=r"^optim\.lr_of: unknown part 'tail'; .*audio\.conv.*head"):
        TASKS["ser"](classifier(), SerConfig(), OptimConfig(lr_of={"tail": 1.0}), LABELS)


def test_two_rates_of_the_same_part_are_refused():
    rates = {"encoder.1": 1.0, "encoder.-1": 2.0}
    with pytest.raises(UserError, match=r"encoder\.1=1\.0 and encoder\.-1=2\.0 are two learning"):
        optimisers.groups(classifier(), OptimConfig(lr_of=rates))
    assert optimisers.rate_owners(classifier(), dict.fromkeys(rates, 1.0))


def scales(options: OptimConfig, steps: int, validations: dict[int, float] | None = None):
    """Learning rates of the steps, as shares of the full one; `validations` by the steps before."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, plateau = optimisers.schedule(optimizer, options, steps, "max")
    found = []
    for step in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
        if plateau and step + 1 in (validations or {}):
            plateau.observe(validations[step + 1])
            optimisers.rescale(scheduler)
    return found


def test_tri_stage_by_hand():
    options = OptimConfig(schedule="tri_stage", warmup_share=0.2, hold_share=0.4, final_scale=0.01)
    half = math.sqrt(0.1)  # half of the way to 0.1, on a log scale
    expected = [0, 0.5, 1, 1, 1, 1, 1, half, 0.1, 0.1 * half]
    assert scales(options, 10) == pytest.approx(expected)


def test_tri_stage_without_a_decay():
    options = OptimConfig(schedule="tri_stage", warmup_share=0.5, hold_share=0.5)
    assert scales(options, 4) == [0, 0.5, 1, 1]


def test_a_plateau_by_hand():
    options = OptimConfig(schedule="plateau", plateau_threshold=0.1)
    #                 first; 10 % more are needed; less; enough
    validations = {1: 1.0, 2: 1.05, 3: 0.9, 4: 1.2}
    assert scales(options, 6, validations) == [1, 1, 0.5, 0.25, 0.25, 0.25]


def test_a_plateau_below_zero_needs_an_improvement_too():
    options = OptimConfig(schedule="plateau", plateau_threshold=0.1)
    assert scales(options, 4, {1: -1.0, 2: -1.0, 3: -0.8}) == [1, 1, 0.5, 0.5]


def test_a_plateau_after_a_warm_up():
    options = OptimConfig(schedule="plateau", warmup_share=0.5)
    assert scales(options, 8, {2: 1.0, 4: 1.0}) == [0, 0.25, 0.5, 0.75, 0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("patience", [0, 2])
def test_a_plateau_is_torchs(mode, patience):
    values = torch.rand(60, generator=torch.Generator().manual_seed(0)).tolist()
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    torchs = ReduceLROnPlateau(optimizer, mode, 0.9, patience, 0.0025, eps=0)
    ours = optimisers.Plateau(
        OptimConfig(plateau_factor=0.9, plateau_patience=patience), mode, warmup=0
    )
    for step, value in enumerate(values):
        torchs.step(value)
        ours.observe(value)
        assert ours(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
    assert ours.scale < 0.5
