"""The distinct pairs of sound and words in a corpus, and the key of a cache entry."""

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
from ...config.model import ARCHITECTURES, DERIVED
from ...data import stamps
from ...data.clips import ReadOptions, crop
from ...data.preparation import Prepared
from ...models.model import FrozenPrefix, Model

# Code that decides a frozen value. A file here that changes gives every entry another key
CODE = ("audio", "kernels", "models", "models/fusions", "run/prefix_cache")
PACKAGE = Path(__file__).parents[2]
VERSIONS = ("torch", "transformers", "soundfile", "soxr")


@dataclass(frozen=True)
class Pairs:
    """The P distinct pairs; row r of a split is pair `of[split][r]`."""

    keys: list[str]  # in the order of row ids: the same for every assignment of rows to splits
    first: list[tuple[str, int]]  # (split, row) in which a pair comes first
    seconds: np.ndarray  # (P,) of the clip before cropping; 0: unknown
    words: list[list[int]]  # word pieces
    of: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def num_words(self) -> np.ndarray:
        """(P,) word pieces."""
        return np.array([len(ids) for ids in self.words])

    @property
    def num_rows(self) -> int:
        return sum(len(rows) for rows in self.of.values())


def distinct(prepared: Prepared, read_options: ReadOptions) -> Pairs:
    """Compare rows by name, size and time of their audio files and by their word pieces."""
    known: dict[str, str] = {}
    first: dict[str, tuple[tuple[str, int], float, list[int]]] = {}
    keys: dict[str, list[str]] = {}
    row_ids: dict[str, str] = {}  # the least of a pair
    limit = read_options.dataset.max_text_length
    for split, rows in prepared.splits.items():
        texts = list(set(rows["text"]))
        if not texts:  # dataset.val_share=0
            keys[split] = []
            continue
        cut = read_options.tokenizer(texts, truncation=True, max_length=limit)["input_ids"]
        ids = dict(zip(texts, cut))
        keys[split] = []
        for number, row in enumerate(rows.select_columns(["id", "audio", "text", "seconds"])):
            sound = [(_stamp(s, known), s["start"], s["end"], s["onset"]) for s in row["audio"]]
            words = ids[row["text"]]
            key = hashlib.sha256(repr((sound, words)).encode()).hexdigest()
            keys[split].append(key)
            row_ids[key] = min(row_ids.get(key, row["id"]), row["id"])
            first.setdefault(key, ((split, number), row["seconds"], words))
    # By row ids, not by keys, which hold paths and times: batches of the pass that fills an entry,
    # and with them the last bits of its values, are then the same on every machine
    ordered = sorted(first, key=row_ids.__getitem__)
    place = {key: pair for pair, key in enumerate(ordered)}
    found = [first[key] for key in ordered]
    return Pairs(
        ordered,
        [row for row, _, _ in found],
        np.array([seconds for _, seconds, _ in found]),
        [words for _, _, words in found],
        {split: np.array([place[key] for key in own], dtype=int) for split, own in keys.items()},
    )


def _stamp(segment: dict[str, Any], known: dict[str, str]) -> str:
    """The identity of a recording: its digest, or path, size and time of change."""
    path = segment["path"]
    if path is None:
        return segment["digest"]
    if path not in known:
        known[path] = f"{os.path.abspath(path)}|{stamps.file_version(path)}"
    return known[path]


def num_values(pairs: Pairs, model: Model, prefix: FrozenPrefix, read_options: ReadOptions) -> int:
    """Numbers of all activations; a clip of unknown length counts as the longest allowed."""
    _, longest = crop(read_options.dataset, model.config.max_seconds, is_training=False)
    seconds = np.minimum(np.where(pairs.seconds > 0, pairs.seconds, np.inf), longest)
    samples = torch.from_numpy(seconds * features.SAMPLE_RATE).long()
    sounds = len(pairs) if prefix.is_sound_vector else int(model.count_tokens(samples).sum())
    words = len(pairs) if prefix.is_word_vector else int(pairs.num_words.sum())
    if model.is_joint and prefix.is_word_vector:
        sounds = 0  # the one vector is of both
    return words * prefix.widths[0] + sounds * prefix.widths[1]


def facts(
    model: Model,
    read_options: ReadOptions,
    prefix: FrozenPrefix,
    precision: str,
    options: TrainerConfig,
) -> dict[str, Any]:
    """Everything but weights and data that a frozen value depends on."""
    config = model.config
    kinds = ARCHITECTURES[config.architecture].options
    own = {f.name for f in fields(kinds)} - {*DERIVED, *model.inactive}
    kept, max_seconds = crop(read_options.dataset, config.max_seconds, is_training=False)
    return {
        "depth": prefix.depth,
        "what": prefix.what,
        "dtype": options.cache_dtype,
        "model": {name: getattr(config, name) for name in sorted(own)},
        "normalization": _normalization(config, read_options),
        "max_seconds": max_seconds,
        "crop": kept,
        "silence_audio": read_options.dataset.silence_audio,
        "precision": precision,
        "accelerator": options.accelerator,
        "kernels": options.kernels,
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
        "code": _code_hash(),
    }


def _normalization(config: Any, read_options: ReadOptions) -> list[Any]:
    """The statistics of spectrograms, if they are not two constants."""
    fields = ("normalization", "mel_mean", "mel_std")
    speakers = {
        name: [values.tolist() for values in both]
        for name, both in sorted(read_options.by_speaker.items())
    }
    return [*(getattr(config, name, "") for name in fields), speakers]


def _code_hash() -> str:
    digest = hashlib.sha256()
    for part in CODE:
        for path in sorted((PACKAGE / part).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def entry_key(facts: dict[str, Any], weights: str, pairs: Pairs) -> str:
    """The name of an entry's folder: a hash of everything that its values depend on."""
    text = json.dumps([facts, weights, pairs.keys], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]
