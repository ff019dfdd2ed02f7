"""The evaluation card: facts of results.json in words."""

from spectrobert.run.card import facts

RESULTS = {
    "task": "ser",
    "dataset": "demo",
    "seed": 1,
    "fold": 2,
    "val": {"split": "val", "n": 7, "num_rows": 8, "unread": [["a", "a.wav", "empty"]]},
    "question_only": None,
    "monitor": {"name": "val/accuracy", "checkpoint": "best", "epoch": 3},
    "split": {
        "definition": "owner's",
        "counts": {"train": 20, "val": 8},
        "speakers": {"train": ["x", "y"], "val": []},
    },
    "skipped_files": 1,
    "dropped_rows": {"no label": 2},
    "silence_audio": True,
    "init": {"checkpoint": "runs/pre", "text_model": ""},
    "git_commit": "",
}


def test_results_of_an_older_version_have_a_card():
    """One that recorded no facts of its own, nor any intervals."""
    card = facts(RESULTS)
    assert card["corpus"] == "demo"
    assert not card.keys() & {"source", "options of the corpus", "text", "intervals"}
    assert card["split"] == "val; owner's"
    assert card["scored"] == "7 of 8, 1 could not be read, listed in skipped.csv"
    assert card["speakers"] == "train 2"
    assert card["fold"] == "2"
    assert card["audio"] == "silenced"
    assert card["left out"] == "2 rows: no label; 1 unusable files"
    assert card["starts from"] == "checkpoint runs/pre"
    assert card["checkpoint"] == "best by val/accuracy, epoch 3"
    assert card["commit"] == "not in a git checkout"


def test_a_run_without_validation_names_the_last_checkpoint():
    monitor = {"name": "val/accuracy", "checkpoint": "last"}
    card = facts(RESULTS | {"monitor": monitor, "fold": None, "init": {}})
    assert card["checkpoint"] == "the last: val/accuracy was never measured"
    assert card["starts from"] == "random weights"
    assert "fold" not in card
