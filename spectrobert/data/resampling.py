"""Resampling groups: the rows of a split that are drawn together, as they are not independent.

results.json, the card, the column `group` of predictions.csv and the tables take them from here.
"""

from collections.abc import Sequence

import datasets
import numpy as np
import pyarrow as pa

from . import rows as arrow

KINDS = ("speaker", "group", "recording")  # the first that is known of a row


def resampling_groups(
    split: datasets.Dataset, known: Sequence[str] = KINDS
) -> tuple[list[str], str]:
    """The group of each row (N,), and the kinds that occur, in words.

    A row is drawn with its speaker if known, else with its group (a scene, a video), else with its
    recording: a clip cut into several rows is one group, and so are the answers of a question's
    annotators. Groups are not chained: scenes that share one of their two recordings stay apart,
    or all of ESC-10 would be one group. A recording is named by the id of its first row, as its
    path differs between machines.

    Args:
        known: the kinds that may be used; recordings always are.
    """
    table = light_columns(split, "id", "speaker", "group", "audio")
    flat = arrow.stretches(table)
    recordings: list[list[str]] = [[] for _ in range(table.num_rows)]
    for row, recording in zip(flat.row.tolist(), flat.recording.to_pylist()):
        recordings[row].append(recording)
    first_row: dict[tuple[str, ...], str] = {}
    groups, used = [], set()
    columns = (table.column(name).to_pylist() for name in ("id", "speaker", "group"))
    for row_id, speaker, group, heard in zip(*columns, recordings):
        speaker = speaker if KINDS[0] in known else ""
        group = group if KINDS[1] in known else ""
        name = speaker or group or first_row.setdefault(tuple(heard), row_id)
        kind = KINDS[0] if speaker else KINDS[1] if group else KINDS[2]
        groups.append(f"{kind} {name}")
        used.add(kind)
    return groups, ", ".join(f"{kind}s" for kind in KINDS if kind in used)


def light_columns(split: datasets.Dataset, *names: str) -> pa.Table:
    """Columns of a split, `audio` without its bytes."""
    whole = arrow.light(split.data.table.select(list(names)))
    return whole if split._indices is None else whole.take(split._indices.column(0))


def question_numbers(rows: datasets.Dataset) -> np.ndarray | None:
    """(N,) one number for the rows that ask the same of the same recording.

    None if every question has one row: then there are no annotators to compare.
    """
    numbers = clip_numbers(rows)
    return numbers if numbers.max(initial=-1) + 1 < len(numbers) else None


def clip_numbers(rows: datasets.Dataset) -> np.ndarray:
    """(N,) one number for the rows of the same recording and text."""
    numbers: dict[tuple[int, str], int] = {}
    of_rows = []
    for row in rows.select_columns(["audio", "text"]):
        # An encoded file may stand in the table itself: its hash is kept, not its bytes
        key = (hash(arrow.segments(row["audio"])), row["text"])
        of_rows.append(numbers.setdefault(key, len(numbers)))
    return np.array(of_rows, dtype=int)
