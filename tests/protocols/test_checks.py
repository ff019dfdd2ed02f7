"""Predictions that do not fit: one line, exit code 2, the offending rows in a file, no figures."""

import csv
import sys

import pytest

from spectrobert import __main__

from .conftest import write_rows

CLASSES = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
FIRST, SECOND = "03-01-01-01-01-01-01", "03-01-01-01-01-02-01"  # neutral, of fold 1


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """`refused(file, ...)` calls `score`; it returns the line and the rows of the list."""

    def call(file, *words, listed="mine.rejects.csv", protocol="ravdess/emobox6"):
        words = ["score", str(file), "--protocol", protocol, *words]
        monkeypatch.setattr(
            sys, "argv", ["spectrobert", *words, "--json", str(tmp_path / "x.json")]
        )
        assert __main__.main() == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert not (tmp_path / "x.json").exists()
        with (tmp_path / listed).open() as rows:
            return err, list(csv.DictReader(rows))

    return call


def with_scores(rows, first: tuple) -> list[tuple]:
    """(id, label, probabilities): all for the right class but those of `first`."""
    even = [tuple(float(name == label) for name in CLASSES) for _, label, _ in rows]
    even[0] = first
    return [(id, label, *scores) for (id, label, _), scores in zip(rows, even)]


NAN = (float("nan"), *[0] * 7)


@pytest.mark.parametrize(
    ("change", "count", "kind", "value"),
    [
        ({FIRST: None}, 1, "missing", ""),
        ({FIRST: ("03-01-01-02-01-01-01", "neutral")}, 1, "not an id of the protocol", ""),
        ({FIRST: (f"a/{SECOND}.wav", "neutral")}, 1, "twice the same id", "first: "),
        ({FIRST: (FIRST, "joyous")}, 1, "a label outside the set", "joyous"),
        ({FIRST: (FIRST, "nan")}, 1, "NaN", "nan"),
        ({FIRST: (FIRST, " ")}, 1, "no label", ""),
    ],
)
def test_an_offending_row(refused, tmp_path, ravdess, change, count, kind, value):
    lines = [change.get(id, (id, label)) for id, label, _ in ravdess]
    file = write_rows(tmp_path / "mine.csv", ("id", "label"), filter(None, lines))
    said, listed = refused(file)
    assert f"{count} {kind}" in said
    row = next(row for row in listed if row["reason"] == kind)
    assert value in row["value"]
    if kind != "missing":
        assert row["row"] == f"{file}:{1 + (kind == 'twice the same id')}"


@pytest.mark.parametrize(
    ("scores", "kind", "value"),
    [
        ((0.6, 0.5, *[0] * 6), "probabilities that do not sum to one", "1.1000"),
        (NAN, "a probability that is NaN or not in 0..1", "neutral nan"),
        ((1.5, -0.5, *[0] * 6), "a probability that is NaN or not in 0..1", "neutral 1.5"),
        (("x", *[0] * 7), "a probability that is NaN or not in 0..1", "neutral x"),
        ((0.4, 0.6, *[0] * 6), "a label that is not the most probable", "neutral, not calm"),
    ],
)
def test_offending_probabilities(refused, tmp_path, ravdess, scores, kind, value):
    header = ("id", "label", *(f"prob.{name}" for name in CLASSES))
    file = write_rows(tmp_path / "mine.csv", header, with_scores(ravdess, scores))
    said, listed = refused(file)
    assert f"1 {kind}:" in said
    row = {"row": f"{file}:1", "id": FIRST, "value": value, "reason": kind}
    assert listed == [row]
    strange = [name.replace("calm", "serene") for name in header]
    write_rows(file, tuple(strange), with_scores(ravdess, (1.0, *[0] * 7)))
    assert "1440 a probability of a label outside the set" in refused(file)[0]


def test_folds_and_right_answers_must_be_the_protocols(refused, tmp_path, ravdess):
    header = ("id", "prediction", "label", "fold", "protocol")
    lines = [(id, label, label, f"fold_0{fold}", "") for id, label, fold in ravdess]
    lines[0] = (FIRST, "neutral", "neutral", "2", "")
    lines[1] = (lines[1][0], "neutral", "calm", "1", "")
    lines[2] = (*lines[2][:4], "ravdess/mine")
    lines[3] = (*lines[3][:4], "ravdess/emobox6 version 2")
    said, listed = refused(write_rows(tmp_path / "mine.csv", header, lines))
    assert "2 of another protocol" in said
    reasons = [row["reason"] for row in listed if row["reason"] != "missing"]
    assert reasons == [
        "another fold than the protocol's 1",
        "another right answer than the protocol's",
        "of another protocol",
        "of another protocol",
    ]


def test_numbers_need_their_classes(refused, tmp_path, ravdess):
    lines = [(id, CLASSES.index(label)) for id, label, _ in ravdess]
    file = write_rows(tmp_path / "mine.csv", ("key", "pred"), lines)
    said, listed = refused(file)
    assert "1440 a label outside the set (name the classes of the numbers by --labels)" in said
    assert len(listed) == 1440
    said, listed = refused(file, "--labels", ",".join(CLASSES[:-1]))
    assert {row["value"] for row in listed} == {"7"}


def test_the_list_may_be_elsewhere_and_is_of_both_files(refused, tmp_path, ravdess):
    lines = [(id, label) for id, label, _ in ravdess]
    short = write_rows(tmp_path / "short.csv", ("id", "label"), lines[1:])
    whole = write_rows(tmp_path / "whole.csv", ("id", "label"), [*lines, ("x.wav", "sad")])
    said, listed = refused(whole, str(short), "--rejects", str(tmp_path / "r.csv"), listed="r.csv")
    assert "whole.csv: 1 not an id" in said
    assert "short.csv: 1 missing" in said
    assert [row["reason"] for row in listed] == ["not an id of the protocol", "missing"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["score", "a.csv"], "score needs --protocol NAME"),
        (["score", "a.csv", "--protocol", "ravdess/emobox6"], "cannot read a.csv: No such file"),
        (["score", "a.csv", "--protocol", "ravdess"], "unknown protocol 'ravdess'"),
        (["score", "a", "--protocol", "meld/test_emotion"], "needs --ids FILE: test_sent_emo.csv"),
        (["score", "a", "--protocol", "savee/emobox4", "--folds", "5"], "known: 1, 2, 3, 4"),
        (["score", "a", "--protocol", "savee/emobox4", "--labels", "joyous"], "unknown class"),
        (["score", "a", "--protocol", "savee/emobox4", "--json", "."], "--json . is a folder"),
        (["protocol", "show", "mine"], "unknown protocol 'mine'"),
        (["protocol", "table", "a.json"], "a.json: No such file"),
    ],
)
def test_wrong_calls_are_one_line(monkeypatch, capsys, tmp_path, words, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["spectrobert", *words])
    assert __main__.main() == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err
    assert list(tmp_path.iterdir()) == []
