"""Toy models with random weights, and a padded batch for them."""

import torch

from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.registry import MODELS
from spectrobert.models.spectrobert import SpectroBert

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
TOY = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": 16,
}
NO_DROPOUT = dict.fromkeys(
    ("hidden_dropout_prob", "attention_probs_dropout_prob", "head_dropout_prob"), 0.0
)


def classifier(**options) -> SpectroBert:
    """A toy model of seed 0 in eval mode, with three logits."""
    torch.manual_seed(0)
    config = SpectroBertConfig(**TOY | {"head": "classification", "num_logits": 3} | options)
    return MODELS[config.architecture](config).eval()


def padded_batch(vocab_size: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    waveform = 0.1 * torch.randn(2, 16_000, generator=generator)
    waveform[1, 9000:] = 0.0
    batch = {
        "waveform": waveform,
        "num_samples": torch.tensor([16_000, 9000]),
        "input_ids": torch.randint(1, vocab_size, (2, 9), generator=generator),
        "text_mask": torch.ones(2, 9, dtype=torch.bool),
    }
    batch["text_mask"][1, 5:] = False
    batch["input_ids"][1, 5:] = 0
    return batch
