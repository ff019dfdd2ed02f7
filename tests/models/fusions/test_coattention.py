"""JBLs' co-attention: its one query is the first token."""

import pytest
import torch
import torch.nn.functional as F

from spectrobert.models.composite import Composite
from spectrobert.models.composite_configuration import CompositeConfig
from spectrobert.models.fusions.base import Sequence
from spectrobert.models.fusions.coattention import FirstTokenLayer

from ...helpers.encoders import composite, configuration, moved, options, pair_batch
from ...helpers.toy import CLOSE


@torch.no_grad()
def test_a_layer_by_hand():
    torch.manual_seed(0)
    layer = moved(FirstTokenLayer(4, 6)).eval()
    own, other = torch.randn(1, 3, 4), torch.randn(1, 5, 6)
    mask = torch.arange(5)[None] < 4
    found = layer(Sequence(own, torch.ones(1, 3).bool()), Sequence(other, mask))
    block, first, keys = layer.attention, own[0, :1], other[0, :4]
    biases = block.in_proj_bias.chunk(3)
    query = F.linear(first, block.q_proj_weight, biases[0])
    key, value = (
        F.linear(keys, weight, bias)
        for weight, bias in zip((block.k_proj_weight, block.v_proj_weight), biases[1:])
    )
    heads = [
        (query[:, part] @ key[:, part].T / 2**0.5).softmax(dim=1) @ value[:, part]
        for part in torch.arange(4).chunk(2)
    ]
    x = layer.attention_norm(first + block.out_proj(torch.cat(heads, dim=1)))
    torch.testing.assert_close(found, layer.inner_norm(x + layer.inner(x)), **CLOSE)


@torch.no_grad()
def test_jbls_pair_is_the_raw_first_tokens():
    model = composite("debug_jbl", fusion="concat", pooling="first")
    batch = pair_batch()
    frames, _ = model.speech(batch["waveform"], batch["num_samples"])
    words = model.text(batch["input_ids"], batch["text_mask"])
    wanted = torch.cat([frames[:, 0], words[:, 0]], dim=1)
    torch.testing.assert_close(model(batch).embedding, wanted, **CLOSE)


def test_full_size_reads_1792_values():
    with torch.device("meta"):
        model = Composite(CompositeConfig(**options("jbl"), head="classification", num_logits=4))
    assert model.head.linear.in_features == 1024 + 768


def test_an_odd_width_is_refused():
    speech = options("debug_jbl")["speech"] | {"hidden_size": 15, "num_attention_heads": 3}
    with pytest.raises(ValueError, match=r"model\.speech: a width of 15 is no multiple of 2"):
        configuration("debug_jbl", speech=speech)
