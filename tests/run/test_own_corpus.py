"""docs/own-corpus.md under test: the example runs, commands compose, the tables are the code's."""

import csv
import re

import pytest
import typer

from spectrobert.__main__ import app
from spectrobert.commands import train
from spectrobert.corpora import corpus
from spectrobert.settings import composition

from ..helpers.pages import Page, code, parse_verb
from ..helpers.world import SMALL

PAGE = Page("docs/own-corpus.md")
TRAIN = PAGE.commands("python", "train.py")
OTHERS = ("audformat", "folder", "kaldi")  # corpora of one's own that need no table
VERBS = PAGE.commands("python", "-m", "spectrobert")


def verb(words: list[str]) -> int:
    """Exit code of `python -m spectrobert ...`, in this process."""
    return int(typer.main.get_command(app).main(words, standalone_mode=False) or 0)


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(PAGE.blocks("python")[0], "own-corpus.md", "exec"), {})
    assert verb(VERBS[0]) == 0
    assert "task classification, by column 'label'" in capsys.readouterr().err
    little = [*SMALL, "trainer.epochs=1", "trainer.num_workers=0", "trainer.threads=1"]
    assert train.main([*TRAIN[0], *little]) == 0
    capsys.readouterr()
    folder = tmp_path / "runs" / "sounds" / "seed0"
    with (folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["audio"] for row in rows} <= {path.name for path in tmp_path.glob("*.wav")}
    predict, report = (next(w for w in VERBS if w[0] == name) for name in ("predict", "report"))
    assert verb(predict) == 0
    assert re.search("hum|hiss|whistle", capsys.readouterr().out)
    assert verb(report) == 0
    page = next(folder.rglob("*.html")).read_text()
    assert any(f"{row['audio']};" in page for row in rows)


@pytest.mark.parametrize("words", TRAIN, ids=" ".join)
def test_train_commands_compose(words):
    config = composition.compose(words)
    assert config.dataset.name in ("csv", *OTHERS)
    assert config.task.name in corpus(config.dataset.name).tasks


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_verbs_and_their_options_exist(words):
    parse_verb(words)


def test_every_command_is_tested():
    assert len(TRAIN) + len(VERBS) == len(PAGE.lines)


def test_the_tables_list_every_option_and_task():
    options = [word for row in PAGE.table("option") for word in code(row[0])]
    named = [word.removeprefix("dataset.") for word in options if word.startswith("dataset.")]
    assert sorted(named) == sorted(corpus("csv").options())
    tasks = [word for row in PAGE.table("task") for word in code(row[0])]
    assert sorted(tasks) == sorted(corpus("csv").tasks)


@pytest.mark.parametrize("name", OTHERS)
def test_the_tables_of_other_corpora_list_every_option(name):
    rows = PAGE.table(f"option of {name}")
    named = [word.removeprefix("dataset.") for row in rows for word in code(row[0])]
    assert sorted(named) == sorted(["root", *corpus(name).options()])


def test_links_resolve():
    assert PAGE.broken_links() == []
