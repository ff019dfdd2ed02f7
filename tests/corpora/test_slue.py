"""SLUE-VoxCeleb: its owner's layout and the Hub's, with small audio."""

import io
from pathlib import Path

import pyarrow as pa
import pytest
import soundfile

from spectrobert.corpora import slue_voxceleb

from ..helpers import made_up
from ..helpers.corpus_files import encoded, fails, hub_file, parse, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up.slue(tmp_path)
    return tmp_path


def test_slue_three_clean_labels(root: Path) -> None:
    examples, dropped = parse(slue_voxceleb.load(root, "sentiment"))
    assert {name: (item.label, item.split) for name, item in examples.items()} == {
        made_up.ANN: ("neutral", "train"),
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
    assert list(slue_voxceleb.load(root / "slue-voxceleb", "sentiment")) == list(
        slue_voxceleb.load(root, "sentiment")
    )


def test_slue_reads_the_labelled_stretch_only(root: Path) -> None:
    examples, _ = parse(slue_voxceleb.load(root, "sentiment"))
    path, start, end, _ = examples[made_up.ANN].audio[0]  # cut already
    assert Path(str(path)).parent.name == "fine-tune"
    assert (start, end) == (0.0, None)
    path, start, end, _ = examples["id10061_b_00001"].audio[0]
    assert Path(str(path)).parent.name == "dev_raw"
    assert (start, end) == (0.5, 1.25)


def test_slue_speakers_and_videos(root: Path) -> None:
    examples, _ = parse(slue_voxceleb.load(root, "sentiment"))
    ann = examples[made_up.ANN]
    assert (ann.speaker, ann.group) == ("id10059", "229vKIG_xrI")
    assert (examples["odd-name"].speaker, examples["odd-name"].group) == ("id10062", "")
    path = root / "slue-voxceleb/slue-voxceleb_fine-tune.tsv"
    lines = path.read_text().splitlines()
    without = ["\t".join(line.split("\t")[:2] + line.split("\t")[3:]) for line in lines]
    write(path, "\n".join(without))
    examples, _ = parse(slue_voxceleb.load(root, "sentiment"))
    assert examples[made_up.ANN].speaker == "id10059"  # from the id


def test_slue_for_pretraining_needs_text_and_no_label(root: Path) -> None:
    examples, dropped = parse(slue_voxceleb.load(root, "pre"))
    assert {item.label for item in examples.values()} == {""}
    assert "id10060_a_00002" in examples
    assert dropped == {"no audio file": 1, "no start and end": 2, "no transcript": 1, "no id": 1}


def test_slue_blind_release(root: Path) -> None:
    folder = root / "slue-voxceleb"
    path = folder / "slue-voxceleb_test.tsv"
    path.rename(folder / "slue-voxceleb_test_blind.tsv")
    examples, dropped = parse(slue_voxceleb.load(root, "sentiment"))
    assert {item.split for item in examples.values()} == {"train", "val"}
    assert dropped["no label file"] == 1
    (folder / "slue-voxceleb_dev.tsv").unlink()
    fails(slue_voxceleb.load(root, "sentiment"), "slue-voxceleb_dev.tsv")


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
