"""Steps over a frozen prefix, as from the second epoch on, against the rival's over its own.

Ours reads what lies below the first trainable layer from disk (spectrobert/prefix_cache); the
rival computes it at every step.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ... import freezing, losses
from ...prefix_cache import depth, entry, filling, reading
from . import builds
from .compute import Bench
from .measure import Call, Row, compare, in_turn

BATCH = 2
STEPS = 50  # of ours for one of the rival's: an epoch has many, and the first is slow


def _our_step(bench: Bench, train: list[str], folder: Path) -> Call:
    model, given = builds.our_model(bench.sizes), builds.batch(BATCH)
    freezing.freeze(model, train)
    level = depth.frozen_depth(model)
    assert level is not None
    draft = entry.Draft(folder / "entry", bench.sizes.hidden_size)
    with torch.no_grad():
        tokens = depth.compute(model.eval(), given, level)
    filling.append(draft, torch.arange(BATCH), tokens)
    draft.finish({"facts": {"depth": level}})
    stored = entry.read(folder / "entry")
    assert stored is not None
    freezing.train_mode(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.RAdam(trained, lr=1e-5)

    def work() -> None:
        for _ in range(STEPS):
            batch = reading.padded(stored, np.arange(BATCH))
            optimizer.zero_grad()
            logits = model(batch).logits
            assert logits is not None
            losses.classes(logits, given["labels"]).backward()
            nn.utils.clip_grad_norm_(trained, 5.0)
            optimizer.step()

    return work


def _rival_step(bench: Bench, last_layers: int) -> Call:
    from transformers import ASTFeatureExtractor

    model, given = builds.rival_model(bench.sizes), builds.batch(BATCH)
    model.requires_grad_(False)
    first = bench.sizes.num_hidden_layers - last_layers
    trained = {f"bert.encoder.layer.{i}" for i in range(first, bench.sizes.num_hidden_layers)}
    for name, part in model.named_modules():
        if name == "head" or name in trained:
            part.requires_grad_(True)
    clips = [clip.numpy() for clip in given["waveform"]]
    work = builds.rival().training_step(model, ASTFeatureExtractor())
    return lambda: work(clips, given["input_ids"], given["text_mask"], given["labels"])


def _row(bench: Bench, name: str, train: list[str], last_layers: int, bar: float) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = _our_step(bench, train, Path(folder)), _rival_step(bench, last_layers)
        ours()
        theirs()
        timed = in_turn(ours, theirs, bench.repeats)
    pairs = [(mine / STEPS, rival) for mine, rival in timed]
    return compare(f"{name} from the second epoch on, batch {BATCH}", BATCH, "clips/s", bar, pairs)


def last_layer(bench: Bench) -> Row:
    """The head and the last layer train."""
    return _row(bench, "ser-frz-nolast", ["head", "encoder.-1"], 1, 15.0)


def head(bench: Bench) -> Row:
    """The head alone trains."""
    # A small model costs the rival little, and what a step costs beside the model stays
    return _row(bench, "bin-frz", ["head"], 0, 100.0 if bench.is_quick else 5000.0)
