"""Times of word pieces: by the letters that each is of, in the stretch of a clip that is heard."""

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from spectrobert.audio.segment import Segment
from spectrobert.config import DatasetConfig, PretrainingConfig
from spectrobert.corpora.example import Example, Word
from spectrobert.data import vocabulary, word_spans
from spectrobert.data.batches import collate
from spectrobert.data.clips import ClipDataset, ReadOptions, RowKey, to_arrow
from spectrobert.errors import UserError

from ..helpers.sounds import noise

TEXT = "Well-known café."
WORDS = (Word("well", 0.25, 0.5), Word("known", 0.5, 1.0), Word("cafe", 1.25, 1.5))
NONE = [-1.0, -1.0]


@pytest.fixture(scope="module")
def word_pieces():
    """A vocabulary of letters: each is a piece."""
    return vocabulary.train([TEXT], 1)


@pytest.fixture(scope="module")
def byte_pieces():
    """RoBERTa's kind, of bytes: an accented letter is two pieces, and the first space is added."""
    alphabet = ["<s>", "</s>", "<pad>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    own = Tokenizer(models.BPE({name: i for i, name in enumerate(alphabet)}, []))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    own.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    return PreTrainedTokenizerFast(tokenizer_object=own, **names)


def pieces(tokenizer, limit: int = 99, first: float = 0.0) -> list[list[float]]:
    letters = word_spans.offsets(tokenizer, TEXT, limit)
    return word_spans.times(TEXT, WORDS, letters, first)["piece_times"].tolist()


def test_pieces_have_the_time_of_their_word(word_pieces):
    well, known, cafe = ([*word[1:]] for word in WORDS)
    whole = [NONE, *[well] * 4, NONE, *[known] * 5, *[cafe] * 4, NONE, NONE]
    assert pieces(word_pieces) == whole
    assert pieces(word_pieces, limit=7) == [*whole[:6], NONE]  # cut, and [SEP] behind it


def test_bytes_have_the_time_of_their_word(byte_pieces):
    ids = byte_pieces(TEXT)["input_ids"]
    found = pieces(byte_pieces)
    assert len(found) == len(ids)
    well, known, cafe = ([*word[1:]] for word in WORDS)
    assert [time for time in found if time != NONE] == [*[well] * 4, *[known] * 5, *[cafe] * 5]
    assert found[0] == found[-1] == found[-2] == NONE


def test_a_piece_of_two_words_has_the_time_of_both():
    found = word_spans.times(
        "to day", (Word("to", 0.0, 0.5), Word("day", 0.5, 1.0)), np.array([[0, 6]]), 0.0
    )
    assert found["piece_times"].tolist() == [[0.0, 1.0]]


def test_what_ends_before_the_stretch_has_no_time(word_pieces):
    assert pieces(word_pieces, first=0.5)[1] == NONE
    assert pieces(word_pieces, first=0.75)[6] == [0.0, 0.25]
    letters = word_spans.offsets(word_pieces, TEXT, 99)
    heard = word_spans.times(TEXT, WORDS, letters, 0.75)["word_times"]
    assert heard.tolist() == [[0.0, 0.25], [0.5, 0.75]]
    assert heard.dtype == np.float32


def test_moments_and_speeds():
    spans = np.array([[0.0, 0.0], [1.0, 1.0], [-1.0, -1.0], [2.0, 4.0]])
    assert word_spans.moved(spans, 0.0).tolist() == [[0, 0], [1, 1], NONE, [2, 4]]
    assert word_spans.moved(spans, 1.0, rate=2.0).tolist() == [NONE, [0, 0], NONE, [0.5, 1.5]]


def test_a_distorted_clip_has_its_words_elsewhere():
    item = {
        "piece_times": np.array([[-1.0, -1.0], [0.5, 1.0]]),
        "word_times": np.array([[0.5, 1.0]]),
    }
    assert word_spans.shifted(item, 0.0, 0.5)["piece_times"].tolist() == [NONE, [1.0, 2.0]]
    cut = word_spans.shifted(item, 1.25)
    assert cut["piece_times"].tolist() == [NONE, NONE]
    assert len(cut["word_times"]) == 0
    assert word_spans.shifted({}, 1.0) == {}


def test_rows_state_their_words_or_have_shares():
    words = [word._asdict() for word in WORDS[:1]]
    row = {"id": "a", "text": "well", "words": words}
    assert word_spans.of_row(row, "proportional", 8.0) == WORDS[:1]
    bare = row | {"words": []}
    assert word_spans.of_row(bare, "proportional", 8.0) == (Word("well", 0.0, 8.0),)
    assert word_spans.of_row(bare | {"text": "..."}, "stated", 8.0) == ()
    with pytest.raises(UserError, match="clip a: its text has words, and no times of them"):
        word_spans.of_row(bare, "stated", 8.0)


def clips(folder, tokenizer, is_training=False, task=None, has_word_times=True, **options):
    """Two clips of two seconds, of three words and of none."""
    examples = [
        Example(
            f"row{i}",
            (Segment(noise(folder / f"{i}.wav", i, 2.0)),),
            text,
            "",
            label="a",
            words=words,
        )
        for i, (text, words) in enumerate(((TEXT, WORDS), ("!", ())))
    ]
    dataset = DatasetConfig(name="csv", **options)
    read = ReadOptions(tokenizer, dataset, {"a": 0}, 0, task, has_word_times=has_word_times)
    return ClipDataset(to_arrow(examples, [2.0, 2.0]), read, is_training)


def test_a_batch_has_times_for_models_that_read_them_alone(tmp_path, word_pieces):
    read = clips(tmp_path, word_pieces)
    batch = collate([read[RowKey(0, 0)], read[RowKey(0, 1)]])
    assert batch["piece_times"].shape == (*batch["input_ids"].shape, 2)
    assert batch["piece_times"][0].tolist() == pieces(word_pieces)
    assert (batch["piece_times"][1] == -1).all()
    assert batch["word_times"].tolist() == [[[*w[1:]] for w in WORDS], [NONE] * 3]
    assert "piece_times" not in clips(tmp_path, word_pieces, has_word_times=False)[RowKey(0, 0)]


@pytest.mark.parametrize("crop", ["first", "center", "random"])
def test_times_begin_with_the_stretch_that_is_heard(tmp_path, word_pieces, crop):
    read = clips(tmp_path, word_pieces, is_training=True, crop=crop, max_seconds=1.0)
    item = read[RowKey(3, 0)]
    whole = clips(tmp_path, word_pieces)[RowKey(0, 0)]["waveform"]
    heard = item["waveform"]
    places = [i for i in range(len(whole) - len(heard) + 1) if whole[i] == heard[0]]
    (first,) = [i for i in places if np.array_equal(whole[i : i + len(heard)], heard)]
    last = 1.25 - first / 16000
    assert item["piece_times"][11, 0] == pytest.approx(last, abs=1e-4)
    assert crop == "first" or first > 0


def test_wrong_audio_has_words_of_its_own(tmp_path, word_pieces):
    read = clips(tmp_path, word_pieces)
    own, other = read.rows[0], read.rows[1]
    found = read.word_times(own, other)
    assert found["piece_times"].shape == (len(read.word_pieces(TEXT)), 2)
    assert (found["piece_times"] == -1).all()
    assert len(found["word_times"]) == 0
    assert len(read.word_times(other, own)["word_times"]) == 3


def test_another_text_shares_the_clip(tmp_path, word_pieces):
    read = clips(tmp_path, word_pieces)
    found = read.other_words("well known", read[RowKey(0, 0)])
    assert found["piece_times"][1].tolist() == pytest.approx([0.0, 2 * 4 / 9])
    assert read.other_words("", read[RowKey(0, 0)])["piece_times"].tolist() == [NONE, NONE]


def test_pre_training_draws_as_without_times(tmp_path, word_pieces):
    task = PretrainingConfig(objectives={"mlm": 1.0})
    plain = clips(tmp_path, word_pieces, True, task, has_word_times=False)[RowKey(0, 0)]
    timed = clips(tmp_path, word_pieces, True, task)[RowKey(0, 0)]
    assert all(np.array_equal(plain[name], timed[name]) for name in plain)


def test_slow_tokenizers_are_refused():
    class Slow:
        is_fast = False

    with pytest.raises(UserError, match="Slow does not state the letters of a word piece"):
        word_spans.require_offsets(Slow())
