"""Masked acoustic modelling: targets frame by frame, the loss by hand, runs of every kind."""

import pytest
import torch

from spectrobert.audio import features
from spectrobert.models import acoustic
from spectrobert.models.model import TokenGrid

from ...helpers.encoders import composite, noise, sound_batch

GRID = TokenGrid(0.0125, 0.02)  # of wav2vec 2.0
OBJECTIVE = {"head": "pretraining", "objectives": {"masked_acoustic": {}}}


def batch_of(*lengths: int) -> dict[str, torch.Tensor]:
    """Clips, of which a fifth of the tokens is masked."""
    batch = sound_batch(noise(*lengths))
    tokens = (batch["num_samples"] - 400) // 320 + 1
    real = torch.arange(int(tokens.max())) < tokens[:, None]
    is_masked = torch.arange(int(tokens.max())) % 5 == 1
    batch |= {"index": torch.arange(len(lengths)), "masked": real & is_masked}
    return batch


def test_a_token_of_20_ms_has_the_two_frames_that_begin_with_it():
    (wave,) = noise(2000)  # 11 frames of 10 ms, 6 tokens
    mels, _ = features.LogMel(80, 0.0, 0.5)(wave[None], torch.tensor([2000]))
    scaled = (mels[0] - mels[0].mean(dim=0)) / mels[0].std(dim=0, correction=0).clamp(min=0.1)
    ours = acoustic.log_mels(sound_batch([wave]), GRID, 6)[0]
    assert ours.shape == (6, acoustic.width(GRID)) == (6, 160)
    for token in range(6):
        frames = [2 * token, min(2 * token + 1, 10)]  # the last token has no second one
        torch.testing.assert_close(ours[token], scaled[frames].flatten(), rtol=1e-4, atol=1e-4)


def test_the_targets_of_a_clip_do_not_depend_on_the_batch():
    clips = noise(9000, 3000)
    together = acoustic.log_mels(sound_batch(clips), GRID, 27)
    alone = acoustic.log_mels(sound_batch(clips[1:]), GRID, 9)
    torch.testing.assert_close(together[1, :9], alone[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["debug_hubert", "debug_speechlm", "debug_whisper"])
@torch.no_grad()
def test_the_loss_is_the_mean_absolute_error_of_masked_tokens(name):
    model, batch = composite(name, num_logits=0, **OBJECTIVE), batch_of(9000, 3000)
    count = int(model.count_tokens(batch["num_samples"]).max())
    batch["masked"] = torch.nn.functional.pad(batch["masked"], (0, count - 27))
    objective = model.head.objectives["masked_acoustic"]
    objective.predict.weight.zero_()
    objective.predict.bias.fill_(0.5)
    output = model(batch)
    target = acoustic.log_mels(batch, model.token_grid, count)
    errors = [
        (target[row, token] - 0.5).abs().mean() for row, token in batch["masked"].nonzero().tolist()
    ]
    assert len(errors) == 8
    loss = objective.losses(output, batch)["loss"]
    torch.testing.assert_close(loss, torch.stack(errors).mean())
    rows = objective.rows(output, batch)
    assert rows[:, 2].tolist() == [6, 2]
    statistics = objective.statistics(rows.numpy(), None)
    assert list(statistics) == ["masked_acoustic_loss"]
    assert statistics["masked_acoustic_loss"].of(torch.ones(2).numpy()) == pytest.approx(
        loss.item()
    )


def test_masked_tokens_are_hidden_from_the_model():
    model, batch = composite("debug_hubert", num_logits=0, **OBJECTIVE), batch_of(9000, 3000)
    loss = model.head.objectives["masked_acoustic"].losses(model(batch), batch)["loss"]
    loss.backward()
    assert model.head.masked_token.grad.abs().sum() > 0
    plain = {name: value for name, value in batch.items() if name != "masked"}
    with torch.no_grad():
        shown = model(plain).audio.hidden - model(batch).audio.hidden
    assert shown[batch["masked"]].abs().max() > 1e-3


@torch.no_grad()
def test_a_masked_token_may_show_another_or_itself():
    model, tokens = composite("debug_hubert", num_logits=0, **OBJECTIVE), torch.randn(1, 4, 32)
    masked, shown = torch.tensor([[True, True, True, False]]), torch.tensor([[-1, 3, 2, 3]])
    found = model.head.mask(tokens, {"masked": masked, "shown": shown})[0]
    wanted = [model.head.masked_token, tokens[0, 3], tokens[0, 2], tokens[0, 3]]
    assert torch.equal(found, torch.stack(wanted))
