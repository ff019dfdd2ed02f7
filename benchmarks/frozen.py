"""Steps over frozen layers, against the rival's over its own.

Ours computes what lies below the first trainable layer in the first epoch and reads it from disk
in all others (spectrobert/run/prefix_cache); the rival computes it at every step.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks import builds
from benchmarks.timing import Bench, Call, Row, compare, in_turn
from spectrobert.models import freezing
from spectrobert.run.prefix_cache import dataset, fill, storage

BATCH = 2
LAST = ["head", "encoder.-1"]
STEPS = 50  # of ours for one of the rival's: an epoch has many, and the first is slow


def _our_epochs(bench: Bench, train: list[str], folder: Path) -> tuple[Call, Call]:
    """A batch of the first epoch, which fills the prefix cache, and one of a later epoch."""
    model, given = builds.our_model(bench.sizes), builds.batch(BATCH)
    freezing.freeze(model, train)
    prefix = model.frozen_prefix()
    assert not isinstance(prefix, str)
    layout = dataset.Layout(prefix, model.is_joint, [])
    train_on = builds.training_step(model, builds.our_loss)
    path = folder / "entry"

    def compute() -> storage.Entry:
        storage.remove(path)
        writer = storage.Writer(storage.Entry(path, BATCH, prefix.widths), {})
        with torch.no_grad():
            values = model.eval().run_frozen(given, prefix)
        fill.append(writer, torch.arange(BATCH), values, np.dtype(np.float32))
        writer.flush()
        freezing.train_mode(model)
        return storage.Entry(path, BATCH, prefix.widths)

    def step(entry: storage.Entry) -> None:
        train_on(dataset.padded(entry, np.arange(BATCH), layout) | {"label": given["label"]})

    entry = compute()
    return lambda: step(compute()), lambda: step(entry)


def _rival_step(bench: Bench, last_layers: int) -> Call:
    model = builds.rival_model(bench.sizes)
    model.requires_grad_(False)
    first = bench.sizes.num_hidden_layers - last_layers
    for part in (model.head, *model.bert.encoder.layer[first:]):
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
    # A small model costs the rival little, and the costs of a step outside the model stay
    return _later(bench, "bin-frz", ["head"], 0, 100.0 if bench.is_quick else 5000.0)


def _later(bench: Bench, name: str, train: list[str], last_layers: int, bar: float) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        (_, ours), theirs = _our_epochs(bench, train, Path(folder)), _rival_step(bench, last_layers)
        ours()
        theirs()
        pairs = in_turn(ours, theirs, bench.repeats, (STEPS, 1))
    return compare(f"{name} from the second epoch on, batch {BATCH}", BATCH, "clips/s", bar, pairs)
