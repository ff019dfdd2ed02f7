"""Both sides at a given size, and one training step of each on the same clips.

Shapes: B clips, T samples, L word pieces.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig

from benchmarks import rival
from benchmarks.rival import PretrainingRival, Rival
from spectrobert.models import freezing
from spectrobert.models.batch import IGNORED
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.objectives.mlm import masked_words
from spectrobert.models.objectives.sap import match
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.tasks import losses

CLASSES = 8
CLIP_SECONDS = 3.7  # RAVDESS
WORD_PIECES = 12  # of RAVDESS' two sentences, about
FULL_SECONDS = 10.255  # 1024 frames


@dataclass(frozen=True)
class Sizes:
    """Sizes of both models. The defaults are BERT base and wav2vec 2.0's conv stack."""

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

Batch = Mapping[str, Any]
Step = Callable[[], Tensor]


def our_model(sizes: Sizes, head: str = "classification", **more: Any) -> SpectroBert:
    """In training mode, with random weights; `more` are options of its configuration."""
    num_logits = CLASSES if head == "classification" else 0
    config = SpectroBertConfig(**vars(sizes), head=head, num_logits=num_logits, **more)
    return SpectroBert(config).train()


def rival_model(sizes: Sizes, head: str = "classification") -> Rival:
    """The same, built from Hugging Face's parts."""
    bert = BertConfig(**{name: n for name, n in vars(sizes).items() if name != "conv_dim"})
    if head == "pretraining":
        return PretrainingRival(bert, sizes.conv_dim).train()
    return Rival(bert, sizes.conv_dim, CLASSES).train()


def batch(
    batch_size: int, seconds: float = CLIP_SECONDS, word_pieces: int = WORD_PIECES
) -> dict[str, Tensor]:
    """Noise, words of which a sixth is masked, and labels; the same at every call."""
    generator = torch.Generator().manual_seed(0)
    samples = round(seconds * 16_000)
    ids = torch.randint(5, 30_000, (batch_size, word_pieces), generator=generator)
    masked = torch.arange(word_pieces) % 6 == 1
    return {
        "waveform": 0.1 * torch.randn(batch_size, samples, generator=generator),
        "num_samples": torch.full((batch_size,), samples),
        "input_ids": ids,
        "text_mask": torch.ones_like(ids, dtype=torch.bool),
        "mlm_labels": torch.where(masked, ids, IGNORED),
        "matched": torch.arange(batch_size) % 2,
        "label": torch.randint(0, CLASSES, (batch_size,), generator=generator),
    }


def our_loss(model: nn.Module, batch: Batch) -> Tensor:
    """The loss as the tasks compute it; losses leave half precision by themselves."""
    output = model(batch)
    if output.logits is not None:
        return losses.classes(output.logits, batch["label"])
    asked = batch["mlm_labels"][batch["mlm_labels"] != IGNORED]
    words = masked_words(output.masked_words, asked)
    return 0.5 * words + 0.5 * match(output.match, batch["matched"])


def rival_loss(model: Rival, batch: Batch) -> Tensor:
    """The same, of the rival, from its spectrograms `input_values` (B, F, 128)."""
    given = (batch["input_values"], batch["input_ids"], batch["text_mask"])
    if isinstance(model, PretrainingRival):
        return model.loss(*given, batch["mlm_labels"], batch["matched"])
    return nn.functional.cross_entropy(model(*given).float(), batch["label"])


def training_step(
    model: nn.Module, loss: Callable[[Any, Batch], Tensor], dtype: torch.dtype = torch.float32
) -> Callable[[Batch], Tensor]:
    """A step of a batch, as Lightning makes it: autocast, loss, gradients, clipping, RAdam.

    Gradients are scaled for float16. What is frozen gets no step.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    device = trained[0].device.type
    optimizer = torch.optim.RAdam(trained, lr=1e-5)
    scaler = torch.amp.GradScaler(device, enabled=dtype == torch.float16)

    def step(batch: Batch) -> Tensor:
        optimizer.zero_grad()
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            value = loss(model, batch)
        scaler.scale(value).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(trained, 5.0)
        scaler.step(optimizer)
        scaler.update()
        return value.detach()

    return step


def our_step(
    sizes: Sizes,
    batch_size: int,
    seconds: float = CLIP_SECONDS,
    train: Sequence[str] = ("all",),
) -> Step:
    """One fine-tuning step from waveforms, in which only the parts `train` learn."""
    model, given = our_model(sizes), batch(batch_size, seconds)
    freezing.freeze(model, train)
    freezing.train_mode(model)
    step = training_step(model, our_loss)
    return lambda: step(given)


def composed_model(options: Any) -> SpectroBert:
    """A classifier of the sizes in a file of conf/model, in training mode."""
    config = SpectroBertConfig(**vars(options), head="classification", num_logits=CLASSES)
    return SpectroBert(config).train()


def step_of(model: nn.Module, batch_size: int) -> Step:
    """One fine-tuning step of a model."""
    given, step = batch(batch_size), training_step(model, our_loss)
    return lambda: step(given)


def rival_step(model: Rival, batch_size: int) -> Step:
    """The rival's, over what of `model` is not frozen."""
    from transformers import ASTFeatureExtractor

    given, extractor = batch(batch_size), ASTFeatureExtractor()
    clips = [clip.numpy() for clip in given["waveform"]]
    step = training_step(model, rival_loss)
    return lambda: step(given | {"input_values": rival.features(extractor, clips)})


def step(side: str, sizes: Sizes, batch_size: int) -> Step:
    """The step of "ours" or "rival"."""
    sides = {
        "ours": lambda: our_step(sizes, batch_size),
        "rival": lambda: rival_step(rival_model(sizes), batch_size),
    }
    return sides[side]()
