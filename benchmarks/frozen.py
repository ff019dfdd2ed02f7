"""Steps over a frozen prefix, against the rival's over its own.

Ours computes what lies below the first trainable layer in the first epoch and reads it from disk
ever after (spectrobert/run/prefix_cache); the rival computes it at every step.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from benchmarks.compute import Bench
from benchmarks.measure import Call, Row, compare, in_turn

from benchmarks import builds
from spectrobert.models import freezing
from spectrobert.run.prefix_cache import depth, entry, filling, reading

BATCH = 2
LAST = ["head", "encoder.-1"]
STEPS = 50  # of ours for one of the rival's: an epoch has many, and the first is slow


def _our_epochs(bench: Bench, train: list[str], folder: Path) -> tuple[Call, Call]:
    """A batch of the first epoch, which fills the prefix cache, and STEPS batches of later ones."""
    model, given = builds.our_model(bench.sizes), builds.batch(BATCH)
    freezing.freeze(model, train)
    level = depth.frozen_depth(model)
    assert level is not None
    work = builds.training_step(model)
    path = folder / "entry"

    def fill() -> entry.Entry:
        entry.remove(path)
        draft = entry.Draft(path, bench.sizes.hidden_size)
        with torch.no_grad():
            tokens = depth.compute(model.eval(), given, level)
        filling.append(draft, torch.arange(BATCH), tokens)
        draft.finish({"facts": {"depth": level}, "pairs": BATCH})
        stored = entry.read(path)
        assert stored is not None
        return stored

    def step(stored: entry.Entry) -> None:
        work(reading.padded(stored, np.arange(BATCH)), given["label"])

    def first() -> None:
        stored = fill()
        freezing.train_mode(model)
        step(stored)

    kept = fill()
    freezing.train_mode(model)

    def later() -> None:
        for _ in range(STEPS):
            step(kept)

    return first, later


def _rival_step(bench: Bench, last_layers: int) -> Call:
    model = builds.rival_model(bench.sizes)
    model.requires_grad_(False)
    first = bench.sizes.num_hidden_layers - last_layers
    trained = {f"bert.encoder.layer.{i}" for i in range(first, bench.sizes.num_hidden_layers)}
    for name, part in model.named_modules():
        if name == "head" or name in trained:
            part.requires_grad_(True)
    return builds.rival_step(model, BATCH)


def first_epoch(bench: Bench) -> Row:
    """The head and the last layer train; what lies below is computed and written."""
    with tempfile.TemporaryDirectory() as folder:
        (ours, _), theirs = _our_epochs(bench, LAST, Path(folder)), _rival_step(bench, 1)
        ours()
        theirs()
        pairs = in_turn(ours, theirs, bench.repeats)
    return compare(f"ser-frz-nolast, first epoch, batch {BATCH}", BATCH, "clips/s", 3.0, pairs)


def last_layer(bench: Bench) -> Row:
    """The head and the last layer train."""
    return _later(bench, "ser-frz-nolast", LAST, 1, 15.0)


def head(bench: Bench) -> Row:
    """The head alone trains."""
    # A small model costs the rival little, and what a step costs beside the model stays
    return _later(bench, "bin-frz", ["head"], 0, 100.0 if bench.is_quick else 5000.0)


def _later(bench: Bench, name: str, train: list[str], last_layers: int, bar: float) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        (_, ours), theirs = _our_epochs(bench, train, Path(folder)), _rival_step(bench, last_layers)
        ours()
        theirs()
        timed = in_turn(ours, theirs, bench.repeats)
    pairs = [(mine / STEPS, rival) for mine, rival in timed]
    return compare(f"{name} from the second epoch on, batch {BATCH}", BATCH, "clips/s", bar, pairs)
