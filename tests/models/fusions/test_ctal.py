"""CTAL's head by hand, its loss, sizes, and what pre-training leaves out."""

import pytest
import torch
import torch.nn.functional as F

from spectrobert.models.composite import Composite
from spectrobert.models.composite_configuration import CompositeConfig
from spectrobert.models.fusions.base import Sequence

from ...helpers.encoders import composite, options, pair_batch
from ...helpers.toy import CLOSE

SIZES = {"ctal_base": 6, "ctal_large": 12}


@torch.no_grad()
def test_the_vector_and_the_loss_are_sums_of_two_poolings():
    model, batch = composite("debug_ctal", embedding_size=0), pair_batch()
    frames = Sequence(*model.speech(batch["waveform"], batch["num_samples"]))
    words = Sequence(model.text(batch["input_ids"], batch["text_mask"]), batch["text_mask"])
    sound, _ = model.ctal.mix(frames, words, batch)
    own = model.ctal.pools_of_both
    first, most = [], []
    for row in range(3):
        heard = own.sound(sound.hidden[row][sound.mask[row]]).tanh()
        read = own.words(words.hidden[row][words.mask[row]]).tanh()
        shares = own.attentive.score(heard).softmax(dim=0)
        first.append(torch.stack([(shares * heard).sum(dim=0), read[0]]))
        most.append(torch.stack([heard.amax(dim=0), read.amax(dim=0)]))
    pairs = [torch.stack(first), torch.stack(most)]  # (3, 2, D) each
    output = model(batch)
    wanted = torch.cat([pair.sum(dim=1) for pair in pairs], dim=1)
    torch.testing.assert_close(output.embedding, wanted, **CLOSE)
    cosines = [F.cosine_similarity(pair[:, 0], pair[:, 1]).abs().mean() for pair in pairs]
    torch.testing.assert_close(output.losses["orthogonality"], sum(cosines))


@pytest.mark.parametrize("name", SIZES)
def test_full_size(name):
    with torch.device("meta"):
        model = Composite(CompositeConfig(**options(name)))
    assert len(model.ctal.layers) == SIZES[name] == len(model.text.layers)
    layers = sum(value.numel() for value in model.ctal.layers.parameters())
    assert layers == SIZES[name] * 9_451_776  # a layer of BERT base with cross-attention
    front = sum(value.numel() for value in model.speech.parameters())
    assert front == 160 * 768 + 768 + 3000 * 768 + 2 * 768


def test_pretraining_reads_the_input_and_has_no_pools():
    names = {"mlm": {}, "masked_acoustic": {}}
    chosen = {"head": "pretraining", "objectives": names, "embedding_size": 0}
    model, batch = composite("debug_ctal", **chosen), pair_batch()
    labels = torch.full_like(batch["input_ids"], -100)
    labels[0, 1] = 7
    output = model(batch | {"mlm_labels": labels})
    assert output.audio.acoustic is output.audio.features
    assert output.audio.acoustic.shape[2] == 160
    assert output.masked_words.shape[0] == 1
    sum(v.sum() for v in (output.masked_words, output.audio.hidden)).backward()
    idle = {n for n, p in model.named_parameters() if p.grad is None}
    assert {name.split(".")[0] for name in idle} <= {"head"}
