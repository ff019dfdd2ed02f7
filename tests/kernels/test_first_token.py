"""The last layer at [CLS] alone gives what the whole layer gives there, and the same gradients."""

import pytest
import torch

from spectrobert.kernels.first_token import first_token
from spectrobert.models.spectrobert import SpectroBert

from ..helpers.toy import CLOSE, NO_DROPOUT, classifier, padded_batch


def moved(**options) -> SpectroBert:
    """A toy classifier whose biases and norms are not the zeros and ones of a fresh one."""
    model = classifier(**NO_DROPOUT, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


@pytest.mark.parametrize("architecture", ["spectrobert", "late_fusion"])
@pytest.mark.parametrize("is_padded", [True, False])
def test_cls_equals_the_whole_stack_at_cls(architecture, is_padded):
    """Forward and backward, with and without padding, without dropout (its masks are smaller)."""
    model = moved(architecture=architecture).train()
    batch = padded_batch(60)
    if not is_padded:
        batch = {name: value[:1] for name, value in batch.items()}
    direction = torch.randn(32)

    def run(cls: torch.Tensor) -> list[torch.Tensor]:
        model.zero_grad()
        (cls @ direction).square().sum().backward()
        grads = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        return [cls.detach(), *(grads[name] / grads[name].norm() for name in sorted(grads))]

    whole = run(model.encode(batch)[0][:, :1])
    alone = run(model.cls(batch))
    assert len(whole) == len(alone) > 30
    names = ["cls", *sorted(n for n, p in model.named_parameters() if p.grad is not None)]
    for name, a, b in zip(names, whole, alone):
        if not name.endswith("key.bias"):  # rounding alone: it shifts all scores of a query alike
            torch.testing.assert_close(a, b, **CLOSE, msg=name)


def test_dropout_falls_on_weights_and_outputs_of_the_layer():
    """In the mean over many masks the outputs agree: no dropout is missing or scaled wrongly."""
    model = moved()
    layer = model.encoder.layer[-1]
    hidden = torch.randn(1, 7, 32).expand(4000, 7, 32)
    for module in layer.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    layer.attention.self.dropout.p = 0.5
    layer.train()
    with torch.no_grad():
        torch.manual_seed(0)
        whole = layer(hidden, None)[:, :1]
        alone = first_token(layer, hidden, None)
        layer.eval()
        still = first_token(layer, hidden[:1], None)
    assert (whole.std(0) - alone.std(0)).abs().max() < 0.05
    assert (whole.mean(0) - alone.mean(0)).abs().max() < 0.05
    assert alone.std(0).min() > 0.05
    torch.testing.assert_close(still, layer(hidden[:1], None)[:, :1], **CLOSE)
