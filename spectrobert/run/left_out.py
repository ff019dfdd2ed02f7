"""Rows that a run leaves out or cuts: logged before training, listed in skipped.csv."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..data.clips import columns
from . import build
from .run import Run

MOST_ANSWERS = 5  # that are named
SkippedRow = tuple[str, str, str]  # id, recording, fault


def report(run: Run) -> list[SkippedRow]:
    """Log how many rows are left out or cut, and why. Returns them for skipped.csv."""
    prepared, config = run.prepared, run.config
    _report_answers(run)
    if balance := prepared.summary.more.get("balance"):
        changes = (f"{c} {n} -> {balance['after'][c]}" for c, n in balance["before"].items())
        run.log(f"train by {balance['method']}: {', '.join(changes)}")
    for reason, count in Counter(row.reason for row in prepared.dropped).most_common():
        run.log(f"left out {count} rows: {reason}")
    if prepared.skipped:
        run.log(f"skipped {len(prepared.skipped)} unusable files, listed in {run.folder.skipped}")
    texts, clips = list(_cut_texts(run)), list(_cut_clips(run))
    if texts:
        run.log(
            f"{len(texts)} texts are longer than dataset.max_text_length="
            f"{config.dataset.max_text_length} word pieces and are cut, listed in skipped.csv"
        )
    if clips:
        heard = run.model.config
        run.log(
            f"{len(clips)} clips are longer than the {heard.max_seconds:.2f} s that the"
            f" model hears ({build.seconds_option(heard)}) and are cut, listed in skipped.csv"
        )
    dropped = [(row.what, "", row.reason) for row in prepared.dropped]
    return [*prepared.skipped, *texts, *clips, *dropped]


def _report_answers(run: Run) -> None:
    for split, answers in run.prepared.unseen_rows.items():
        shown = ", ".join(sorted(answers, key=lambda answer: -answers[answer])[:MOST_ANSWERS])
        more = ", ..." if len(answers) > MOST_ANSWERS else ""
        run.log(
            f"{sum(answers.values())} rows of {split} have answers that train lacks and count as"
            f" wrong: {shown}{more}"
        )


def _cut_texts(run: Run) -> Iterator[SkippedRow]:
    """Rows whose text does not fit."""
    limit = run.config.dataset.max_text_length
    for rows in run.prepared.splits.values():
        table = columns(rows, "id", "text")
        for number, text in enumerate(table["text"].to_pylist()):
            # a word piece has a character at least: only texts of more characters are looked at
            if len(text) > limit - 2 and (pieces := len(run.tokenizer(text)["input_ids"])) > limit:
                row_id = table["id"][number].as_py()
                yield row_id, "", f"text cut from {pieces} to {limit} word pieces"


def _cut_clips(run: Run) -> Iterator[SkippedRow]:
    """Clips that crop=whole cannot keep whole."""
    if run.config.dataset.crop != "whole":
        return
    limit = run.data.read_options.model_seconds
    for rows in run.prepared.splits.values():
        table = columns(rows, "id", "seconds")
        for row_id, seconds in zip(table["id"].to_pylist(), table["seconds"].to_pylist()):
            if seconds > limit:
                yield row_id, "", f"audio cut from {seconds:.2f} to {limit:.2f} s"
