"""One pass over the pairs that an entry lacks: their activations are computed and written."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ...config import TrainerConfig
from ...data.batches import collate
from ...data.checks import Skipped
from ...data.clips import ClipDataset, RowKey
from ...models.batch import Batch
from ...models.model import Activations, Model
from ..loaders import DataModule
from .keys import Pairs
from .plan import Plan
from .storage import Writer

HALVES = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}


class FirstRows(Dataset):
    """The row in which each pair comes first; `index` is the pair. Skipped if unreadable."""

    def __init__(self, data: DataModule, pairs: Pairs):
        rows = data.prepared.splits.items()
        self.clips = {
            split: ClipDataset(own, data.read_options, is_training=False) for split, own in rows
        }
        self.pairs = pairs

    def __getitem__(self, pair: int) -> dict[str, Any] | Skipped:
        split, row = self.pairs.first[pair]
        item = self.clips[split][RowKey(0, row)]
        return item | {"index": pair} if isinstance(item, dict) else item


def append(writer: Writer, pairs: Tensor, values: Activations, dtype: np.dtype) -> None:
    """Write the real tokens of a batch; (B,) `pairs` names its rows."""
    word_mask, sound_mask = (mask.cpu().numpy() for mask in (values.word_mask, values.sound_mask))
    words, sounds = (
        states.float().cpu().numpy().astype(dtype) for states in (values.words, values.sounds)
    )
    parts = [
        np.concatenate([w[is_word].ravel(), s[is_sound].ravel()])
        for w, is_word, s, is_sound in zip(words, word_mask, sounds, sound_mask)
    ]
    writer.append(pairs.numpy(), parts, word_mask.sum(axis=1), sound_mask.sum(axis=1))


@torch.no_grad()
def fill(
    writer: Writer,
    missing: np.ndarray,
    plan: Plan,
    model: Model,
    data: DataModule,
    precision: str,
    progress: Callable[[int, int], None],
) -> dict[int, Skipped]:
    """Compute the `missing` pairs, the longest clips first: what does not fit fails at once.

    Returns the pairs that could not be read. What was computed before an exception is kept.

    Args:
        progress: called with (pairs done, pairs).
    """
    # Not inference_mode: what a function caches in it could never be saved for a gradient
    options: TrainerConfig = data.options
    longest_first = np.argsort(-plan.pairs.seconds[missing], kind="stable")
    left = missing[longest_first].tolist()
    batches = [left[i : i + options.batch_size] for i in range(0, len(left), options.batch_size)]
    loader = DataLoader(
        FirstRows(data, plan.pairs),
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=data.num_workers,
        generator=torch.Generator(),  # or it would draw from the one behind dropout
    )
    device, half = torch.device(options.accelerator), HALVES.get(precision)
    model.eval()
    model.to(device)
    unread: dict[int, Skipped] = {}
    done = len(plan.pairs) - len(left)
    progress(done, len(plan.pairs))
    try:
        for asked, batch in zip(batches, loader):
            failed = batch.pop("unread", [])
            if batch:
                on_device = cast(Batch, {name: value.to(device) for name, value in batch.items()})
                with torch.autocast(device.type, half, enabled=half is not None):
                    values = model.run_frozen(on_device, plan.prefix)
                append(writer, batch["index"], values, plan.dtype)
            computed = set(batch["index"].tolist()) if batch else set()
            unread |= dict(zip((p for p in asked if p not in computed), failed, strict=True))
            done += len(asked)
            progress(done, len(plan.pairs))
    finally:
        writer.flush()
    return unread
