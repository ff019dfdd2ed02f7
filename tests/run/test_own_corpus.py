"""docs/own-corpus.md under test: the example runs, commands compose, the tables are the code's."""

from __future__ import annotations

import csv
import re
import shlex

import pytest
import typer

from spectrobert.__main__ import app
from spectrobert.commands import train
from spectrobert.corpora import corpus
from spectrobert.settings import composition

from ..helpers.world import ROOT, SMALL

PAGE = (ROOT / "docs" / "own-corpus.md").read_text(encoding="utf-8")
LINES = [
    line
    for block in re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
COMMANDS = [shlex.split(line) for line in LINES]
TRAIN = [words[2:] for words in COMMANDS if words[:2] == ["python", "train.py"]]
VERBS = [words[3:] for words in COMMANDS if words[:3] == ["python", "-m", "spectrobert"]]
SCRIPT = re.search(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]


def verb(words: list[str]) -> int:
    """Exit code of `python -m spectrobert ...`, in this process."""
    return int(typer.main.get_command(app).main(words, standalone_mode=False) or 0)


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(SCRIPT, "own-corpus.md", "exec"), {})
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
    assert composition.compose(words).dataset.name == "csv"


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_verbs_and_their_options_exist(words):
    command = typer.main.get_command(app)
    with command.make_context("spectrobert", list(words), resilient_parsing=True):
        name, found, rest = command.resolve_command(None, list(words))
        found.make_context(name, rest, resilient_parsing=False)


def test_every_command_is_tested():
    assert len(TRAIN) + len(VERBS) == len(LINES)


def test_the_table_lists_every_option():
    table = PAGE.split("\n| option |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    listed = [name for row in table for name in re.findall(r"`dataset\.(\w+)`", row.split("|")[1])]
    assert sorted(listed) == sorted(corpus("csv").options())
    tasks = PAGE.split("\n| task |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    named = [name for row in tasks for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(corpus("csv").tasks)


def test_links_resolve():
    links = re.findall(r"\]\(([^)#\s]+)", PAGE)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
