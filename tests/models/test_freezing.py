"""Every preset: the parts it names change in an optimiser step, all others stay bit-equal."""

from pathlib import Path

import pytest
import torch
import yaml

from spectrobert.config import OptimConfig, SerConfig
from spectrobert.errors import UserError
from spectrobert.models import freezing
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.tasks import TASKS

from ..helpers.toy import classifier, padded_batch

# What the thesis says of each preset (5.2.1 - 5.2.3), written out as names of parameters
LAST, SECOND_LAST = "encoder.layer.1.", "encoder.layer.0."
EVERYTHING = ("audio_encoder.", "embeddings.", "encoder.", "head.")
TRAINS = {
    "none": EVERYTHING,
    "bin-frz": ("head.",),
    "bin-frz-nolast": ("head.", LAST),
    "bin-frz-noaudio": ("head.", "audio_encoder."),
    "bin-frz-noaudio-conv": ("head.", "audio_encoder.conv_layers."),
    "open-nofrz": EVERYTHING,
    "open-frz-nolast": ("head.", LAST),
    "open-frz-nolast2": ("head.", LAST, SECOND_LAST),
    "ser-frz-nolast": ("head.", LAST),
    "ser-frz-nolast-noaudio": ("head.", LAST, "audio_encoder."),
    "ser-frz-nolast-noaudio-conv": ("head.", LAST, "audio_encoder.conv_layers."),
}
OF_COMPOSITES = {"probe", "all-but-conv", "last-2"}  # see test_composite.py
OF_DECODERS = {"decoder"}  # see test_generation.py
CONF = Path(__file__).parents[2] / "conf" / "freeze"


def preset(name: str) -> list[str]:
    return yaml.safe_load((CONF / f"{name}.yaml").read_text())["train"]


def step(model: SpectroBert) -> None:
    """One optimiser step of the real task, with a learning rate that moves every weight."""
    task = TASKS["ser"](model, SerConfig(), OptimConfig(lr=0.1), ("a", "b", "c"))
    optimizer = torch.optim.RAdam([p for p in model.parameters() if p.requires_grad], lr=0.1)
    task.train()
    batch = padded_batch(60) | {"label": torch.tensor([0, 2])}
    for _ in range(2):
        loss = task.losses(task(batch), batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_every_preset_is_listed_here():
    assert {path.stem for path in CONF.glob("*.yaml")} == (
        TRAINS.keys() | OF_COMPOSITES | OF_DECODERS
    )


@pytest.mark.parametrize("name", TRAINS)
def test_exactly_the_named_parts_change(name):
    model = classifier()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    summary = freezing.freeze(model, preset(name), name)
    step(model)
    for key, value in model.state_dict().items():
        trains = key.startswith(TRAINS[name])
        assert torch.equal(before[key], value) != trains or _is_unused(key), key
    expected = sum(v.numel() for k, v in before.items() if k.startswith(TRAINS[name]))
    assert summary.trainable == expected
    assert summary.total == sum(v.numel() for v in before.values())


def _is_unused(key: str) -> bool:
    """Parameters without an effect on the loss: a key bias shifts all scores of a query alike."""
    return key.endswith("key.bias")


def test_any_list_of_parts():
    model = classifier()
    summary = freezing.freeze(model, ["head", "audio.conv", "encoder.-1"])
    moved = {n for n, p in model.named_parameters() if p.requires_grad}
    assert moved == {
        n
        for n, _ in model.named_parameters()
        if n.startswith(("head.", "audio_encoder.conv_layers.", LAST))
    }
    assert summary.counts["audio.projection"][0] == 0
    assert summary.counts["audio.conv"][0] == summary.counts["audio.conv"][1] > 0


def test_frozen_parts_run_without_dropout():
    model = classifier()
    freezing.freeze(model, ["head", "encoder.-1"])
    TASKS["ser"](model, SerConfig(), OptimConfig(), ("a", "b", "c")).train()
    assert not model.embeddings.dropout.training
    assert not model.encoder.layer[0].output.dropout.training
    assert model.encoder.layer[1].output.dropout.training
    assert model.head.dropout.training
    assert not model.audio_encoder.conv_layers.training


def test_every_parameter_is_counted_once():
    model = classifier()
    summary = freezing.freeze(model, ["all"])
    assert summary.trainable == summary.total == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("parts", "words"), [(["heads"], "unknown part 'heads'"), ([], "empty")])
def test_wrong_parts(parts, words):
    with pytest.raises(UserError, match=words):
        freezing.freeze(classifier(), parts)
