"""Metrics of pre-training, from rows of a match logit and three sums over masked words."""

import math

import numpy as np
import pytest
import torch

from spectrobert.config import OptimConfig, PretrainingConfig
from spectrobert.metrics import values
from spectrobert.metrics.collected import Collected
from spectrobert.models.batch import IGNORED
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.spectrobert import Output, SpectroBert
from spectrobert.tasks import TASKS

from ..helpers.toy import TOY


def summarised(rows: np.ndarray, matched: np.ndarray, mlm: float, sap: float) -> dict:
    """Values of rows whose first column is the match logit, the others those of mlm."""
    task = pretraining(PretrainingConfig(objectives={"sap": sap, "mlm": mlm}))
    return values(task.statistics(rows, matched), len(rows))


def pretraining(config: PretrainingConfig):
    model = SpectroBert(SpectroBertConfig(**TOY, head="pretraining"))
    return TASKS["pre"](model, config, OptimConfig())


def test_means_over_all_words_and_pairs():
    # One word at log 4; three at 5 / (5 + 3), of which one is another word; a pair without a word
    rows = np.array(
        [
            [0.0, math.log(4), 0, 1],
            [0.0, 0, 0, 0],
            [math.log(3), 2 * math.log(8 / 5) + math.log(8), 2, 3],
        ]
    )
    found = summarised(rows, np.array([0, 1, 1]), 0.25, 2.0)
    mlm = (math.log(4) + 2 * math.log(8 / 5) + math.log(8)) / 4
    sap = (2 * math.log(2) + math.log(4 / 3)) / 3
    assert found["mlm_loss"] == pytest.approx(mlm)
    assert found["sap_loss"] == pytest.approx(sap)
    assert found["loss"] == pytest.approx(0.25 * mlm + 2 * sap)
    assert found["mlm_accuracy"] == pytest.approx(2 / 4)
    assert found["sap_accuracy"] == pytest.approx(2 / 3)  # a logit of 0 is "does not match"
    # Pairs (positive, negative): one in order, one tied
    assert found["sap_auroc"] == pytest.approx(0.75)


def test_without_a_masked_word():
    found = summarised(np.zeros((2, 4)), np.array([0, 1]), 0.5, 0.5)
    assert found["mlm_loss"] == found["mlm_accuracy"] == 0
    assert found["loss"] == pytest.approx(0.5 * math.log(2))


def test_the_words_of_each_pair_are_summed_in_its_row():
    """Three masked words in the first row, none in the second, one in the third."""
    task = pretraining(PretrainingConfig())
    labels = torch.full((3, 4), IGNORED)
    labels[0, 1:] = torch.tensor([2, 0, 1])
    labels[2, 0] = 3
    words = torch.zeros(4, 5)
    words[0, 2] = words[1, 0] = words[3, 3] = math.log(4)  # right, at 4 / 8; the third at 1 / 5
    output = Output(torch.empty(0), torch.empty(0), masked_words=words, match=torch.arange(3.0))
    given = {"mlm_labels": labels, "matched": torch.tensor([1, 0, 1]), "index": torch.arange(3)}
    rows, matched = task.rows(output, given)
    expected = [[2 * math.log(2) + math.log(5), 2, 3, 0], [0, 0, 0, 1], [math.log(2), 1, 1, 2]]
    torch.testing.assert_close(rows, torch.tensor(expected))
    assert matched.tolist() == [1, 0, 1]


def test_rows_are_collected_in_order_and_once():
    found = Collected()
    found.update(torch.tensor([3, 0]), torch.tensor([[3.0], [0.0]]), torch.tensor([1, 0]))
    found.update(torch.tensor([1]), torch.tensor([[1.0]], dtype=torch.bfloat16), torch.tensor([1]))
    found.update(torch.tensor([3]), torch.tensor([[3.0]]), torch.tensor([1]))
    index, outputs, targets = found.compute()
    assert index.tolist() == [0, 1, 3]
    assert outputs.tolist() == [[0], [1], [3]]
    assert targets.tolist() == [0, 1, 1]
    found.reset()
    found.update(torch.tensor([5]), torch.tensor([[2.0]]), torch.tensor([0]))
    assert found.compute()[0].tolist() == [5]
