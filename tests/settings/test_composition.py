"""Composing a configuration: text and numbers, experiments, checkpoints, every choice, Python."""

import json
import shutil

import pytest

from spectrobert import settings
from spectrobert.commands import train
from spectrobert.config import Config, to_dict
from spectrobert.errors import UserError
from spectrobert.settings import composition, conf, overrides
from spectrobert.settings.options import from_dict

from ..helpers.world import SER, composed

NOT_NUMBERS = ("1e3", "007", "true", "null", "1_000", "nan", "-1", ".5", "0x10")


@pytest.mark.parametrize("word", NOT_NUMBERS)
def test_text_that_looks_like_a_number_stays_text(word):
    words = ["--experiment_name", word, "--data_dir", word, "--checkpoint", word]
    words += [f"dataset.root={word}"] if word != "null" else []  # of an override it is no text
    config = composition.compose([*SER, *words])
    texts = (config.experiment_name, config.data_dir, config.init.checkpoint, config.dataset.root)
    assert set(texts) - {""} == {word}


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


RATES = {"head": 1e-3, "audio.conv": 1e-5, "encoder.-1": 2.0}


@pytest.mark.parametrize(
    "words",
    [
        ["optim.lr_of={head: 1e-3, audio.conv: 1e-5, encoder.-1: 2}"],
        ["optim.lr_of.head=1e-3", "optim.lr_of.audio.conv=1e-5", "optim.lr_of.encoder.-1=2"],
        ["optim.lr_of={head: 1, audio.conv: 1e-5}", "+optim.lr_of={head: 1e-3, encoder.-1: 2}"],
        ["optim={lr_of: {head: 1e-3, audio.conv: 1e-5, encoder.-1: 2}}"],
    ],
)
def test_names_of_parts_may_have_dots(words):
    config = composition.compose([*SER, *words])
    assert config.optim.lr_of == RATES
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config


def test_free_keys_from_python():
    assert settings.compose("ser", "demo", **{"optim.lr_of": RATES}).optim.lr_of == RATES
    options = {"model": "debug_hubert", "model.speech.mask_time_prob": 0.5}
    assert settings.compose("ser", "demo", **options).model.speech["mask_time_prob"] == 0.5


def test_names_with_dots_in_an_experiment(tmp_path, monkeypatch):
    shutil.copytree(conf.CONF, tmp_path / "conf")
    monkeypatch.setattr(conf, "CONF", tmp_path / "conf")
    monkeypatch.setattr(composition, "CONF", tmp_path / "conf")
    monkeypatch.setattr(overrides, "CONF", tmp_path / "conf")
    text = "# @package _global_\noptim:\n  lr_of: {head: 1e-3, audio.conv: 1e-5, encoder.-1: 2}\n"
    (tmp_path / "conf" / "experiment" / "own.yaml").write_text(text)
    config = composition.compose([*SER, "experiment=own"])
    assert config.optim.lr_of == RATES
    config = composition.compose([*SER, "experiment=own", "optim.lr_of.audio.conv=3"])
    assert config.optim.lr_of == RATES | {"audio.conv": 3.0}


def test_a_sweep_over_the_rate_of_a_part():
    words = ["task=ser", "dataset=demo", "--multirun", "optim.lr_of.audio.conv=1e-3,1e-4"]
    (override,) = overrides.checked(words)[2:]
    assert override.is_sweep
    assert override.text == "++optim.lr_of={audio.conv: 0.001},{audio.conv: 0.0001}"


def test_overrides_next_to_flags():
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


def test_python_composes_as_words_do():
    words = ["model=tiny", "optim.lr=1e-3", "freeze.train=[head,audio]", "trainer.epochs=null"]
    options = {"optim.lr": 1e-3, "freeze.train": ["head", "audio"], "trainer.epochs": None}
    found = settings.compose("ser", "demo", model="tiny", data_dir="a, b", resume=True, **options)
    assert found == composed(*SER, *words, "data_dir='a, b'", "--resume")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optim.lrr": 1}, "unknown key 'optim.lrr'; did you mean 'lr'"),
        ({"seed": 1.5}, "seed=1.5: must be an integer"),
        ({"model": "tny"}, "unknown model 'tny'"),
        ({"optim.lr": 0}, "optim.lr=0.0: must be above 0"),
    ],
)
def test_python_is_refused_as_words_are(options, message):
    with pytest.raises(UserError, match=message):
        settings.compose("ser", "demo", **options)


def test_an_experiment_file_is_checked_as_overrides_are(monkeypatch, tmp_path):
    (tmp_path / "experiment").mkdir()
    path = tmp_path / "experiment" / "mine.yaml"
    path.write_text("# @package _global_\noptim:\n  lrr: 1\n")
    monkeypatch.setattr(conf, "CONF", tmp_path)
    monkeypatch.setattr("spectrobert.settings.overrides.CONF", tmp_path)
    with pytest.raises(UserError, match=f"{path}: unknown key 'optim.lrr'; did you mean 'lr'"):
        composition.compose([*SER, "experiment=mine"])


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
