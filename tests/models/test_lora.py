"""Low-rank adapters: nothing changes at first, and never the weights next to them."""

import pytest
import torch

from spectrobert.errors import UserError
from spectrobert.models import freezing
from spectrobert.models.composite import Composite

from ..helpers.encoders import composite, configuration, pair_batch

pytest.importorskip("peft", reason="LoRA needs peft: pip install '.[lora]'")
from spectrobert.models import lora


@pytest.fixture
def batch():
    return pair_batch()


def step(model: Composite, batch) -> None:
    freezing.train_mode(model)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    for _ in range(3):
        model(batch).logits.square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


@pytest.mark.parametrize("name", ["debug_hubert", "debug_whisper", "debug_cmt"])
def test_the_base_stays_bit_equal(name, batch):
    model = composite(name)
    with torch.no_grad():
        before = model(batch).logits
    base = {key: value.clone() for key, value in model.state_dict().items()}
    lora.add_adapters(model, 2, 4.0, ["encoder"])
    freezing.freeze(model, ["head", "pooling"])
    with torch.no_grad():
        assert torch.equal(model(batch).logits, before)
    step(model, batch)
    after = {key.replace(".base_layer", ""): v for key, v in model.state_dict().items()}
    changed = {key for key, value in base.items() if not torch.equal(after[key], value)}
    assert changed == {"head.linear.weight", "head.linear.bias"}
    adapters = [value for key, value in after.items() if "lora_B" in key]
    assert adapters
    assert all(value.any() for value in adapters)


def test_saved_and_loaded(tmp_path, batch):
    model = composite("debug_hubert")
    lora.add_adapters(model, 2, 4.0, ["encoder.-1"])
    freezing.freeze(model, ["head"])
    step(model, batch)
    model.save_pretrained(tmp_path)
    loaded = Composite.from_pretrained(tmp_path).eval()
    assert loaded.config.lora_rank == 2
    with torch.no_grad():
        assert torch.equal(loaded(batch).logits, model(batch).logits)


@pytest.mark.parametrize(
    ("part", "words"),
    [("audio.encoder.9", "unknown part 'audio.encoder.9'"), ("audio.conv", "no linear layer")],
)
def test_parts_without_a_place_for_adapters_are_refused(part, words):
    with pytest.raises(UserError, match=words):
        lora.add_adapters(Composite(configuration("debug_hubert")), 2, 4.0, [part])
