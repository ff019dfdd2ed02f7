"""Whisper's log-mel against transformers' own, which pads every clip to 30 s."""

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor

from spectrobert.audio.whisper_mel import HOP, WhisperMel

RATE = 16_000


def noise(seconds: float, level: float) -> np.ndarray:
    generator = np.random.default_rng(0)
    return (level * generator.standard_normal(round(seconds * RATE))).astype(np.float32)


@pytest.mark.parametrize(("seconds", "level"), [(2.0, 0.3), (1.3, 1e-4), (0.1, 0.1), (0.01, 0.1)])
def test_frames_are_those_of_transformers(seconds, level):
    wave = noise(seconds, level)
    given = WhisperFeatureExtractor()(wave, sampling_rate=RATE, return_tensors="pt")
    expected = given.input_features[0].T  # (3000, M)
    frames = len(wave) // HOP + 4
    mels = WhisperMel(80)(torch.from_numpy(wave)[None], frames)[0]
    torch.testing.assert_close(mels, expected[:frames], atol=2e-4, rtol=0)


def test_a_clip_is_the_same_alone_and_padded():
    long, short = noise(1.0, 0.3), noise(0.4, 0.01)
    batch = torch.zeros(2, len(long))
    batch[0], batch[1, : len(short)] = torch.from_numpy(long), torch.from_numpy(short)
    together = WhisperMel(80)(batch, 104)
    alone = WhisperMel(80)(torch.from_numpy(short)[None], 44)
    torch.testing.assert_close(together[1, :44], alone[0], atol=1e-5, rtol=0)
