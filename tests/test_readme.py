"""The README under test: its commands compose, its tables are the code's, its links resolve."""

import ast
import inspect
import re
import tomllib

import pytest

import spectrobert
from spectrobert.commands.train import help_text
from spectrobert.corpora import MODULES, corpus
from spectrobert.settings import composition, conf, flags

from .helpers.pages import Page, code, parse_verb
from .helpers.world import ROOT

README = Page("README.md")
TASKS = set(conf.choices("task"))


@pytest.mark.parametrize("words", README.commands("python", "train.py"), ids=" ".join)
def test_train_commands_compose(words):
    config = composition.compose(words)
    assert config.task.name in corpus(config.dataset.name).tasks
    assert (config.trainer.accelerator == "cuda") == ("--cuda" in words)


def test_the_thesis_commands_stand_in_the_readme():
    found = {" ".join(words) for words in README.commands("python", "train.py")}
    assert {
        "--initialize_weights --cuda --task pre --dataset wavcaps"
        " --experiment_name wavcaps_pretraining",
    } <= found
    assert any("--task aqa_binary --dataset clothoqa" in line for line in found)
    assert any("--initialize_weights --cuda --task ser" in line for line in found)


@pytest.mark.parametrize("words", README.commands("python", "-m", "spectrobert"), ids=" ".join)
def test_verbs_and_their_options_exist(words):
    parse_verb(words)


def test_the_python_example_composes_and_names_what_exists():
    (example,) = README.blocks("python")
    calls = [node for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Call)]
    named = {ast.unparse(call.func): ast.unparse(call) for call in calls}
    public = {f"spectrobert.{name}" for name in spectrobert.__all__[1:]}
    assert named.keys() == public | {"model.predict"}
    config = eval(named["spectrobert.compose"], {"spectrobert": spectrobert})
    assert (config.task.name, config.trainer.epochs, config.optim.lr) == ("ser", 3, 1e-3)
    for name in ("fit", "evaluate", "load", "predict", "score"):
        call = ast.parse(named[f"spectrobert.{name}"], mode="eval").body
        words = {word.arg: None for word in call.keywords}
        inspect.signature(getattr(spectrobert, name)).bind(*call.args, **words)


def test_the_table_of_extras_is_the_projects():
    section = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = tomllib.loads(section)["project"]["optional-dependencies"].keys() - {"dev"}
    rows = {code(row[0])[0]: row[2] if len(row) > 2 else "" for row in README.table("extra")}
    assert rows.keys() == declared
    installed = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    marked = {name for name, mark in rows.items() if "yes" in mark}
    assert f"-e .[{','.join(n for n in rows if n in marked)}]" in installed


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"^make ([\w-]+)|`make ([\w-]+)[^`]*`", README.text, re.MULTILINE))
    named = {name for pair in named for name in pair if name}
    assert {"demo", "test"} <= named <= targets


def test_every_command_is_of_a_kind_that_is_tested():
    kinds = r"(make|python train\.py|python -m spectrobert|\. \.venv/bin/activate|git clone|cd) ?"
    assert [line for line in README.lines if not re.match(kinds, line)] == []


def test_the_table_of_flags_lists_the_flags():
    listed = [c.split()[0] for row in README.table("flag") for c in code(row[0])]
    assert sorted(listed) == sorted(flags.KNOWN)
    meaning = {c.split()[0]: row[1] for row in README.table("flag") for c in code(row[0])}
    assert set(code(meaning["--task"])) == TASKS


def test_help_lists_the_flags_too():
    listed = re.findall(r"^  (-\S+)", help_text(), re.MULTILINE)
    assert sorted(listed) == sorted(flags.KNOWN)


def test_presets_and_models_named_exist_and_none_is_left_out():
    row = next(row for row in README.table("flag") if row[0].startswith("`--freeze"))
    presets = [name for name in code(row[1]) if "=" not in name]
    assert sorted(presets) == conf.options_of("freeze")
    models = set(re.findall(r"\bmodel=(\w+)", README.text))
    on_encoders = Page(ROOT / "docs" / "encoders.md").text
    assert models <= set(conf.options_of("model")) <= models | set(re.findall(r"\w+", on_encoders))


def test_the_table_of_corpora_is_the_registry():
    listed = {
        name: TASKS if row[1] == "all" else set(row[1].split(", "))
        for row in README.table("name")
        for name in code(row[0])
    }
    assert listed == {name: set(corpus(name).tasks) for name in MODULES}


def test_relative_links_resolve():
    assert "CONTRIBUTING.md" in README.links()
    assert README.broken_links() == []
