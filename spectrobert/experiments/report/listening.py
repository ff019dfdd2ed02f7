"""Embeddings, clips and attention for a report, by running the model again.

Shapes: B batch, L word pieces, N audio tokens (time x frequency), D width, H heads.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data.batches import collate
from ...data.clips import ClipDataset, RowKey
from ...models.batch import Batch
from ...models.spectrobert import SpectroBert
from ...run import scoring
from ...run.embeddings import cls_embeddings
from ...run.loaders import DataModule

MAX_POINTS = 300


@dataclass(frozen=True)
class Listener:
    """A finished run, ready to be asked about its test split."""

    model: SpectroBert
    data: DataModule

    @property
    def clips(self) -> ClipDataset:
        """The test split, as the model reads it."""
        return self.data.clips("test")


@dataclass(frozen=True)
class Hearing:
    """One clip of the test split and what [CLS] looked at."""

    row: dict[str, Any]  # of predictions.csv
    wave: np.ndarray  # (T,)
    log_mel: np.ndarray  # (M, F)
    words: list[tuple[str, float]]  # word piece and attention
    audio: np.ndarray  # (frequency, time) attention, adding up to 1 with the words


def listener(folder: Path, data_dir: str = "") -> Listener:
    """Raises UserError if the run's corpus is not at hand any more."""
    _, model, data = scoring.open_run(folder, "test", data_dir, recorded=True)
    return Listener(model, data)


def embeddings(listener: Listener, limit: int = MAX_POINTS) -> tuple[np.ndarray, dict[str, list]]:
    """h_[CLS] of clips spread over the test split: (N, D), and their labels and speakers."""
    rows, vectors = cls_embeddings(listener.model, listener.clips, limit)
    return vectors, {name: list(rows[name]) for name in ("label", "speaker")}


def project(vectors: np.ndarray) -> np.ndarray:
    """(N, D) -> (N, 2) by t-SNE."""
    from sklearn.manifold import TSNE

    perplexity = min(30.0, max(2.0, (len(vectors) - 1) / 4))
    return TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(vectors)


@torch.inference_mode()
def hear(listener: Listener, predictions: Sequence[dict[str, Any]]) -> list[Hearing]:
    """Read the clips of these lines of predictions.csv, and look where [CLS] looks."""
    clips = listener.clips
    numbers = {name: i for i, name in enumerate(clips.rows["id"])}
    tokenizer = listener.data.read_options.tokenizer
    model = listener.model
    heard = []
    for row in predictions:
        number = numbers[row["id"]]
        item = clips[RowKey(0, number)]
        if not isinstance(item, dict):
            continue  # the file has gone bad since
        batch = collate([item])
        attention, shape = cls_attention(model, batch)
        length = batch["input_ids"].shape[1]
        pieces = tokenizer.convert_ids_to_tokens(batch["input_ids"][0].tolist())
        mels, _ = model.log_mel(batch["waveform"], batch["num_samples"])
        heard.append(
            Hearing(
                row=row,
                wave=item["waveform"],
                log_mel=mels[0].T.numpy(),
                words=list(zip(pieces, attention[:length].tolist())),
                audio=attention[length:].reshape(shape).T.numpy(),
            )
        )
    return heard


def cls_attention(model: SpectroBert, batch: Batch) -> tuple[Tensor, tuple[int, int]]:
    """Attention of [CLS] in the last layer, mean over heads: (L + N,), and (time, frequency).

    Of the first clip of `batch`; 0 for tokens that the model's attention mask hides from [CLS].
    Computed from the layer's own projections, since SDPA returns no weights.
    """
    layers = model.encoder.layer
    sequence = model.run_layers(model.start(batch), len(layers) - 1)
    audio, _ = model.audio_tokens(batch["waveform"], batch["num_samples"])
    hidden = sequence.hidden[0]  # (L + N, D)
    attention = layers[-1].attention.self
    heads = attention.num_attention_heads
    query = attention.query(hidden[:1]).unflatten(-1, (heads, -1))[0]  # (H, D / H)
    keys = attention.key(hidden).unflatten(-1, (heads, -1))  # (L + N, H, D / H)
    scores = torch.einsum("hd,nhd->hn", query, keys) / math.sqrt(query.shape[-1])
    allowed = model.attention_mask(sequence)
    if allowed is not None:
        row = allowed[0, 0, 0]  # (L + N,) True: [CLS] may look; or added to its scores
        is_hidden = ~row if row.dtype == torch.bool else row < 0
        scores = scores.masked_fill(is_hidden, float("-inf"))
    return scores.softmax(dim=-1).mean(dim=0), (audio.shape[1], audio.shape[2])
