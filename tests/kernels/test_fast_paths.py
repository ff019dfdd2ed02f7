"""What is fast against what is plain: the same numbers, forward and backward, step after step."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spectrobert.kernels import linear
from spectrobert.models.audio_encoder import AudioEncoder
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.tasks import losses

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
TOY = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": 16,
}
has_avx512 = torch.backends.cpu.get_cpu_capability() == "AVX512"
needs_avx512 = pytest.mark.skipif(not has_avx512, reason="a CPU without AVX-512 keeps to MKL")


@pytest.fixture
def every_product(monkeypatch) -> None:
    """Toy products, too, are oneDNN's."""
    monkeypatch.setattr(linear, "LEAST", 0)


@pytest.fixture
def calls(monkeypatch) -> list[tuple[int, ...]]:
    """The shapes of the weights that oneDNN multiplies with."""
    seen: list[tuple[int, ...]] = []
    real = torch.ops.mkldnn._linear_pointwise

    class Seen:
        def __call__(self, x, weight, *more):
            seen.append(tuple(weight.shape))
            return real(x, weight, *more)

    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", Seen())
    return seen


def gradients(module: nn.Module, loss: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, list(module.parameters())))


@needs_avx512
@pytest.mark.parametrize("has_bias", [True, False])
def test_linear_and_its_gradients_equal_torchs(every_product, calls, has_bias):
    torch.manual_seed(0)
    plain = nn.Linear(24, 40, bias=has_bias)
    fast = nn.Linear(24, 40, bias=has_bias)
    fast.load_state_dict(plain.state_dict())
    linear.adopt(fast)
    x = torch.randn(3, 7, 24, requires_grad=True)
    weights = torch.randn(3, 7, 40)
    torch.testing.assert_close(fast(x), plain(x), **CLOSE)
    expected = torch.autograd.grad((plain(x) * weights).sum(), [x, *plain.parameters()])
    assert calls == [(40, 24)]  # the plain one is not counted
    found = torch.autograd.grad((fast(x) * weights).sum(), [x, *fast.parameters()])
    assert len(calls) == 4  # a forward, and a forward with two gradients
    for mine, theirs in zip(found, expected):
        torch.testing.assert_close(mine, theirs, **CLOSE)


@needs_avx512
def test_onednn_is_for_large_float32_products(monkeypatch):
    x, weight = torch.zeros(4, 8), torch.zeros(16, 8)
    monkeypatch.setattr(linear, "LEAST", 4 * 8 * 16)
    assert linear.by_onednn(x, weight)
    assert not linear.by_onednn(x[:3], weight)
    assert not linear.by_onednn(x.double(), weight.double())
    assert not linear.by_onednn(x.to("meta"), weight.to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not linear.by_onednn(x, weight)


def test_every_linear_of_the_model_is_adopted():
    config = SpectroBertConfig(**TOY, head="classification", num_logits=3)
    kinds = {type(m) for m in SpectroBert(config).modules() if isinstance(m, nn.Linear)}
    assert kinds == {linear.Linear}


def plain_stack(encoder: AudioEncoder, patches: torch.Tensor) -> torch.Tensor:
    """(V, P) -> (V, L, C) with torch's own Conv1d, LayerNorm and GELU."""
    x = patches[:, None]
    for layer in encoder.conv_layers:
        x = layer.conv(x).transpose(1, 2)
        x = F.gelu(layer.layer_norm(x)).transpose(1, 2)
    return x.transpose(1, 2)


@pytest.mark.parametrize(
    ("more", "slides"),
    [
        ({}, True),  # 16x16, stride 10
        ({"conv_kernels": (10, 3), "conv_strides": (5, 2)}, True),  # several frames a patch
        (
            {"conv_kernels": (10, 3), "conv_strides": (5, 2), "conv_pooling": "concat"},
            True,
        ),
        ({"stride": (9, 10)}, False),  # 144 values apart: no multiple of the stack's 160
        ({"stride": (16, 16)}, False),  # no overlap
    ],
)
def test_sliding_over_a_column_equals_every_patch_alone(more, slides):
    torch.manual_seed(0)
    config = SpectroBertConfig(**TOY | more)
    encoder = AudioEncoder(config)
    assert encoder.slides == slides
    columns = torch.randn(3, 128 * 16, requires_grad=True)
    patches = columns.unfold(1, 256, config.stride[0] * 16)  # (3, n, 256)
    frames = plain_stack(encoder, patches.flatten(0, 1))
    pooled = frames.flatten(1) if config.conv_pooling == "concat" else frames.mean(dim=1)
    expected = encoder.projection(encoder.layer_norm(pooled)).unflatten(0, patches.shape[:2])
    found = encoder(columns)
    assert found.shape == (3, config.frequency_patches, 32)
    torch.testing.assert_close(found, expected, **CLOSE)

    weights = torch.randn_like(found)
    wanted = [columns, *encoder.parameters()]
    expected_gradients = torch.autograd.grad((expected * weights).sum(), wanted)
    for mine, theirs in zip(
        torch.autograd.grad((found * weights).sum(), wanted), expected_gradients
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5 * theirs.abs().max().item())


def test_gradients_lie_in_memory_as_their_weights_do():
    """DDP warns of others, even where a dimension of one makes no difference."""
    encoder = AudioEncoder(SpectroBertConfig(**TOY))
    encoder(torch.randn(3, 128 * 16)).sum().backward()
    for name, weight in encoder.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.stride() == weight.stride(), name


def test_half_precision_of_the_conv_stack_follows_autocast():
    torch.manual_seed(0)
    encoder = AudioEncoder(SpectroBertConfig(**TOY))
    columns = torch.randn(2, 128 * 16)
    full = encoder(columns)
    with torch.autocast("cpu", torch.bfloat16):
        half = encoder(columns)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), full, rtol=0.1, atol=0.1)
    gradients_of_half = gradients(encoder, half.float().square().sum())
    assert {g.dtype for g in gradients_of_half} == {torch.float32}
    for mine, theirs in zip(gradients_of_half, gradients(encoder, full.square().sum())):
        assert F.cosine_similarity(mine.flatten(), theirs.flatten(), dim=0) > 0.99


def fifty_losses(config: SpectroBertConfig) -> list[float]:
    """Of fifty steps from the same weights on the same clips, one of them padded; no dropout."""
    torch.manual_seed(0)
    model = SpectroBert(config)
    generator = torch.Generator().manual_seed(1)
    waveform = 0.1 * torch.randn(2, 8000, generator=generator)
    waveform[1, 5000:] = 0.0
    batch = {
        "waveform": waveform,
        "num_samples": torch.tensor([8000, 5000]),
        "input_ids": torch.randint(5, 60, (2, 6), generator=generator),
        "text_mask": torch.tensor([[True] * 6, [True] * 4 + [False] * 2]),
    }
    optimizer = torch.optim.RAdam(model.parameters(), lr=1e-3)
    found = []
    for _ in range(50):
        optimizer.zero_grad()
        logits = model(batch).logits
        assert logits is not None
        loss = losses.classes(logits, torch.tensor([0, 2]))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        found.append(loss.item())
    return found


def test_fifty_steps_of_the_fast_path_equal_fifty_of_the_plain_one(monkeypatch):
    config = SpectroBertConfig(
        **TOY,
        head="classification",
        num_logits=3,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        head_dropout_prob=0.0,
    )
    monkeypatch.setattr(linear, "LEAST", 0)
    fast = fifty_losses(config)
    monkeypatch.setattr(linear, "by_onednn", lambda x, weight: False)

    def plainly(self: AudioEncoder, columns: torch.Tensor) -> torch.Tensor:
        patches = columns.unfold(1, self.patch_values, self.patch_shift)
        tokens = plain_stack(self, patches.flatten(0, 1)).mean(dim=1)
        return self.projection(self.layer_norm(tokens)).unflatten(0, patches.shape[:2])

    monkeypatch.setattr(AudioEncoder, "forward", plainly)
    plain = fifty_losses(config)
    assert fast[-1] < 0.9 * fast[0]  # it does learn
    assert fast == pytest.approx(plain, rel=1e-5)
