"""Predictions under RAVDESS' protocol, and a protocol small enough to compute by hand."""

import csv
from pathlib import Path

import pytest

from spectrobert.protocols.protocol import load, references

HAND = """
version: 1
corpus: mine
rule: reference.table
file: a table of mine
unit: speaker
metrics: [unweighted_accuracy, accuracy, macro_f1, weighted_f1]
averaging: folds
spellings: {angry: [anger, ang]}
source: this test
"""
ROWS = """id,label,fold,group
s1-1,angry,1,s1
s1-2,angry,1,s1
s1-3,sad,1,s1
s2-1,angry,2,s2
s2-2,angry,2,s2
s2-3,sad,2,s2
"""
PREDICTED = ("angry", "sad", "sad", "angry", "angry", "angry")  # of ROWS


def write_rows(path: Path, header: tuple[str, ...], rows) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


@pytest.fixture
def hand(tmp_path):
    """The words that ask `score` for the protocol of HAND."""
    (tmp_path / "hand.yaml").write_text(HAND)
    (tmp_path / "rows.csv").write_text(ROWS)
    return {"protocol": str(tmp_path / "hand.yaml"), "ids": tmp_path / "rows.csv"}


@pytest.fixture
def predicted(tmp_path):
    """A file of PREDICTED."""
    ids = [line.split(",")[0] for line in ROWS.splitlines()[1:]]
    return write_rows(tmp_path / "mine.csv", ("id", "label"), zip(ids, PREDICTED))


@pytest.fixture(scope="session")
def ravdess():
    """(id, label, fold) of the 1440 rows."""
    return [(row.id, row.label, row.fold) for row in references(load("ravdess/emobox6"))]
