"""One way to draw the splits of a corpus: for training, for its check, for its statistics."""

from pathlib import Path

from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import Example
from spectrobert.corpus_tools.split_findings import draw as findings_of
from spectrobert.data.drawing import draw
from spectrobert.data.preparation import prepare
from spectrobert.settings.schemas import dataset_class

from ..helpers.sounds import noise


def test_check_and_training_draw_alike_and_join_equal_files(tmp_path: Path) -> None:
    """Sixty clips without a split; the first twenty are one file under twenty names."""
    paths = [noise(tmp_path / f"{i}.wav", max(i, 20)) for i in range(60)]
    lines = [f"{path},{'ab'[i % 2]}" for i, path in enumerate(paths)]
    (tmp_path / "t.csv").write_text("\n".join(["audio,label", *lines]))
    options = dataset_class("csv")(file=str(tmp_path / "t.csv"))
    prepared = prepare("classification", options, "")
    trained = {row: split for split, part in prepared.splits.items() for row in part["id"]}
    examples = [
        Example(Path(path).name, (Segment(path),), label="ab"[i % 2])
        for i, path in enumerate(paths)
    ]
    sides = findings_of(examples, "classification", options).sides
    assert dict(zip((e.id for e in examples), sides)) == trained
    assert len(set(sides[:20])) == 1


def test_no_file_is_opened_where_checks_are_off(tmp_path: Path) -> None:
    paths = [noise(tmp_path / f"{i}.wav", max(i, 20)) for i in range(60)]
    examples = [Example(str(i), (Segment(path),)) for i, path in enumerate(paths)]
    names = {
        check: draw(examples, "csv", "classification", dataset_class("csv")(check=check)).table
        for check in ("none", "auto")
    }
    assert " = " not in str(names["none"].column("audio").to_pylist())
    assert " = " in str(names["auto"].column("audio").to_pylist())
