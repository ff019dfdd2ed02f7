"""wav2vec 2.0's loss: against transformers, whose sum over masked frames is a mean here."""

import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining

from spectrobert.models.composite import Composite

from ...helpers.encoders import configuration
from ...helpers.objectives import OPTIONS, batch_of, spectrobert, speech, task_of

SIZES = {
    **{"num_codevector_groups": 2, "num_codevectors_per_group": 4, "codevector_dim": 6},
    **{"proj_codevector_dim": 10, "num_negatives": 5, "contrastive_logits_temperature": 0.1},
    "diversity_loss_weight": 0.1,
}


def reference(model) -> Wav2Vec2ForPreTraining:
    """transformers' model with the weights of ours, in eval mode."""
    fields = (
        model.speech.config.to_dict() | SIZES | {"mask_time_prob": 0.5, "apply_spec_augment": True}
    )
    theirs = Wav2Vec2ForPreTraining(Wav2Vec2Config(**fields)).eval()
    head = model.head.objectives["contrastive"]
    encoder = model.speech.model.state_dict() | {"masked_spec_embed": model.head.masked_token}
    theirs.wav2vec2.load_state_dict(encoder)
    for name in ("quantizer", "project_q", "project_hid"):
        getattr(theirs, name).load_state_dict(getattr(head, name).state_dict())
    return theirs


def test_a_fresh_quantiser_has_first_values_and_a_loaded_one_its_own(tmp_path):
    """transformers' quantiser leaves its codewords as torch.empty has them."""
    torch.manual_seed(0)
    chosen = {"contrastive": OPTIONS["contrastive"] | {"codewords": 40, "codebook_size": 20}}
    config = configuration("debug_wav2vec2", head="pretraining", num_logits=0, objectives=chosen)
    model = Composite(config)
    codewords = model.head.objectives["contrastive"].quantizer.codevectors
    assert 0 <= codewords.min() < 0.05
    assert 0.95 < codewords.max() <= 1
    assert abs(codewords.mean() - 0.5) < 0.05
    model.save_pretrained(tmp_path)
    loaded = Composite.from_pretrained(tmp_path)
    assert torch.equal(loaded.head.objectives["contrastive"].quantizer.codevectors, codewords)


@pytest.mark.parametrize("name", ["debug_wav2vec2"])
def test_the_loss_is_that_of_transformers_divided_by_the_masked_frames(name):
    model = speech(name, "contrastive")
    task = task_of(model)
    batch = task.drawn(batch_of(16_000, 16_000))
    masked, frames = batch["masked"], batch["masked"].shape[1]
    flat = batch["negatives"] + frames * torch.arange(2)[:, None, None]
    theirs = reference(model)(
        batch["waveform"], mask_time_indices=masked, sampled_negative_indices=flat
    )
    losses = task.losses(model(batch), batch)
    number = masked.sum()
    cross_entropy = losses["contrastive_cross_entropy"].item()
    assert cross_entropy == pytest.approx((theirs.contrastive_loss / number).item(), rel=1e-4)
    assert losses["loss"].item() == pytest.approx((theirs.loss / number).item(), rel=1e-4)
    perplexity = losses["contrastive_perplexity"].item()
    assert perplexity == pytest.approx(theirs.codevector_perplexity.item(), rel=1e-4)


def test_negatives_are_other_masked_frames_of_the_same_clip():
    model = speech("debug_wav2vec2", "contrastive")
    batch = task_of(model).drawn(batch_of(16_000, 9000, 500))
    masked, negatives = batch["masked"], batch["negatives"]
    for row, token in masked.nonzero().tolist():
        others = negatives[row, token]
        assert masked[row, others].all()
        assert (others != token).all()
    assert not masked[2].any()  # one frame: nothing is left to mask


def test_gradients_reach_the_codewords_and_the_convolutions():
    model = speech("debug_wav2vec2", "contrastive").train()
    task = task_of(model)
    batch = task.drawn(batch_of(16_000, 9000))
    task.losses(model(batch), batch)["loss"].backward()
    head = model.head.objectives["contrastive"]
    assert head.quantizer.codevectors.grad.abs().sum() > 0
    assert model.speech.model.feature_extractor.conv_layers[0].conv.weight.grad.abs().sum() > 0
    assert model.head.masked_token.grad.abs().sum() > 0


def test_the_gumbel_softmax_cools_by_the_step():
    objective = speech("debug_wav2vec2", "contrastive").head.objectives["contrastive"]
    heats = []
    for step in (0, 100_000, 10_000_000):
        objective.at_step(step)
        heats.append(objective.quantizer.temperature)
    assert heats == pytest.approx([2.0, 2 * 0.999995**100_000, 0.5])


def test_spectrobert_and_a_clip_without_masked_frames():
    model = spectrobert("contrastive")
    task = task_of(model)
    batch = task.drawn(batch_of(16_000, 9000))
    assert torch.isfinite(task.losses(model(batch), batch)["loss"])
    short = task.drawn(batch_of(500, 600))
    assert task.losses(model(short), short)["contrastive_cross_entropy"].item() == 0.0
