"""The frozen prefix of a run: read where an entry is there, filled where not, or left alone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from ... import terminal
from ...config import Config
from ...data.checks import Skipped, refuse_too_many
from ...errors import UserError
from ...models.freezing import fingerprint
from ...models.spectrobert import SpectroBert
from ..loaders import DataModule
from . import depth, entry, pairs
from .entry import Damaged, Draft, Entry
from .filling import FirstRows, fill
from .pairs import Pairs
from .reading import EncodedRows

GB = 1e9
DISK_SHARE = 0.9  # of the free disk that an entry may take
HALVES = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}


Unread = dict[int, Skipped]  # row of a split -> why it could not be read


class Unusable(Exception):
    """Why there is no entry."""


@dataclass(frozen=True)
class PrefixSummary:
    """What results.json records of the prefix cache."""

    used: bool
    reason: str = ""  # why not
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


@dataclass(frozen=True)
class Plan:
    """What is to be kept, and where."""

    path: Path
    what: str
    depth: int
    pairs: Pairs
    num_bytes: int  # estimated from the lengths of the clips
    facts: dict[str, Any]


def open_prefix(
    config: Config, model: SpectroBert, data: DataModule, precision: str, console: Console
) -> PrefixSummary:
    """Let the loaders of `data` read what lies below the first trainable part from disk.

    `model` must hold the weights that the run will train on; it may come back on another device and
    in eval mode. What prevents the cache is printed in one line and changes nothing else. Clips
    that could not be read are tried again by each run; above `dataset.max_skipped` they raise
    UserError.

    Args:
        precision: of the run, as build.precision names it.
    """

    def say(line: str) -> None:
        terminal.print_line(console, f"prefix cache: {line}")

    began = time.monotonic()
    try:
        reason = depth.why_not(config, model, data.prepared)
        if reason:
            raise Unusable(reason)
        plan = plan_of(config, model, data, precision)
        found = _read(plan.path, say)
        unread: dict[str, Unread] = {}
        is_there = found is not None
        if found is None or not found.is_complete:
            found, is_there, unread = _fill_locked(
                config, model, data, precision, plan, console, say
            )
    except Unusable as obstacle:
        say(f"off: {obstacle}")
        return PrefixSummary(False, str(obstacle))
    splits = data.prepared.splits.items()
    data.encoded = {
        split: EncodedRows(
            found, plan.pairs.of[split], rows, data.read_options, unread.get(split, {})
        )
        for split, rows in splits
    }
    unreadable = int((found.words == 0).sum())
    left_out = f", {unreadable} of them unreadable and left out" if unreadable else ""
    say(f"{plan.what} of {len(found.words)} distinct clips and texts{left_out}, from {plan.path}")
    return PrefixSummary(
        used=True,
        what=plan.what,
        folder=str(plan.path),
        gigabytes=found.values.nbytes / GB,
        pairs=len(found.words),
        rows=plan.pairs.num_rows,
        unreadable=unreadable,
        filled=not is_there,
        seconds=time.monotonic() - began,
    )


def plan_of(config: Config, model: SpectroBert, data: DataModule, precision: str) -> Plan:
    """Of a run that `depth.why_not` has nothing against."""
    level = depth.frozen_depth(model)
    assert level is not None, "why_not has seen to it"
    found = pairs.distinct(data.prepared, data.read_options)
    is_vector = level == len(model.encoder.layer)
    tokens = (
        len(found.names) if is_vector else pairs.num_tokens(found, model.config, data.read_options)
    )
    facts = pairs.facts(model.config, data.read_options, level, precision, config.trainer)
    weights = fingerprint(depth.frozen_values(model, level))
    name = pairs.entry_name(facts, weights, found)
    num_bytes = tokens * model.config.hidden_size * 4
    what = depth.describe(model, level)
    return Plan(entry.folder() / name, what, level, found, num_bytes, facts)


def _read(path: Path, say: Callable[[str], None]) -> Entry | None:
    try:
        return entry.read(path)
    except (Damaged, OSError) as fault:
        say(f"{path} is damaged ({fault}) and is computed anew")
        return None


def _fill_locked(
    config: Config,
    model: SpectroBert,
    data: DataModule,
    precision: str,
    plan: Plan,
    console: Console,
    say: Callable[[str], None],
) -> tuple[Entry, bool, dict[str, Unread]]:
    """The entry, whether another run filled it meanwhile, and by split the rows that it lacks."""
    try:
        with entry.lock(plan.path, lambda: say("another run computes it; waiting")):
            found = _read(plan.path, lambda line: None)
            if found is not None and found.is_complete:
                return found, True, {}
            _check_room(plan, config.trainer.cache_gb)
            if found is not None:
                entry.reopen(plan.path)
            elif plan.path.exists():
                shutil.rmtree(plan.path)
            unread = _fill(config, model, data, precision, plan, console, say)
            found = entry.read(plan.path)
    except OSError as error:
        with suppress(OSError):
            entry.remove(plan.path.with_name(plan.path.name + entry.ASIDE))
        raise Unusable(f"{plan.path.parent}: {error.strerror or error}") from error
    assert found is not None, "it has just been written"
    return found, False, unread


def _check_room(plan: Plan, limit: float) -> None:
    needed, free = plan.num_bytes / GB, shutil.disk_usage(plan.path.parent).free / GB
    if needed > limit:
        raise Unusable(f"{plan.what} take {needed:.1f} GB, more than trainer.cache_gb={limit:g}")
    if needed > DISK_SHARE * free:
        raise Unusable(
            f"{plan.what} take {needed:.1f} GB, and {plan.path.parent} has {free:.1f} GB free"
        )


def _fill(
    config: Config,
    model: SpectroBert,
    data: DataModule,
    precision: str,
    plan: Plan,
    console: Console,
    say: Callable[[str], None],
) -> dict[str, Unread]:
    """Compute what the entry lacks; by split the rows that could not be read. Raises UserError."""
    began = time.monotonic()
    draft = Draft(plan.path, model.config.hidden_size)
    begun = f", {len(draft.done)} of them computed before" if draft.done else ""
    say(
        f"computing {plan.what} of {len(plan.pairs.names)} distinct clips and texts"
        f" ({plan.pairs.num_rows} rows){begun}: {plan.num_bytes / GB:.2f} GB in {plan.path.parent}"
    )
    with terminal.counting("prefix cache", console, config.trainer.progress) as advance:
        unread = fill(
            draft,
            model,
            plan.depth,
            FirstRows(data.prepared, data.read_options, plan.pairs),
            config.trainer.batch_size,
            data.num_workers,
            torch.device(config.trainer.accelerator),
            HALVES.get(precision),
            advance,
        )
    rows = {
        split: {
            row: Skipped(own["id"][row], unread[pair].recording, unread[pair].fault)
            for row, pair in enumerate(plan.pairs.of[split].tolist())
            if pair in unread
        }
        for split, own in data.prepared.splits.items()
    }
    skipped = [clip for lacking in rows.values() for clip in lacking.values()]
    try:
        refuse_too_many(skipped, plan.pairs.num_rows, config.dataset.max_skipped)
    except UserError:
        draft.close()  # what has been computed stays for the next run
        raise
    seconds = time.monotonic() - began
    header = {"corpus": config.dataset.name, "what": plan.what, "seconds": seconds}
    draft.finish(header | {"pairs": len(plan.pairs.names), "facts": plan.facts})
    return rows
