"""Objectives by name: their weights in configurations of any version, and what they read."""

import dataclasses

import pytest

from spectrobert import corpora
from spectrobert.config import PretrainingConfig, to_dict
from spectrobert.errors import UserError
from spectrobert.settings import composition
from spectrobert.settings.ineffective import ineffective
from spectrobert.settings.options import from_dict

WORDS = ["task=pre", "dataset=demo"]


def test_weights_of_an_old_run_are_read():
    values = to_dict(composition.compose(WORDS))
    del values["task"]["objectives"]
    old = values["task"] | {"mlm_weight": 0.25, "sap_weight": 2.0}
    assert from_dict(values | {"task": old}).task.objectives == {"mlm": 0.25, "sap": 2.0}
    assert from_dict(values).task.objectives == {"mlm": 0.5, "sap": 0.5}


def test_options_of_an_objective_come_back_from_a_run():
    words = [*WORDS, "task.objectives={contrastive: 1}", "task.contrastive.negatives=7"]
    config = composition.compose(words)
    assert config.task.objectives == {"contrastive": 1.0}
    again = from_dict(to_dict(config))
    assert again.task.contrastive == config.task.contrastive
    assert again.task.contrastive.negatives == 7


@pytest.mark.parametrize(
    ("objectives", "reading"),
    [
        ({}, "pre"),
        ({"mlm": 1.0, "sap": 0.0}, "pre"),
        ({"mlm": 1.0, "contrastive": 1.0}, "pre:text"),
        ({"contrastive": 1.0}, "pre:audio"),
    ],
)
def test_rows_are_read_by_what_objectives_need(objectives, reading):
    assert PretrainingConfig(objectives=objectives).reading == reading


@pytest.mark.parametrize(
    ("corpus", "reading", "task"),
    [
        ("emodb", "pre:audio", "ser"),
        ("ravdess", "pre:audio", "pre"),
        ("emodb", "pre", "pre"),
        ("emodb", "ser", "ser"),
    ],
)
def test_a_corpus_without_texts_is_parsed_by_another_task(corpus, reading, task):
    assert corpora.parsing_task(corpus, reading, {}) == task


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("negatives", 0, "task.contrastive.negatives=0: must be 1 or more"),
        ("codebook_size", 7, "codebook_size=7 is not a multiple of task.contrastive.codebooks=2"),
        ("gumbel", [0.5, 2.0], "two numbers above 0, the higher one first"),
        ("temperature", 0.0, "task.contrastive.temperature=0.0: must be above 0"),
        ("feature_penalty", -1.0, "task.contrastive.feature_penalty=-1.0: must be 0 or more"),
    ],
)
def test_wrong_options_of_the_contrastive_loss(name, value, words):
    with pytest.raises(UserError, match=words):
        dataclasses.replace(PretrainingConfig().contrastive, **{name: value})


def test_options_of_objectives_that_are_not_chosen_have_no_effect():
    more = ["task.objectives={contrastive: 1}", "task.mlm_probability=0.3", "task.negatives=any"]
    lines = ineffective(composition.compose([*WORDS, *more]))
    assert "task.mlm_probability=0.3 has no effect: task.objectives has no mlm" in lines
    assert "task.negatives=any has no effect: task.objectives has no sap" in lines
    lines = ineffective(composition.compose([*WORDS, "task.mask_share=0.3"]))
    assert "task.mask_share=0.3 has no effect: no objective masks audio" in lines


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"mask_longest": 0.1},
            r"task\.mask_longest=0\.1: must be 0, or task\.mask_seconds=0\.2 or",
        ),
        ({"mask_swapped": -0.1}, r"task\.mask_swapped=-0\.1: must be 0 or more"),
        ({"mask_swapped": 0.6, "mask_kept": 0.6}, r"mask_kept=0\.6: their sum must be 1 or less"),
    ],
)
def test_masks_that_cannot_be_drawn_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        PretrainingConfig(objectives={"masked_acoustic": 1.0}, **options)
