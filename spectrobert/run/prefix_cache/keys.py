"""The distinct pairs of sound and words in a corpus, and the name under which an entry is kept."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...audio import features
from ...config import TrainerConfig
from ...config.model import DERIVED, ModelOptions
from ...data.clips import ReadOptions, crop
from ...data.preparation import Prepared
from ...models.configuration import SpectroBertConfig

# What decides a frozen value beside the weights and the data. A file here that changes gives every
# entry another name
CODE = ("audio", "kernels", "models")
PACKAGE = Path(__file__).parents[2]
VERSIONS = ("torch", "transformers", "soundfile", "soxr")
INACTIVE = {*DERIVED, "hidden_dropout_prob", "attention_probs_dropout_prob", "head_dropout_prob"}


@dataclass(frozen=True)
class Pairs:
    """Pair p is heard and read first in `first[p]`; row r of a split is pair `of[split][r]`."""

    names: list[str]  # sorted: the same whatever the splits are
    first: list[tuple[str, int]]  # (split, row)
    seconds: np.ndarray  # (P,) of the clip, before it is cropped; 0: not known
    num_words: np.ndarray  # (P,) word pieces
    of: dict[str, np.ndarray]

    @property
    def num_rows(self) -> int:
        return sum(len(rows) for rows in self.of.values())


def distinct(prepared: Prepared, read_options: ReadOptions) -> Pairs:
    """Look at names, sizes and times of the audio files, and at the word pieces of every row."""
    stamps: dict[str, str] = {}
    found: dict[str, tuple[tuple[str, int], float, int]] = {}
    names: dict[str, list[str]] = {}
    limit = read_options.dataset.max_text_length
    for split, rows in prepared.splits.items():
        texts = list(dict.fromkeys(rows["text"]))
        cut = read_options.tokenizer(texts, truncation=True, max_length=limit)["input_ids"]
        ids = dict(zip(texts, cut))
        names[split] = []
        for number, row in enumerate(rows.select_columns(["audio", "text", "seconds"])):
            heard = [(_stamp(s, stamps), s["start"], s["end"], s["onset"]) for s in row["audio"]]
            words = ids[row["text"]]
            name = hashlib.sha256(repr((heard, words)).encode()).hexdigest()
            names[split].append(name)
            found.setdefault(name, ((split, number), row["seconds"], len(words)))
    ordered = sorted(found)
    place = {name: p for p, name in enumerate(ordered)}
    return Pairs(
        ordered,
        [found[name][0] for name in ordered],
        np.array([found[name][1] for name in ordered]),
        np.array([found[name][2] for name in ordered]),
        {split: np.array([place[n] for n in own], dtype=int) for split, own in names.items()},
    )


def _stamp(segment: dict[str, Any], known: dict[str, str]) -> str:
    """What tells one recording from another: its bytes, or path, size and time of change."""
    if segment["path"] is None:
        return segment["digest"]
    path = segment["path"]
    if path not in known:
        try:
            status = os.stat(path)
            known[path] = f"{os.path.abspath(path)}|{status.st_size}|{status.st_mtime_ns}"
        except OSError:
            known[path] = f"{os.path.abspath(path)}|missing"
    return known[path]


def num_tokens(pairs: Pairs, config: SpectroBertConfig, read_options: ReadOptions) -> int:
    """Tokens of all joint sequences; a clip of unknown length counts as the longest allowed."""
    _, longest = crop(read_options.dataset, config.max_seconds, is_training=False)
    seconds = np.minimum(np.where(pairs.seconds > 0, pairs.seconds, np.inf), longest)
    frames = features.num_frames(torch.from_numpy(seconds * features.SAMPLE_RATE).long())
    if config.pad_to_max:
        frames = torch.full_like(frames, config.max_frames)
    times = features.num_patches(frames, config.patch[1], config.stride[1])
    times = times.clamp(max=config.max_audio_positions)
    return int(pairs.num_words.sum() + times.sum() * config.frequency_patches)


def facts(
    config: SpectroBertConfig,
    read_options: ReadOptions,
    depth: int,
    precision: str,
    options: TrainerConfig,
) -> dict[str, Any]:
    """What a frozen value depends on beside weights and data, for the name and for readers."""
    own = {f.name for f in fields(ModelOptions)} - INACTIVE
    kept, max_seconds = crop(read_options.dataset, config.max_seconds, is_training=False)
    return {
        "depth": depth,
        "model": {name: getattr(config, name) for name in sorted(own)},
        "max_seconds": max_seconds,
        "crop": kept,
        "silence_audio": read_options.dataset.silence_audio,
        "precision": precision,
        "accelerator": options.accelerator,
        "kernels": options.kernels,
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
        "code": _code_hash(),
    }


def _code_hash() -> str:
    digest = hashlib.sha256()
    for part in CODE:
        for path in sorted((PACKAGE / part).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def entry_name(facts: dict[str, Any], weights: str, pairs: Pairs) -> str:
    """The name of the folder: a hash of everything that its values depend on."""
    text = json.dumps([facts, weights, pairs.names], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]
