"""Small corpora on disk for the tests, and what a parser made of them."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from spectrobert.corpora import esc10
from spectrobert.corpora.example import Dropped, Example
from spectrobert.errors import UserError


def encoded(seconds: float = 0.1, kind: str = "FLAC") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(round(seconds * 16000), dtype="float32"), 16000, format=kind)
    return file.getvalue()


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def tsv(header: str, *rows: str) -> str:
    """Columns divided by a bar in the tests, by a tab in the file."""
    return "\n".join((header, *rows)).replace("|", "\t") + "\n"


def parse(
    results: Iterable[Example | Dropped],
) -> tuple[dict[str, Example], Counter[str]]:
    """The examples by id, and how often each reason to drop was given."""
    results = list(results)
    examples = [item for item in results if isinstance(item, Example)]
    by_id = {item.id: item for item in examples}
    assert len(by_id) == len(examples), "ids repeat"
    return by_id, Counter(item.reason for item in results if isinstance(item, Dropped))


def fails(results: Iterable[Example | Dropped], *words: str) -> None:
    """The parser raises one line that holds these words."""
    with pytest.raises(UserError) as caught:
        list(results)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def hub_file(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


SCRAPS = st.sampled_from(
    [b"", b"\t", b"\n", b"\r", b'"', b"\xff", b"\x00", b"{", b"]", b"null", b"\\ud800", b",", b"1"]
)
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 60), SCRAPS | st.binary(max_size=4)),
    min_size=1,
    max_size=4,
)
fuzzed = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def damaged(whole: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Cuts out up to 60 bytes at some places and puts scraps there."""
    for place, length, scrap in edits:
        at = round(place * len(whole))
        whole = whole[:at] + scrap + whole[at + length :]
    return whole


def accounted(results: Iterable[Example | Dropped]) -> int | None:
    """How many rows became an example or a counted drop; None for a UserError of one line."""
    try:
        results = list(results)
    except UserError as error:
        message = str(error)
        assert "\n" not in message
        return None
    assert all(isinstance(item, (Example, Dropped)) for item in results)
    for item in results:
        if isinstance(item, Example):
            f"{item.id} {item.text} {item.speaker}".encode()  # can be written
    return len(results)


def lines_of(path: Path) -> int:
    return sum(bool(line) for line in re.split(b"[\r\n]", path.read_bytes()))


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Some way to spoil a file: cut it short, or overwrite, insert or delete a stretch."""
    at, length = draw(st.floats(0, 1)), draw(st.integers(0, 40))
    put = draw(
        st.one_of(st.just(b""), st.binary(max_size=20), st.text(max_size=20).map(str.encode))
    )
    is_cut = draw(st.booleans())

    def spoil(data: bytes) -> bytes:
        start = int(at * len(data))
        return data[:start] + put + (b"" if is_cut else data[start + length :])

    return spoil


def parse_or_refuse(rows: Iterable[Example | Dropped]) -> list[Example | Dropped]:
    """What a parser makes of a spoilt file: rows, or one line of complaint, and nothing else."""
    try:
        found = list(rows)
    except UserError as error:
        complaint = str(error).splitlines()
        assert len(complaint) == 1
        return []
    assert all(isinstance(row, Example | Dropped) for row in found)
    return found


def esc10_folder(root: Path, layout: str) -> Path:
    """Two folds of ten classes with two clips each, without audio, in one of the two layouts."""
    rows = [
        (fold, category, 1000 * fold + 10 * number + clip)
        for fold in (1, 2)
        for number, category in enumerate(esc10.SOUNDS)
        for clip in range(2)
    ]
    if layout == "manifest":
        lines = ["path\tfold\tcategory\tfreesound_id\ttake"]
        lines += [f"{c}/{f}-{s}-A.flac\t{f}\t{c}\t{s}\tA" for f, c, s in rows]
        (root / "manifest.tsv").write_text("\n".join(lines) + "\n")
    else:
        lines = ["filename,fold,target,category,esc10,src_file,take"]
        lines += [f"{f}-{s}-A-0.wav,{f},0,{c},True,{s},A" for f, c, s in rows]
        lines += ["1-9-A-7.wav,1,7,cat,False,9,A"]  # one of the forty other classes
        (root / "meta").mkdir()
        (root / "meta/esc50.csv").write_text("\n".join(lines) + "\n")
    return root
