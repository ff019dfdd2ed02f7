"""Votes of annotators, as each corpus that has them writes them."""

from collections import Counter
from pathlib import Path

import pytest

from spectrobert import corpora
from spectrobert.corpora import clotho_aqa, crema_d, iemocap, msp_podcast

from ..helpers import made_up
from ..helpers.corpus_files import examples, fails, write

RATERS = """C-E1:	Anger; Frustration;	()
C-E2:	Excited;	()
C-E3:	Other;	(bored; tired)
C-E4:	Happiness;	()
C-F1:	Sadness;	()
A-E3:	val 3; act 2; dom  2;	()"""


def test_iemocap_counts_raters_and_divides_a_vote_for_two(tmp_path: Path) -> None:
    made_up.iemocap(tmp_path)
    path = tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    path.write_text(path.read_text().replace("C-E2:\tNeutral;\t()", RATERS, 1))
    four, nine = (examples(iemocap.load(tmp_path, "ser", classes=n)) for n in (4, 9))
    first, second = "Ses01F_impro01_M000", "Ses01F_impro01_M001"
    assert four[first].votes == (
        *(("angry", 0.5), ("frustrated", 0.5), ("happy", 2.0), ("other", 1.0)),
    )
    assert dict(nine[first].votes) == {
        **{"angry": 0.5, "frustrated": 0.5, "happy": 1.0, "excited": 1.0, "other": 1.0}
    }
    assert four[second].votes == (("neutral", 1.0),)
    assert {row.votes for row in examples(iemocap.load(tmp_path, "dimensional")).values()} == {()}


@pytest.mark.parametrize(("make", "kind"), [(made_up.msp, "csv"), (made_up.msp_json, "json")])
def test_msp_podcast_reads_primary_emotions(tmp_path: Path, make, kind: str) -> None:
    make(tmp_path)
    found = examples(msp_podcast.load(tmp_path, "ser"))
    assert found[made_up.MSP_CLIP].votes == (
        *(("happy", 1.0), ("neutral", 2.0), ("other", 1.0), ("surprised", 1.0)),
    )
    assert found["MSP-PODCAST_0001_0019"].votes == ()
    assert {row.votes for row in examples(msp_podcast.load(tmp_path, "dimensional")).values()} == {
        ()
    }
    (tmp_path / f"Labels/labels_detailed.{kind}").unlink()
    assert {row.votes for row in examples(msp_podcast.load(tmp_path, "ser")).values()} == {()}


@pytest.mark.parametrize("content", ["[1]", '{"a.wav": [1]}', '{"a.wav": {"W": {"x": 1}}}', "{"])
def test_msp_podcast_refuses_another_shape(tmp_path: Path, content: str) -> None:
    made_up.msp_json(tmp_path)
    write(tmp_path / "Labels/labels_detailed.json", content)
    fails(msp_podcast.load(tmp_path, "ser"), "labels_detailed.json is not")


@pytest.mark.parametrize("name", crema_d.TABLES)
def test_crema_d_takes_the_votes_on_the_voice(tmp_path: Path, name: str) -> None:
    made_up.crema(tmp_path)
    (tmp_path / crema_d.TABLES[0]).unlink()
    assert {row.votes for row in examples(crema_d.load(tmp_path, "ser")).values()} == {()}
    write(tmp_path / name, made_up.CREMA_VOTES)
    assert {key: row.votes for key, row in examples(crema_d.load(tmp_path, "ser")).items()} == {
        "1001_IEO_NEU_XX": (("disgust", 1.0), ("neutral", 9.0)),
        "1002_IEO_NEU_XX": (),
        "1091_WSI_SAD_XX": (("angry", 3.0), ("fearful", 2.0), ("sad", 4.0)),
    }
    write(tmp_path / name, made_up.CREMA_VOTES.replace("3,0,2", "3,-1,2"))
    fails(crema_d.load(tmp_path, "ser"), "row 4: A, D, F, H, N, S must be numbers of votes")


def test_clotho_aqa_counts_the_answers_to_a_question(tmp_path: Path) -> None:
    lines = ["file_name,QuestionText,answer,confidence"]
    lines += [f"a.wav,Loud?,{answer},yes" for answer in ("Yes", "no", "yes")]
    lines += ["b.wav,Loud?,no,yes", "a.wav,What?,wind,yes", "a.wav,What?,no,yes"]
    for split in ("train", "val", "test"):
        write(tmp_path / f"clotho_aqa_{split}.csv", "\n".join(lines))
    binary = examples(clotho_aqa.load(tmp_path, "aqa_binary"))
    assert [binary[f"train:{n}"].votes for n in (1, 2, 3, 4, 6)] == [
        *[(("no", 1.0), ("yes", 2.0))] * 3,
        (("no", 1.0),),
        (("no", 1.0), ("wind", 1.0)),
    ]


@pytest.mark.parametrize("task", ["aqa_binary", "aqa_open"])
def test_the_real_answers_of_a_question_are_its_votes(real_data: Path, task: str) -> None:
    rows, _ = corpora.load("clotho_aqa", real_data / "clotho_aqa", task)
    assert all(row.label in dict(row.votes) for row in rows)
    totals = Counter(sum(dict(row.votes).values()) for row in rows)
    assert totals[3.0] > 0.99 * len(rows)


def table(folder: Path, header: str, *lines: str) -> str:
    path = folder / "t.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return str(path)


def test_csv_reads_columns_of_votes(tmp_path: Path) -> None:
    lines = ("a.wav,x,2,,1.5", "b.wav,y,0,0,", "c.wav,y,,1,")
    file = table(tmp_path, "audio,label,votes.x,votes.Y z,votes.other", *lines)

    def votes(**options: str) -> list:
        rows, _ = corpora.load("csv", tmp_path, "ser", file=file, **options)
        return [row.votes for row in rows]

    assert votes() == [(("other", 1.5), ("x", 2.0)), (), (("Y z", 1.0),)]
    assert votes(votes="") == [()] * 3


@pytest.mark.parametrize("cell", ["-1", "many", "nan"])
def test_csv_refuses_what_is_no_number_of_votes(tmp_path: Path, cell: str) -> None:
    file = table(tmp_path, "audio,label,votes.x", "a.wav,x,1", f"b.wav,x,{cell}")
    expected = f"row 2: votes.x {cell!r} is not a number of votes, 0 or more"
    fails(corpora.stream("csv", tmp_path, "ser", file=file), expected)


def test_csv_answers_are_in_lower_case(tmp_path: Path) -> None:
    header = "audio,question,answer,votes.Yes,votes.no"
    file = table(tmp_path, header, "a.wav,Loud?,Yes,2,1")
    rows, _ = corpora.load("csv", tmp_path, "aqa_binary", file=file)
    assert rows[0].votes == (("no", 1.0), ("yes", 2.0))
    with_numbers = table(tmp_path, "audio,score,votes.x", "a.wav,1,many")
    corpora.load("csv", tmp_path, "dimensional", file=with_numbers, targets=["score"])
