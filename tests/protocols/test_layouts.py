"""Files of other tools: each says the same of two clips."""

import json

import pytest

from spectrobert.corpora.reference import Reference
from spectrobert.errors import UserError
from spectrobert.protocols import layouts
from spectrobert.protocols.names import Ids, Labels
from spectrobert.protocols.protocol import labels, load, references

OURS = """id,group,audio,start,end,label,prediction,rank,p_prediction,p_neutral,p_happy
a,speaker 1,a.flac,,,happy,neutral,2,0.7,0.7,0.3
"""
PLAIN = "id,label,prob.neutral,prob.happy\na,neutral,0.7,0.3\n"
NKULULEKO = """file,start,end,neutral,happy,predicted,truth,uncertainty,correct
./data/x/a.wav,0 days,0 days 00:00:01.5,2.25,0.5,neutral,happy,0.4,False
"""


def one(tmp_path, name: str, text: str) -> layouts.Answer:
    (tmp_path / name).write_text(text)
    (answer,) = layouts.read(tmp_path / name)
    return answer


def test_own_and_plain_tables(tmp_path):
    answer = one(tmp_path, "a.csv", OURS)
    assert (answer.id, answer.label, answer.truth) == ("a", "neutral", "happy")
    assert answer.scores == {"neutral": "0.7", "happy": "0.3"}
    answer = one(tmp_path, "a.csv", PLAIN)
    assert (answer.id, answer.label, answer.truth) == ("a", "neutral", "")
    assert answer.scores == {"neutral": "0.7", "happy": "0.3"}
    answer = one(tmp_path, "a.tsv", PLAIN.replace(",", "\t").replace("\tlabel", "\tEmotion"))
    assert (answer.label, len(answer.scores)) == ("neutral", 2)


def test_nkululeko_writes_margins_or_probabilities_which_are_not_read(tmp_path):
    answer = one(tmp_path, "a.csv", NKULULEKO)
    assert (answer.id, answer.label, answer.truth) == ("./data/x/a.wav", "neutral", "happy")
    assert answer.scores == {}


@pytest.mark.parametrize(
    ("name", "content", "label", "scores"),
    [
        ("a.json", [{"key": "a", "pred": 3}], "3", {}),  # EmoBox
        ("a.json", {"predictions": [{"key": "a", "pred": 3.0}]}, "3", {}),
        ("a.jsonl", {"file": "a", "label": "happy", "score": 0.9}, "happy", {}),
        (
            "a.jsonl",
            {"file": "a", "predictions": [{"score": 0.9, "label": "happy"}]},
            "",
            {"happy": 0.9},
        ),
        ("a.jsonl", {"audio": {"path": "a"}, "scores": {"happy": 0.9}}, "", {"happy": 0.9}),
        ("a.jsonl", {"id": "a", "output": {"label": "happy", "score": 1}}, "", {"happy": 1}),
    ],
)
def test_json(tmp_path, name, content, label, scores):
    answer = one(tmp_path, name, json.dumps(content))
    assert (answer.id, answer.label, answer.scores) == ("a", label, scores)


def test_a_run_of_folds_states_the_fold_of_each_row(tmp_path):
    for fold in (1, 2):
        (tmp_path / f"fold{fold}").mkdir()
        (tmp_path / f"fold{fold}" / "predictions.csv").write_text(PLAIN)
    assert [answer.fold for answer in layouts.read(tmp_path)] == ["1", "2"]
    assert [answer.fold for answer in layouts.read(tmp_path / "fold2")] == ["2"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "name,of\na,b\n", "a.csv:1: neither a label"),
        ("a.csv", "label\nhappy\n", "a.csv:1: no column or key of an id"),
        ("a.csv", "id,label\n", "a.csv holds no predictions"),
        ("a.json", "{}", "a.json holds no list of predictions"),
        ("a.json", "[1]", "a.json holds no list of predictions"),
        ("a.json", "[", "a.json is not JSON"),
        ("a.jsonl", "[1]", "a.jsonl, line 1: no JSON object"),
        ("a.jsonl", '{"id": "a", "pred": 1}\n{', "a.jsonl, line 2: not JSON"),
        ("a.jsonl", '{"id": "a", "scores": [1]}', 'a.jsonl:1: .1. is no list of "label"'),
    ],
)
def test_other_files_are_one_line(tmp_path, name, text, said):
    with pytest.raises(UserError, match=said):
        one(tmp_path, name, text)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no predictions\.csv"):
        layouts.read(tmp_path / "empty")


@pytest.mark.parametrize(
    ("protocol", "id", "written"),
    [
        (
            "ravdess/emobox6",
            "03-01-01-01-01-01-07",
            (
                "03-01-01-01-01-01-07.wav",
                "Actor_07/03-01-01-01-01-01-07.flac",
                "C:\\data\\Actor_07\\03-01-01-01-01-01-07.WAV",
                "ravdess-03-01-01-01-01-01-07",
            ),
        ),
        ("savee/emobox4", "DC_a01", ("savee-DC-a01", "DC/a01.wav", "AudioData/DC/a01.wav")),
        ("crema_d/emobox1", "1040_ITH_SAD_X", ("cremad-1040-ITH-SAD-X",)),
        ("tess/emobox1", "OAF_bite_ps", ("tess-OAF-bite-ps", "a/OAF_bite_ps.wav")),
        ("emodb/loso10", "03a01Fa", ("wav/03a01Fa.wav", "emodb-03a01Fa")),
        ("esc10/folds5", "1-100032-A", ("audio/1-100032-A-0.wav", "001 - Dog bark/1-100032-A.ogg")),
    ],
)
def test_an_id_with_or_without_folder_and_ending(protocol, id, written):
    one = load(protocol)
    rows = [Reference(id, "")] if one.file else references(one)
    ids = Ids(one, rows)
    for words in (id, *written):
        (place,) = ids.places(words)
        assert rows[place].id == id
    assert ids.places("03-01-09-01-01-01-07") == ()


def test_labels_by_other_words_and_by_number():
    one = load("ravdess/emobox6")
    classes = labels(one, [])
    words = Labels(one, classes, ["sad", "anger"])
    asked = ("Fear", "SURPRISE", "angry", "0", "LABEL_1", "2", "joyous")
    found = ("fearful", "surprised", "angry", "sad", "angry", "", "")
    assert tuple(map(words.find, asked)) == found
    assert Labels(one, classes).find("0") == ""
