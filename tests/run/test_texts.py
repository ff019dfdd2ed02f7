"""Corpora without texts: refused in one line by what needs some, before anything is written."""

from types import SimpleNamespace

import datasets
import pytest

from spectrobert.errors import UserError
from spectrobert.run import texts

from ..helpers.world import configure

PRE = "task.objectives={mlm: 1, masked_acoustic: 1}"


def prepared(*found: str) -> SimpleNamespace:
    return SimpleNamespace(splits={"train": datasets.Dataset.from_dict({"text": list(found)})})


def test_objectives_of_words_need_some(tmp_path):
    config = configure(tmp_path, "pre", PRE)
    texts.require(config, prepared("", "one"))
    message = r"dataset 'demo' states no text in any training row, which task.objectives=\{mlm\}"
    with pytest.raises(UserError, match=message):
        texts.require(config, prepared("", ""))
    texts.require(configure(tmp_path, "pre", "task.objectives={masked_acoustic: 1}"), prepared(""))


def test_a_model_of_text_alone_needs_some(tmp_path):
    config = configure(tmp_path, "ser")
    texts.require(config, prepared(""))
    config.model = SimpleNamespace(fusion="text")
    with pytest.raises(UserError, match=r"which model\.fusion=text needs"):
        texts.require(config, prepared(""))
