"""Both sides at a given size, and one training step of each on the same clips.

Shapes: B clips, T samples, L word pieces.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from spectrobert.errors import UserError
from spectrobert.models import freezing
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.tasks import losses

RIVAL = Path(__file__).parent / "rival.py"
CLASSES = 8
CLIP_SECONDS = 3.7  # RAVDESS
WORD_PIECES = 12  # of RAVDESS' two sentences, about


@dataclass(frozen=True)
class Sizes:
    """Of both models. The defaults are BERT base and wav2vec 2.0's conv stack."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    conv_dim: int = 512


QUICK = Sizes(
    hidden_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=512,
    conv_dim=64,
)


def rival() -> ModuleType:
    """benchmarks/rival.py, which is not part of the installed package. Raises UserError."""
    if not RIVAL.is_file():
        raise UserError(f"bench: the rival is missing ({RIVAL}); run it in a checkout")
    spec = importlib.util.spec_from_file_location("spectrobert_rival", RIVAL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def our_model(sizes: Sizes) -> SpectroBert:
    """With a classification head, in training mode, random weights."""
    config = SpectroBertConfig(**vars(sizes), head="classification", num_logits=CLASSES)
    return SpectroBert(config).train()


def rival_model(sizes: Sizes) -> nn.Module:
    """The same, built from Hugging Face's parts."""
    from transformers import BertConfig

    bert = {name: value for name, value in vars(sizes).items() if name != "conv_dim"}
    return rival().Rival(BertConfig(**bert), channels=sizes.conv_dim, classes=CLASSES).train()


def batch(batch_size: int, seconds: float = CLIP_SECONDS) -> dict[str, Tensor]:
    """Noise and words of equal lengths, with labels; the same at every call."""
    generator = torch.Generator().manual_seed(0)
    samples = round(seconds * 16_000)
    ids = torch.randint(5, 30_000, (batch_size, WORD_PIECES), generator=generator)
    return {
        "waveform": 0.1 * torch.randn(batch_size, samples, generator=generator),
        "num_samples": torch.full((batch_size,), samples),
        "input_ids": ids,
        "text_mask": torch.ones_like(ids, dtype=torch.bool),
        "label": torch.randint(0, CLASSES, (batch_size,), generator=generator),
    }


def training_step(model: SpectroBert) -> Callable[[Mapping[str, Tensor], Tensor], float]:
    """Of a batch and its labels: loss, gradients, clipping, RAdam over what is not frozen."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.RAdam(trained, lr=1e-5)

    def work(given: Mapping[str, Tensor], labels: Tensor) -> float:
        optimizer.zero_grad()
        logits = model(given).logits
        assert logits is not None
        loss = losses.classes(logits, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 5.0)
        optimizer.step()
        return loss.item()

    return work


def our_step(
    sizes: Sizes,
    batch_size: int,
    seconds: float = CLIP_SECONDS,
    train: Sequence[str] = ("all",),
) -> Callable[[], float]:
    """One fine-tuning step from waveforms, in which only the parts `train` learn."""
    model, given = our_model(sizes), batch(batch_size, seconds)
    freezing.freeze(model, train)
    freezing.train_mode(model)
    work = training_step(model)
    return lambda: work(given, given["label"])


def rival_step(model: nn.Module, batch_size: int) -> Callable[[], float]:
    """The rival's, over what of `model` is not frozen."""
    from transformers import ASTFeatureExtractor

    given = batch(batch_size)
    clips = [clip.numpy() for clip in given["waveform"]]
    work = rival().training_step(model, ASTFeatureExtractor())
    return lambda: work(clips, given["input_ids"], given["text_mask"], given["label"])


def step(side: str, sizes: Sizes, batch_size: int) -> Callable[[], float]:
    """The step of "ours" or "rival"."""
    sides = {
        "ours": lambda: our_step(sizes, batch_size),
        "rival": lambda: rival_step(rival_model(sizes), batch_size),
    }
    return sides[side]()
