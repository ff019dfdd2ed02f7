"""GroupNorm over a clip's own frames, in a batch, as on a GPU; a CPU convolves clip by clip."""

import torch
from torch import nn

from spectrobert.models.speech_encoder import masked_group_norm

from ..helpers.encoders import speech_encoder


def test_padding_is_not_counted():
    torch.manual_seed(0)
    norm = nn.GroupNorm(6, 6)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x, lengths = 3 + torch.randn(3, 6, 20), torch.tensor([20, 11, 4])
    together = masked_group_norm(norm, x, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = norm(x[row : row + 1, :, :length])[0]
        torch.testing.assert_close(together[row, :, :length], alone, atol=1e-5, rtol=1e-4)


def test_convolving_together_and_clip_by_clip_is_the_same():
    encoder = speech_encoder("debug_hubert")
    lengths = torch.tensor([8000, 5000])
    waves = torch.randn(2, 8000)
    waves[1, 5000:] = 0.0
    with torch.no_grad():
        each = encoder._convolve(waves, lengths)
        together = encoder._convolve_together(waves, lengths)
    for row, frames in enumerate(encoder.num_frames(lengths).tolist()):
        torch.testing.assert_close(
            each[row, :, :frames], together[row, :, :frames], atol=1e-5, rtol=1e-4
        )
