"""The plan of a cache: depth of the frozen layers, reasons against, the entry."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from torch import Tensor

from ...config import Config
from ...data.clips import columns
from ...data.preparation import Prepared
from ...models.freezing import fingerprint
from ...models.model import FrozenPrefix, Model
from ..loaders import DataModule
from . import keys, storage
from .keys import Pairs

CACHED = ("classification", "generation")  # heads whose words are the same in every epoch


@dataclass(frozen=True)
class Plan:
    """The activations of a run and where they are cached."""

    path: Path
    prefix: FrozenPrefix
    pairs: Pairs
    num_bytes: int  # estimated from the lengths of the clips
    dtype: np.dtype
    facts: dict[str, Any]

    @property
    def what(self) -> str:
        return self.prefix.what


def make(
    config: Config, model: Model, data: DataModule, precision: str, prefix: FrozenPrefix
) -> Plan:
    """The plan of a run that `reason_against` has no reason against."""
    pairs = keys.distinct(data.prepared, data.read_options)
    dtype = np.dtype(config.trainer.cache_dtype)
    facts = keys.facts(model, data.read_options, prefix, precision, config.trainer)
    weights = fingerprint(frozen_values(model, prefix))
    values = keys.num_values(pairs, model, prefix, data.read_options)
    return Plan(
        storage.folder() / keys.entry_key(facts, weights, pairs),
        prefix,
        pairs,
        values * dtype.itemsize,
        dtype,
        facts,
    )


def frozen_values(model: Model, prefix: FrozenPrefix) -> dict[str, Tensor]:
    """The weights that the activations depend on."""
    parts = model.parts()
    return {
        f"{part}.{number}.{name}": value
        for part in prefix.parts
        for number, module in enumerate(parts[part])
        for name, value in module.state_dict().items()
    }


def reason_against(
    config: Config, model: Model, prepared: Prepared, prefix: FrozenPrefix | str
) -> str:
    """The reason why this run caches nothing; "" if it may. The first rule that holds.

    Anything drawn again in every epoch below the first trainable part belongs here.
    """
    options, dataset = config.trainer, config.dataset
    lengths = [columns(rows, "seconds")["seconds"] for rows in prepared.splits.values()]
    longest = max(pc.max(length).as_py() or 0.0 for length in lengths)
    unknown = sum(pc.sum(pc.equal(length, 0.0)).as_py() or 0 for length in lengths)
    limited = options.max_steps * options.accumulate * options.batch_size
    rules = (
        (options.prefix_cache == "off", "trainer.prefix_cache=off"),
        (model.config.head not in CACHED, "words and pairs are drawn again in every epoch"),
        (isinstance(prefix, str), str(prefix)),
        (
            dataset.crop == "random" and longest > dataset.max_seconds,
            f"dataset.crop=random, and clips are up to {longest:.1f} s long",
        ),
        (
            dataset.crop == "random" and unknown > 0,
            f"dataset.crop=random, and the lengths of {unknown} clips are unknown"
            f" (dataset.check={dataset.check})",
        ),
        (
            0 <= limited < len(prepared.splits["train"]),
            f"trainer.max_steps={options.max_steps} is less than one epoch",
        ),
    )
    return next((reason for holds, reason in rules if holds), "")
