"""Wrong words: one line each, with the value and what is allowed, before any work."""

import pytest

from spectrobert.commands import train
from spectrobert.config import Config

from ..helpers.world import SER


def must_not_run(config: Config) -> None:
    pytest.fail(f"started a run: {config}")


WRONG = [
    # unknown
    (["--optimiser", "adam"], ["flag '--optimiser'", "--task", "--freeze"]),
    (["--freez", "bin-frz"], ["flag '--freez'", "did you mean '--freeze'"]),
    (["-x"], ["flag '-x'", "-m"]),
    (["task=sre"], ["task 'sre'", "did you mean 'ser'", "aqa_binary"]),
    (["dataset=demoo"], ["dataset 'demoo'", "did you mean 'demo'", "ravdess"]),
    (["--freeze", "binfrz"], ["freeze 'binfrz'", "did you mean 'bin-frz'", "open-nofrz"]),
    (["--freeze", "bin-frz,none"], ["freeze 'bin-frz,none'"]),
    (["model=tny"], ["model 'tny'", "did you mean 'tiny'", "mini"]),
    (["experiment=demo"], ["experiment 'demo'", "demo_baseline"]),
    (["logger=wandb"], ["logger 'wandb'", "comet, csv, tensorboard"]),
    (["sed=3"], ["key 'sed'", "did you mean 'seed'", "runs_dir"]),
    (["foo.bar=3"], ["key 'foo.bar'", "known: task, dataset"]),
    (["task.epoch=3"], ["key 'task.epoch'", "did you mean 'epochs'", "monitor"]),
    (["dataset.sise=3"], ["key 'dataset.sise'", "did you mean 'size'", "max_seconds"]),
    (["model.patches=3"], ["key 'model.patches'", "did you mean 'patch'", "hidden_size"]),
    (["freeze.trian=[head]"], ["key 'freeze.trian'", "did you mean 'train'"]),
    (["init.check=x"], ["key 'init.check'", "audio_encoder, checkpoint"]),
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
    (["trainer={epochs:x}"], ["trainer.epochs=x: must be an integer"]),
    (["optim=3"], ["optim=3: optim is a group of options: name", "lr, lr_of, beta2"]),
    (["optim.lr={a: 1}"], ["optim.lr={a: 1}: must be a number"]),
    (["optim.lr_of=3"], ["optim.lr_of=3: must be numbers by name, as in {a: 1}"]),
    (["optim.lr_of={head: x}"], ["optim.lr_of.head=x: must be a number"]),
    (["optim.lr_of={audio: {conv: 1}}"], ["optim.lr_of.audio={conv: 1}: must be a number"]),
    (["optim.lr_of.audio.conv=fast"], ["optim.lr_of.audio.conv=fast: must be a number"]),
    (["optim.lr_of={head 1}"], ["'optim.lr_of={head 1}' cannot be read"]),
    (["optim.lr_of.head=1,2"], ["'optim.lr_of.head=1,2' names several values"]),
    # out of range
    (["--seed", "-1"], ["seed=-1", "0 or more"]),
    (["optim.lr=0"], ["optim.lr=0.0", "above 0"]),
    (["optim.lr=nan"], ["optim.lr=nan", "finite"]),
    (["optim.lr_of.encoder.-1=0"], ["optim.lr_of.encoder.-1=0.0", "above 0 and finite"]),
    (["optim.lr_of={head: inf}"], ["optim.lr_of.head=inf", "above 0 and finite"]),
    (["optim.name=sgd"], ["'sgd'", "radam, adam, adamw"]),
    (["optim.schedule=step"], ["'step'", "constant, linear, cosine, tri_stage, plateau"]),
    (["optim.final_scale=0"], ["optim.final_scale=0.0", "above 0 and 1 at most"]),
    (["optim.plateau_factor=1.5"], ["optim.plateau_factor=1.5", "above 0 and 1 at most"]),
    (
        ["optim.schedule=tri_stage", "optim.warmup_share=0.7"],
        ["optim.warmup_share=0.7 and optim.hold_share=0.4", "1 at most together"],
    ),
    (
        ["optim.schedule=plateau", "task.monitor=train/loss"],
        ["optim.schedule=plateau", "task.monitor=train/loss"],
    ),
    (["task.mode=up"], ["'up'", "min, max"]),
    (["trainer.precision=fp8"], ["'fp8'", "auto, 32-true, 16-mixed, bf16-mixed"]),
    (["trainer.kernels=fast"], ["'fast'", "auto, off"]),
    (["trainer.accelerator=tpu"], ["'tpu'", "cpu, cuda"]),
    (["dataset.crop=last"], ["'last'", "first, center, random, whole"]),
    (["dataset.split=mine"], ["'mine'", "official, random"]),
    (["dataset.check=all"], ["'all'", "auto, decode, header, none"]),
    (["logger.mode=maybe"], ["'maybe'", "auto, online, offline"]),
    (["--task", "pre", "task.class_weights=true"], ["task 'pre' has no classes to weigh"]),
    (["--task", "pre", "task.mlm_probability=1"], ["task.mlm_probability=1.0", "below 1"]),
    (
        ["--task", "pre", "task.mlm_weight=1"],
        ["task.mlm_weight is task.objectives.mlm now", "task.objectives={mlm: 0.5, sap: 0.5}"],
    ),
    (["--task", "pre", "task.objectives={mlmm: 1}"], ["objective 'mlmm'", "did you mean 'mlm'"]),
    (["--task", "pre", "task.objectives.mlm=-1"], ["task.objectives.mlm=-1.0", "0 or more"]),
    (["--task", "pre", "task.objectives={mlm: 0}"], ["one weight must be above 0"]),
    (["--task", "pre", "task.objectives={mlm: a}"], ["task.objectives.mlm=a: must be a number"]),
    (["--task", "pre", "task.mismatch_probability=2"], ["task.mismatch_probability=2.0"]),
    # the words themselves
    (["--seed"], ["--seed needs a value"]),
    (["--seed", "--cuda"], ["--seed needs a value"]),
    (["--checkpoint"], ["--checkpoint needs a value"]),
    (["--seed="], ["--seed needs a value", "empty"]),
    (["task.monitor="], ["task.monitor is empty"]),
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
    # one choice of the validation split
    (["dataset.val_speakers=x"], ["val_speakers=x: must be an integer or a list, as in [a,b]"]),
    (["dataset.val_speakers=[]"], ["val_speakers=[]: must name speakers, each once"]),
    (["dataset.val_speakers=[a,a]"], ["val_speakers=[a,a]: must name speakers, each once"]),
    (["dataset.val_speakers=2", "dataset.val_share=0.0"], ["both choose the validation split"]),
    (["dataset.val_speakers=2", "dataset.inner_folds=2"], ["both choose the validation split"]),
    (["dataset.val_speakers=2", "dataset.split=random"], ["split=random shares speakers"]),
    (["dataset.inner_folds=3", "dataset.split=random"], ["split=random shares speakers"]),
    (["dataset.inner_folds=1"], ["dataset.inner_folds=1: must be 2 or more"]),
    (["dataset.inner_folds=3", "dataset.inner_fold=4"], ["must be 1 to dataset.inner_folds=3"]),
    # sweeps: refused before any job starts
    (["-m", "seed=x,1"], ["seed=x: must be an integer"]),
    (["-m", "seed=[1"], ["'seed=[1'", "bracket"]),
    (["-m", "model=tny,tiny"], ["model 'tny'", "did you mean 'tiny'"]),
    (["-m", "dataset=demo,ravdess", "dataset.fold=1"], ["key 'dataset.fold'", "size, seed"]),
    (["-m", "trainer.epochs=range(1,3)", "optim.lr=choice(1e-3,x)"], ["optim.lr=x: must be a"]),
    (["-m", "freeze=glob(bin*)"], ["freeze=glob(bin*)", "name the values of a sweep"]),
]


# bound -> options beyond it
BEYOND = {
    "0 or more": (
        "optim.weight_decay=-1.0 optim.plateau_patience=-1 optim.plateau_threshold=-0.1 "
        "optim.clip=nan trainer.patience=-1 trainer.threads=-1 "
        "trainer.checkpoint_minutes=-1.0 dataset.val_share=-0.1"
    ),
    "below 1": (
        "optim.warmup_share=1.0 optim.beta2=1.0 optim.hold_share=1.0 "
        "dataset.test_share=1.0 dataset.max_skipped=nan"
    ),
    "1 or more": (
        "trainer.batch_size=0 trainer.epochs=0 task.epochs=0 trainer.accumulate=0 "
        "trainer.devices=0 trainer.log_every_n_steps=0 dataset.vocabulary=0 "
        "dataset.val_speakers=0"
    ),
    "-1 or more": "trainer.num_workers=-2 trainer.max_steps=-5",
    "0.1 or more": "dataset.max_seconds=0.0",
    "3 or more": "dataset.max_text_length=2",
    "1024 or less": "trainer.threads=100000",
}


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that these arguments get."""
    assert train.main(arguments, must_not_run) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(a) for a, _ in WRONG])
def test_wrong_input_gets_one_line(arguments, words, capsys):
    line = refused([*SER, *arguments], capsys)
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("bound", "option"),
    [(b, option) for b, options in BEYOND.items() for option in options.split()],
)
def test_a_value_beyond_its_bound_gets_one_line(bound, option, capsys):
    assert f"{option}: must be " in (line := refused([*SER, option], capsys))
    assert bound in line


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
        (
            ["--task", "pre", "--dataset", "csv+ravdess", "dataset.ravdess.fold=1e3"],
            ["dataset.ravdess.fold=1e3: must be an integer"],
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
    assert line.rstrip().endswith("silence_audio, augment_video, omit_text, fold")
