"""Kernels against the plain modules: the same numbers, forward and backward, step after step."""

import pickle
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spectrobert.kernels import KERNELS, adopt, linear
from spectrobert.models.audio_encoder import AudioEncoder
from spectrobert.models.batch import IGNORED
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.run import build
from spectrobert.tasks import losses

from ..helpers.toy import CLOSE, NO_DROPOUT, TOY, classifier, padded_batch
from ..helpers.world import configure

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


@needs_avx512
@pytest.mark.parametrize("has_bias", [True, False])
def test_linear_and_its_gradients_equal_torchs(every_product, calls, has_bias):
    torch.manual_seed(0)
    plain = nn.Linear(24, 40, bias=has_bias)
    fast = nn.Linear(24, 40, bias=has_bias)
    fast.load_state_dict(plain.state_dict())
    adopt(fast)
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
    layers = [m for m in classifier().modules() if isinstance(m, nn.Linear)]
    assert all(layer.forward.func is linear.forward for layer in layers)


@pytest.mark.parametrize(
    ("more", "slides"),
    [
        ({}, True),  # 16x16, stride 10
        ({"conv_kernels": (10, 3), "conv_strides": (5, 2)}, True),  # several frames a patch
        ({"conv_kernels": (10, 3), "conv_strides": (5, 2), "conv_pooling": "concat"}, True),
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
    expected = encoder(patches.flatten(0, 1)).view(3, -1, 32)
    found = adopt(encoder)(columns)
    assert found.shape == (3, config.frequency_patches, 32)
    torch.testing.assert_close(found, expected, **CLOSE)

    weights = torch.randn_like(found)
    wanted = [columns, *encoder.parameters()]
    pairs = zip(*(torch.autograd.grad((x * weights).sum(), wanted) for x in (found, expected)))
    for mine, theirs in pairs:
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5 * theirs.abs().max().item())


def test_gradients_lie_in_memory_as_their_weights_do():
    """DDP warns of others, even where a dimension of one makes no difference."""
    encoder = adopt(AudioEncoder(SpectroBertConfig(**TOY)))
    encoder(torch.randn(3, 128 * 16)).sum().backward()
    for name, weight in encoder.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.stride() == weight.stride(), name


def test_half_precision_of_the_conv_stack_follows_autocast():
    torch.manual_seed(0)
    encoder = adopt(AudioEncoder(SpectroBertConfig(**TOY)))
    columns = torch.randn(2, 128 * 16)
    full = encoder(columns)
    with torch.autocast("cpu", torch.bfloat16):
        half = encoder(columns)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), full, rtol=0.1, atol=0.1)
    weights = list(encoder.parameters())
    of_half, of_full = (
        torch.autograd.grad(x.float().square().sum(), weights) for x in (half, full)
    )
    assert {gradient.dtype for gradient in of_half} == {torch.float32}
    for mine, theirs in zip(of_half, of_full):
        assert F.cosine_similarity(mine.flatten(), theirs.flatten(), dim=0) > 0.99


def toy(kernels: str = "auto", **more) -> SpectroBert:
    """Without dropout: the fast masks are smaller."""
    return adopt(classifier(**NO_DROPOUT, **more).train(), kernels)


def outputs_and_gradients(model: SpectroBert) -> dict[str, torch.Tensor]:
    """Outputs for a padded batch, and gradients of their sum with random weights."""
    batch = padded_batch(60)
    labels = torch.full_like(batch["input_ids"], IGNORED)
    labels[0, 2], labels[1, 3] = 7, 9
    given = vars(model(batch | {"mlm_labels": labels}))
    output = {name: value for name, value in given.items() if isinstance(value, torch.Tensor)}
    found = {name: value for name, value in output.items() if value is not None}
    floats = {name: value for name, value in found.items() if value.is_floating_point()}
    sum((value * torch.randn_like(value)).sum() for value in floats.values()).backward()
    found |= {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    # rounding alone: a key bias shifts all scores of a query alike
    return {name: value.detach() for name, value in found.items() if not name.endswith("key.bias")}


@pytest.mark.parametrize("head", ["classification", "pretraining"])
@pytest.mark.parametrize(
    "more", [{}, {"conv_norm": "group"}, {"architecture": "late_fusion"}], ids=str
)
def test_a_whole_model_computes_the_same_without_its_kernels(every_product, head, more):
    fast, plain = (
        outputs_and_gradients(toy(kernels, head=head, **more)) for kernels in ("auto", "off")
    )
    assert fast.keys() == plain.keys()
    for name, value in plain.items():
        scale = value.float().abs().max().item()
        torch.testing.assert_close(fast[name], value, rtol=1e-4, atol=1e-5 * scale, msg=name)


def test_off_leaves_no_kernel_in_a_model_and_auto_brings_all_back(monkeypatch):
    used: list[str] = []
    counted = {name: lambda *_, n=name: used.append(n) or 1 / 0 for name in KERNELS}
    monkeypatch.setattr("spectrobert.kernels.KERNELS", counted)
    model = toy(head="pretraining")
    adopt(model, "off")
    with torch.no_grad():
        model(padded_batch(60) | {"mlm_labels": torch.full((2, 9), IGNORED)})
        assert used == []
        with pytest.raises(ZeroDivisionError):
            adopt(model)(padded_batch(60))
    assert used == ["cut_frames"]


@pytest.mark.parametrize("copy", [deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_runs_the_kernels_of_its_own_modules(copy):
    model = toy(head="classification").eval()
    copied = copy(model)
    assert copied.state_dict().keys() == model.state_dict().keys()
    with torch.no_grad():
        expected = model(padded_batch(60)).logits
        for parameter in model.parameters():
            parameter.zero_()
        assert torch.equal(copied(padded_batch(60)).logits, expected)


def fifty_losses(kernels: str) -> list[float]:
    """Losses of fifty steps from the same weights on the same clips, one of them padded."""
    model = toy(kernels, head="classification")
    batch = padded_batch(60)
    optimizer = torch.optim.RAdam(model.parameters(), lr=1e-3)
    found = []
    for _ in range(50):
        optimizer.zero_grad()
        loss = losses.classes(model(batch).logits, torch.tensor([0, 2]))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        found.append(loss.item())
    return found


def test_fifty_steps_of_the_fast_path_equal_fifty_of_the_plain_one(every_product):
    fast, plain = fifty_losses("auto"), fifty_losses("off")
    assert fast[-1] < 0.9 * fast[0]  # it does learn
    assert fast == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("kernels", ["auto", "off"])
def test_the_switch_reaches_the_model_of_a_run(tmp_path, kernels):
    config = configure(tmp_path, "ser", f"trainer.kernels={kernels}")
    model = build.model(config, build.model_config(config, 60, ("calm", "angry")))
    assert ("last_layer_at_cls" in vars(model)) == (kernels == "auto")
