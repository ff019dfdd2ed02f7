"""Speech encoders against transformers' own, alone and in padded batches."""

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2FeatureExtractor

from spectrobert.models.speech_encoder import normalised

from ..helpers.encoders import LARGE, noise, sound_batch, speech_encoder
from ..helpers.toy import CLOSE

# variant -> file of conf/model, and fields that differ from it
VARIANTS: dict[str, tuple[str, dict]] = {
    "wav2vec2, group norm": ("debug_wav2vec2", {}),
    "wav2vec2, layer norm": ("debug_wav2vec2", {"feat_extract_norm": "layer"}),
    "wav2vec2, large": ("debug_wav2vec2", LARGE),
    "hubert, group norm": ("debug_hubert", {}),
    "hubert, large": ("debug_hubert", LARGE),
    "hubert, no norm of features": ("debug_hubert", {"feat_proj_layer_norm": False}),
    "hubert, batch norm of positions": ("debug_hubert", {"conv_pos_batch_norm": True}),
    "wavlm, group norm": ("debug_wavlm", {}),
    "wavlm, large": ("debug_wavlm", LARGE),
    "data2vec": ("debug_data2vec", {}),
    "data2vec, stacked positions": ("debug_data2vec", {"num_conv_pos_embeddings": 5}),
}
LENGTHS = (16_000, 8123, 5000, 719, 400)


@pytest.fixture(params=VARIANTS, scope="module")
def encoder(request):
    name, fields = VARIANTS[request.param]
    return speech_encoder(name, **fields)


@torch.no_grad()
def test_every_state_is_that_of_transformers(encoder):
    (wave,) = noise(9000)
    expected = encoder.model(wave[None], output_hidden_states=True)
    hidden, mask = encoder.start(wave[None], torch.tensor([9000]))
    states = [hidden, *encoder.run_layers(hidden, mask, 0, len(encoder.layers))]
    assert mask.all()
    assert len(states) == len(expected.hidden_states) == 3
    for state, theirs in zip(states, expected.hidden_states):
        torch.testing.assert_close(state, theirs, **CLOSE)
    torch.testing.assert_close(encoder.finish(states[-1]), expected.last_hidden_state, **CLOSE)


@torch.no_grad()
def test_a_clip_alone_and_in_a_padded_batch_has_the_same_frames(encoder):
    clips = noise(*LENGTHS)
    hidden, mask = encoder(**sound_batch(clips))
    for row, clip in enumerate(clips):
        alone, _ = encoder(**sound_batch([clip]))
        torch.testing.assert_close(hidden[row][mask[row]], alone[0], **CLOSE)


@torch.no_grad()
def test_upper_layers_continue_from_any_state(encoder):
    batch = sound_batch(noise(6000, 4000))
    hidden, mask = encoder.start(**batch)
    (middle,) = encoder.run_layers(hidden, mask, 0, 1)
    (last,) = encoder.run_layers(middle, mask, 1, 2)
    assert torch.equal(encoder.finish(last), encoder(**batch)[0])


def test_frames_are_counted_as_transformers_does(encoder):
    lengths = torch.tensor([400, 719, 720, 8000, 16_000, 16_001, 48_123])
    expected = encoder.model._get_feat_extract_output_lengths(lengths)
    assert torch.equal(encoder.num_frames(lengths), expected)
    assert encoder.num_frames(torch.tensor([8000, 16_000])).tolist() == [24, 49]


@torch.no_grad()
def test_a_clip_below_the_receptive_field_is_continued_by_silence(encoder):
    assert encoder.receptive_field == 400
    (short,) = noise(150)
    hidden, mask = encoder(**sound_batch([short]))
    padded = torch.nn.functional.pad(short, (0, 250))
    assert mask.tolist() == [[True]]
    torch.testing.assert_close(hidden, encoder(**sound_batch([padded]))[0], **CLOSE)


@torch.no_grad()
def test_attention_looks_both_ways(encoder):
    hidden, mask = encoder.start(**sound_batch(noise(6000)))
    other = torch.cat([hidden[:, :-1], -hidden[:, -1:]], dim=1)
    states = [next(encoder.run_layers(h, mask, 0, 1))[0, 0] for h in (hidden, other)]
    assert (states[0] - states[1]).abs().max() > 1e-4


def test_parts_are_all_of_the_encoder(encoder):
    parts = [
        value for modules in encoder.parts().values() for m in modules for value in m.parameters()
    ]
    assert list(encoder.parts()) == ["conv", "projection", "encoder.0", "encoder.1"]
    assert len({id(value) for value in parts}) == len(parts)
    assert {id(value) for value in parts} == {id(value) for value in encoder.parameters()}


@torch.no_grad()
def test_padding_changes_frames_of_transformers_own_group_norm():
    """The reason for a GroupNorm of our own: a mask does not help theirs."""
    encoder = speech_encoder("debug_hubert")
    batch = sound_batch(noise(16_000, 8000)[::-1])
    mask = torch.arange(16_000) < batch["num_samples"][:, None]
    padded = encoder.model(batch["waveform"], attention_mask=mask.long()).last_hidden_state
    alone = encoder.model(batch["waveform"][:1, :8000]).last_hidden_state
    assert (padded[:1, :24] - alone).abs().max() > 0.1


@torch.no_grad()
def test_batch_norm_of_positions_counts_real_frames_alone():
    encoder = speech_encoder("debug_hubert", conv_pos_batch_norm=True)
    norm = encoder.model.encoder.pos_conv_embed.batch_norm
    norm.train()
    means = []
    for padding in (0, 9000):
        norm.reset_running_stats()
        wave = torch.nn.functional.pad(torch.stack(noise(5000, 5000)), (0, padding))
        encoder.start(wave, torch.tensor([5000, 5000]))
        means.append(norm.running_mean.clone())
    torch.testing.assert_close(*means, **CLOSE)


def test_waveforms_are_normalised_as_transformers_does():
    clips = noise(5000, 400, 1601)
    extractor = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)
    arrays = [clip.numpy() for clip in clips]
    expected = extractor(arrays, sampling_rate=16_000, padding=True, return_tensors="pt")
    batch = sound_batch(clips)
    ours = normalised(batch["waveform"], batch["num_samples"])
    torch.testing.assert_close(ours, expected["input_values"], **CLOSE)
    silence = normalised(torch.zeros(1, 400), torch.tensor([400]))
    assert np.array_equal(silence, np.zeros((1, 400)))


@pytest.mark.parametrize("name", ["debug_wav2vec2", "debug_data2vec"])
@torch.no_grad()
def test_a_normalising_encoder_hears_no_loudness(name):
    (clip,) = noise(5000)
    hears, does_not = speech_encoder(name), speech_encoder(name, normalize=True)
    loud, quiet = sound_batch([4 * clip]), sound_batch([clip])
    torch.testing.assert_close(does_not(**loud)[0], does_not(**quiet)[0], rtol=0, atol=1e-3)
    batch = sound_batch([normalised(clip[None], torch.tensor([5000]))[0]])
    torch.testing.assert_close(does_not(**quiet)[0], hears(**batch)[0], **CLOSE)


@torch.no_grad()
def test_lower_layers_are_those_of_the_whole_encoder():
    whole, lower = (
        speech_encoder("debug_hubert"),
        speech_encoder("debug_hubert", num_hidden_layers=1),
    )
    lower.load_state_dict(whole.state_dict(), strict=False)
    batch = sound_batch(noise(5000, 3000))
    hidden, mask = whole.start(**batch)
    (first,) = whole.run_layers(hidden, mask, 0, 1)
    assert torch.equal(lower(**batch)[0], first)
