"""HuBERT's loss: against torchaudio, and the alignment of units with audio tokens by hand."""

import pytest
import torch
import torch.nn.functional as F
from torchaudio.models.wav2vec2.components import LogitGenerator

from spectrobert.models.batch import IGNORED
from spectrobert.models.model import TokenGrid
from spectrobert.models.objectives.alignment import aligned

from ...helpers.objectives import batch_of, spectrobert, speech, task_of

CLIPS = (16_000, 9000)


def test_the_loss_is_that_of_torchaudios_logit_generator():
    model = speech("debug_hubert", "masked_units")
    task, head = task_of(model), model.head.objectives["masked_units"]
    oracle = LogitGenerator(32, 7, 8, skip_masked=False, skip_nomask=True)
    with torch.no_grad():
        oracle.final_proj.load_state_dict(head.units.projection.state_dict())
        oracle.label_embeddings.copy_(head.units.table)
    batch = task.drawn(batch_of(*CLIPS))
    output = model(batch)
    audio, masked = output.audio, batch["masked"]
    # torchaudio gives the true class first and once more among all classes, there as -inf
    logits, _ = oracle(audio.hidden, batch["units"].clamp(min=0), masked, ~masked & audio.mask)
    expected = F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
    losses = task.losses(output, batch)
    assert losses["masked_units_cross_entropy"].item() == pytest.approx(expected.item(), rel=1e-5)
    penalty = audio.features[audio.mask].square().mean()
    assert losses["loss"].item() == pytest.approx((expected + 10 * penalty).item(), rel=1e-5)


def test_a_frame_has_the_unit_of_its_middle():
    """HuBERT takes every second of 100 labels per second; SpectroBERT the middle of 160 ms."""
    units, of = torch.arange(30)[None], TokenGrid(0.0125, 0.01)
    assert aligned(units, of, TokenGrid(0.0125, 0.02), 4).tolist() == [[0, 2, 4, 6]]
    patches = TokenGrid(0.0875, 0.1, rows=3)  # 16 frames of 10 ms, the last 25 ms long
    found = aligned(units, of, patches, 12).tolist()
    assert found == [[8, 8, 8, 18, 18, 18, 28, 28, 28, *[IGNORED] * 3]]


def test_speechlm_is_asked_below_its_shared_layers_as_well():
    model = speech("debug_speechlm", "masked_units")
    task, head = task_of(model), model.head.objectives["masked_units"]
    batch = task.drawn(batch_of(*CLIPS))
    output = model(batch)
    whole = head.terms(output, batch).cost
    lower, head.lower = head.lower, None
    chosen = batch["masked"]
    below = F.cross_entropy(
        lower(output.audio.between[chosen]), batch["units"][chosen], reduction="none"
    )
    torch.testing.assert_close(whole, head.terms(output, batch).cost + below)


@pytest.mark.parametrize("name", ["debug_wav2vec2", "debug_wavlm", "debug_whisper", "debug_joint"])
def test_every_speech_encoder_predicts_units(name):
    joint = {"frames_per_token": 1} if name == "debug_joint" else {}
    model = speech(name, "masked_units", **joint)
    task = task_of(model)
    batch = task.drawn(batch_of(*CLIPS))
    assert batch["masked"].shape == batch["units"].shape == model(batch).audio.mask.shape
    assert torch.isfinite(task.losses(model(batch), batch)["loss"])


def test_spectrobert_predicts_the_units_of_masked_columns():
    model = spectrobert("mlm", "masked_units")
    task = task_of(model)
    labels = torch.full((2, 5), IGNORED)
    labels[0, 1] = 3
    batch = task.drawn(batch_of(*CLIPS) | {"mlm_labels": labels})
    rows = model.token_grid.rows
    columns = batch["masked"].unflatten(1, (-1, rows))
    assert torch.equal(columns.any(-1), columns.all(-1))  # whole columns are masked
    losses = task.losses(model(batch), batch)
    whole = losses["mlm_loss"] + losses["masked_units_loss"]
    assert losses["loss"].item() == pytest.approx(whole.item())


def test_what_is_masked_is_not_heard_where_it_is_masked():
    """Another sound under a masked frame, out of reach of its neighbours, changes nothing."""
    model = spectrobert("masked_units")
    task = task_of(model)
    batch = task.drawn(batch_of(32_000))
    rows = model.token_grid.rows
    masked = torch.zeros_like(batch["masked"])
    masked[:, : 4 * rows] = True
    batch["masked"] = masked
    other = dict(batch, waveform=batch["waveform"].clone())
    other["waveform"][:, 1000:4000] *= -2.0
    torch.testing.assert_close(model(other).audio.hidden, model(batch).audio.hidden)
    batch["masked"] = other["masked"] = ~masked
    assert not torch.allclose(model(other).audio.hidden, model(batch).audio.hidden)


def test_padding_is_neither_masked_nor_asked():
    model = speech("debug_hubert", "masked_units")
    task = task_of(model)
    together = task.drawn(batch_of(*CLIPS))
    assert not (together["masked"] & ~model(together).audio.mask).any()
    alone = {
        name: value[1:, :9000] if name == "waveform" else value[1:]
        for name, value in batch_of(*CLIPS).items()
    }
    alone = task.drawn(alone)
    number = alone["masked"].shape[1]
    assert torch.equal(alone["masked"][0], together["masked"][1, :number])
    rows, own = task.rows(model(together), together)[0][1], task.rows(model(alone), alone)[0][0]
    torch.testing.assert_close(rows, own, rtol=1e-4, atol=1e-4)


def test_other_tokens_count_as_much_as_they_are_weighed():
    model = speech("debug_hubert", "masked_units")
    task, head = task_of(model), model.head.objectives["masked_units"]
    batch = task.drawn(batch_of(*CLIPS))
    output = model(batch)
    plain = task.losses(output, batch)["loss"]
    head.unmasked = 0.5
    audio, others = output.audio, output.audio.mask & ~batch["masked"]
    others &= batch["units"] != IGNORED
    cost = F.cross_entropy(head.units(audio.hidden[others]), batch["units"][others])
    torch.testing.assert_close(task.losses(output, batch)["loss"], plain + 0.5 * cost)
