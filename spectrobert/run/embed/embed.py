"""Vectors of all rows, written as they are computed, in batches of clips of like length."""

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import torch
from torch.utils.data import DataLoader

from ...data import checks
from ...data.batches import LengthBatches, collate
from ...data.clips import columns
from ...errors import UserError
from ...models.batch import Batch
from ..loaders import automatic_workers
from . import clips, parquet, states
from .clips import Source
from .encoder import Encoder
from .states import Wanted


@dataclass(frozen=True)
class Written:
    """The rows of a file of vectors, and the clips that are left out."""

    rows: int
    width: int
    skipped: list[checks.Skipped]


def write(
    encoder: Encoder,
    source: Source,
    wanted: Wanted,
    out: Path,
    batch_size: int,
    progress: checks.Progress = checks.no_progress,
) -> Written:
    """Embed the rows of `source` into the Parquet file `out`, the longest clips of a split first.

    Columns: id, split or audio, label or targets, speaker, layer, vector; without pooling a row is
    a frame, with its number `frame` and its `start` in seconds. Memory does not grow with the
    number of rows.

    Args:
        progress: called with (clips done, clips).

    Raises UserError if no clip can be read.
    """
    skipped, done = list(source.skipped), 0
    with parquet.opened(out, metadata(encoder, source, wanted)) as file:
        for split in source.splits:
            facts = clips.facts(source, split)
            for batch in _batches(encoder, source, split, batch_size):
                unread = batch.pop("unread", [])
                skipped += unread
                done += len(unread) + (len(batch["index"]) if batch else 0)
                if batch:
                    _append(file, encoder, facts, batch, wanted)
                progress(done, source.num_rows)
        if not file.num_rows:
            raise _nothing(source, skipped)
    return Written(file.num_rows, file.width, skipped)


def metadata(encoder: Encoder, source: Source, wanted: Wanted) -> dict[str, str]:
    """The metadata of the file."""
    return {
        "model": encoder.name,
        "weights": encoder.weights,
        "dataset": source.name,
        "layer": ",".join(wanted.layers) or states.HEAD,
        "pooling": wanted.pooling,
        "version": importlib.metadata.version("spectrobert"),
    }


def _nothing(source: Source, skipped: list[checks.Skipped]) -> UserError:
    if not skipped:
        return UserError(f"{source.name} has no clips")
    first = skipped[0]
    return UserError(
        f"none of {len(skipped)} clips can be read; the first: {first.recording}: {first.fault}"
    )


def _batches(
    encoder: Encoder, source: Source, split: str, batch_size: int
) -> Iterator[dict[str, Any]]:
    rows, options = source.splits[split], encoder.config.trainer
    has_targets = clips.has_any(source, "targets")
    return iter(
        DataLoader(
            clips.dataset(encoder, rows, has_targets),
            batch_sampler=LengthBatches(
                columns(rows, "seconds")["seconds"].to_numpy(), batch_size, 0, shuffle=False
            ),
            collate_fn=cast(Any, collate),
            num_workers=automatic_workers(options.num_workers),
        )
    )


def _append(
    file: parquet.VectorFile, encoder: Encoder, facts: pa.Table, batch: Any, wanted: Wanted
) -> None:
    """Compute a batch and add its rows, layer by layer."""
    model = encoder.model
    on_device = cast(Batch, {name: value.to(model.device) for name, value in batch.items()})
    found, mask = states.vectors(model, on_device, wanted)
    own = facts.take(pa.array(batch["index"].numpy()))
    seconds = states.frame_seconds(model)
    for layer, values in found.items():
        vectors = values.float().cpu().numpy()
        rows = own
        if mask is not None:
            rows, vectors = _frames(own, vectors, mask.cpu(), seconds)
        named = rows.append_column("layer", pa.array([layer] * len(rows), pa.string()))
        file.append(named, vectors)


def _frames(
    own: pa.Table, values: np.ndarray, mask: torch.Tensor, seconds: float | None
) -> tuple[pa.Table, np.ndarray]:
    """Real frames alone (R, D), and the facts of each with its number and start."""
    clip, frame = np.nonzero(mask.numpy())
    rows = own.take(pa.array(clip)).append_column("frame", pa.array(frame, pa.int32()))
    if seconds is not None:
        rows = rows.append_column("start", pa.array(frame * seconds, pa.float64()))
    return rows, values[clip, frame]
