"""Embeddings, clips and attention for a report, by running the model again.

Shapes: T samples, N clips, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...data.batches import collate
from ...data.clips import ClipDataset, RowKey
from ...models.attention import attention, log_mel
from ...models.model import Model
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
    _, model, data = scoring.open_run(folder, "test", data_dir, scoring.Rereading(recorded=True))
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
