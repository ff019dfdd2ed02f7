"""The cached activations of a run: read if an entry is there, computed if not, or left alone."""

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Console

from ... import terminal
from ...config import Config
from ...data.checks import Skipped, refuse_too_many
from ...models.model import Model
from ..loaders import DataModule
from . import plan as plans
from . import storage
from .dataset import EncodedRows, Layout
from .fill import fill
from .plan import Plan
from .storage import Entry, Writer

GB = 1e9
DISK_SHARE = 0.9  # of the free disk that an entry may take


class Unusable(Exception):
    """The reason why there is no entry."""


@dataclass(frozen=True)
class PrefixSummary:
    """The record of the prefix cache in results.json."""

    used: bool
    reason: str = ""  # if not used
    what: str = ""
    folder: str = ""
    gigabytes: float = 0.0
    pairs: int = 0  # distinct pairs of sound and words
    rows: int = 0
    unreadable: int = 0  # pairs whose audio could not be read: their rows are left out
    filled: bool = False  # by this run
    seconds: float = 0.0  # until it could be read

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def open_prefix(
    config: Config, model: Model, data: DataModule, precision: str, console: Console
) -> PrefixSummary:
    """Let the loaders of `data` read the activations below the first trainable part from disk.

    `model` must hold the weights that the run will train on; it may come back on another device and
    in eval mode. What prevents the cache is logged in one line and changes nothing else. Clips that
    could not be read are tried again by each run; above `dataset.max_skipped` they raise
    UserError.

    Args:
        precision: of the run, as build.precision names it.
    """

    def log(line: str) -> None:
        terminal.print_line(console, f"prefix cache: {line}")

    began = time.monotonic()
    try:
        prefix = model.frozen_prefix()
        if reason := plans.reason_against(config, model, data.prepared, prefix):
            raise Unusable(reason)
        assert not isinstance(prefix, str)
        plan = plans.make(config, model, data, precision, prefix)
        entry, unread = Entry(plan.path, len(plan.pairs), prefix.widths), None
        for path, fault in entry.damaged.items():
            log(f"{path} is damaged ({fault}) and is computed again")
        if not entry.is_complete:
            entry, unread = _complete(config, model, data, precision, plan, console, log)
    except Unusable as obstacle:
        log(f"off: {obstacle}")
        return PrefixSummary(False, str(obstacle))
    words = [np.array(ids, np.int64) for ids in plan.pairs.words]
    layout = Layout(prefix, model.is_joint, words)
    for split, rows in data.prepared.splits.items():
        own = (plan.pairs.of[split], rows, data.read_options, unread or {})
        data.encoded[split] = EncodedRows(entry, layout, *own)
    unreadable = len(entry.missing)
    left_out = f", {unreadable} of them unreadable and left out" if unreadable else ""
    log(f"{plan.what} of {len(plan.pairs)} distinct clips and texts{left_out}, from {plan.path}")
    return PrefixSummary(
        used=True,
        what=plan.what,
        folder=str(plan.path),
        gigabytes=entry.num_bytes / GB,
        pairs=len(plan.pairs),
        rows=plan.pairs.num_rows,
        unreadable=unreadable,
        filled=unread is not None,
        seconds=time.monotonic() - began,
    )


def _complete(
    config: Config,
    model: Model,
    data: DataModule,
    precision: str,
    plan: Plan,
    console: Console,
    log: Callable[[str], None],
) -> tuple[Entry, dict[int, Skipped] | None]:
    """The entry, and by pair the clips that could not be read; None if another run filled it."""
    count, options = len(plan.pairs), config.trainer
    try:
        with storage.lock(plan.path, lambda: log("another run computes it; waiting")):
            entry = Entry(plan.path, count, plan.prefix.widths)
            if entry.is_complete:
                return entry, None
            _check_room(plan, entry.num_bytes, options.cache_gb)
            done = count - len(entry.missing)
            before = f", {done} of them computed before" if done else ""
            log(
                f"computing {plan.what} of {count} distinct clips and texts"
                f" ({plan.pairs.num_rows} rows){before}:"
                f" {plan.num_bytes / GB:.2f} GB in {plan.path.parent}"
            )
            with terminal.counting("prefix cache", console, options.progress) as advance:
                header = {"corpus": config.dataset.name, "what": plan.what}
                writer = Writer(entry, header | {"pairs": count, "facts": plan.facts})
                unread = fill(writer, entry.missing, plan, model, data, precision, advance)
            rows = (pair for split in plan.pairs.of.values() for pair in split.tolist())
            skipped = [unread[pair] for pair in rows if pair in unread]
            refuse_too_many(skipped, plan.pairs.num_rows, config.dataset.max_skipped)
            return Entry(plan.path, count, plan.prefix.widths), unread
    except OSError as error:
        raise Unusable(f"{plan.path.parent}: {error.strerror or error}") from error


def _check_room(plan: Plan, stored: int, limit: float) -> None:
    needed, place = plan.num_bytes / GB, plan.path.parent
    free = (shutil.disk_usage(place).free + stored) / GB
    if needed > limit:
        raise Unusable(f"{plan.what} take {needed:.1f} GB, more than trainer.cache_gb={limit:g}")
    if needed > DISK_SHARE * free:
        raise Unusable(f"{plan.what} take {needed:.1f} GB, and {place} has {free:.1f} GB free")
