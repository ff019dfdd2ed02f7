"""SLUE-VoxCeleb (Shon et al. 2022): sentiment of interviews, the owner's TSV or the Hub's Parquet.

Toolkit version 0.2 (July 2022) redrew dev and test: older dev figures are not comparable. Rows by
split: 5777 / 1454 / 3553; with the three clean labels (negative / neutral / positive) train has
5729 (227 / 4223 / 1279) and dev 1437 (51 / 1124 / 262). Dev and test are both from VoxCeleb1's test
set: speakers that they share are a caution, not a refusal.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..audio.segment import Segment
from . import Corpus
from .example import Dropped, Example
from .label_files import embedded_audio, index_audio, number, read_parquet, read_table, shards
from .reference import Reference

LABELS = {"Negative": "negative", "Neutral": "neutral", "Positive": "positive"}
COLUMNS = ("id", "normalized_text", "sentiment", "start_second", "end_second")
SPLITS = {"fine-tune": "train", "dev": "val", "test": "test"}
HUB_SPLITS = {"train": "train", "validation": "val", "test": "test"}
COUNTS = {  # toolkit 0.2; of test only the rows are published
    "train": {"negative": 227, "neutral": 4223, "positive": 1279},
    "val": {"negative": 51, "neutral": 1124, "positive": 262},
}
VOXCELEB_ID = re.compile(r"(id\d+)_(.+)_\d+")  # speaker, video, utterance


def load(root: Path, task: str) -> Iterator[Example | Dropped]:
    """Utterances with transcript and sentiment.

    For `sentiment`, rows without one of the three clean labels are dropped (annotators disagreed,
    or heard a mix), as the owner's toolkit does; for `pre` they stay.
    """
    folder = root / "slue-voxceleb" if (root / "slue-voxceleb").is_dir() else root
    if (folder / "slue-voxceleb_fine-tune.tsv").is_file():
        yield from _read_folder(folder, task)
    else:
        yield from _read_parquet(root / "voxceleb" if (root / "voxceleb").is_dir() else root, task)


def published_counts(root: Path, task: str) -> dict[str, int]:
    """Rows with a clean label, by split; nothing for pre-training."""
    if task != "sentiment":
        return {}
    totals = {f"examples of {split}": sum(labels.values()) for split, labels in COUNTS.items()}
    classes = {
        f"class {label} of {split}": count
        for split, labels in COUNTS.items()
        for label, count in labels.items()
    }
    return totals | classes


def utterances(table: Path) -> Iterator[Reference]:
    """The rows of slue-voxceleb_dev.tsv or _test.tsv that have one of the three labels."""
    for row in read_table(table, ("id", "sentiment"), delimiter="\t"):
        origin = VOXCELEB_ID.fullmatch(row["id"])
        if row["sentiment"] in LABELS:
            speaker = origin[1] if origin else ""
            yield Reference(row["id"], LABELS[row["sentiment"]], group=speaker)


def _read_folder(folder: Path, task: str) -> Iterator[Example | Dropped]:
    for name, split in SPLITS.items():
        table = folder / f"slue-voxceleb_{name}.tsv"
        if name == "test" and not table.is_file():  # the blind release has no labels for test
            yield Dropped("no label file", table.name)
            continue
        cut, raw = index_audio(folder / name), index_audio(folder / f"{name}_raw")
        for row in read_table(table, COLUMNS, delimiter="\t"):
            clip = row["id"]
            audio = Segment(cut[clip]) if clip in cut else _segment(raw.get(clip, ""), row)
            yield _example(row, audio, task, split)


def _read_parquet(folder: Path, task: str) -> Iterator[Example | Dropped]:
    for name, split in HUB_SPLITS.items():
        for file in shards(folder, name):
            for row in read_parquet(file, (*COLUMNS, "audio", "speaker_id")):
                # The column holds the files of SPLIT_raw/, not yet cut.
                yield _example(row, _segment(embedded_audio(row["audio"]), row), task, split)


def _segment(audio: str | bytes, row: Mapping[str, Any]) -> Segment | Dropped:
    """The stretch of a raw recording that was transcribed and labelled."""
    start, end = number(row["start_second"]), number(row["end_second"])
    if not audio:
        return Dropped("no audio file", str(row["id"]))
    if start is None or end is None or not 0 <= start < end:
        return Dropped("no start and end", str(row["id"]))
    return Segment(audio, start, end)


def _example(
    row: Mapping[str, Any], audio: Segment | Dropped, task: str, split: str
) -> Example | Dropped:
    clip, text, sentiment = (
        str(row[name] or "") for name in ("id", "normalized_text", "sentiment")
    )
    if not clip:
        return Dropped("no id", f"{split}: {text}")
    if task == "sentiment" and sentiment not in LABELS:
        return Dropped(f"label {sentiment or 'missing'}", clip)
    if isinstance(audio, Dropped):
        return audio
    if task == "pre" and not text:
        return Dropped("no transcript", clip)
    origin = VOXCELEB_ID.fullmatch(clip)
    return Example(
        clip,
        (audio,),
        text=text,
        label=LABELS[sentiment] if task == "sentiment" else "",
        split=split,
        speaker=str(row.get("speaker_id") or (origin[1] if origin else "")),
        group=origin[2] if origin else "",
    )


CORPUS = Corpus(
    load=load,
    tasks=("sentiment", "pre"),
    labels={"sentiment": tuple(LABELS.values())},
    notes={
        "sentiment": "Negative, Neutral, Positive; other annotations dropped. The owner's v0.2 "
        "(July 2022) redrew dev and test: older dev figures are not comparable"
    },
    layout="slue-voxceleb_{fine-tune,dev,test}.tsv and the audio in {fine-tune,dev,test}_raw/ or, "
    "already cut, in {fine-tune,dev,test}/, or voxceleb/{train,validation,test}-*.parquet, as "
    "asapp/slue holds it",
    source="Shon et al. 2022, arXiv:2111.10367; VoxCeleb1, CC BY 4.0",
    published_counts=published_counts,
    may_share=("speaker", "group"),  # dev and test are both drawn from VoxCeleb1's test set
)
