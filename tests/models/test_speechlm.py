"""SpeechLM's encoder: states of both stacks against transformers' own, padding, units."""

import pytest
import torch

from spectrobert.models.composite_configuration import encoder_config

from ..helpers.encoders import composite, noise, options, sound_batch, speech_encoder
from ..helpers.toy import CLOSE

LENGTHS = (16_000, 8123, 719, 400)


@pytest.fixture(scope="module")
def encoder():
    return speech_encoder("debug_speechlm", num_hidden_layers=3)  # one of speech, two shared


@torch.no_grad()
def test_states_are_those_of_two_stacks_of_transformers(encoder):
    (wave,) = noise(9000)
    model, batch = encoder.model, sound_batch([wave])
    features = model.feature_projection(model.feature_extractor(wave[None]).transpose(1, 2))
    placed = features + model.encoder.pos_conv_embed(features)
    lower = model.encoder(placed, output_hidden_states=True).hidden_states
    numbered = lower[-1] + model.shared.positions.weight[: lower[-1].shape[1]]
    upper = model.shared(numbered, output_hidden_states=True).hidden_states
    hidden, mask = encoder.start(**batch)
    states = [hidden, *encoder.run_layers(hidden, mask, 0, 3)]
    for state, theirs in zip(states, [*lower, *upper[1:]], strict=True):
        torch.testing.assert_close(state, theirs, **CLOSE)


@torch.no_grad()
def test_a_clip_alone_and_in_a_padded_batch_has_the_same_frames(encoder):
    clips = noise(*LENGTHS)
    hidden, mask = encoder(**sound_batch(clips))
    for row, clip in enumerate(clips):
        alone, _ = encoder(**sound_batch([clip]))
        torch.testing.assert_close(hidden[row][mask[row]], alone[0], **CLOSE)


@pytest.mark.parametrize("depth", [0, 1, 2])
@torch.no_grad()
def test_upper_layers_continue_from_any_state(encoder, depth):
    hidden, mask = encoder.start(**sound_batch(noise(6000, 4000)))
    states = [hidden, *encoder.run_layers(hidden, mask, 0, 3)]
    *_, last = encoder.run_layers(states[depth], mask, depth, 3)
    assert torch.equal(last, states[-1])


@torch.no_grad()
def test_lower_layers_are_those_of_the_whole_encoder(encoder):
    lower = speech_encoder("debug_speechlm", num_hidden_layers=1)
    assert lower.model.shared is None
    lower.load_state_dict(encoder.state_dict(), strict=False)
    batch = sound_batch(noise(5000, 3000))
    hidden, mask = encoder.start(**batch)
    (first,) = encoder.run_layers(hidden, mask, 0, 1)
    assert torch.equal(lower(**batch)[0], first)


@torch.no_grad()
def test_frames_behind_the_table_of_positions_share_its_last_row():
    encoder = speech_encoder("debug_speechlm", max_unit_positions=4)
    hidden, mask = encoder(**sound_batch(noise(9000)))
    assert hidden.shape[1] == mask.shape[1] == 27


def test_large_has_norms_that_are_not_built():
    fields = options("debug_speechlm")["speech"] | {"do_stable_layer_norm": True}
    with pytest.raises(ValueError, match="do_stable_layer_norm=false"):
        encoder_config(fields)


@pytest.mark.parametrize("pooling", ["first", "gru"])
@torch.no_grad()
def test_the_classifiers_of_seed_000_hear_a_clip_alone_as_in_a_batch(pooling):
    model, batch = composite("debug_speechlm", pooling=pooling), sound_batch(noise(9000, 3000))
    alone = sound_batch([batch["waveform"][1, :3000]])
    words = {"input_ids": torch.zeros(2, 0, dtype=torch.long)}
    logits = model(batch | words).logits
    torch.testing.assert_close(logits[1:], model(alone | words).logits, **CLOSE)
