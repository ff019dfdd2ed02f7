"""Whisper's encoder on clips as long as they are, against transformers' on its whole window."""

import pytest
import torch
import torch.nn.functional as F
from transformers import WhisperConfig
from transformers.models.whisper import modeling_whisper

from spectrobert.models import freezing
from spectrobert.models.whisper_encoder import STRIDE, WhisperEncoder

from ..helpers.encoders import composite, moved
from ..helpers.world import ROOT

REAL = ROOT.parent / "shared" / "weights" / "whisper-base-encoder"
TINY = {"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64}
FRAMES = 40


def test_a_clip_that_fills_the_window_has_transformers_frames():
    """Sound that ends before the window does: both see the same silence behind it."""
    torch.manual_seed(0)
    config = WhisperConfig(**TINY, max_source_positions=FRAMES)
    config._attn_implementation = "sdpa"
    ours = moved(WhisperEncoder(config, False)).eval()
    samples = FRAMES * STRIDE
    wave = 0.1 * torch.randn(1, samples)
    wave[:, -1000:] = 0.0
    with torch.no_grad():
        mels = ours.mel(wave, 2 * FRAMES).transpose(1, 2)
        expected = ours.model(mels).last_hidden_state
        frames, mask = ours(wave, torch.tensor([samples]))
    assert mask.all()
    assert frames.shape == expected.shape
    # transformers' last convolution meets zeros in place of silence, which attention spreads
    assert F.cosine_similarity(frames, expected, dim=-1)[:, :-1].min() > 0.99
    torch.testing.assert_close(frames[:, :-2], expected[:, :-2], atol=0.05, rtol=0)


def test_positions_never_train():
    model = composite("debug_whisper")
    freezing.freeze(model, ["all"])
    assert not model.speech.model.embed_positions.weight.requires_grad
    assert model.speech.model.conv1.weight.requires_grad


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no pre-trained encoder in {REAL}")
def test_real_weights_on_three_seconds_are_near_those_on_thirty():
    """Attention to 27 s of silence is the difference: related frames, not the same."""
    theirs = modeling_whisper.WhisperEncoder.from_pretrained(REAL).float().eval()
    ours = WhisperEncoder(theirs.config, False).float().eval()
    ours.model.load_state_dict(theirs.state_dict())
    generator = torch.Generator().manual_seed(0)
    time = torch.arange(48_000) / 16_000
    tone = 0.3 * torch.sin(2 * torch.pi * 220 * time * (1 + 0.1 * torch.sin(6 * time)))
    wave = (tone + 0.01 * torch.randn(48_000, generator=generator))[None]
    with torch.no_grad():
        expected = theirs(ours.mel(wave, 3000).transpose(1, 2)).last_hidden_state[:, :150]
        frames, _ = ours(wave, torch.tensor([48_000]))
    likeness = F.cosine_similarity(frames, expected, dim=-1).mean()
    assert 0.75 < likeness < 0.999, likeness
