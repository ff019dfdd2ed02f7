"""Examples as rows of an Arrow table: on disk, memory-mapped, shared by all workers.

n rows, m segments (one per row, except in scenes mixed on the fly).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..audio.segment import Segment
from ..corpora.example import Example, Word

SEGMENT = pa.struct(
    {
        "path": pa.string(),  # or null, and then:
        "bytes": pa.binary(),
        "digest": pa.string(),  # of the bytes: length and SHA-256
        "start": pa.float64(),
        "end": pa.float64(),
        "onset": pa.float64(),
    }
)
VOTE = pa.struct({"label": pa.string(), "count": pa.float64()})
TRAIT = pa.struct({"name": pa.string(), "value": pa.string()})
WORD = pa.struct({"text": pa.string(), "start": pa.float64(), "end": pa.float64()})
LIGHT = ("path", "digest", "start", "end", "onset")
SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "audio": pa.list_(SEGMENT),
        "text": pa.string(),  # the question if there is one, else the text
        "label": pa.string(),
        "targets": pa.list_(pa.float64()),
        "split": pa.string(),  # the owner's
        "speaker": pa.string(),
        "group": pa.string(),
        "stated_seconds": pa.float64(),
        "source": pa.string(),  # of a mixture: corpus, or corpus/source
        "traits": pa.list_(TRAIT),
        "words": pa.list_(WORD),
        "content": pa.list_(pa.string()),
        "claims": pa.list_(pa.string()),
        "votes": pa.list_(VOTE),
        "caption": pa.string(),
        "video": pa.string(),  # a path
        "phones": pa.string(),
    }
)
OWNERS = ("split", "stated_seconds")  # not needed once splits are drawn and lengths are known
# Columns that tables of earlier versions lack, and an empty cell of each
LATER: dict[str, Any] = {"traits": [], "words": [], "caption": "", "video": "", "phones": ""}
DERIVED = ("audio", "text", "stated_seconds")  # columns that are no field of Example
BYTES = "<bytes of "  # begins the name of a recording that is no file
BATCH_ROWS = 2048
BATCH_BYTES = 32 << 20  # of embedded audio that is in memory while a Parquet corpus is parsed


def batches(examples: Iterable[Example]) -> Iterator[pa.RecordBatch]:
    """Record batches of bounded size, as the examples come."""
    waiting: list[Example] = []
    num_bytes = 0
    for example in examples:
        waiting.append(example)
        num_bytes += sum(len(s.audio) for s in example.audio if isinstance(s.audio, bytes))
        if len(waiting) == BATCH_ROWS or num_bytes > BATCH_BYTES:
            yield _batch(waiting)
            waiting, num_bytes = [], 0
    if waiting:
        yield _batch(waiting)


def to_table(examples: Iterable[Example]) -> pa.Table:
    """A few examples, in memory."""
    return pa.Table.from_batches(batches(examples), SCHEMA)


def _batch(examples: Sequence[Example]) -> pa.RecordBatch:
    offsets = np.cumsum([0, *(len(example.audio) for example in examples)])
    flat = [segment for example in examples for segment in example.audio]
    audio = pa.StructArray.from_arrays(
        [
            pa.array([s.audio if isinstance(s.audio, str) else None for s in flat], pa.string()),
            pa.array([s.audio if isinstance(s.audio, bytes) else None for s in flat], pa.binary()),
            pa.array([digest(segment.audio) for segment in flat], pa.string()),
            pa.array([segment.start for segment in flat], pa.float64()),
            pa.array([segment.end for segment in flat], pa.float64()),
            pa.array([segment.onset for segment in flat], pa.float64()),
        ],
        fields=list(SEGMENT),
    )
    cells: dict[str, Any] = {
        name: [getattr(example, name) for example in examples]
        for name in SCHEMA.names
        if name not in DERIVED
    }
    cells["audio"] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), audio)
    cells["text"] = [example.reads for example in examples]
    cells["stated_seconds"] = [example.seconds for example in examples]
    cells["words"] = [[word._asdict() for word in example.words] for example in examples]
    arrays = [
        cells[f.name] if f.name == "audio" else pa.array(cells[f.name], f.type) for f in SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def digest(audio: str | bytes) -> str | None:
    """Identity of a recording that is no file of its own: length and SHA-256 of its bytes."""
    if isinstance(audio, str):
        return None
    return f"{BYTES}{len(audio)}> {hashlib.sha256(audio).hexdigest()}"


def short_name(recording: str) -> str:
    """Name of a recording for messages and tables: its path, or the number of its bytes."""
    if not recording.startswith(BYTES):
        return recording
    return f"<{recording.removeprefix(BYTES).partition('>')[0]} bytes>"


def segments(structs: Iterable[Mapping[str, Any]]) -> tuple[Segment, ...]:
    """An `audio` cell as the segments it was made of."""
    return tuple(
        Segment(s["path"] if s["bytes"] is None else s["bytes"], s["start"], s["end"], s["onset"])
        for s in structs
    )


@dataclass(frozen=True)
class Stretches:
    """The segments of n rows, without their audio; (m,) each."""

    row: np.ndarray
    recording: pa.Array  # path or digest
    start: np.ndarray
    end: np.ndarray  # infinite if the segment ends with its recording
    onset: np.ndarray


def stretches(table: pa.Table) -> Stretches:
    """The segments in the column `audio`."""
    audio = table.column("audio")
    flat = [chunk.flatten() for chunk in audio.chunks]

    def field(name: str) -> pa.Array:
        parts = [pc.struct_field(chunk, name) for chunk in flat]
        return pa.chunked_array(parts, SEGMENT.field(name).type).combine_chunks()

    lengths = pc.list_value_length(audio).to_numpy()
    return Stretches(
        row=np.repeat(np.arange(len(audio)), lengths),
        recording=pc.coalesce(field("path"), field("digest")),
        start=field("start").to_numpy(),
        end=pc.fill_null(field("end"), np.inf).to_numpy(),
        onset=field("onset").to_numpy(),
    )


def codes(cells: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """A number per cell (n,), and the cells that the numbers stand for, in order of appearance."""
    whole = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    encoded = whole.dictionary_encode()
    # Not the 32 bits they come in: pairs of such numbers are numbered too
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary


def files(table: pa.Table) -> pa.Array:
    """The paths of the recordings, each once."""
    recordings = pc.unique(stretches(table).recording)
    return recordings.filter(pc.invert(pc.starts_with(recordings, BYTES)))


def light(table: pa.Table) -> pa.Table:
    """Without embedded audio: rows may then be taken from it, which copies them."""
    return _with_segments(table, LIGHT)


def completed(table: pa.Table) -> pa.Table:
    """With the columns that tables of earlier versions lack, empty in every row."""
    for name in (name for name in LATER if name not in table.column_names):
        place = min(SCHEMA.get_field_index(name), table.num_columns)
        none = pa.array([LATER[name]] * table.num_rows, SCHEMA.field(name).type)
        table = table.add_column(place, name, none)
    return table


def without_texts(table: pa.Table) -> pa.Table:
    """With an empty text, and so no words, in every row."""
    empty: dict[str, Any] = {"text": "", "words": []}
    for name, value in empty.items():
        cells = pa.array([value] * table.num_rows, SCHEMA.field(name).type)
        table = table.set_column(table.column_names.index(name), name, cells)
    return table


def located(table: pa.Table, folder: str) -> pa.Table:
    """With paths that are relative to a folder made whole."""

    def whole(paths: pa.Array) -> pa.Array:
        return pc.binary_join_element_wise(folder, paths, "/")

    return _with_segments(table, [f.name for f in SEGMENT], whole)


def renamed(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """A light table with other names for some recordings."""
    old, new = pa.array(list(names), pa.string()), pa.array(list(names.values()), pa.string())

    def rename(paths: pa.Array) -> pa.Array:
        return pc.coalesce(new.take(pc.index_in(paths, value_set=old)), paths)

    return _with_segments(table, LIGHT, rename) if names else table


def _with_segments(
    table: pa.Table,
    kept: Sequence[str],
    rename: Callable[[pa.Array], pa.Array] = lambda paths: paths,
) -> pa.Table:
    """With some fields of the segments alone, and other paths."""
    fields = [SEGMENT.field(name) for name in kept]
    chunks = []
    for chunk in table.column("audio").chunks:
        flat = chunk.flatten()
        parts = {name: pc.struct_field(flat, name) for name in kept}
        parts["path"] = rename(parts["path"])
        struct = pa.StructArray.from_arrays(list(parts.values()), fields=fields)
        offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(chunk).to_numpy())])
        chunks.append(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), struct))
    column = pa.chunked_array(chunks, pa.list_(pa.struct(fields)))
    return table.set_column(table.column_names.index("audio"), "audio", column)


def examples(batch: pa.RecordBatch) -> Iterator[Example]:
    """The rows as the examples they were; the text is the one that the model reads."""
    for row in batch.to_pylist():
        seconds = row.pop("stated_seconds")
        sequences = {name: tuple(row[name]) for name in ("targets", "content", "claims")}
        sequences["votes"] = tuple((vote["label"], vote["count"]) for vote in row["votes"])
        sequences["words"] = tuple(Word(**word) for word in row["words"])
        sequences["traits"] = tuple((trait["name"], trait["value"]) for trait in row["traits"])
        yield Example(**row | sequences | {"audio": segments(row["audio"]), "seconds": seconds})
