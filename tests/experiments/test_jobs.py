"""The runs of a table: which there are, their settings, and how far they are."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spectrobert.config import Config, InitConfig
from spectrobert.errors import UserError
from spectrobert.experiments import jobs, table_rows
from spectrobert.settings import composition

from ..helpers.tables import ALL, finish, of, own_table, prepared
from ..helpers.world import verb


def configs(name: str, **settings) -> dict[str, Config]:
    return {job.row: job.config for job in prepared(name, **settings).jobs}


@pytest.mark.parametrize(
    ("name", "row", "epochs"), [("aqa_binary", "bin-nofrz", 30), ("ser", "ser-nofrz", 50)]
)
def test_full_fine_tuning_is_a_row(name, row, epochs):
    """Sections 4.2.3 and 4.2.4: pre-trained, with all weights unfrozen."""
    config = configs(name)[row]
    assert config.freeze.train == ["all"]
    assert config.init.checkpoint == "runs/pre_wavcaps/seed0"
    assert config.trainer.epochs == epochs


@pytest.mark.parametrize("name", ["aqa_binary", "aqa_open", "ser"])
def test_rows_share_three_pretraining_corpora(name):
    """Section 4.2.3, "Pre-Trained on Each Dataset": one preset, three corpora."""
    folds = "1" if name == "ser" else "all"
    planned = prepared(f"{name}_corpora", folds=folds).jobs
    first = [job.folder.path for job in planned if job.task == "pre"]
    names = ("wavcaps", "librispeech", "common_voice")
    assert first == [Path(f"runs/pre_{corpus}/seed0") for corpus in names]
    chosen = [job for job in planned if job.needs]
    assert [job.needs.row for job in chosen] == ["WavCaps", "LibriSpeech", "Common Voice"]
    alike = [replace(job.config, experiment_name="same", init=InitConfig()) for job in chosen]
    assert alike[0] == alike[1] == alike[2]
    own = {job.folder.path for job in prepared(name, folds=folds).jobs}
    assert [job.folder.path in own for job in chosen] == [True, False, False]
    assert len({job.folder.path for job in chosen}) == 3


def test_rows_differ_as_in_the_thesis():
    ser = configs("ser", folds="1")
    assert ser["WavCaps"].trainer.epochs == 50
    assert ser["baseline"].trainer.epochs == 50  # the best epoch was the 47th
    assert ser["baseline"].init.text_model == "google-bert/bert-base-uncased"
    assert ser["ser-frz-nolast"].freeze.train == ["head", "encoder.-1"]
    assert ser["ser-frz-nolast-noaudio"].freeze.train == ["head", "encoder.-1", "audio"]
    binary = configs("aqa_binary")["bin-frz"]
    assert binary.trainer.epochs == 30
    assert binary.init.checkpoint == "runs/pre_wavcaps/seed0"
    assert binary.init.text_model == ""


def test_pretraining_is_shared_by_the_rows_of_a_seed_and_all_tables():
    binary, ser = (prepared(name, seeds=2).jobs for name in ("aqa_binary", "ser"))
    first = [job for job in ser if job.task == "pre"]
    assert [job.folder.path for job in first] == [Path(f"runs/pre_wavcaps/seed{k}") for k in (0, 1)]
    assert [str(j.folder) for j in binary if j.task == "pre"] == [str(j.folder) for j in first]
    assert all(j.needs is first[j.seed] for j in ser if j.row == "ser-frz-nolast")
    baseline = [job for job in ser if job.row == "baseline"]
    folds = [(seed, fold) for seed in (0, 1) for fold in range(1, 7)]
    assert [(job.seed, job.fold) for job in baseline] == folds
    assert all(job.needs is None for job in baseline)


def test_a_checkpoint_takes_the_place_of_pretraining():
    planned = prepared("aqa_binary", checkpoint="runs/mine/seed0").jobs
    assert not [job for job in planned if job.task == "pre"]
    started = {job.row: job.config.init.checkpoint for job in planned if not job.needs}
    assert started["bin-frz"] == "runs/mine/seed0"
    assert started["baseline"] == ""


def test_pretraining_on_the_rows_own_corpus_does_not_hear_the_test_speakers(tmp_path):
    path = own_table(
        tmp_path,
        task="ser",
        dataset="ravdess",
        metrics=["accuracy"],
        baseline="",
        pretraining=[{"name": "p", "experiment": "pre_librispeech", "dataset": "ravdess"}],
        rows=[{"name": "r", "experiment": "ser_ser-frz-nolast", "needs": "p"}],
    )
    planned = prepared(path, folds="2,5").jobs
    assert [(job.row, job.fold) for job in planned] == [("p", 2), ("p", 5), ("r", 2), ("r", 5)]
    assert [job.needs.fold for job in planned if job.needs] == [2, 5]


TAPT = {
    "task": "ser",
    "dataset": "ravdess",
    "metrics": ["accuracy"],
    "baseline": "",
    "pretraining": [
        {"name": "PT", "experiment": "pre_librispeech", "dataset": "librispeech"},
        {"name": "TAPT", "needs": "PT", "overrides": ["trainer.epochs=3"]},
    ],
    "rows": [{"name": "r", "experiment": "ser_ser-frz-nolast", "needs": "TAPT"}],
}


def test_a_pretraining_continues_another_on_the_rows_own_corpus(tmp_path):
    path = own_table(tmp_path, **TAPT)
    planned = prepared(path, folds="2,5").jobs
    places = [("PT", None), ("TAPT", 2), ("TAPT", 5), ("r", 2), ("r", 5)]
    assert [(job.row, job.fold) for job in planned] == places
    before = [(job.needs.row, job.needs.fold) for job in planned if job.needs]
    assert before == [("PT", None), ("PT", None), ("TAPT", 2), ("TAPT", 5)]
    started = [job.config.init.checkpoint for job in planned]
    own = [f"runs/ravdess_TAPT/seed0/fold{fold}" for fold in (2, 5)]
    assert started == ["", *["runs/pre_librispeech/seed0"] * 2, *own]
    assert {job.config.dataset.name for job in planned[1:]} == {"ravdess"}
    given = prepared(path, folds="2", checkpoint="runs/mine/seed0").jobs
    assert [(job.row, job.config.init.checkpoint) for job in given] == [
        ("TAPT", "runs/mine/seed0"),
        ("r", "runs/ravdess_TAPT/seed0/fold2"),
    ]


def test_objectives_of_audio_continue_on_a_corpus_without_the_task_pre(tmp_path):
    heard = ["model=debug_hubert", "task.objectives={masked_acoustic: 1}"]
    alone = [{"name": "TAPT", "overrides": heard}]
    rows = [{"name": "r", "needs": "TAPT", "overrides": ["model=debug_hubert"]}]
    own = TAPT | {"dataset": "emodb", "pretraining": alone, "rows": rows}
    planned = prepared(own_table(tmp_path, **own), folds="1").jobs
    assert [(job.row, job.config.dataset.name) for job in planned] == [
        ("TAPT", "emodb"),
        ("r", "emodb"),
    ]
    own["pretraining"] = [{"name": "TAPT", "overrides": ["trainer.epochs=3"]}]  # MLM and SAP
    with pytest.raises(UserError, match="dataset 'emodb' has no task 'pre'"):
        prepared(own_table(tmp_path, **own))


def test_a_pretraining_continues_none_that_stands_behind_it(tmp_path):
    swapped = TAPT["pretraining"][::-1]
    with pytest.raises(UserError, match="row 'TAPT': needs: unknown pre-training 'PT'"):
        prepared(own_table(tmp_path, **(TAPT | {"pretraining": swapped})))


def test_rows_with_overrides_have_folders_of_their_own(tmp_path):
    planned = prepared(own_table(tmp_path)).jobs
    folders = ["runs/demo_slow/seed0", "runs/demo_fast-or-so/seed0"]
    assert [str(job.folder) for job in planned] == folders
    assert [job.config.optim.lr for job in planned] == [1e-5, 1e-3]
    planned = prepared(own_table(tmp_path), overrides=("optim.lr=2",)).jobs
    assert [job.config.optim.lr for job in planned] == [2, 2]  # the command line wins


def test_states_and_folders(tmp_path):
    asked = prepared("ser", tmp_path, seeds=2, folds="1,2")
    first, second, *_ = of(asked, "baseline")
    assert jobs.state(first).word == "missing"
    finish(first, ALL, {})
    assert jobs.state(first).word == "finished"
    second.folder.write_config(second.config)
    second.folder.checkpoints.mkdir()
    torch.save({}, second.folder.checkpoints / "last.ckpt")
    assert jobs.state(second).word == "begun"
    for override, reason in (
        ("optim.lr=1", "optim.lr=1e-05 then, 1.0 now"),
        ("trainer.epochs=60", "for 50 epochs, not 60"),
    ):
        again = prepared("ser", tmp_path, seeds=2, folds="1,2", overrides=(override,))
        state = jobs.state(of(again, "baseline")[0])
        assert state.word == "refused"
        assert reason in state.reason
    found = table_rows.folders(asked.table, str(tmp_path))
    assert found["baseline"] == [first.folder.path]
    assert found["WavCaps"] == []


def test_a_dry_run_prints_commands_that_compose():
    done = verb("table", "aqa_binary", "--dry-run", "--seeds", "2", "--cuda", "task.epochs=3")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "# 0: WavCaps, seed 0: missing"
    commands = [shlex.split(line) for line in lines if not line.startswith("#")]
    assert len(commands) == 2 * (1 + 5 + 1)
    for words in commands[:12]:
        assert words[:2] == ["python", "train.py"]
        config = composition.compose(words[2:])
        assert (config.trainer.accelerator, config.trainer.epochs) == ("cuda", 3)
        assert config.resume
    assert commands[12][:4] == ["python", "-m", "spectrobert", "evaluate"]
