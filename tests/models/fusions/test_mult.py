"""MulT's layers written out by hand, its future mask, sizes and refusals."""

import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spectrobert.models.composite import Composite
from spectrobert.models.composite_configuration import CompositeConfig
from spectrobert.models.fusions.base import Sequence
from spectrobert.models.fusions.mult import CrossLayer, MulT, hidden_keys, placed
from spectrobert.models.pooling import Last

from ...helpers.encoders import configuration, moved, options
from ...helpers.toy import CLOSE

WIDTH, HEADS = 10, 2


def fusion(**changes) -> MulT:
    torch.manual_seed(0)
    return moved(MulT(configuration("debug_mult", **changes), 12, 8)).eval()


def sequences() -> tuple[Sequence, Sequence]:
    generator = torch.Generator().manual_seed(1)
    sound = torch.randn(2, 7, 12, generator=generator)
    words = torch.randn(2, 5, 8, generator=generator)
    sound_mask = torch.arange(7) < torch.tensor([[7], [4]])
    word_mask = torch.arange(5) < torch.tensor([[5], [3]])
    return Sequence(sound, sound_mask), Sequence(words, word_mask)


def attention_by_hand(block, query: Tensor, key: Tensor, hides: Tensor) -> Tensor:
    """Softmax(Q K^T / sqrt(d)) V per head and the output layer: (N, d)."""
    projected = zip(block.in_proj_weight.chunk(3), block.in_proj_bias.chunk(3), (query, key, key))
    q, k, v = (F.linear(x, weight, bias) for weight, bias, x in projected)
    heads = []
    for part in torch.arange(WIDTH).chunk(HEADS):
        scores = q[:, part] @ k[:, part].T / len(part) ** 0.5
        heads.append(scores.masked_fill(hides, float("-inf")).softmax(dim=1) @ v[:, part])
    return block.out_proj(torch.cat(heads, dim=1))


def layer_by_hand(layer: CrossLayer, x: Tensor, context: Tensor, hides: Tensor) -> Tensor:
    norm = layer.attention_norm
    x = x + attention_by_hand(layer.attention, norm(x), norm(context), hides)
    first, *_, last = layer.inner
    return x + last(first(layer.inner_norm(x)).relu())


def stack_by_hand(stack, x: Tensor, context: Tensor, hides: Tensor) -> Tensor:
    is_own = context is x
    x, context = placed(x[None])[0], placed(context[None])[0]
    for layer in stack.layers:
        x = layer_by_hand(layer, x, x if is_own else context, hides)
    return stack.layer_norm(x)


@torch.no_grad()
def test_memories_are_the_published_layers_of_each_clip_alone():
    model = fusion(fusion_layers=2)
    sound, words = sequences()
    heard, read = model.mix(sound, words, {})
    for row in range(2):
        x = model.sound_projection(sound.hidden[row][sound.mask[row]])
        y = model.word_projection(words.hidden[row][words.mask[row]])
        later = torch.ones(len(x), len(y)).triu(1 + len(x) - len(y)).bool()
        own = torch.ones(len(x), len(x)).triu(1).bool()
        mixed = stack_by_hand(model.sound_at_words, x, y, later)
        wanted = stack_by_hand(model.sound_memory, mixed, mixed, own)
        torch.testing.assert_close(heard.hidden[row][sound.mask[row]], wanted, **CLOSE)
        later = torch.ones(len(y), len(x)).triu(1 + len(x) - len(y)).bool()
        own = torch.ones(len(y), len(y)).triu(1).bool()
        mixed = stack_by_hand(model.words_at_sound, y, x, later)
        wanted = stack_by_hand(model.word_memory, mixed, mixed, own)
        torch.testing.assert_close(read.hidden[row][words.mask[row]], wanted, **CLOSE)


@pytest.mark.parametrize("is_masked", [True, False])
@torch.no_grad()
def test_the_last_word_reaches_the_first_only_without_the_future_mask(is_masked):
    model = fusion(mult_future_mask=is_masked)
    sound, words = sequences()
    other = words.hidden.clone()
    other[0, -1] *= -1
    first, second = (
        model.mix(sound, words._replace(hidden=h), {})[1] for h in (words.hidden, other)
    )
    apart = (first.hidden[0, 0] - second.hidden[0, 0]).abs().max()
    assert (apart < 1e-6) == is_masked
    assert (first.hidden[0, -1] - second.hidden[0, -1]).abs().max() > 1e-3


def test_the_future_mask_by_hand():
    queries, keys = torch.ones(1, 2).bool(), torch.tensor([[True, True, True, False]])
    # one frame more than words: query i sees keys up to i + 1
    assert hidden_keys(queries, keys, True)[0].int().tolist() == [[0, 0, 1, 1], [0, 0, 0, 1]]
    assert hidden_keys(queries, keys, False)[0].int().tolist() == [[0, 0, 0, 1]] * 2


def test_positions_by_hand():
    table = placed(torch.ones(1, 2, 5))[0] - math.sqrt(5)
    wanted = [math.sin(2), math.sin(2e-4), math.cos(2), math.cos(2e-4), 0.0]
    torch.testing.assert_close(table[1], torch.tensor(wanted), **CLOSE)


@torch.no_grad()
def test_the_head_reads_the_last_real_tokens_behind_a_residual_block():
    model = fusion()
    sound, words = sequences()

    last = Last(0)
    given = {"frames": lambda batch: sound, "words": lambda batch: words}
    both = SimpleNamespace(pooling=last, text_pooling=last, **given)
    heard, read = model.mix(sound, words, {})
    tokens = torch.cat([heard.hidden[[0, 1], [6, 3]], read.hidden[[0, 1], [4, 2]]], dim=1)
    first, *_, second = model.block
    vector, losses = model(both, {})
    torch.testing.assert_close(vector, tokens + second(first(tokens).relu()), **CLOSE)
    assert not losses


def test_full_size():
    with torch.device("meta"):
        model = Composite(CompositeConfig(**options("mult")))
    d = 30
    layer = 4 * d * d + 4 * d + 8 * d * d + 5 * d + 4 * d  # attention, feed-forward, two norms
    stack = 5 * layer + 2 * d
    block = 2 * (4 * d * d + 2 * d)
    size = sum(value.numel() for value in model.mult.parameters())
    assert size == 2 * 768 * d + 4 * stack + block
    kinds = {(m.dropout, len(model.mult.sound_memory.layers)) for m in heads_of(model.mult)}
    assert kinds == {(0.1, 5), (0.0, 5)}


def heads_of(model: MulT) -> list[torch.nn.MultiheadAttention]:
    return [m for m in model.modules() if isinstance(m, torch.nn.MultiheadAttention)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mult_width": 9}, r"model\.mult_width=9 is not a multiple of model\.mult_heads=2"),
        ({"mult_heads": 0}, r"model\.mult_heads=0: must be 1 or more"),
        (
            {"mult_relu_dropout": 1.0},
            r"model\.mult_relu_dropout=1\.0: must be 0 or more",
        ),
        ({"orthogonality": 0.1}, r"orthogonality is of model\.fusion=cross and ctal, not mult"),
        ({"head": "pretraining", "objectives": {"mlm": {}}}, r"mult allowed are none"),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(ValueError, match=message):
        configuration("debug_mult", **changes)
