"""From files to tables: bad audio is skipped and counted, labels and splits are made sure of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from spectrobert.audio import io
from spectrobert.audio.segment import Segment
from spectrobert.config import DatasetConfig
from spectrobert.corpora.example import Example
from spectrobert.data import checks, vocabulary
from spectrobert.data.checks import check
from spectrobert.data.preparation import prepare
from spectrobert.errors import UserError
from spectrobert.settings.schemas import dataset_class

from ..helpers.sounds import BAD_FILES, constant, noise

ROOT = Path(__file__).parents[2]


def example(number: int, *audio: str) -> Example:
    return Example(id=f"row{number}", audio=tuple(Segment(a) for a in audio))


def good(folder: Path, count: int) -> list[Example]:
    return [example(i, noise(folder / f"good{i}.wav", i)) for i in range(count)]


# ---------------------------------------------------------------- audio


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_skipped_with_its_reason(tmp_path, kind):
    write, fault = BAD_FILES[kind]
    path = write(tmp_path / "bad.wav")
    examples = [*good(tmp_path, 3), example(3, path)]
    checked = check(examples, "auto", 0.25, tmp_path / "cache.json")
    assert [e.id for e in checked.examples] == ["row0", "row1", "row2"]
    assert checked.seconds == pytest.approx([0.3] * 3)
    (skipped,) = checked.skipped
    assert (skipped.id, skipped.recording) == ("row3", path)
    assert skipped.fault.startswith(f"{fault}: ")


@pytest.mark.parametrize("kind", BAD_FILES)
def test_above_the_limit_the_first_file_is_named(tmp_path, kind):
    write, fault = BAD_FILES[kind]
    path = write(tmp_path / "bad.wav")
    examples = [*good(tmp_path, 2), example(2, path), example(3, str(tmp_path / "second.wav"))]
    with pytest.raises(UserError) as caught:
        check(examples, "auto", 0.49, tmp_path / "cache.json")
    message = str(caught.value)
    assert "\n" not in message
    for words in ("2 of 4", "dataset.max_skipped=0.49", f"the first: {path}: {fault}"):
        assert words in message
    assert len(check(examples, "auto", 0.5, tmp_path / "cache.json").skipped) == 2


def test_a_scene_is_as_good_as_its_worst_part(tmp_path):
    first, second = (noise(tmp_path / f"{i}.wav", i, seconds=0.5) for i in range(2))
    scene = Example("scene", (Segment(first), Segment(second, 0.1, 0.4, onset=2.0)))
    bad = Example("bad", (Segment(first), Segment(constant(tmp_path / "silent.wav", 0.0))))
    checked = check([scene, bad], "decode", 0.5, tmp_path / "cache.json")
    assert checked.seconds == pytest.approx([2.3])
    assert [s.id for s in checked.skipped] == ["bad"]


def test_the_stretch_decides(tmp_path):
    path = noise(tmp_path / "a.wav", 0, seconds=1.0)
    parts = (Segment(path, 0.2, 0.5), Segment(path, 0.99), Segment(path, 2.0, 3.0))
    examples = [Example(f"row{i}", (part,)) for i, part in enumerate(parts)]
    checked = check(examples, "decode", 0.9, tmp_path / "cache.json")
    assert checked.seconds == pytest.approx([0.3])
    assert [s.fault.split(":")[0] for s in checked.skipped] == ["too short"] * 2


@pytest.mark.parametrize(
    ("mode", "is_found"), [("decode", True), ("auto", True), ("header", False), ("none", False)]
)
def test_silence_is_found_by_decoding_only(tmp_path, mode, is_found):
    examples = [*good(tmp_path, 1), example(1, constant(tmp_path / "silent.wav", 0.0))]
    assert len(check(examples, mode, 0.5, tmp_path / "cache.json").skipped) == is_found


def test_auto_reads_headers_of_a_large_corpus(tmp_path, monkeypatch):
    examples = [*good(tmp_path, 1), example(1, constant(tmp_path / "silent.wav", 0.0))]
    monkeypatch.setattr(checks, "MAX_DECODED_SECONDS", 0.5)  # there are 0.6
    assert not check(examples, "auto", 0.5, tmp_path / "cache.json").skipped


@pytest.fixture
def looks(monkeypatch) -> Counter:
    """How often each recording is looked at."""
    counted: Counter = Counter()

    def counting(audio, *rest, _look=io.look):
        counted[audio] += 1
        return _look(audio, *rest)

    monkeypatch.setattr(io, "look", counting)
    return counted


def test_a_recording_is_looked_at_once(tmp_path, looks):
    (row,) = good(tmp_path, 1)
    cache = tmp_path / "sub" / "cache.json"
    steps = []
    check([row, row], "header", 0.5, cache, lambda done, total: steps.append((done, total)))
    assert steps == [(1, 1)]
    again = check([row], "header", 0.5, cache)
    assert again.seconds == pytest.approx([0.3])
    assert set(looks.values()) == {1}
    check([row], "decode", 0.5, cache)  # a header says less than the samples
    assert set(looks.values()) == {2}
    assert [path.name for path in cache.parent.iterdir()] == ["cache.json"]


def test_a_changed_file_is_looked_at_again(tmp_path, looks):
    path = tmp_path / "a.wav"
    others = good(tmp_path, 1)
    constant(path, 0.0)
    assert check([*others, example(1, str(path))], "decode", 0.5, tmp_path / "c.json").skipped
    size = path.stat().st_size
    noise(path, 1, subtype="FLOAT")
    assert path.stat().st_size == size  # only the time of change differs
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert not check([*others, example(1, str(path))], "decode", 0.5, tmp_path / "c.json").skipped
    assert looks[others[0].audio[0].audio] == 2  # header, samples; not again


def test_a_missing_file_that_has_come_is_found(tmp_path):
    path = tmp_path / "late.wav"
    examples = [*good(tmp_path, 1), example(1, str(path))]
    assert check(examples, "auto", 0.5, tmp_path / "c.json").skipped
    noise(path)
    assert not check(examples, "auto", 0.5, tmp_path / "c.json").skipped


@pytest.mark.parametrize(
    "content", [b"", b'{"a": [', b"\xff\xfe\x00", b"[]", b"null", b'{"KEY": 3}', b'{"KEY": ["x"]}']
)
def test_a_damaged_cache_is_ignored(tmp_path, content):
    cache = tmp_path / "cache.json"
    examples = good(tmp_path, 2)
    check(examples, "decode", 0.0, cache)
    whole = json.loads(cache.read_text())
    key = json.dumps(next(iter(whole)))[1:-1].encode()
    cache.write_bytes(content.replace(b"KEY", key))
    assert check(examples, "decode", 0.0, cache).seconds == pytest.approx([0.3] * 2)
    assert json.loads(cache.read_text()) == whole


def test_bytes_are_looked_at_too(tmp_path):
    path = tmp_path / "a.wav"
    noise(path)
    examples = [Example("whole", (Segment(path.read_bytes()),))]
    examples.append(Example("cut", (Segment(path.read_bytes()[:2000]),)))
    checked = check(examples, "auto", 0.5, tmp_path / "cache.json")
    assert checked.seconds == pytest.approx([0.3])
    ((id, recording, fault),) = checked.skipped
    assert (id, recording) == ("cut", "<2000 bytes>")
    assert fault.startswith("truncated")


# ---------------------------------------------------------------- labels and splits


@pytest.fixture
def table(tmp_path):
    """`table(rows)` writes label, split, speaker, text of each row and returns the options."""

    def write(rows: list[tuple[str, str, str, str]], **options):
        lines = ["audio,label,split,speaker,text"]
        for i, cells in enumerate(rows):
            name = Path(noise(tmp_path / "audio" / f"{i}.wav", i)).relative_to(tmp_path)
            lines.append(",".join((str(name), *cells)))
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines) + "\n")
        return dataset_class("csv")(file=str(path), **options)

    return write


def rows(*splits: str) -> list[tuple[str, str, str, str]]:
    """Two labels, a speaker a split, a text a row."""
    return [("ab"[i % 2], split, f"of {split}", f"text {i}") for i, split in enumerate(splits)]


THREE = ("train",) * 4 + ("val",) * 2 + ("test",) * 2


def refused(task: str, options) -> str:
    with pytest.raises(UserError) as caught:
        prepare(task, options, "")
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_owners_splits_become_tables(table):
    prepared = prepare("ser", table(rows(*THREE)), "")
    ids = {name: list(split["id"]) for name, split in prepared.splits.items()}
    assert ids == {
        "train": [f"audio/{i}.wav" for i in range(4)],
        "val": ["audio/4.wav", "audio/5.wav"],
        "test": ["audio/6.wav", "audio/7.wav"],
    }
    assert prepared.labels == ("a", "b")
    assert prepared.summary.counts == {"train": 4, "val": 2, "test": 2}
    assert "owner's test split" in prepared.summary.definition
    assert prepared.splits["val"]["seconds"][:] == pytest.approx([0.3] * 2)


def test_a_label_outside_the_set_is_one_line(table):
    several = [*rows(*THREE), ("c", "test", "of test", "x"), ("c", "val", "of val", "x")]
    message = refused("ser", table(several))
    for words in ("'c' of 2 examples", "audio/8.wav", "classes of train: a, b"):
        assert words in message


def test_a_label_outside_a_closed_set_is_one_line(table, monkeypatch):
    from spectrobert.corpora import csv

    monkeypatch.setattr(
        "spectrobert.corpora.csv.CORPUS",
        csv.CORPUS.__class__(
            load=csv.load, tasks=("ser",), labels={"ser": ("b", "z")}, needs_root=False
        ),
    )
    assert "not among the corpus' classes: b, z" in refused("ser", table(rows(*THREE)))


def test_a_single_class_is_one_line(table):
    single = [("a", *rest) for _, *rest in rows(*THREE)]
    assert "only one class ('a') for task 'ser'" in refused("ser", table(single))


def test_a_random_split_says_so_and_gives_up_the_owners_lines(table):
    one_speaker = [(label, split, "anna", text) for label, split, _, text in rows(*THREE * 3)]
    assert "anna" in refused("ser", table(one_speaker))
    prepared = prepare("ser", table(one_speaker, split="random", val_share=0.25), "")
    assert prepared.summary.definition.startswith("random split (speakers shared)")
    assert "owner's" not in prepared.summary.definition
    assert prepared.summary.counts["val"] == pytest.approx(6, abs=1)
    assert sum(prepared.summary.counts.values()) == 24


def test_unusable_rows_are_in_no_table(table, tmp_path):
    options = table(rows(*THREE), max_skipped=0.5)
    constant(tmp_path / "audio" / "0.wav", 0.0)
    prepared = prepare("ser", options, "")
    assert list(prepared.splits["train"]["id"]) == [f"audio/{i}.wav" for i in (1, 2, 3)]
    assert [s.id for s in prepared.skipped] == ["audio/0.wav"]
    assert prepared.summary.counts["train"] == 3


def test_pre_training_needs_two_texts_in_each_split(table):
    assert prepare("pre", table(rows(*THREE)), "").labels == ()
    one_text = [(label, split, speaker, split) for label, split, speaker, _ in rows(*THREE)]
    assert "two different texts in split 'train'" in refused("pre", table(one_text))


def test_pre_training_needs_another_recording_for_each_text(tmp_path):
    """Two captions of one recording: no mismatched pair can be drawn, which must not hang."""
    lines = ["audio,text,split"]
    for i, split in enumerate(THREE):
        noise(tmp_path / f"{i}.wav", i)
        lines.append(f"{'6' if split == 'test' else i}.wav,text {i},{split}")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    message = refused("pre", dataset_class("csv")(file=str(path)))
    assert "split 'test'" in message
    assert "6.wav|" in message


# ---------------------------------------------------------------- vocabulary

TEXTS = [f"the {word} sings of {word}ness, again" for word in ("sad", "mild", "wild", "höhe")]


def test_every_process_finds_the_same_pieces():
    code = (
        "import json; from spectrobert.data import vocabulary;"
        f"print(json.dumps(vocabulary.train({TEXTS!r}, 110).get_vocab(), sort_keys=True))"
    )
    printed = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        printed.append(json.loads(done.stdout))
    assert printed[0] == printed[1] == vocabulary.train(TEXTS, 110).get_vocab()
    assert len(printed[0]) == 110


def test_unseen_letters_and_words_are_not_unknown():
    words = vocabulary.train(["aa bb"], 10)
    text = "Quick Zebras jump: 1234567890 times (why?), don't & \"can't\"; x-y."
    pieces = words.tokenize(text)
    assert words.unk_token not in pieces
    assert "".join(p.removeprefix("##") for p in pieces) == text.lower().replace(" ", "")
    assert words.tokenize("漢") == ["[UNK]"]


def test_a_frequent_word_is_one_piece_and_special_tokens_are_berts():
    words = vocabulary.train(TEXTS, 150)
    assert words.tokenize("The sings") == ["the", "sings"]
    assert words.pad_token_id == 0
    ids = words("sad")["input_ids"]
    assert (ids[0], ids[-1]) == (words.cls_token_id, words.sep_token_id)


def test_letters_keep_their_accents_and_syllables_their_letters():
    texts = ["Zażółć gęślą jaźń", "안녕하세요 여러분"]
    words = vocabulary.train(texts, 300)
    assert [words.tokenize(text) for text in texts] == [text.lower().split() for text in texts]
    decomposed = unicodedata.normalize("NFD", texts[0])
    assert words.tokenize(decomposed) == words.tokenize(texts[0])
    cased = vocabulary.train(texts, 300, lowercase=False)
    assert cased.tokenize(texts[0]) == texts[0].split()
    assert cased.tokenize("Z") != cased.tokenize("z")
    bert = vocabulary.train(texts, 300, strip_accents=True)
    assert bert.tokenize("gęślą") == bert.tokenize("gesla") == ["gesla"]
    assert all(len(unicodedata.normalize("NFD", piece)) == len(piece) for piece in bert.get_vocab())


@pytest.mark.parametrize("options", [{}, {"lowercase": False}, {"strip_accents": True}])
def test_a_saved_vocabulary_is_read_back(tmp_path, options):
    words = vocabulary.train(TEXTS, 150, **options)
    words.save_pretrained(tmp_path)
    again = vocabulary.load(str(tmp_path))
    assert again.get_vocab() == words.get_vocab()
    assert again("Höhe Hohe")["input_ids"] == words("Höhe Hohe")["input_ids"]
    assert again("the wild, again")["input_ids"] == words("the wild, again")["input_ids"]
    assert again.all_special_ids == words.all_special_ids


# ---------------------------------------------------------------- open answers


def answers(folder: Path) -> DatasetConfig:
    """Train knows yes-no-free answers a and b; the test split has c and d besides."""
    lines = ["audio,question,answer,split"]
    for i, (answer, split) in enumerate(
        [("a", "train"), ("b", "train"), ("a", "val"), ("c", "test"), ("c", "test"), ("d", "test")]
    ):
        lines.append(f"{noise(folder / f'{i}.wav', i)},what is it?,{answer},{split}")
    (folder / "t.csv").write_text("\n".join(lines))
    return dataset_class("csv")(file=str(folder / "t.csv"))


def test_an_answer_that_train_lacks_has_a_number_after_the_labels(tmp_path):
    prepared = prepare("aqa_open", answers(tmp_path), "")
    assert (prepared.labels, prepared.unseen) == (("a", "b"), ("c", "d"))
    assert prepared.unseen_rows == {"test": {"c": 2, "d": 1}}


def test_a_class_that_train_lacks_is_refused(tmp_path):
    options = answers(tmp_path)
    text = (tmp_path / "t.csv").read_text().replace("question,answer", "text,label")
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UserError, match=r"label 'c' of 2 examples .* classes of train: a, b"):
        prepare("ser", options, "")


# ---------------------------------------------------------------- shares of pre-training


@pytest.mark.parametrize(
    ("num_rows", "val"), [(40, 0.1), (1000, 0.1), (2000, 0.05), (50_000, 0.02), (400_000, 0.005)]
)
def test_pre_training_validates_on_few_clips_and_tests_on_none(num_rows, val):
    assert DatasetConfig().carved_shares("pre", num_rows) == (val, None)
    assert DatasetConfig().carved_shares("ser", num_rows) == (0.1, 0.1)
    asked = DatasetConfig(val_share=0.3, test_share=0.2)
    for task in ("pre", "ser"):
        assert asked.carved_shares(task, num_rows) == (0.3, 0.2)


def test_an_unsplit_corpus_is_not_tested_in_pre_training_unless_asked(tmp_path):
    lines = ["audio,text", *(f"{noise(tmp_path / f'{i}.wav', i)},words {i}" for i in range(40))]
    (tmp_path / "t.csv").write_text("\n".join(lines))

    def counts(**more) -> tuple[dict[str, int], str]:
        prepared = prepare("pre", dataset_class("csv")(file=str(tmp_path / "t.csv"), **more), "")
        return prepared.summary.counts, prepared.summary.definition

    found, definition = counts()
    assert (found["test"], found["train"] + found["val"]) == (0, 40)
    assert 2 <= found["val"] <= 6
    assert definition.startswith("no test split; validation carved by recording")
    assert counts(test_share=0.2)[0]["test"] > 0
