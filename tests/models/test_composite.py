"""Composite models: padding, parts, freezing, saving, heads, sizes of the full-size files."""

import pytest
import torch
import torch.nn.functional as F
import yaml

from spectrobert.models import freezing
from spectrobert.models.composite import Composite
from spectrobert.models.composite_configuration import CompositeConfig

from ..helpers.encoders import (
    CONF,
    DEBUG,
    WORDS,
    composite,
    configuration,
    options,
    pair_batch,
    row,
)
from ..helpers.toy import CLOSE

PRESETS = ("probe", "all-but-conv", "last-2")
# Without the SpecAugment vector of hidden_size, which does not exist as masking is off
ENCODERS = {
    "wav2vec2_base": 94_371_712 - 768,
    "hubert_base": 94_371_712 - 768,
    "wavlm_base": 94_381_936 - 768,
    "wavlm_large": 315_456_704 - 7 * 512 - 1024,  # that count is with biases of the convolutions
    "data2vec_audio_base": 93_164_288 - 768,
    "wav2vec2_large": 315_438_720 - 1024,
    "hubert_large": 315_438_720 - 1024,
    "xls_r_300m": 315_438_720 - 1024,
    "wav2vec2_robust_12": 164_284_032 - 1024,
    # HuBERT's, two tables of relative keys, learned positions and their LayerNorm
    "speechlm": 94_371_712 - 768 + 2 * 320 * 96 + 3000 * 768 + 2 * 768,
}
POOLER = 768 * 768 + 768  # of RoBERTa, which is not built


def preset(name: str) -> dict:
    return yaml.safe_load((CONF.parent / "freeze" / f"{name}.yaml").read_text())


def size(module: torch.nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def on_meta(name: str) -> Composite:
    with torch.device("meta"):
        return Composite(CompositeConfig(**options(name)))


@pytest.mark.parametrize("name", ENCODERS)
def test_full_size_speech_encoders(name):
    assert size(on_meta(name).speech) == ENCODERS[name]


def test_full_size_cmt():
    model = on_meta("cmt_base")
    assert [size(layer) for layer in model.cross.layers] == [9_451_776] * 4
    assert size(model.text) == 124_645_632 - POOLER == size(on_meta("roberta_base").text)


@pytest.mark.parametrize("name", DEBUG)
@torch.no_grad()
def test_padding_changes_no_logit(name):
    model, batch = composite(name), pair_batch()
    logits = model(batch).logits
    alone = [model(row(batch, number)).logits for number in range(3)]
    torch.testing.assert_close(logits, torch.cat(alone), **CLOSE)


@pytest.mark.parametrize("name", DEBUG)
def test_parts_are_disjoint_and_all_of_the_model(name):
    model = composite(name)
    values = [v for ms in model.parts().values() for m in ms for v in m.parameters()]
    assert len({id(value) for value in values}) == len(values)
    assert {id(value) for value in values} == {id(value) for value in model.parameters()}


CASES = [
    (name, preset_name)
    for name in DEBUG
    for preset_name in PRESETS
    if (name, preset_name) != ("debug_roberta", "all-but-conv")  # which has no convolutions
]


@pytest.mark.parametrize(("name", "preset_name"), CASES)
def test_a_step_changes_what_trains_alone(name, preset_name):
    model, batch, chosen = composite(name), pair_batch(), preset(preset_name)
    freezing.freeze(model, chosen["train"], preset_name, chosen.get("frozen", ()))
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    freezing.train_mode(model)
    F.cross_entropy(model(batch).logits, batch["label"]).backward()
    torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=10.0).step()
    changed = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert changed <= trained
    assert all(_is_shift_of_scores(n) for n in trained - changed), trained - changed
    assert not any(n.endswith("embed_positions.weight") for n in trained)
    for part, modules in model.parts().items():
        names = {id(p) for m in modules for p in m.parameters() if p.requires_grad}
        fixed = {id(p) for p in model.fixed_parameters()}
        free = sum(id(p) not in fixed for m in modules for p in m.parameters())
        assert bool(names) == _trains(part, preset_name, free), part


def _is_shift_of_scores(name: str) -> bool:
    """A bias of keys, or of scores, shifts all scores of a query alike."""
    return name.endswith(("key.bias", "k_proj.bias", "cm_bert.bias"))


def _trains(part: str, name: str, values: int) -> bool:
    """All debug encoders have two layers."""
    is_open = part.split(".", maxsplit=1)[0] in ("head", "pooling", "fusion")
    if name == "probe":
        is_open = part in ("head", "pooling")
    elif name == "last-2":
        is_open |= ".encoder." in part
    else:
        is_open = part != "audio.conv"
    return is_open and values > 0


@pytest.mark.parametrize("name", DEBUG)
@torch.no_grad()
def test_a_saved_model_gives_the_same_logits(name, tmp_path):
    model, batch = composite(name, speech_states="weighted", pooled_norm="running"), pair_batch()
    model.train()(batch)
    model.eval().save_pretrained(tmp_path)
    loaded = Composite.from_pretrained(tmp_path).eval()
    assert torch.equal(loaded(batch).logits, model(batch).logits)


@torch.no_grad()
def test_one_modality_needs_nothing_of_the_other():
    batch = pair_batch()
    empty = batch | {"input_ids": torch.zeros(3, 0, dtype=torch.long)}
    empty["text_mask"] = empty["input_ids"].bool()
    hears = composite("debug_hubert")
    assert torch.equal(hears(empty).logits, hears(batch).logits)
    reads = composite("debug_roberta")
    text = {name: batch[name] for name in ("input_ids", "text_mask")}
    assert torch.equal(reads(text).logits, reads(batch).logits)
    assert hears.hears
    assert not reads.hears


def test_a_detached_head_teaches_itself_alone():
    model, batch = composite("debug_hubert", detach_head=True, embedding_size=8), pair_batch()
    F.cross_entropy(model(batch).logits, batch["label"]).backward()
    taught = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert taught == {"head"}


@torch.no_grad()
def test_class_means_by_hand():
    model, batch = composite("debug_hubert", classifier="class_means"), pair_batch()
    model.head.train()
    unit = F.normalize(model(batch).embedding, dim=1)
    means = unit[[0, 2, 1]]  # one clip of each class
    model.eval()
    torch.testing.assert_close(model(batch).logits, unit @ means.T / 0.07, **CLOSE)


@pytest.mark.parametrize("pooling", ["mean", "statistics"])
@torch.no_grad()
def test_a_weighted_mean_of_states(pooling):
    model = composite("debug_hubert", speech_states="weighted", pooling=pooling)
    batch = pair_batch()
    hidden, mask = model.speech.start(batch["waveform"], batch["num_samples"])
    states = [hidden, *model.speech.run_layers(hidden, mask, 0, 2)]
    shares = model.layer_weights.weights.softmax(dim=0)
    pooled = [share * model.pooling(state, mask) for share, state in zip(shares, states)]
    torch.testing.assert_close(model(batch).embedding, sum(pooled), **CLOSE)
    if pooling == "mean":
        mixed = sum(share * state for share, state in zip(shares, states))
        torch.testing.assert_close(sum(pooled), model.pooling(mixed, mask), **CLOSE)


def test_pretraining_is_of_a_joint_stack():
    model, batch = composite("debug_joint", head="pretraining"), pair_batch()
    labels = torch.full_like(batch["input_ids"], -100)
    labels[0, 1] = labels[2, 3] = 7
    output = model(batch | {"mlm_labels": labels})
    assert output.masked_words.shape == (2, WORDS)
    assert output.match.shape == (3,)
    for name in (name for name in DEBUG if options(name).get("fusion") != "joint"):
        with pytest.raises(ValueError, match=r"task\.objectives: mlm|sap|another model"):
            configuration(name, head="pretraining")
