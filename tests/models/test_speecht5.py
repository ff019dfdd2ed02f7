"""SpeechT5 for classes: transformers' numbers, exact padding, one stack for speech and text."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers.models.speecht5 import modeling_speecht5

from spectrobert.models import freezing, lora
from spectrobert.models.speecht5 import SpeechT5
from spectrobert.models.speecht5_configuration import SpeechT5ClassConfig

from ..helpers.encoders import moved, options, pair_batch, row
from ..helpers.toy import CLOSE

BOTH = ("audio", "text")
# Parameters of transformers' default configuration: pre-net and encoder, with the vector of masked
# frames, which is not built here; text pre-net; decoder, with its table of characters
SPEECH, TEXT, DECODER = 94_392_192, 62_209, 56_772_864


def speecht5(modality: str = "audio", **changes: Any) -> SpeechT5:
    """A model of seed 0 in eval mode with three classes, none of whose values is its first."""
    torch.manual_seed(0)
    values = options("debug_speecht5") | {"head": "classification", "num_logits": 3} | changes
    return moved(SpeechT5(SpeechT5ClassConfig(modality=modality, **values))).eval()


def size(module: torch.nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


@pytest.mark.parametrize("pooling", ["decoder", "mean", "attentive"])
@pytest.mark.parametrize("modality", BOTH)
@torch.no_grad()
def test_padding_changes_no_logit(modality, pooling):
    model, batch = speecht5(modality, pooling=pooling), pair_batch()
    alone = [model(row(batch, number)).logits for number in range(3)]
    torch.testing.assert_close(model(batch).logits, torch.cat(alone), **CLOSE)


@torch.no_grad()
def test_a_clip_is_what_transformers_computes():
    model, batch = speecht5(), row(pair_batch(), 0)
    theirs = modeling_speecht5.SpeechT5EncoderWithSpeechPrenet(model.encoder.config).eval()
    theirs.prenet, theirs.wrapped_encoder = model.speech.model, model.encoder
    states = theirs(batch["waveform"]).last_hidden_state
    torch.testing.assert_close(model._states(batch)[0], states, **CLOSE)
    zero = torch.zeros(1, 1, 32)
    decoded = model.decoder(hidden_states=zero, encoder_hidden_states=states, use_cache=False)
    logits = model.head.linear(decoded.last_hidden_state[:, 0])
    torch.testing.assert_close(model(batch).logits, logits, **CLOSE)


@torch.no_grad()
def test_frames_have_positions_whatever_the_number_of_padding():
    """transformers' pre-net takes padding to be 1; a vocabulary of characters has it at 0."""
    for padding in (0, 1):
        fields = options("debug_speecht5")["speecht5"] | {"pad_token_id": padding}
        speech = speecht5(speecht5=fields).speech
        hidden, mask = torch.zeros(1, 9, 32), torch.ones(1, 9, dtype=torch.bool)
        placed = speech.place(hidden, mask) - speech.model.pos_conv_embed(hidden)
        table = speech.model.pos_sinusoidal_embed.weights
        torch.testing.assert_close(placed[0], table[padding + 1 : padding + 10])


@torch.no_grad()
def test_padded_texts_are_what_transformers_computes():
    model, batch = speecht5("text"), pair_batch()
    theirs = modeling_speecht5.SpeechT5EncoderWithTextPrenet(model.encoder.config).eval()
    theirs.prenet, theirs.wrapped_encoder = model.text, model.encoder
    mask = batch["text_mask"]
    ids = batch["input_ids"].masked_fill(~mask, model.encoder.config.pad_token_id)
    states = theirs(ids, attention_mask=mask.long()).last_hidden_state
    torch.testing.assert_close(model._states(batch)[0][mask], states[mask], **CLOSE)


def test_both_directions_train_one_encoder_and_one_decoder():
    batch = pair_batch()
    for modality, own, other in (("audio", "speech", "text"), ("text", "text", "speech")):
        model = speecht5(modality)
        freezing.freeze(model, ["all"])
        F.cross_entropy(model(batch).logits, batch["label"]).backward()
        lacking = {n for n, p in model.named_parameters() if p.requires_grad and p.grad is None}
        assert lacking == set()
        trained = {n.split(".")[0] for n, p in model.named_parameters() if p.requires_grad}
        assert trained == {own, "encoder", "decoder", "head"}, other


def test_a_change_at_the_end_is_seen_at_the_beginning():
    model, batch = speecht5("text"), row(pair_batch(), 0)
    other = batch | {"input_ids": batch["input_ids"].clone()}
    other["input_ids"][0, -1] = 4
    first, second = (model._states(one)[0][0, 0] for one in (batch, other))
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("modality", BOTH)
def test_parts_are_disjoint_and_all_of_the_model(modality):
    model = speecht5(modality, pooling="attentive")
    values = [v for ms in model.parts().values() for m in ms for v in m.parameters()]
    assert len({id(value) for value in values}) == len(values)
    assert {id(value) for value in values} == {id(value) for value in model.parameters()}


@pytest.mark.parametrize("modality", BOTH)
@pytest.mark.parametrize("frozen", [0, 1, 2])
@torch.no_grad()
def test_cached_activations_give_the_same_logits(modality, frozen):
    model, batch = speecht5(modality), pair_batch()
    layers = [f"encoder.{number}" for number in range(frozen)]
    freezing.freeze(model, ["all"], frozen=["audio", "text", *layers])
    prefix = model.frozen_prefix()
    assert not isinstance(prefix, str)
    assert prefix.depth == frozen
    kept = model.run_frozen(batch, prefix)
    cached = {"depth": prefix.depth, "text_mask": batch["text_mask"], "audio_mask": kept.sound_mask}
    cached |= {"word_states": kept.words} if modality == "text" else {"sound_states": kept.sounds}
    torch.testing.assert_close(model(cached).logits, model(batch).logits, **CLOSE)


def test_nothing_is_cached_below_a_pre_net_that_trains():
    model = speecht5("text")
    freezing.freeze(model, ["all"])
    assert model.frozen_prefix() == "text.embeddings trains"


@pytest.mark.parametrize("modality", BOTH)
@torch.no_grad()
def test_a_saved_model_gives_the_same_logits_and_reads_the_other_modality(modality, tmp_path):
    model, batch = speecht5(modality), pair_batch()
    model.save_pretrained(tmp_path)
    loaded = SpeechT5.from_pretrained(tmp_path).eval()
    assert torch.equal(loaded(batch).logits, model(batch).logits)
    (other,) = set(BOTH) - {modality}
    swapped = SpeechT5.from_pretrained(tmp_path, modality=other).eval()
    assert torch.equal(swapped(batch).logits, speecht5(other)(batch).logits)


def test_adapters_begin_at_what_the_model_computed():
    model, batch = speecht5(), pair_batch()
    before = model(batch).logits
    lora.add_adapters(model, 2, 4.0, ["encoder"])
    torch.testing.assert_close(model(batch).logits, before, **CLOSE)


def test_full_size():
    with torch.device("meta"):
        model = SpeechT5(SpeechT5ClassConfig())
    assert size(model.speech) + size(model.encoder) == SPEECH - 768
    assert size(model.text) == TEXT
    assert size(model.decoder) == DECODER - 81 * 768


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modality": "video"}, "model.modality='video': allowed are audio, text"),
        ({"pooling": "las"}, "model.pooling='las': allowed are decoder, first"),
        ({"speecht5": {"depth": 3}}, "model.speecht5.depth: SpeechT5 has no such option"),
        ({"head": "pretraining"}, "has no pre-training objective"),
    ],
)
def test_what_is_not_allowed_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        SpeechT5ClassConfig(**changes)
