"""Small corpora on disk for the tests, and what a parser made of them."""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from spectrobert.corpora import esc10
from spectrobert.corpora.example import SPLITS, Dropped, Example
from spectrobert.errors import UserError

Rows = Iterable[Example | Dropped]


def encoded(seconds: float = 0.1, kind: str = "FLAC") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(round(seconds * 16000), dtype="float32"), 16000, format=kind)
    return file.getvalue()


WAV = encoded(0.01, "WAV")


def write(path: Path, content: str | bytes = WAV) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def tsv(header: str, *rows: str) -> str:
    """Columns divided by a bar in the tests, by a tab in the file."""
    return "\n".join((header, *rows)).replace("|", "\t") + "\n"


def examples(rows: Rows) -> dict[str, Example]:
    """The examples by id."""
    found = [row for row in rows if isinstance(row, Example)]
    by_id = {row.id: row for row in found}
    assert len(by_id) == len(found), "ids repeat"
    return by_id


def by_split(rows: Sequence[Example]) -> dict[str, list[Example]]:
    return {split: [row for row in rows if row.split == split] for split in SPLITS}


def drops(rows: Rows) -> list[Dropped]:
    return [row for row in rows if isinstance(row, Dropped)]


def dropped(rows: Rows) -> Counter[str]:
    """Number of times each reason to drop was given."""
    return Counter(row.reason for row in drops(rows))


def shown(rows: Rows, *fields: str) -> list[str]:
    """Fields of the examples, `a | b | c` per row."""
    return [
        " | ".join(str(getattr(row, field)) for field in fields) for row in examples(rows).values()
    ]


def parse(rows: Rows) -> tuple[dict[str, Example], Counter[str]]:
    rows = list(rows)
    return examples(rows), dropped(rows)


def fails(results: Rows, *words: str) -> None:
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


fuzzed = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SCRAPS = st.sampled_from(
    [b"", b"\t", b"\n", b"\r", b'"', b"\xff", b"\x00", b"{", b"]", b"null", b"\\ud800", b",", b"1"]
)

# text of a cell of a table
CELLS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters='",'), max_size=6
)


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """A way to spoil a file: stretches replaced by scraps, and perhaps the end cut off."""
    put = SCRAPS | st.binary(max_size=20) | st.text(max_size=20).map(str.encode)
    edits = draw(
        st.lists(st.tuples(st.floats(0, 1), st.integers(0, 60), put), min_size=1, max_size=4)
    )
    is_cut = draw(st.booleans())

    def spoil(whole: bytes) -> bytes:
        for place, length, scrap in edits:
            at = round(place * len(whole))
            whole = whole[:at] + scrap + (b"" if is_cut else whole[at + length :])
        return whole

    return spoil


def parse_or_refuse(rows: Rows) -> list[Example | Dropped] | None:
    """Rows of a spoilt file that can be written; None for a UserError of one line."""
    found, complaint = [], ""
    try:
        found = list(rows)
    except UserError as error:
        complaint = str(error)
    if complaint:
        assert len(complaint.splitlines()) == 1
        return None
    assert all(isinstance(row, Example | Dropped) for row in found)
    for row in examples_in(found):
        f"{row.id} {row.text} {row.speaker}".encode()
    return found


def examples_in(rows: Rows) -> list[Example]:
    return [row for row in rows if isinstance(row, Example)]


def lines_of(path: Path) -> int:
    return sum(bool(line) for line in re.split(b"[\r\n]", path.read_bytes()))


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
