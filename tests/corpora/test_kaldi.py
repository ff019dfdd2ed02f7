"""Kaldi's data layout: its files, splits, labels, and what cannot be read of it."""

import json
from pathlib import Path

import pytest

from spectrobert import corpora
from spectrobert.corpora import kaldi
from spectrobert.data import store
from spectrobert.data.drawing import draw
from spectrobert.data.splits import caution
from spectrobert.settings.schemas import dataset_class

from ..helpers import made_up
from ..helpers.corpus_files import drops, examples, fails, parse, shown, write
from ..helpers.world import verb


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up.kaldi(tmp_path)
    return tmp_path


def lone(folder: Path, **files: str) -> Path:
    """A folder without splits: one recording, unless `files` say otherwise."""
    whole = {"wav_scp": "a a.wav\n", "utt2spk": "a anna\n", "text": "a one\n"} | files
    for name, content in whole.items():
        write(folder / name.replace("_", "."), content)
    return folder


def test_utterances_of_splits(root: Path) -> None:
    rows, left_out = parse(kaldi.load(root, "pre"))
    assert shown(rows.values(), "id", "text", "speaker", "split") == [
        "talk-1 | four | carl | test",
        "talk-2 | five | carl | test",
        "a | One two | anna | train",
        "b | TWO | anna | train",
    ]
    assert left_out == {"no transcript": 1}
    assert rows["a"].audio == ((str(root / "wavs/a.wav"), 0.0, None, 0.0),)
    talk = str(root / "test/talk.wav")
    assert rows["talk-1"].audio == ((talk, 0.0, 0.5, 0.0),)
    assert rows["talk-2"].audio == ((talk, 0.5, None, 0.0),)


def test_labels_of_utterances_and_of_speakers(root: Path) -> None:
    assert shown(kaldi.load(root, "ser", label="emotion"), "id", "label", "text")[2:] == [
        "a | sad | One two",
        "b | happy | TWO",
        "c | sad | ",
    ]
    rows = kaldi.load(root, "classification", label="gender", text="")
    assert shown(rows, "label", "text") == ["m | ", "m | ", "f | ", "f | ", "m | "]


def test_numbers(root: Path) -> None:
    rows = list(kaldi.load(root, "dimensional", targets=["arousal"]))
    assert [row.targets for row in rows] == [(1.0,), (2.0,), (0.5,), (1.0,), (-2.0,)]
    fails(kaldi.load(root, "dimensional"), "needs dataset.targets=[")
    fails(
        kaldi.load(root, "ser_multilabel", targets=["arousal"]),
        "utterance talk-2: arousal '2' is neither 0 nor 1",
    )
    fails(
        kaldi.load(root, "dimensional", targets=["emotion"]), "utterance talk-1: emotion 'sad' is"
    )


def test_a_label_has_to_be_named(root: Path) -> None:
    found = "utt2arousal, utt2emotion, spk2gender"
    fails(kaldi.load(root, "ser"), "test: dataset.label=NAME is needed", found)
    fails(kaldi.load(root, "ser", label="mood"), "test: no utt2mood or spk2mood", found)


def test_a_lone_folder_has_no_splits(tmp_path: Path) -> None:
    folder = lone(tmp_path / "mine")
    assert shown(kaldi.load(folder, "pre"), "id", "speaker", "split") == ["a | anna | "]


def test_folders_of_no_split_are_left_out(root: Path) -> None:
    lone(root / "train_sp")
    lone(root / ".backup")
    lone(root / "dev", wav_scp="d d.wav\n", utt2spk="d dora\n", text="d ten\n")
    rows = list(kaldi.load(root, "pre"))
    left_out = [row.what for row in drops(rows) if row.reason == "not the folder of a split"]
    assert left_out == ["train_sp"]
    assert {row.split for row in examples(rows).values()} == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        ([""], ()),
        (["train_si84", "eval92"], ("no wav.scp here", "found in eval92, train_si84")),
        (["", "train"], ("a wav.scp here, and others in train",)),
        (["dev", "valid"], ("several folders are the val split: dev, valid",)),
    ],
)
def test_which_folder_is_meant(tmp_path: Path, folders: list[str], words) -> None:
    for name in folders:
        lone(tmp_path / name)
    if words:
        fails(kaldi.load(tmp_path, "pre"), str(tmp_path), *words)
    else:
        assert len(list(kaldi.load(tmp_path, "pre"))) == 1


def test_no_folder_at_all(tmp_path: Path) -> None:
    fails(kaldi.load(tmp_path, "pre"), "no wav.scp here, nor in train, dev or test")
    fails(corpora.stream("kaldi", tmp_path / "none", "pre"), "no folder", "wav.scp, utt2spk")


def test_where_relative_paths_start(tmp_path: Path) -> None:
    folder = lone(tmp_path / "mine", wav_scp="a x/a.wav\n")

    def path(**options: str) -> str:
        (row,) = kaldi.load(folder, "pre", **options)
        return str(row.audio[0].audio)

    assert path() == str(tmp_path / "x/a.wav")  # missing: a later look counts it
    write(tmp_path / "x/a.wav")
    assert path() == str(tmp_path / "x/a.wav")
    write(folder / "x/a.wav")
    assert path() == str(folder / "x/a.wav")
    write(tmp_path / "else/x/a.wav")
    assert path(audio_dir=str(tmp_path / "else")) == str(tmp_path / "else/x/a.wav")
    fails(kaldi.load(folder, "pre", audio_dir="none"), "dataset.audio_dir=none: no such folder")
    write(folder / "wav.scp", "a /abs/a.wav\n")
    assert path() == "/abs/a.wav"


def test_a_file_that_is_moved_is_found_again(tmp_path: Path) -> None:
    """Whatever place it had when the corpus was parsed."""
    folder = lone(tmp_path / "mine")
    options = {"label": "", "targets": [], "text": "text", "audio_dir": ""}

    def path() -> str:
        table = store.parsed("kaldi", folder, "pre", options).table
        return table.column("audio")[0].as_py()[0]["path"]

    assert path() == str(tmp_path / "a.wav")
    write(folder / "a.wav")
    assert path() == str(folder / "a.wav")
    (folder / "a.wav").rename(tmp_path / "a.wav")
    assert path() == str(tmp_path / "a.wav")


def test_utterances_that_a_file_lacks_are_dropped(tmp_path: Path) -> None:
    folder = lone(
        tmp_path,
        wav_scp="a a.wav\nb b.wav\nc c.wav\nf f.wav\n",
        utt2spk="a anna\nb anna\nd anna\nf anna\n",
        text="a one\nc two\nd three\ne four\nf \t\n",
        utt2emotion="a sad\n",
    )
    assert drops(kaldi.load(folder, "pre")) == [
        ("no transcript", "b"),
        ("no speaker", "c"),
        ("no transcript", "f"),
        ("no audio file", "d"),
        ("no audio file", "e"),
    ]
    assert ("no emotion", "b") in drops(kaldi.load(folder, "ser", label="emotion"))
    write(folder / "segments", "a-1 a 0 1\nz-1 z 0 1\n")
    assert ("no audio file", "z-1") in drops(kaldi.load(folder, "pre"))


def test_speakers_that_are_not_known(tmp_path: Path) -> None:
    """Kaldi then has each utterance as its own speaker."""
    scp = "".join(f"{n} {n}.wav\n" for n in range(9))
    folder = lone(
        tmp_path,
        wav_scp=scp,
        utt2spk="".join(f"{n} {n}\n" for n in range(9)),
        utt2label="".join(f"{n} {n % 2}\n" for n in range(9)),
    )
    rows, _ = corpora.load("kaldi", folder, "classification", label="label")
    assert {row.speaker for row in rows} == {""}
    options = dataset_class("kaldi")(root=str(folder), label="label", check="none")
    definition = draw(rows, "kaldi", "classification", options).summary.definition
    assert "speakers are not known" in caution(definition)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"wav_scp": "a sph2pipe -f wav a.sph |\n"}, ("wav.scp: a is a command (sph2pipe -f wav",)),
        ({"wav_scp": "a raw.ark:17\n"}, ("wav.scp: a is a place in an archive (raw.ark:17)",)),
        ({"wav_scp": "a a.wav\na b.wav\n"}, ("wav.scp line 2: 'a' is there twice",)),
        ({"wav_scp": "a a.wav\n\nb\n"}, ("wav.scp line 3: nothing follows 'b'",)),
        ({"wav_scp": "a \0.wav\n"}, ("wav.scp line 1: a NUL character",)),
        ({"text": "a one\na two\n"}, ("text line 2: 'a' is there twice",)),
        ({"utt2spk": "a\n"}, ("utt2spk line 1: nothing follows 'a'",)),
        ({"segments": "u a 0\n"}, ("segments: u: 'a 0' is not a recording, a start and an end",)),
        ({"segments": "u a 0 2 1\n"}, ("segments: u: 'a 0 2 1' is not a recording",)),
        ({"segments": "u a 2 1\n"}, ("segments: u: 2 1 is no start of 0 s or more",)),
        ({"segments": "u a -1 1\n"}, ("segments: u: -1 1 is no start",)),
        ({"segments": "u a now 1\n"}, ("segments: u: now 1 is no start",)),
    ],
)
def test_files_that_are_not_as_kaldi_has_them(tmp_path: Path, files, words) -> None:
    fails(kaldi.load(lone(tmp_path, **files), "pre"), str(tmp_path), *words)


def test_a_long_command_is_cut_in_the_message(tmp_path: Path) -> None:
    folder = lone(tmp_path, wav_scp=f"a {'x' * 500} |\n")
    fails(kaldi.load(folder, "pre"), f"({'x' * 60}...)")


@pytest.mark.parametrize("name", ["utt2spk", "text"])
def test_missing_files(tmp_path: Path, name: str) -> None:
    folder = lone(tmp_path)
    (folder / name).unlink()
    fails(kaldi.load(folder, "pre"), f"cannot read {folder / name}")


def test_transcripts_are_optional_but_in_pre_training(tmp_path: Path) -> None:
    folder = lone(tmp_path, utt2emotion="a sad\n", norm="a ONE\n")
    assert shown(kaldi.load(folder, "ser", label="emotion", text="norm"), "text") == ["ONE"]
    fails(kaldi.load(folder, "ser", label="emotion", text="bpe"), "cannot read", "bpe")
    (folder / "text").unlink()
    assert shown(kaldi.load(folder, "ser", label="emotion"), "text") == [""]
    fails(kaldi.load(folder, "pre", text=""), "dataset.text=FILE")


@pytest.mark.parametrize(
    ("options", "task"),
    [
        ({}, "pre"),
        ({"label": "emotion"}, "classification"),
        ({"targets": ["age"], "label": "x"}, "dimensional"),
    ],
)
def test_the_task_that_options_ask_for(options, task: str) -> None:
    own = {"label": "", "targets": []} | options
    assert kaldi.choose_task(own)[0] == task


def test_check_of_real_sentences(real_data: Path, tmp_path: Path) -> None:
    root = real_data / "speechocean762"
    if not root.is_dir():
        pytest.skip(f"no {root}")
    rows, left_out = parse(kaldi.load(root, "pre"))
    assert (len(rows), len({row.speaker for row in rows.values()}), left_out) == (1260, 63, {})
    first = rows["000010011"]
    assert (first.text, first.split, first.speaker) == ("WE CALL IT BEAR", "train", "0001")
    assert Path(str(first.audio[0].audio)).is_file()
    genders = [row.label for row in kaldi.load(root, "classification", label="gender")]
    assert {label: genders.count(label) // 20 for label in "mf"} == {"m": 28, "f": 35}
    ages = [row.targets for row in kaldi.load(root, "dimensional", targets=["age"])]
    assert len(ages) == 1260
    assert max(ages) < (60.0,)
    done = verb("data", "check", "kaldi", f"dataset.root={root}", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    assert "task pre, by the transcripts" in done.stderr
    splits = next(f for f in json.loads(done.stdout)["findings"] if f["check"] == "splits")
    assert "validation carved by speaker" in splits["found"]
