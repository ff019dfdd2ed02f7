"""SLUE-VoxCeleb: its owner's layout and the Hub's, with small audio."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest
import soundfile
from hypothesis import given

from spectrobert.corpora import slue_voxceleb

from ..helpers.corpus_files import (
    EDITS,
    accounted,
    damaged,
    encoded,
    fails,
    fuzzed,
    hub_file,
    lines_of,
    parse,
    tsv,
    write,
)

SLUE_HEADER = "id|normalized_text|speaker_id|split|sentiment|start_second|end_second"
ANN = "id10059_229vKIG_xrI_00004"


@pytest.fixture
def slue_root(tmp_path: Path) -> Path:
    """The owner's archive, of which the train audio was cut by the owner's script too."""
    folder = tmp_path / "slue-voxceleb"
    rows = {
        "fine-tune": [
            f"{ANN}|of god what is|id10059|fine-tune|Neutral|0.45|4.52",
            "id10060_a_00001|i love it|id10060|fine-tune|Positive|0.0|1.5",
            "id10060_a_00002|hm|id10060|fine-tune|<mixed>|0.0|1.5",
            "id10060_a_00003|hm|id10060|fine-tune|Disagreement|0.0|1.5",
            "id10060_a_00004|hm|id10060|fine-tune||0.0|1.5",
            "id10060_a_00009|hm|id10060|fine-tune|Neutral|0.0|1.5",
        ],
        "dev": [
            "id10061_b_00001|no|id10061|dev|Negative|0.5|1.25",
            "id10061_b_00002|no|id10061|dev|Negative|1.25|0.5",
            "id10061_b_00003|no|id10061|dev|Negative||1",
            "id10061_b_00004||id10061|dev|Negative|0|1",
            "|no name|id10061|dev|Negative|0|1",
        ],
        "test": ["odd-name|well|id10062|test|Negative|0|1"],
    }
    for name, lines in rows.items():
        write(folder / f"slue-voxceleb_{name}.tsv", tsv(SLUE_HEADER, *lines))
        for line in lines:
            clip = line.split("|")[0]
            if clip not in ("", "id10060_a_00009"):
                write(folder / f"{name}_raw/{clip}.flac", encoded(5 if clip == ANN else 1.5))
    write(folder / f"fine-tune/{ANN}.flac", encoded(4.07))
    return tmp_path


def test_slue_three_clean_labels(slue_root: Path) -> None:
    examples, dropped = parse(slue_voxceleb.load(slue_root, "sentiment"))
    assert {name: (item.label, item.split) for name, item in examples.items()} == {
        ANN: ("neutral", "train"),
        "id10060_a_00001": ("positive", "train"),
        "id10061_b_00001": ("negative", "val"),
        "id10061_b_00004": ("negative", "val"),  # its audio speaks for itself
        "odd-name": ("negative", "test"),
    }
    assert dropped == {
        "label <mixed>": 1,
        "label Disagreement": 1,
        "label missing": 1,
        "no audio file": 1,
        "no start and end": 2,
        "no id": 1,
    }
    assert slue_voxceleb.CORPUS.labels["sentiment"] == ("negative", "neutral", "positive")
    assert list(slue_voxceleb.load(slue_root / "slue-voxceleb", "sentiment")) == list(
        slue_voxceleb.load(slue_root, "sentiment")
    )


def test_slue_reads_the_labelled_stretch_only(slue_root: Path) -> None:
    examples, _ = parse(slue_voxceleb.load(slue_root, "sentiment"))
    path, start, end, _ = examples[ANN].audio[0]  # cut already
    assert Path(str(path)).parent.name == "fine-tune"
    assert (start, end) == (0.0, None)
    path, start, end, _ = examples["id10061_b_00001"].audio[0]
    assert Path(str(path)).parent.name == "dev_raw"
    assert (start, end) == (0.5, 1.25)


def test_slue_speakers_and_videos(slue_root: Path) -> None:
    examples, _ = parse(slue_voxceleb.load(slue_root, "sentiment"))
    assert (examples[ANN].speaker, examples[ANN].group) == ("id10059", "229vKIG_xrI")
    assert (examples["odd-name"].speaker, examples["odd-name"].group) == ("id10062", "")
    path = slue_root / "slue-voxceleb/slue-voxceleb_fine-tune.tsv"
    lines = path.read_text().splitlines()
    without = ["\t".join(line.split("\t")[:2] + line.split("\t")[3:]) for line in lines]
    write(path, "\n".join(without))
    examples, _ = parse(slue_voxceleb.load(slue_root, "sentiment"))
    assert examples[ANN].speaker == "id10059"  # from the id


def test_slue_for_pretraining_needs_text_and_no_label(slue_root: Path) -> None:
    examples, dropped = parse(slue_voxceleb.load(slue_root, "pre"))
    assert {item.label for item in examples.values()} == {""}
    assert "id10060_a_00002" in examples
    assert dropped == {
        "no audio file": 1,
        "no start and end": 2,
        "no transcript": 1,
        "no id": 1,
    }


def test_slue_blind_release(slue_root: Path) -> None:
    folder = slue_root / "slue-voxceleb"
    path = folder / "slue-voxceleb_test.tsv"
    path.rename(folder / "slue-voxceleb_test_blind.tsv")
    examples, dropped = parse(slue_voxceleb.load(slue_root, "sentiment"))
    assert {item.split for item in examples.values()} == {"train", "val"}
    assert dropped["no label file"] == 1
    (folder / "slue-voxceleb_dev.tsv").unlink()
    fails(slue_voxceleb.load(slue_root, "sentiment"), "slue-voxceleb_dev.tsv")


def slue_hub(*sentiments: str | None) -> pa.Table:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    n = len(sentiments)
    return pa.table(
        {
            "index": list(range(n)),
            "id": [f"id10059_x_{k:05d}" for k in range(n)],
            "audio": pa.array([{"bytes": encoded(2), "path": "x.flac"}] * n, kind),
            "speaker_id": ["id10059"] * n,
            "normalized_text": ["well"] * n,
            "sentiment": pa.array(sentiments, pa.string()),
            "start_second": [0.25] * n,
            "end_second": [1.5] * n,
            "local_path": ["slue-voxceleb/fine-tune_raw/x.flac"] * n,
        }
    )


def test_slue_parquet(tmp_path: Path) -> None:
    hub_file(tmp_path / "voxceleb/train-00000-of-00001.parquet", slue_hub("Negative", "<mixed>"))
    hub_file(tmp_path / "voxceleb/validation-00000-of-00001.parquet", slue_hub(None))
    examples, dropped = parse(slue_voxceleb.load(tmp_path, "sentiment"))
    (example,) = examples.values()
    assert (example.label, example.split, example.speaker) == ("negative", "train", "id10059")
    audio, start, end, _ = example.audio[0]
    assert soundfile.info(io.BytesIO(audio)).duration == 2.0
    assert (start, end) == (0.25, 1.5)
    assert dropped == {"label <mixed>": 1, "label missing": 1}
    assert len(list(slue_voxceleb.load(tmp_path / "voxceleb", "sentiment"))) == 3


@fuzzed
@given(edits=EDITS)
def test_slue_never_loses_a_row(slue_root: Path, edits: list) -> None:
    path = slue_root / "slue-voxceleb/slue-voxceleb_fine-tune.tsv"
    whole = path.read_bytes()
    try:
        write(path, damaged(whole, edits))
        results = slue_voxceleb.load(slue_root, "sentiment")
        assert accounted(results) in (None, lines_of(path) - 1 + 6)
    finally:
        write(path, whole)
