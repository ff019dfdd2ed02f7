"""A prepared corpus trains as the corpus itself does."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from spectrobert.audio import convert, io
from spectrobert.corpus_tools.prepare import Written, write
from spectrobert.data import copies
from spectrobert.data.clips import segments
from spectrobert.data.preparation import prepare
from spectrobert.data.rows import SCHEMA
from spectrobert.errors import UserError
from spectrobert.settings.schemas import dataset_class

from ..helpers.sounds import constant, noise
from ..helpers.world import data_dir, verb

COLUMNS = ("id", "text", "label", "targets", "speaker", "group", "seconds")


class Inline:
    """An executor in this process: what is copied can be counted."""

    def __init__(self):
        self.copied = []

    def map(self, function, *arguments):
        for given in zip(*arguments):
            self.copied.append(given[0])
            yield function(*given)


def prepared(out: Path, options, task: str, root: Path) -> tuple[Written, list]:
    from spectrobert.corpora import corpus

    own = {name: getattr(options, name) for name in corpus(options.name).options()}
    pool = Inline()
    return write(out, options.name, root, task, own, pool), pool.copied


@pytest.mark.parametrize("task", ["ser", "aqa_open", "pre"])
def test_the_demo_is_the_same_sample_for_sample(tmp_path, task):
    """It is 16 kHz, mono, 16 bit as it is."""
    plain = dataset_class("demo")(size=0.02)
    before = prepare(task, plain, str(data_dir()))
    written, _ = prepared(tmp_path / "p", plain, task, data_dir() / "demo")
    assert written.unusable == []
    moved = (tmp_path / "p").rename(tmp_path / "moved")
    after = prepare(task, dataset_class("demo")(size=0.02, prepared=str(moved)), "/nowhere")
    assert after.summary == before.summary
    assert after.labels == before.labels
    for split, rows in before.splits.items():
        for name in COLUMNS:
            assert after.splits[split][name][:] == rows[name][:], name
        for i in (0, len(rows) // 2, -1):
            own, copy = (io.read_clip(segments(t[i]["audio"])) for t in (rows, after.splits[split]))
            assert np.array_equal(own, copy)


@pytest.fixture
def table(tmp_path) -> Path:
    """48 kHz stereo; one file is silent, one recording is used in two stretches."""
    lines = ["audio,label,split,speaker,start,end"]
    for i in range(24):
        path = noise(tmp_path / "audio" / f"{i}.wav", i, 0.5, 48_000, 2)
        side = ("train", "train", "val", "test")[i // 6]
        lines.append(f"{path},{'ab'[i % 2]},{side},{side},,")
        if i == 3:
            lines.append(f"{path},a,{side},{side},0.1,0.3")
    constant(tmp_path / "audio" / "5.wav", 0.0)
    (tmp_path / "table.csv").write_text("\n".join(lines))
    return tmp_path / "table.csv"


def own(table: Path, **more):
    return dataset_class("csv")(file=str(table), max_skipped=0.5, **more)


def test_resampled_copies_differ_by_rounding_alone(table, tmp_path):
    before = prepare("ser", own(table), "")
    written, copied = prepared(tmp_path / "p", own(table), "ser", tmp_path / "none")
    assert len(copied) == 24
    assert [(row.id, row.split) for row in written.unusable] == [("audio/5.wav", "train")]
    after = prepare("ser", own(table, prepared=str(tmp_path / "p")), "")
    assert [s.id for s in after.skipped] == [s.id for s in before.skipped] == ["audio/5.wav"]
    assert after.skipped[0].fault.startswith("silent")
    assert after.summary == before.summary
    for split, rows in before.splits.items():
        assert list(after.splits[split]["id"]) == list(rows["id"])
        for one, other in zip(rows, after.splits[split]):
            first, second = (io.read_clip(segments(row["audio"])) for row in (one, other))
            assert abs(len(first) - len(second)) <= 1
            n = min(len(first), len(second)) - 100  # at a cut the resampler sees what follows
            assert np.abs(first[100:n] - second[100:n]).max() < 2e-4
    info = soundfile.info(next((tmp_path / "p" / "audio").rglob("*.flac")))
    assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")


def test_an_owners_split_that_could_not_be_copied_is_not_carved_anew(table, tmp_path):
    for i in range(18, 24):  # all of test
        constant(tmp_path / "audio" / f"{i}.wav", 0.0)
    prepared(tmp_path / "p", own(table), "ser", tmp_path)
    with pytest.raises(UserError, match=r"none of the 6 examples of the owner's test split"):
        prepare("ser", own(table, prepared=str(tmp_path / "p")), "")


def test_copies_that_are_there_are_kept(table, tmp_path):
    out = tmp_path / "p"
    prepared(out, own(table), "ser", tmp_path)
    next((out / "audio").rglob("*.flac")).unlink()
    _, copied = prepared(out, own(table), "ser", tmp_path)
    assert len(copied) == 2  # the lost one, and the bad one once more
    noise(tmp_path / "audio" / "7.wav", 99, 0.5, 48_000, 2)
    _, copied = prepared(out, own(table), "ser", tmp_path)
    assert str(tmp_path / "audio" / "7.wav") in copied
    assert not list(out.rglob(".*"))


def test_a_table_of_ones_own_need_not_be_named_again(table, tmp_path):
    prepared(tmp_path / "p", own(table), "ser", tmp_path)
    table.unlink()
    shutil.rmtree(tmp_path / "audio")
    options = dataset_class("csv")(prepared=str(tmp_path / "p"), max_skipped=0.5)
    assert prepare("ser", options, "").summary.counts == {"train": 12, "val": 6, "test": 6}


def test_what_was_not_prepared_is_refused(tmp_path):
    for actor in range(1, 25):
        noise(tmp_path / "r" / f"03-01-0{1 + actor % 8}-01-01-01-{actor:02}.wav", actor)
    fold = dataset_class("ravdess")
    out = tmp_path / "p"
    prepared(out, fold(fold=1), "ser", tmp_path / "r")
    assert prepare("ser", fold(fold=1, prepared=str(out)), "").summary.counts["test"] == 4
    for options, task, words in (
        (fold(fold=2, prepared=str(out)), "ser", "no table of task ser with {'fold': 2}"),
        (fold(fold=1, prepared=str(out)), "pre", "no table of task pre"),
        (fold(prepared=str(tmp_path / "nix")), "ser", "is not prepared"),
        (dataset_class("crema_d")(prepared=str(out)), "ser", "holds ravdess, not crema_d"),
    ):
        with pytest.raises(UserError, match=rf"^.*{re.escape(words)}.*$"):
            prepare(task, options, "")
    with pytest.raises(UserError, match="give demo its own"):
        prepared(out, dataset_class("demo")(size=0.02), "ser", data_dir() / "demo")
    (variant,) = json.loads((out / copies.INDEX).read_text())["tables"]
    shorter = SCHEMA.remove(SCHEMA.get_field_index("votes"))  # later columns may be missing
    with pa.ipc.new_stream(str(out / variant / "rows.arrow"), shorter):
        pass
    with pytest.raises(UserError, match="another version of spectrobert; prepare it again"):
        prepare("ser", fold(fold=1, prepared=str(out)), "")
    (out / variant / "rows.arrow").write_bytes(b"cut")
    with pytest.raises(UserError, match="damaged"):
        prepare("ser", fold(fold=1, prepared=str(out)), "")


def test_a_long_recording_is_copied_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(io, "BLOCK_SECONDS", 0.35)
    path = noise(tmp_path / "a.wav", 0, 1.0, 44_100)
    assert convert.copy(path, tmp_path / "x" / "copy.flac") == ""
    copied, _ = soundfile.read(tmp_path / "x" / "copy.flac", dtype="float32")
    whole = io.read(path)
    assert len(copied) == len(whole) == 16_000
    assert np.abs(copied - whole).max() < 1e-4
    cut = Path(path).read_bytes()[:44_100]
    (tmp_path / "cut.wav").write_bytes(cut)
    assert convert.copy(str(tmp_path / "cut.wav"), tmp_path / "y.flac").startswith("truncated")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "cut.wav", "x"]


def test_the_verb_as_a_user_calls_it(table, tmp_path):
    out = tmp_path / "p"
    call = ("data", "prepare", "csv", "--task", "ser", "--num_workers", "2", "--out", str(out))
    done = verb(*call, f"dataset.file={table}")
    assert done.returncode == 0, done.stderr
    assert "ser: 24 rows" in done.stdout
    assert f"train with: --dataset csv dataset.prepared={out}" in done.stdout
    assert "5.wav,silent" in (out / "skipped.csv").read_text()
    assert len(list(out.rglob("*.flac"))) == 23
    done = verb("data", "prepare", "csv")
    assert done.returncode == 2
    assert done.stderr.strip().startswith("error: data prepare csv needs --task")
