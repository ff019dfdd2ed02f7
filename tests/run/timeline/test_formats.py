"""Segments of answers, and the files they are written to."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from spectrobert.errors import UserError
from spectrobert.run.timeline import formats, written
from spectrobert.run.timeline.segments import Segment, segments
from spectrobert.run.timeline.settings import Rules

from ...helpers.timelines import ODD, ROWS, timeline


def spans(made, *rules, **more):
    return [one[:2] for one in segments(made, Rules(*rules, **more))]


def test_equal_answers_are_merged_across_gaps_alone():
    found = segments(timeline(ROWS), Rules(0.5, 1.0))
    assert [one[:3] for one in found] == [(0, 4, "a"), (6, 8, "b")]
    assert found[0].value == pytest.approx(0.8)
    assert [one.stretches for one in found] == [3, 2]
    assert spans(timeline(ROWS), 0.5, 0.5) == [(0, 2), (3, 4), (6, 8)]
    assert spans(timeline(ROWS), 0.5, 0.5, 1.5) == [(0, 2), (6, 8)]
    assert spans(timeline(ROWS), 0.75, 0.5) == [(0, 1), (3, 4), (6, 7)]


def test_another_answer_between_parts_equal_ones():
    found = segments(timeline([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1]]), Rules(gap=5.0))
    assert [one.label for one in found] == ["a", "b", "a"]


def test_a_label_that_reaches_its_own_threshold_is_the_answer():
    made, rules = timeline(ROWS), Rules(0.5, 0.0, own={"b": 0.25})
    assert [one[:3] for one in segments(made, rules)] == [
        (0, 1, "a"),
        (1, 3, "b"),
        (3, 4, "a"),
        (6, 8, "b"),
    ]
    assert segments(made, rules)[1].value == pytest.approx(0.375)
    rows = list(csv.DictReader(io.StringIO(formats.windows_csv(made, (), rules))))
    assert [row["answer"] for row in rows] == ["a", "b", "b", "a", "", "", "b", "b"]
    assert rows[1]["prediction"] == "a"
    strict = Rules(0.5, 0.0, own={"b": 0.75})
    assert [one[:3] for one in segments(made, strict)][-1] == (6, 7, "b")
    both = timeline([[0.9, 0.3]], is_exclusive=False)
    assert [one.label for one in segments(both, Rules(own={"b": 0.25}))] == ["a", "b"]


def test_labels_that_are_there_at_once_have_segments_each():
    rows = [[0.9, 0.8], [0.9, 0.2], [0.1, 0.7]]
    found = segments(timeline(rows, is_exclusive=False), Rules(0.5, 0.0))
    assert [one[:3] for one in found] == [(0, 1, "b"), (0, 2, "a"), (2, 3, "b")]


def test_numbers_are_their_own_segments():
    found = segments(timeline([[0.2, -0.1], None], measure="value"), Rules())
    assert [one[:3] for one in found] == [(0.0, 1.0, "a 0.200, b -0.100")]


def test_curves_have_gaps_without_sound_and_nothing_where_not_kept():
    made = timeline(ROWS)
    np.testing.assert_allclose(made.curve(1)[[0, 4, 6]], [0.1, np.nan, 0.8])
    few = replace(made, best=made.best[:, :1], values=made.values[:, :1])
    np.testing.assert_allclose(few.curve(1)[[0, 4, 6]], [0.0, np.nan, 0.8])
    assert made.prominent(1) == [0]


def test_tables_hold_windows_and_segments():
    made, rules = timeline(ROWS, labels=ODD[:2]), Rules()
    found = segments(made, rules)
    rows = list(csv.DictReader(io.StringIO(formats.windows_csv(made, found, rules))))
    assert rows[0]["answer"] == rows[0]["prediction"] == ODD[0]
    assert (rows[2]["answer"], rows[2]["prediction"]) == ("", ODD[0])
    assert rows[4] == dict.fromkeys(rows[4], "") | {"start": "4.000", "end": "5.000"}
    assert float(rows[6][f"p_{ODD[1]}"]) == pytest.approx(0.8)
    rows = list(csv.DictReader(io.StringIO(formats.segments_csv(made, found, rules))))
    assert (rows[-1]["start"], rows[-1]["label"]) == ("6.000", ODD[1])
    numbers = timeline([[0.2, -0.1], None], measure="value")
    rows = list(csv.DictReader(io.StringIO(formats.windows_csv(numbers, (), rules))))
    assert list(rows[0]) == ["start", "end", "predicted_a", "predicted_b"]
    assert rows[1]["predicted_a"] == ""


def test_json_holds_all():
    made, rules = timeline(ROWS, labels=ODD[:2], question="is it?"), Rules()
    read = json.loads(formats.as_json(made, segments(made, rules), rules))
    assert read["question"] == "is it?"
    assert read["rules"] == {"threshold": 0.5, "gap": 0.5, "shortest": 0.0, "own": {}}
    assert read["windows"][6]["answers"][0] == {"label": ODD[1], "probability": 0.8}
    assert read["windows"][4]["answers"] == []
    assert read["segments"][-1]["label"] == ODD[1]


def test_a_text_grid_has_no_gaps_and_quotes_twice():
    made, rules = timeline(ROWS, labels=("x", ODD[2])), Rules(gap=0.0)
    lines = formats.textgrid(made, segments(made, rules), rules).splitlines()
    assert lines[:2] == ['File type = "ooTextFile"', 'Object class = "TextGrid"']
    starts = [float(line.split("=")[1]) for line in lines if line.startswith(" " * 12 + "xmin")]
    ends = [float(line.split("=")[1]) for line in lines if line.startswith(" " * 12 + "xmax")]
    assert [0.0, *ends[:-1]] == starts
    assert ends[-1] == 8.0
    texts = [line.split("= ", 1)[1] for line in lines if line.strip().startswith("text =")]
    assert texts == ['"x"', '""', '"x"', '""', '"a, ""b"""']
    both = timeline([[0.9, 0.8]], is_exclusive=False)
    assert "size = 2\n" in formats.textgrid(both, segments(both, Rules()), Rules())


def test_audacity_has_a_line_per_segment():
    found = [Segment(0.0, 1.5, "a\tb\nc", 0.5), Segment(2.0, 3.0, "غضب", 0.5)]
    assert formats.audacity(timeline(ROWS), found, Rules()) == (
        "0.000000\t1.500000\ta b c\n2.000000\t3.000000\tغضب\n"
    )


def test_audformat_reads_what_is_written(tmp_path):
    audformat = pytest.importorskip("audformat")
    made, rules = timeline(ROWS, labels=ODD[3:]), Rules()
    for _ in range(2):  # the second replaces the first
        list(written.write(tmp_path, made, segments(made, rules), rules, ["audformat"]))
    table = audformat.Database.load(str(tmp_path / "audformat"))["segments"].get()
    assert table["label"].tolist() == [ODD[3], ODD[3], ODD[4]]
    starts = table.index.get_level_values("start").total_seconds()
    assert starts.tolist() == [0.0, 3.0, 6.0]
    assert [path.name for path in tmp_path.iterdir()] == ["audformat"]


def test_formats_are_chosen_by_name():
    assert written.parse("csv, html") == ("csv", "html")
    assert written.parse("")[0] == "csv"
    with pytest.raises(UserError, match="--format xml: allowed are csv, json, textgrid"):
        written.parse("xml")
