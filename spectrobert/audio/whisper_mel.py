"""Whisper's log-mel spectrogram of a batch, without 30 s of padding.

Shapes: B clips, T samples, F frames of 10 ms, M mel bins.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SAMPLE_RATE = 16_000
WINDOW = 400  # 25 ms
HOP = 160  # 10 ms
FLOOR = 1e-10  # of mel energies, before the logarithm
RANGE = 8.0  # decades below a clip's loudest value, at which it is cut


@lru_cache(maxsize=8)
def _constants(num_mel_bins: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Slaney's mel filters (FFT bins, M) and the Hann window (WINDOW,)."""
    from transformers.audio_utils import mel_filter_bank

    bins = WINDOW // 2 + 1
    filters = mel_filter_bank(bins, num_mel_bins, 0.0, 8000.0, SAMPLE_RATE, "slaney", "slaney")
    return torch.from_numpy(filters).float().to(device), torch.hann_window(WINDOW, device=device)


class WhisperMel(nn.Module):
    """transformers' WhisperFeatureExtractor, of clips as long as they are."""

    def __init__(self, num_mel_bins: int):
        super().__init__()
        self.num_mel_bins = num_mel_bins

    @torch.no_grad()
    def forward(self, waveform: Tensor, frames: int) -> Tensor:
        """(B, T) in [-1, 1], zero behind each clip -> (B, frames, M) float32.

        Frames behind a clip are silence, as in a recording that goes on without sound.
        """
        with torch.autocast(waveform.device.type, enabled=False):
            waveform = waveform.detach().float()
            filters, window = _constants(self.num_mel_bins, waveform.device)
            half = WINDOW // 2
            # The start is mirrored, as in torch.stft's centred frames; the end meets silence
            if waveform.shape[1] <= half:
                waveform = F.pad(waveform, (0, half + 1 - waveform.shape[1]))
            after = max(0, (frames - 1) * HOP + half - waveform.shape[1])
            padded = torch.cat([waveform[:, 1 : half + 1].flip(1), F.pad(waveform, (0, after))], 1)
            windows = padded.unfold(1, WINDOW, HOP)[:, :frames] * window  # (B, F, WINDOW)
            power = torch.fft.rfft(windows).abs().square()
            mels = (power @ filters).clamp(min=FLOOR).log10()
            loudest = mels.amax(dim=(1, 2), keepdim=True)
            return (torch.maximum(mels, loudest - RANGE) + 4.0) / 4.0
