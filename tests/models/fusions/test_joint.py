"""Audio tokens of the joint stack."""

import pytest
import torch

from spectrobert.models.fusions.base import Sequence
from spectrobert.models.fusions.joint import averaged

from ...helpers.encoders import composite, configuration, pair_batch
from ...helpers.toy import CLOSE


def test_audio_tokens_are_means_of_real_frames():
    hidden = torch.tensor([[1.0, 3.0, 5.0, 7.0, 9.0], [2.0, 4.0, 6.0, 99.0, 99.0]])[..., None]
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    tokens, real = averaged(Sequence(hidden, mask), 2)
    assert tokens[..., 0].tolist() == [[2.0, 6.0, 9.0], [3.0, 6.0, 0.0]]
    assert real.tolist() == [[True] * 3, [True, True, False]]
    assert averaged(Sequence(hidden, mask), 1).hidden is hidden


@torch.no_grad()
def test_a_word_is_a_token_in_the_order_in_which_it_is_said():
    model, batch = composite("debug_speechbert"), pair_batch()
    sound = model.frames(batch)
    tokens, mask = model.fusion.audio_tokens(sound, batch)
    assert mask.sum(dim=1).tolist() == [2, 7, 4]
    middles = model.speech.grid.first + 0.02 * torch.arange(sound.mask.shape[1])
    for place, (start, end) in enumerate(batch["word_times"][0, :2]):
        real = (start <= middles) & (middles < end) & sound.mask[0]
        mean = sound.hidden[0, real].mean(dim=0)
        torch.testing.assert_close(tokens[0, place], mean, **CLOSE)
    joint, _ = model.fusion.mix(sound, None, batch)
    assert joint.hidden.shape == (3, 9 + 7, 32)
    assert joint.mask.sum(dim=1).tolist() == [4 + 2, 9 + 7, 6 + 4]


@torch.no_grad()
def test_a_clip_without_words_has_no_audio_tokens():
    model, batch = composite("debug_speechbert"), pair_batch()
    none = batch | {"word_times": torch.zeros(3, 0, 2)}
    assert model(none).logits.isfinite().all()
    crowded = batch | {"word_times": torch.zeros(3, 2000, 2)}  # more than there are positions
    assert model(crowded).logits.isfinite().all()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("debug_speechbert", {"frames_per_token": 2}, "averages the frames of each word"),
        ("debug_speechbert", {"audio_tokens": "pieces"}, "allowed are frames, words"),
        ("debug_cmt", {"audio_tokens": "words"}, "is of model.fusion=joint, not cross"),
        (
            "debug_speechbert",
            {"head": "pretraining", "objectives": {"masked_acoustic": {}}},
            "masked_acoustic need model.audio_tokens=frames",
        ),
    ],
)
def test_wrong_audio_tokens_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        configuration(name, **options)
