"""Rows become inputs, the same for one (seed, epoch, row) in any process and in any order."""

from dataclasses import replace

import numpy as np
import pytest

from spectrobert.audio import io
from spectrobert.audio.segment import Segment
from spectrobert.config import DatasetConfig, PretrainingConfig
from spectrobert.corpora.example import Example, Word
from spectrobert.data import vocabulary
from spectrobert.data.checks import Skipped
from spectrobert.data.clips import ClipDataset, ReadOptions, RowKey, segments, to_arrow
from spectrobert.models.batch import IGNORED

from ..helpers.sounds import constant, noise

SECONDS = 0.1
RECORDINGS = 8
COLOURS = ("red", "green", "blue", "grey", "brown", "white")


@pytest.fixture(scope="module")
def examples(tmp_path_factory) -> list[Example]:
    """Six texts and eight recordings in twelve rows: texts and recordings occur more than once."""
    folder = tmp_path_factory.mktemp("clips")
    files = [noise(folder / f"{i}.wav", i, SECONDS) for i in range(RECORDINGS)]
    return [
        Example(
            id=f"row{i}",
            audio=(Segment(files[i % RECORDINGS]),),
            text=f"a {COLOURS[i % 6]} door falls shut in the old house",
            label=("no", "yes")[i % 2],
        )
        for i in range(12)
    ]


@pytest.fixture(scope="module")
def words(examples):
    return vocabulary.train([e.text for e in examples], 200)


@pytest.fixture(scope="module")
def recording_of(examples) -> dict[bytes, str]:
    """The recording of a waveform."""
    return {io.read(e.audio[0].audio).tobytes(): e.audio[0].audio for e in examples}


@pytest.fixture
def clips(examples, words):
    """`clips(task, is_training, **dataset options)`"""

    def make(task=None, is_training=True, rows=examples, seed=0, **options) -> ClipDataset:
        lengths = [io.duration(e.audio) for e in rows]
        read_options = ReadOptions(
            words, DatasetConfig(name="csv", **options), {"no": 0, "yes": 1}, seed, task
        )
        return ClipDataset(to_arrow(rows, lengths), read_options, is_training)

    return make


def passes(clips: ClipDataset, epochs: int) -> list[tuple[int, dict]]:
    return [
        (row, clips[RowKey(epoch, row)]) for epoch in range(epochs) for row in range(len(clips))
    ]


def equal(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def test_what_goes_into_the_table_comes_out_of_it(examples):
    scene = Example(
        id="scene",
        audio=(Segment("a.wav", 1.0, 2.5), Segment(b"RIFF", onset=3.0)),
        text="read only without a question",
        question="which comes first?",
        label="dog",
        targets=(0.5, 1.0),
        speaker="s1",
        group="g1",
        source="one",
        content=("dog", "bell"),
        claims=("dog",),
        votes=(("dog", 2.0), ("bell", 0.5)),
        traits=(("room", "hall"),),
        words=(Word("dog", 0.5, 1.0),),
    )
    rows = to_arrow([*examples, scene], [SECONDS] * 12 + [4.5])
    row = rows[12]
    assert segments(row.pop("audio")) == scene.audio
    assert row.pop("sound") not in rows["sound"][:12]
    assert row == {
        "id": "scene",
        "text": "which comes first?",
        "label": "dog",
        "targets": [0.5, 1.0],
        "speaker": "s1",
        "group": "g1",
        "source": "one",
        "content": ["dog", "bell"],
        "claims": ["dog"],
        "votes": [{"label": "dog", "count": 2.0}, {"label": "bell", "count": 0.5}],
        "traits": [{"name": "room", "value": "hall"}],
        "words": [{"text": "dog", "start": 0.5, "end": 1.0}],
        "caption": "",
        "video": "",
        "phones": "",
        "seconds": 4.5,
    }


def test_one_key_is_one_item_in_any_order(clips):
    forwards, backwards = clips(PretrainingConfig()), clips(PretrainingConfig())
    keys = [RowKey(epoch, row) for epoch in range(3) for row in range(12)]
    there = {key: forwards[key] for key in keys}
    for key in reversed(keys):
        assert equal(backwards[key], there[key])


def test_seed_epoch_and_split_draw_anew(clips):
    first = [item for _, item in passes(clips(PretrainingConfig()), 1)]
    others = {
        "seed": [item for _, item in passes(clips(PretrainingConfig(), seed=1), 1)],
        "epoch": [item for _, item in passes(clips(PretrainingConfig()), 2)][12:],
        "split": [item for _, item in passes(clips(PretrainingConfig(), is_training=False), 1)],
    }
    for name, items in others.items():
        for drawn in ("matched", "input_ids"):
            assert any(not np.array_equal(a[drawn], b[drawn]) for a, b in zip(first, items)), name


def test_half_the_pairs_match(clips):
    matched = [item["matched"] for _, item in passes(clips(PretrainingConfig()), 100)]
    n = len(matched)
    assert abs(sum(matched) - n / 2) < 4 * np.sqrt(n / 4)
    share = PretrainingConfig(mismatch_probability=0.2)
    matched = [item["matched"] for _, item in passes(clips(share), 50)]
    n = len(matched)
    assert abs(sum(matched) - 0.8 * n) < 4 * np.sqrt(n * 0.16)


def test_a_matched_pair_is_the_rows_own_and_a_mismatched_one_another_text_and_recording(
    clips, examples, recording_of
):
    partners: dict[int, set[str]] = {row: set() for row in range(12)}
    for row, item in passes(clips(PretrainingConfig()), 60):
        heard = recording_of[item["waveform"].tobytes()]
        if item["matched"]:
            assert heard == examples[row].audio[0].audio
        else:
            partners[row].add(heard)
    for row, heard in partners.items():
        own = examples[row]
        allowed = {
            e.audio[0].audio for e in examples if e.text != own.text and e.audio != own.audio
        }
        assert heard <= allowed
    assert set.union(*partners.values()) == {e.audio[0].audio for e in examples}


def test_words_are_masked_with_wrong_audio_too(clips, words):
    """A [MASK] must not betray that a pair matches, asked for or not."""
    for is_asked in (True, False):
        task = PretrainingConfig(mlm_on_mismatch=is_asked)
        hidden = {0: 0, 1: 0}
        pieces = {0: 0, 1: 0}
        for _, item in passes(clips(task), 60):
            matched = item["matched"]
            asked = item["mlm_labels"] != IGNORED
            is_hidden = item["input_ids"] == words.mask_token_id
            hidden[matched] += is_hidden.sum()
            pieces[matched] += len(is_hidden) - 2
            if matched or is_asked:
                assert asked[is_hidden].all()
            else:
                assert not asked.any()
        for matched in (0, 1):
            expected = 0.15 * 0.8
            sigma = np.sqrt(pieces[matched] * expected * (1 - expected))
            assert abs(hidden[matched] - expected * pieces[matched]) < 4 * sigma


def test_asked_words_are_those_of_the_text(clips, examples, words):
    for row, item in passes(clips(PretrainingConfig()), 5):
        original = np.array(words(examples[row].text)["input_ids"])
        asked = item["mlm_labels"] != IGNORED
        assert np.array_equal(item["mlm_labels"][asked], original[asked])
        assert np.array_equal(item["input_ids"][~asked], original[~asked])


def test_other_tasks_get_the_row_as_it_is(clips, examples, words, recording_of):
    for row, item in passes(clips(), 2):
        assert item.keys() == {"index", "label", "input_ids", "waveform"}
        assert item["index"] == row
        assert item["label"] == row % 2
        assert item["input_ids"].tolist() == words(examples[row].text)["input_ids"]
        assert recording_of[item["waveform"].tobytes()] == examples[row].audio[0].audio


def test_silenced_audio_is_zero_and_as_long(clips):
    wave = clips(silence_audio=True)[RowKey(0, 0)]["waveform"]
    assert wave.shape == (round(SECONDS * 16_000),)
    assert not wave.any()


@pytest.mark.parametrize("task", [None, PretrainingConfig()])
def test_a_long_text_is_cut_to_the_limit(clips, words, task):
    ids = clips(task, max_text_length=6)[RowKey(0, 0)]["input_ids"]
    assert len(ids) == 6
    assert ids[0] == words.cls_token_id
    assert ids[-1] == words.sep_token_id


@pytest.fixture
def long_clip(tmp_path, examples) -> list[Example]:
    return [replace(examples[0], audio=(Segment(noise(tmp_path / "long.wav", 99, 1.0)),))]


@pytest.mark.parametrize(
    ("crop", "begin"), [("first", 0), ("center", 4800), ("random", None), ("whole", None)]
)
@pytest.mark.parametrize("is_training", [True, False])
def test_crops(clips, long_clip, crop, begin, is_training):
    whole = io.read(long_clip[0].audio[0].audio)
    read = clips(None, is_training, long_clip, crop=crop, max_seconds=0.4)
    waves = [read[RowKey(epoch, 0)]["waveform"] for epoch in range(5)]
    if crop == "whole":
        assert all(np.array_equal(wave, whole) for wave in waves)
        return
    pairs = np.stack([whole[:-1], whole[1:]])  # one sample alone may occur twice
    begins = [int(np.flatnonzero((pairs == wave[:2, None]).all(axis=0))[0]) for wave in waves]
    for at, wave in zip(begins, waves):
        assert np.array_equal(wave, whole[at : at + 6400])
    if crop == "random" and is_training:
        assert len(set(begins)) == 5
    else:
        assert set(begins) == {4800 if crop == "random" else begin}


def test_a_whole_clip_is_decoded_as_far_as_the_model_hears(clips, long_clip):
    read = clips(None, True, long_clip, crop="whole", max_seconds=0.4)
    read.read_options = replace(read.read_options, model_seconds=0.7)
    whole = io.read(long_clip[0].audio[0].audio)
    assert np.array_equal(read[RowKey(0, 0)]["waveform"], whole[:11_200])


def test_a_random_crop_is_the_same_for_the_same_key(clips, long_clip):
    one, other = (clips(None, True, long_clip, crop="random", max_seconds=0.4) for _ in range(2))
    assert equal(one[RowKey(3, 0)], other[RowKey(3, 0)])


def test_a_file_gone_bad_is_named(clips, examples, tmp_path):
    path = tmp_path / "bad.wav"
    rows = [replace(examples[0], audio=(Segment(noise(path, 5)),))]
    read = clips(rows=rows)
    assert read[RowKey(0, 0)]["index"] == 0
    constant(path, 0.0)
    silent = "silent: no sound in it: no sample is 0.0001 away from rest"
    assert read[RowKey(0, 0)] == Skipped("row0", str(path), silent)


def test_a_model_that_does_not_hear_opens_no_file(examples, words, clips):
    """Its clips may even be missing; texts and answers stay the same."""
    lost = [replace(e, audio=(Segment(f"{e.audio[0].audio}.lost"),)) for e in examples]
    read_options = replace(clips().read_options, hears=False)
    deaf = ClipDataset(to_arrow(lost, [SECONDS] * len(lost)), read_options, is_training=True)
    heard = clips()
    for row in range(len(lost)):
        item, other = deaf[RowKey(1, row)], heard[RowKey(1, row)]
        waveform = item.pop("waveform")
        assert waveform.dtype == other.pop("waveform").dtype == np.float32
        assert waveform.tolist() == [0.0] * 400
        assert equal(item, other)
    hearing = ClipDataset(deaf.rows, heard.read_options, is_training=True)
    assert isinstance(hearing[RowKey(0, 0)], Skipped)


def test_clips_kept_in_memory_are_the_same_clips(clips, monkeypatch):
    """Mismatched pairs included: what is kept is a row's own sound."""
    task = PretrainingConfig(mismatch_probability=0.5)
    files = clips(task)
    kept = ClipDataset(files.rows, replace(files.read_options, memory_gb=1.0), is_training=True)
    readings: list[int] = []
    read_clip = io.read_clip
    monkeypatch.setattr(io, "read_clip", lambda *a: readings.append(1) or read_clip(*a))
    wanted = passes(files, 4)
    assert all(
        equal(item, other) for (_, item), (_, other) in zip(wanted, passes(kept, 4), strict=True)
    )
    assert len(readings) <= 4 * len(files) + len(kept)


def test_random_crops_are_not_kept(clips, examples, tmp_path):
    longer = replace(examples[0], audio=(Segment(noise(tmp_path / "long.wav", 0, 4 * SECONDS)),))
    cropped = clips(rows=[longer], crop="random", max_seconds=SECONDS)
    kept = ClipDataset(cropped.rows, replace(cropped.read_options, memory_gb=1.0), True)
    waves = [kept[RowKey(epoch, 0)]["waveform"].tobytes() for epoch in range(5)]
    assert len(set(waves)) == 5
