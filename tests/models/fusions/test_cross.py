"""CMT's layers written out by hand, its text mask, both directions of attention."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spectrobert.models.fusions.base import Sequence
from spectrobert.models.fusions.cross import CrossModal, orthogonality

from ...helpers.encoders import composite, configuration, moved, pair_batch
from ...helpers.toy import CLOSE

HEADS = 2


def cross(layers: int = 1, text_width: int = 32, has_pooler: bool = False) -> CrossModal:
    torch.manual_seed(0)
    config = configuration("debug_cmt", fusion_layers=layers, layer_pooler=has_pooler)
    return moved(CrossModal(config, 32, text_width)).eval()


def fused(fusion: CrossModal, sound: Sequence, words: Sequence) -> Tensor:
    """Frames behind the layers: (B, N, D)."""
    return fusion.mix(sound, words, {})[0].hidden


def sequences(text_width: int = 32) -> tuple[Sequence, Sequence]:
    generator = torch.Generator().manual_seed(1)
    sound = torch.randn(2, 7, 32, generator=generator)
    words = torch.randn(2, 5, text_width, generator=generator)
    word_mask = torch.arange(5) < torch.tensor([[5], [3]])
    sound_mask = torch.arange(7) < torch.tensor([[7], [4]])
    return Sequence(sound, sound_mask), Sequence(words, word_mask)


def attention(block, x: Tensor, context: Tensor) -> Tensor:
    """Softmax(Q K^T / sqrt(d)) V per head, output layer, residual and LayerNorm: (N, D)."""
    own = block.self
    heads = []
    for part in torch.arange(32).chunk(HEADS):
        query, key, value = (
            f(y)[:, part] for f, y in ((own.query, x), (own.key, context), (own.value, context))
        )
        heads.append((query @ key.T / len(part) ** 0.5).softmax(dim=1) @ value)
    output = block.output
    return output.LayerNorm(output.dense(torch.cat(heads, dim=1)) + x)


def layer_by_hand(layer, x: Tensor, words: Tensor) -> Tensor:
    """CMT's equations 1-5 on one pair without padding: (N, D), (L, D) -> (N, D)."""
    x = attention(layer.attention, x, x)
    x = attention(layer.crossattention, x, words)
    inner = F.gelu(layer.intermediate.dense(x))
    return layer.output.LayerNorm(layer.output.dense(inner) + x)


@torch.no_grad()
@pytest.mark.parametrize("text_width", [32, 24])
def test_layers_are_equations_1_to_5(text_width):
    fusion = cross(2, text_width)
    sound, words = sequences(text_width)
    hidden = fused(fusion, sound, words)
    for row in range(2):
        x = sound.hidden[row][sound.mask[row]]
        text = fusion.text_projection(words.hidden[row][words.mask[row]])
        for layer in fusion.layers:
            x = layer_by_hand(layer, x, text)
        torch.testing.assert_close(hidden[row][sound.mask[row]], x, **CLOSE)


@torch.no_grad()
def test_the_layer_pooler_is_a_learned_mean():
    fusion = cross(2, has_pooler=True)
    sound, words = sequences()
    x, text = sound.hidden[0], words.hidden[0]
    first = layer_by_hand(fusion.layers[0], x, text)
    second = layer_by_hand(fusion.layers[1], first, text)
    a, b = fusion.layer_pooler.weights.softmax(dim=0)
    torch.testing.assert_close(fused(fusion, sound, words)[0], a * first + b * second, **CLOSE)


@torch.no_grad()
@pytest.mark.parametrize("is_padded", [True, False])
def test_attention_looks_both_ways(is_padded):
    """A layer built as a decoder's, given no mask, would be causal under sdpa."""
    fusion = cross()
    sound, words = sequences()
    if not is_padded:
        sound = sound._replace(mask=torch.ones_like(sound.mask))
    other = sound.hidden.clone()
    other[0, -1] *= -1
    first, second = (fused(fusion, sound._replace(hidden=h), words) for h in (sound.hidden, other))
    assert (first[0, 0] - second[0, 0]).abs().max() > 1e-3
    torch.testing.assert_close(first[1], second[1], **CLOSE)


@torch.no_grad()
def test_padding_of_either_modality_changes_nothing():
    fusion = cross()
    sound, words = sequences()
    louder = Sequence(sound.hidden.masked_fill(~sound.mask[..., None], 9.0), sound.mask)
    longer = Sequence(words.hidden.masked_fill(~words.mask[..., None], 9.0), words.mask)
    hidden, other = fused(fusion, sound, words), fused(fusion, louder, longer)
    torch.testing.assert_close(hidden[sound.mask], other[sound.mask], **CLOSE)


def test_orthogonality_by_hand():
    sound = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
    words = torch.tensor([[-4.0, -3.0], [0.0, 5.0]])
    # |-12 - 12| / (5 x 5) and 0
    torch.testing.assert_close(orthogonality(sound, words), torch.tensor(0.48))


@torch.no_grad()
def test_the_vector_is_equation_6_and_the_loss_7():
    model = composite("debug_cmt", orthogonality=0.5)
    batch = pair_batch()
    words = model.text(batch["input_ids"], batch["text_mask"])
    frames, mask = model.speech(batch["waveform"], batch["num_samples"])
    text_mask = batch["text_mask"]
    mixed = fused(model.cross, Sequence(frames, mask), Sequence(words, text_mask))
    sound = torch.stack([f[m].mean(dim=0) for f, m in zip(mixed, mask)])
    text = torch.stack([w[m].mean(dim=0) for w, m in zip(words, batch["text_mask"])])
    output = model(batch)
    torch.testing.assert_close(output.embedding, torch.cat([sound, words[:, 0]], dim=1), **CLOSE)
    cosines = (sound * text).sum(dim=1) / (sound.norm(dim=1) * text.norm(dim=1))
    torch.testing.assert_close(output.losses["orthogonality"], 0.5 * cosines.abs().mean())
