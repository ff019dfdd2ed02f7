"""Class names and counts that are likely to be mistakes."""

from spectrobert.data import class_counts

CARVED = "validation carved by speaker (1 of 9), seed 0; test carved by speaker (1 of 9), seed 0"
LABELS = {
    "train": {"happy": 60, "sad": 30, "Sad": 9},
    "val": {"happy": 5, "sad": 4, "Sad": 1},
    "test": {"happy": 7},
}


def test_names_that_differ_in_spelling_alone():
    names = ["Angry", "ANGRY", "very sad", "very_sad", "Stra\u00dfe", "STRASSE", "calm", "Ruhe"]
    assert class_counts.similar(names) == [
        "'ANGRY', 'Angry'",
        "'very sad', 'very_sad'",
        "'STRASSE', 'Stra\u00dfe'",
    ]
    assert class_counts.similar(["f\u00fcr", "fu\u0308r"]) != []  # composed and not
    assert class_counts.similar(["1", "11", "a b", "ab"]) == []


def test_few_of_a_class_in_a_carved_split():
    assert class_counts.few(LABELS, CARVED) == {
        "val": ["Sad 1 (train 9)", "sad 4 (train 30)"],
        "test": ["Sad 0 (train 9)", "sad 0 (train 30)"],
    }
    assert set(class_counts.few(LABELS, "owner's test split; validation carved by group")) == {
        "val"
    }
    assert class_counts.few(LABELS, "owner's test split; owner's validation split") == {}
    many = {"train": {str(i): 9 for i in range(51)}, "val": {}, "test": {}}
    assert class_counts.few(many, CARVED) == {}


def test_a_run_prints_a_line_for_each():
    alike, val, test = class_counts.hints(LABELS, CARVED)
    assert alike.startswith("hint: 'Sad', 'sad' are different classes")
    assert val.startswith("warning: few in validation: Sad 1 (train 9), sad 4 (train 30); raise")
    assert "dataset.val_share" in val
    assert "dataset.test_share" in test
    assert class_counts.hints({"train": {}, "val": {}, "test": {}}, CARVED) == []
