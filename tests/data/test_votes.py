"""Votes from examples to numbers: kept in tables, counted by the classes of a task, required."""

import numpy as np
import pytest

from spectrobert.corpora.example import Example
from spectrobert.corpora.votes import one_vote, tally
from spectrobert.data import rows, votes
from spectrobert.data.batches import collate_answers
from spectrobert.data.clips import ReadOptions, answer, columns, to_arrow
from spectrobert.errors import UserError

from ..helpers.rows import example

LABELS = ("angry", "happy", "sad")
VOTES = (
    (("angry", 2.0), ("happy", 0.5), ("other", 1.0)),
    (),
    (("other", 3.0),),
    (("sad", 1.0),),
)
EXAMPLES = [example(str(i), label="angry", votes=given) for i, given in enumerate(VOTES)]
COUNTS = [[2, 0.5, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_tally():
    given = [("b", 1.0), ("a", 0.0), *one_vote(["b", "c"])]
    assert tally(given) == (("b", 1.5), ("c", 0.5))
    assert tally([]) == ()


def test_examples_keep_their_votes_in_a_table():
    table = rows.to_table(EXAMPLES)
    again = [e for batch in table.to_batches() for e in rows.examples(batch)]
    assert [e.votes for e in again] == list(VOTES)
    assert isinstance(again[0], Example)


def test_votes_are_counted_by_the_classes_of_the_task():
    cells = rows.to_table(EXAMPLES).column("votes")
    found = votes.table(cells, LABELS)
    assert found.dtype == np.float32
    assert found.tolist() == COUNTS
    assert votes.table(cells.take([3, 0]), LABELS).tolist() == [COUNTS[3], COUNTS[0]]
    assert votes.table(cells[1:3], LABELS) is None
    assert votes.table(cells[:0], LABELS).shape == (0, 3)
    assert votes.num_voted(cells, LABELS) == 2
    assert votes.num_voted(cells, ("neutral",)) == 0


def test_a_row_of_training_has_its_votes_if_they_are_learnt():
    split = to_arrow(EXAMPLES, [1.0] * 4)
    index = {label: i for i, label in enumerate((*LABELS, "other"))}  # "other" has no logit
    plain, soft = (
        [answer(split[i], ReadOptions(None, None, index, 0, soft_classes=num)) for i in range(4)]
        for num in (0, 3)
    )
    assert plain == [{"label": 0}] * 4
    assert collate_answers(plain).keys() == {"label"}
    batch = collate_answers(soft)
    assert batch["votes"].tolist() == COUNTS
    assert batch["label"].tolist() == [0] * 4


def test_a_corpus_without_votes_is_refused():
    cells = columns(to_arrow(EXAMPLES, [1.0] * 4), "votes")["votes"]
    votes.require("csv", cells, LABELS)
    with pytest.raises(UserError) as caught:
        votes.require("crema_d", cells, ("neutral",))
    assert str(caught.value) == (
        "task.soft_labels=true: no training row of crema_d has votes of annotators for its classes;"
        " they are read from: processedResults/tabulatedVotes.csv"
    )
    with pytest.raises(UserError) as caught:
        votes.require("ravdess", cells[1:2], LABELS)
    assert str(caught.value) == (
        "task.soft_labels=true: ravdess has no votes of annotators; corpora that have: clotho_aqa,"
        " crema_d, csv, iemocap, msp_podcast"
    )
