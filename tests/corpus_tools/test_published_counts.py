"""Published sizes of the corpora, and the counts that they are compared with."""

import re
from collections import Counter
from inspect import signature

import pytest

from spectrobert import corpora
from spectrobert.corpora import MODULES, corpus
from spectrobert.corpora.example import Dropped
from spectrobert.corpus_tools import check, split_findings
from spectrobert.corpus_tools.finding import Finding
from spectrobert.corpus_tools.published_counts import count_rows
from spectrobert.data.splits import SPLITS
from spectrobert.settings.schemas import dataset_class

from ..helpers.rows import example


def test_published_counts():
    examples = [example("a", label="x"), example("b", "b.wav", label="y", split="test")]
    found = count_rows(examples, [Dropped("why", "c")])
    expected = {"rows": 3, "examples": 2, "examples of test": 1, "recordings": 2, "classes": 2}
    assert {name: found[name] for name in expected} == expected
    agreed = check.compare(expected | {"class x": 1}, found)
    assert agreed.verdict == "ok"
    differs = check.compare({"examples": 3, "class y of test": 1}, found)
    assert differs == Finding(
        "published counts", "1 of 2 differ", "fault", ["examples: 2, published 3"]
    )


def test_one_question_of_two_recordings_is_two_questions():
    examples = [example(audio=audio, question="loud?") for audio in ("a.wav", "a.wav", "b.wav")]
    assert count_rows(examples, [])["questions"] == 2


COUNTABLE = re.compile(
    r"rows|(examples|recordings|questions|speakers|classes|class [\w -]+?)( of (train|val|test))?"
)


@pytest.mark.parametrize(
    ("name", "task"), [(name, task) for name in MODULES for task in corpus(name).tasks]
)
def test_published_counts_are_of_what_is_counted(name, task, tmp_path):
    options = dataset_class(name)()
    known = check.published_by_owner(tmp_path, task, options)
    assert all(COUNTABLE.fullmatch(key) for key in known)
    assert all(number > 0 for number in known.values())
    labels = corpus(name).labels.get(task)
    named = {key[6:].partition(" of ")[0] for key in known if key.startswith("class ")}
    assert not labels or not named or named == set(labels)


@pytest.mark.parametrize(
    ("name", "task", "options", "expected"),
    [
        ("slue_voxceleb", "sentiment", {}, {"examples of train": 5729, "examples of val": 1437}),
        ("wavcaps", "pre", {}, {"rows": 403050}),
        ("wavcaps", "pre", {"sources": ["soundbible", "bbc"]}, {"rows": 1232 + 31201}),
        ("iemocap", "ser", {"fold": 5}, {"examples": 5531, "examples of test": 1241}),
        ("iemocap", "ser", {"folds": "speaker"}, {"examples": 5531}),
        ("iemocap", "ser", {"classes": 9}, {}),
        ("librispeech", "pre", {"subsets": ["train-clean-100", "train-clean-360", "dev-clean"]},
         {"examples of train": 28539 + 104014, "examples of val": 2703}),
        ("ravdess", "sentiment", {}, {"examples": 1248, "class negative": 768}),
    ],
)  # fmt: skip
def test_published_counts_follow_the_options(name, task, options, expected, tmp_path):
    known = check.published_by_owner(tmp_path, task, dataset_class(name)(**options))
    assert expected.items() <= known.items()
    assert bool(known) == bool(expected)


def test_corpora_are_known_by_default_options_of_their_own():
    """`published_counts` has the parameters of `load`: a new option of one breaks the other."""
    for found in map(corpus, MODULES):
        if callable(found.published_counts):
            names = list(signature(found.published_counts).parameters)
            assert names == list(signature(found.load).parameters)


def test_question_texts_of_clotho_aqa(real_data):
    """FACTS 1.2: 460 of 2515 texts of the test questions of both tasks are in train too."""
    root = real_data / "clotho_aqa"
    both = [r for t in ("aqa_binary", "aqa_open") for r in corpora.load("clotho_aqa", root, t)[0]]
    assert Counter(row.split for row in both) == {"train": 21132, "val": 6192, "test": 8514}
    counts = count_rows(both, [])
    assert [counts[f"questions of {split}"] for split in SPLITS] == [7043, 2064, 2838]
    (texts,) = split_findings.shared_texts(both, [row.split for row in both])
    assert "460 of the 2515 texts of test" in texts.found
