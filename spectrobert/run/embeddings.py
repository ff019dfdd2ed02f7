"""h_[CLS] of some clips: the hidden state that a classification head reads."""

from typing import cast

import datasets
import numpy as np
import torch
from torch import Tensor

from ..data.batches import collate
from ..data.clips import ClipDataset, RowKey, columns
from ..models.model import Model

BATCH = 16


@torch.inference_mode()
def cls_embeddings(
    model: Model, clips: ClipDataset, limit: int
) -> tuple[datasets.Dataset, np.ndarray]:
    """(N,) rows, at most `limit` and spread evenly, and (N, D) vectors.

    Files that cannot be read are left out. The model is in eval mode.
    """
    chosen = np.unique(np.linspace(0, len(clips) - 1, min(limit, len(clips))).astype(int))
    seconds = columns(clips.rows, "seconds")["seconds"].to_numpy()[chosen]
    order = chosen[np.argsort(seconds, kind="stable")]  # little padding
    rows: list[int] = []
    vectors = []
    for start in range(0, len(order), BATCH):
        items = [clips[RowKey(0, int(row))] for row in order[start : start + BATCH]]
        if read := [item for item in items if isinstance(item, dict)]:
            batch = cast(dict[str, Tensor], collate(read))
            on_device = {name: value.to(model.device) for name, value in batch.items()}
            output = model(on_device)
            vectors.append(output.hidden[:, 0].float().cpu().numpy())
            rows += batch["index"].tolist()
    return clips.rows.select(rows), np.concatenate(vectors)
