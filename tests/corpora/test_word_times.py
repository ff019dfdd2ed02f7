"""Words with their times: their spelling, which letters of a text they are, and who states them."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from spectrobert import corpora
from spectrobert.corpora import cmu_mosei, demo, iemocap, word_times
from spectrobert.corpora.demo import synthesis
from spectrobert.corpora.example import Example, Word
from spectrobert.errors import UserError

from ..helpers import made_up
from ..helpers.corpus_files import examples, write

WORDS = (Word("good", 0.25, 0.5), Word("film", 0.5, 1.0))
NO = word_times.NONE


@pytest.mark.parametrize(
    "cell",
    [
        "good 0.25 0.5 film 0.5 1",
        '[["good", 0.25, 0.5], ["film", 0.5, 1.0]]',
        '[{"word": "good", "start": 0.25, "end": 0.5}, {"word": "film", "start": 0.5, "end": 1}]',
        [["good", 0.25, 0.5], ["film", "0.5", 1]],
        [{"text": "good", "start": 0.25, "end": 0.5}, {"text": "film", "start": 0.5, "end": 1.0}],
    ],
)
def test_spellings_of_a_cell(cell):
    assert word_times.parse(cell) == WORDS


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("12", "'12' is no word with its times"),
        ("good 0.1", "is no word with its times"),
        ("[1", "not JSON"),
        ('[["good", 0.5, 0.1]]', "'good' from 0.5 to 0.1: times must be seconds"),
        ("good -1 2", "times must be seconds, 0 or more"),
        ("good a b", "times must be seconds"),
        ('[["good", 0, NaN]]', "times must be seconds"),
        ("[[1, 0, 1]]", "1 is no word"),
        ("film 0.5 1 good 0.25 0.5", "'good' at 0.25 s stands behind 'film' at 0.5 s"),
    ],
)
def test_cells_that_are_refused(cell, message):
    with pytest.raises(UserError, match=message):
        word_times.parse(cell)


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("a b!", "A 0 1 b 1 2", [0, NO, 1, NO]),
        ("a-b", "a 0 1 b 1 2", [0, NO, 1]),
        ("do n't", "don't 0 1", [0, 0, NO, 0, NO, 0]),
        ("É ß", "e 0 1 SS 1 2", [0, NO, 1]),
        ("e\u0301a", "éa 0 1", [0, 0, 0]),  # the accent is a character of its own
        ("... ?", "", [NO] * 5),
    ],
)
def test_letters_and_their_words(text, words, expected):
    assert word_times.owners(text, word_times.parse(words) if words else ()) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("good movie", "word 2, 'film', is not what the text has there: 'movie'"),
        ("good film, yes", "words end before 'yes' of the text"),
        ("Good", "word 2, 'film', is not in the text, which ends before it"),
        ("goof film", "word 1, 'good', is not what the text has there: 'goof'"),
    ],
)
def test_words_that_are_not_those_of_the_text(text, message):
    with pytest.raises(UserError, match=message):
        word_times.owners(text, WORDS)


def test_shares_by_letters():
    assert word_times.proportional("Oh - yes!", 5.0) == (
        Word("Oh", 0.0, 2.0),
        Word("yes!", 2.0, 5.0),
    )
    assert word_times.proportional("?", 5.0) == ()


def rows(tmp_path: Path, table: str, task: str = "ser", **options) -> list[Example]:
    (tmp_path / "mine.csv").write_text(table)
    found, _ = corpora.load("csv", tmp_path, task, file=str(tmp_path / "mine.csv"), **options)
    return found


def test_a_column_of_words_gives_times_and_if_need_be_the_text(tmp_path):
    table = "audio,label,text,words,start,end\na.wav,x,Good film.,good 0.25 0.5 film 0.5 1,,\n"
    stretch = 'b.wav,x,,"[[""good"", 4.25, 4.5], [""film"", 4.5, 5.25]]",4,5\nc.wav,x,fine,,,\n'
    first, second, third = rows(tmp_path, table + stretch)
    assert (first.text, first.words) == ("Good film.", WORDS)
    assert (second.text, second.words) == ("good film", WORDS)  # of the stretch, and within it
    assert (third.text, third.words) == ("fine", ())
    assert not any(row.words for row in rows(tmp_path, table, words=""))
    asked = "audio,question,answer,words\na.wav,why?,it,12\n"
    assert rows(tmp_path, asked, "aqa_open")[0].words == ()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("good movie,good 0 1 film 1 2,,", "row 1, clip a.wav: column 'words': word 2, 'film'"),
        ("good,12,,", "is no word with its times.*dataset.words= ignores the column"),
        ("good,good 1 2,3,4", "'good' from 1 to 2 s lies outside the row's stretch, 3 s to 4 s"),
        ("good,good 5 6,3,4", "times are seconds into the recording"),
    ],
)
def test_wrong_columns_of_words(tmp_path, cells, message):
    with pytest.raises(UserError, match=message) as caught:
        rows(tmp_path, f"audio,label,text,words,start,end\na.wav,x,{cells}\n")
    assert "\n" not in str(caught.value)


def test_jsonl_holds_lists(tmp_path):
    line = '{"audio": "a.wav", "label": "x", "words": [["good", 0.25, 0.5], ["film", 0.5, 1]]}\n'
    empty = '{"audio": "b.wav", "label": "x", "text": "fine", "words": []}\n'
    (tmp_path / "mine.jsonl").write_text(line + empty)
    found, _ = corpora.load("csv", tmp_path, "ser", file=str(tmp_path / "mine.jsonl"))
    assert [(row.text, row.words) for row in found] == [("good film", WORDS), ("fine", ())]


def test_mosei_counts_from_the_beginning_of_a_segment(tmp_path):
    made_up.mosei(tmp_path)
    found = examples(cmu_mosei.load(tmp_path, "sentiment"))["-3g5yACwYnA_1"]
    expected = (Word("it", 0.1, 0.5), Word("works", 0.9, 1.5))  # the segment begins at 0
    assert found.words == tuple(
        Word(w.text, pytest.approx(w.start), pytest.approx(w.end)) for w in expected
    )
    cut = cmu_mosei.Cut("v", "0", 1.0, 2.0, "train")
    words = [cmu_mosei.Row(*row) for row in ((0.5, 1.6, (b"a",)), (1.7, 2.2, (b"b",)))]
    assert cmu_mosei._words_in(cut, {"v": words}) == (
        Word("a", 0.0, pytest.approx(0.6)),
        Word("b", pytest.approx(0.7), 1.0),
    )


def test_iemocaps_alignment_is_read_if_it_has_the_words(tmp_path):
    made_up.iemocap(tmp_path)
    folder = tmp_path / "Session1/sentences/ForcedAlignment/Ses01F_impro01"
    lines = (
        "\t SFrm  EFrm    SegAScr Word\n\t    0    9   -100 <s>\n\t   10   19  -10 EXCUSE(2)\n"
        "\t   20   29  -10 <sil>\n\t   30   39  -10 ME\n\t   40   49  -10 {}\n Total score:  -9\n"
    )
    write(folder / "Ses01F_impro01_M000.wdseg", lines.format("0"))
    write(folder / "Ses01F_impro01_M003.wdseg", lines.format("++LAUGHTER++"))
    found = examples(iemocap.load(tmp_path, "ser", alignment=True))
    expected = (Word("EXCUSE", 0.1, 0.2), Word("ME", 0.3, 0.4), Word("0", 0.4, 0.5))
    words = {name: row.words for name, row in found.items() if row.words}
    assert list(words) == ["Ses01F_impro01_M000"]  # the other one lacks a word
    assert words["Ses01F_impro01_M000"] == tuple(
        Word(w.text, pytest.approx(w.start), pytest.approx(w.end)) for w in expected
    )
    assert not any(row.words for row in examples(iemocap.load(tmp_path, "ser")).values())


@pytest.mark.parametrize("task", ["ser", "sentiment"])
def test_the_demo_states_what_it_has_synthesised(task):
    for clip in demo._clips(task, 0, "train", 12, 0.0):
        (row,), seconds = clip.rows, len(clip.record()) / synthesis.RATE
        assert [word.text for word in row["words"]] == row["text"].split()
        times = [time for word in row["words"] for time in word[1:]]
        assert times == sorted(times)
        # the last syllable ends a tenth of a second before the recording does
        assert times[-1] == pytest.approx(seconds - 0.1, abs=1e-3)


def test_a_word_of_the_demo_is_loud_and_a_pause_is_not():
    text, who, manner, rng = next(demo._clips("ser", 0, "train", 1, 0.0)).record.args
    words = synthesis.word_times(text, who, manner, demo._rng(0, "ser-train-00000"))
    wave = synthesis.utterance(text, who, manner, rng).astype(float)
    square = np.square(wave / 2**15)

    def level(start: float, end: float) -> float:
        return float(square[round(start * 16000) : round(end * 16000)].mean())

    middles = [(w.start + 0.3 * (w.end - w.start), w.end - 0.3 * (w.end - w.start)) for w in words]
    said = np.median([level(*span) for span in middles])
    pauses = np.median([level(a.end, b.start) for a, b in pairwise(words)])
    assert said > 10 * pauses
