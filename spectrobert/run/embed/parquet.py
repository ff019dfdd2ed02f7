"""The file of vectors, written part by part next to its place, and renamed when it is whole."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...files import aside

GROUP_BYTES = 16 << 20  # of rows that are written together


class VectorFile:
    """Rows of facts with a vector each: list<float32> of one width.

    Args:
        metadata: of the schema, by key.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str]):
        self.path, self.metadata = path, dict(metadata)
        self.writer: pq.ParquetWriter | None = None
        self.waiting: list[pa.Table] = []
        self.num_rows = self.width = 0

    def append(self, facts: pa.Table, vectors: np.ndarray) -> None:
        """Add (R,) rows and their vectors (R, P)."""
        self.width = vectors.shape[1]
        flat = pa.array(np.ascontiguousarray(vectors, np.float32).ravel())
        column = pa.FixedSizeListArray.from_arrays(flat, self.width)
        table = facts.append_column("vector", column)
        self.waiting.append(table.replace_schema_metadata(self.metadata))
        self.num_rows += len(table)
        if sum(part.nbytes for part in self.waiting) >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self.waiting:
            table = pa.concat_tables(self.waiting).combine_chunks()
            if self.writer is None:
                self.writer = pq.ParquetWriter(self.path, table.schema)
            self.writer.write_table(table)
            self.waiting = []

    def close(self) -> None:
        """Write the rest and the footer."""
        self.flush()
        if self.writer is not None:
            self.writer.close()


@contextmanager
def opened(path: Path, metadata: Mapping[str, str]) -> Iterator[VectorFile]:
    """A file of vectors, there when it is whole; after an exception, or without rows, none.

    Raises OSError if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with aside(path) as place:
        file = VectorFile(place, metadata)
        yield file
        file.close()
        if file.num_rows:
            os.replace(place, path)
