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

from ...audio.features import LogMel
from ...config import ModelOptions
from ...data.batches import collate
from ...data.clips import ClipDataset, RowKey
from ...models.batch import Batch
from ...models.composite import Composite
from ...models.model import Model
from ...models.spectrobert import SpectroBert
from ...run import scoring
from ...run.embeddings import cls_embeddings
from ...run.loaders import DataModule

MAX_POINTS = 300


@dataclass(frozen=True)
class Listener:
    """A finished run, ready to be asked about its test split."""

    model: Model
    data: DataModule

    @property
    def clips(self) -> ClipDataset:
        """The test split, as the model reads it."""
        return self.data.clips("test")


NO_WEIGHTS = "this model has no attention that stands for its answer"
POOLED = "red: the weight of each moment in the pooled vector"


@dataclass(frozen=True)
class Hearing:
    """One clip of the test split and what [CLS] looked at."""

    row: dict[str, Any]  # of predictions.csv
    wave: np.ndarray  # (T,)
    log_mel: np.ndarray  # (M, F)
    words: list[tuple[str, float]]  # word piece and attention
    audio: np.ndarray  # (frequency, time) attention, adding up to 1 with the words
    note: str = ""  # in place of the share of the attention that is on the audio


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
    heard = []
    for row in predictions:
        number = numbers[row["id"]]
        item = clips[RowKey(0, number)]
        if not isinstance(item, dict):
            continue  # the file has gone bad since
        batch = collate([item])
        words, audio, note = attention(listener.model, batch)
        pieces = tokenizer.convert_ids_to_tokens(batch["input_ids"][0].tolist())
        mels, _ = log_mel(listener.model)(batch["waveform"], batch["num_samples"])
        heard.append(
            Hearing(
                row=row,
                wave=item["waveform"],
                log_mel=mels[0].T.numpy(),
                words=list(zip(pieces, words)),
                audio=audio,
                note=note,
            )
        )
    return heard


def log_mel(model: Model) -> LogMel:
    """The model's own spectrogram; of an encoder of another kind AST's, for the picture."""
    if isinstance(model, SpectroBert):
        return model.log_mel
    constants = ModelOptions()
    return LogMel(constants.num_mel_bins, constants.audio_mean, constants.audio_std)


def attention(model: Model, batch: Batch) -> tuple[list[float], np.ndarray, str]:
    """Weights of the word pieces and of the audio (frequency, time), and a note on them.

    Of a composite model those of its attentive pooling. The words of a model that reads none are
    left out.
    """
    if isinstance(model, SpectroBert):
        weights, shape = cls_attention(model, batch)
        length = batch["input_ids"].shape[1]
        return weights[:length].tolist(), weights[length:].reshape(shape).T.numpy(), ""
    words = [0.0] * (batch["input_ids"].shape[1] if model.config.reads else 0)
    pooled = model.pooling_weights(batch) if isinstance(model, Composite) else None
    if pooled is None:
        return words, np.zeros((1, 1)), NO_WEIGHTS
    return words, pooled[:1].numpy(), POOLED


def cls_attention(model: SpectroBert, batch: Batch) -> tuple[Tensor, tuple[int, int]]:
    """Attention of [CLS] in the last layer, mean over heads: (L + N,), and (time, frequency).

    Of the first clip of `batch`; 0 for tokens that the model's attention mask hides from [CLS].
    Computed from the layer's own projections, since SDPA returns no weights.
    """
    layers = model.encoder.layer
    sequence = model.run_layers(model.start(batch), len(layers) - 1)
    audio, _ = model.audio_tokens(batch)
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
