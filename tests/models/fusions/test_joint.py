"""Audio tokens of the joint stack."""

import torch

from spectrobert.models.fusions.base import Sequence
from spectrobert.models.fusions.joint import averaged


def test_audio_tokens_are_means_of_real_frames():
    hidden = torch.tensor([[1.0, 3.0, 5.0, 7.0, 9.0], [2.0, 4.0, 6.0, 99.0, 99.0]])[..., None]
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    tokens, real = averaged(Sequence(hidden, mask), 2)
    assert tokens[..., 0].tolist() == [[2.0, 6.0, 9.0], [3.0, 6.0, 0.0]]
    assert real.tolist() == [[True] * 3, [True, True, False]]
    assert averaged(Sequence(hidden, mask), 1).hidden is hidden
