"""CTAL's log-mels: torchaudio's deltas, statistics, frames, and the encoder's positions."""

import torch

from spectrobert.audio.delta_mel import delta_mels, deltas, log_mels, num_frames

from ..helpers.encoders import noise, sound_batch, speech_encoder
from ..helpers.toy import CLOSE


def test_deltas_are_torchaudios():
    import torchaudio

    values = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(0))
    found = deltas(values, torch.tensor([9, 6]))
    for row, length in ((0, 9), (1, 6)):
        alone = values[row, :length].T[None]
        wanted = torchaudio.functional.compute_deltas(alone, win_length=5, mode="replicate")[0].T
        torch.testing.assert_close(found[row, :length], wanted, **CLOSE)


def test_a_tone_is_in_its_bin():
    times = torch.arange(4000) / 16000
    mels = log_mels(torch.sin(2 * torch.pi * 1000 * times)[None])
    # Slaney's scale has 15 mels below 1 kHz, and 45.245 up to 8 kHz: 80 filters between 82 points
    assert mels.shape == (1, 17, 80)
    assert set(mels.argmax(dim=2)[0].tolist()) == {round(15 / 45.245 * 81) - 1}


def test_each_value_has_mean_0_and_variance_1_over_the_clip():
    batch = sound_batch(noise(9000, 3000, 500))
    values, mask = delta_mels(batch["waveform"], batch["num_samples"])
    assert mask.sum(dim=1).tolist() == [42, 12, 1] == num_frames(batch["num_samples"]).tolist()
    real = values[1][mask[1]]
    torch.testing.assert_close(real.mean(dim=0), torch.zeros(160), atol=1e-5, rtol=0)
    torch.testing.assert_close(real.square().mean(dim=0), torch.ones(160), atol=1e-4, rtol=0)
    assert values[2].abs().max() == 0  # of one frame nothing varies
    alone, _ = delta_mels(batch["waveform"][1:2, :3000], torch.tensor([3000]))
    torch.testing.assert_close(alone[0], real, **CLOSE)


@torch.no_grad()
def test_frames_behind_the_table_share_its_last_position():
    encoder = speech_encoder("debug_ctal", max_frames=3)
    hidden = torch.zeros(1, 5, 32)
    placed = encoder.place(hidden, torch.ones(1, 5).bool())[0]
    assert torch.equal(placed[2], placed[4])
    assert not torch.equal(placed[1], placed[2])
