"""Whole runs of composite models: trained, resumed, started from a checkpoint, scored again."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from spectrobert.config import Config
from spectrobert.run import fit, scoring
from spectrobert.run.folder import RunFolder
from spectrobert.run.load import load

from ..helpers.encoders import DEBUG, options
from ..helpers.runs import checkpoint, finish, kill_at, losses, silent, start
from ..helpers.sounds import noise, noise_table
from ..helpers.world import configure, overrides, train_py

TIMES = "words 0 0.1 {} 0.1 0.25"  # of the words of a text
SPLITS = ("train",) * 12 + ("val",) * 3 + ("test",) * 3


def on_noise(folder: Path, name: str, *more: str, splits=SPLITS, **corpus) -> Config:
    """One epoch on short clips, a speaker per split."""
    quick = ("trainer.epochs=1", "trainer.batch_size=4", f"experiment_name={name}")
    config = configure(folder, "ser", *quick, *more, from_checkpoint=True)
    cells = [
        f"words {i % 4},{TIMES.format(i % 4)},{'ab'[i % 2]},{split},{split}"
        for i, split in enumerate(splits)
    ]
    config.dataset = noise_table(folder, "text,words,label,split,speaker", cells, **corpus)
    return config


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    return load_file(run.model / "model.safetensors")


@pytest.mark.parametrize("name", DEBUG)
def test_every_debug_model_trains_is_scored_and_predicts(tmp_path, name):
    run, results, _ = finish(on_noise(tmp_path, name, f"model={name}"))
    assert results["epochs_run"] == 1
    assert len(losses(run.path)["train/loss"]) == 3
    assert scoring.evaluate(run.path).to_dict() == results["test"]
    text = "" if options(name).get("fusion", "audio") == "audio" else "words 1"
    model = load(run.path)
    words = TIMES.format(1) if model.aligns else ""
    prediction = model.predict(noise(tmp_path / "new.wav", 99), text=text, words=words)
    assert {label for label, _ in prediction.ranked} == {"a", "b"}
    assert sum(share for _, share in prediction.ranked) == pytest.approx(1.0)


def test_killed_and_resumed_is_as_uninterrupted(tmp_path):
    def words(name: str) -> list[str]:
        own = ("model=debug_cmt", "freeze.train=[head,pooling,fusion,encoder.-1]")
        quick = ("trainer.epochs=2", "trainer.checkpoint_minutes=0", f"experiment_name={name}")
        return overrides(tmp_path, "ser", *own, *quick, from_checkpoint=True)

    whole, killed = (tmp_path / "runs" / name / "seed0" for name in ("whole", "killed"))
    done = train_py(*words("whole"))
    assert done.returncode == 0, done.stderr
    steps = len(losses(whole)["train/loss"])
    kill_at(start(words("killed")), killed / "metrics.csv", steps // 2 + 1)
    assert not RunFolder(killed).is_finished
    done = train_py(*words("killed"), "--resume")
    assert done.returncode == 0, done.stderr
    assert losses(killed) == losses(whole)
    resumed = checkpoint(killed)["state_dict"]
    for name, value in checkpoint(whole)["state_dict"].items():
        assert torch.equal(value, resumed[name]), name


def test_adapters_are_saved_with_a_model_and_predict_as_before(tmp_path):
    more = ("freeze=probe", "freeze.lora_rank=2", "optim.lr=0.05")
    run, results, _ = finish(on_noise(tmp_path, "lora", "model=debug_hubert", *more))
    adapters = {name: value for name, value in weights(run).items() if "lora_B" in name}
    assert adapters
    assert all(value.any() for value in adapters.values())  # they begin as 0
    assert results["test"]["metrics"]["loss"] > 0
    assert scoring.evaluate(run.path).to_dict() == results["test"]


def test_a_run_starts_from_the_encoders_of_another(tmp_path):
    first, _, _ = finish(on_noise(tmp_path, "first", "model=debug_shallow_fusion"))
    more = (f"init.checkpoint={first}", "freeze=probe")
    second, _, printed = finish(on_noise(tmp_path, "second", *more))
    assert "head: the checkpoint's" in printed
    before, after = weights(first), weights(second)
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("head.") for name in changed), changed


def test_a_probe_on_all_speakers_needs_no_validation(tmp_path):
    splits = ("train",) * 12 + ("test",) * 3
    more = ("model=debug_hubert", "freeze=probe")
    _, results, _ = finish(on_noise(tmp_path, "all", *more, splits=splits, val_share=0.0))
    assert results["split"]["counts"]["val"] == 0
    assert results["monitor"]["checkpoint"] == "last"
    assert results["prefix_cache"]["used"]
    assert results["prefix_cache"]["pairs"] == 15


def test_a_contrastive_run_on_balanced_batches_teaches_its_head_by_itself(tmp_path):
    contrastive = ("task.contrastive=0.5", "model.embedding_size=8", "model.detach_head=true")
    more = ("model=debug_hubert", *contrastive)
    config = on_noise(tmp_path, "contrastive", *more, balance="batches")
    run, results, _ = finish(config)
    assert results["split"]["balance"]["method"] == "batches"
    assert "train/contrastive" in run.metrics.read_text()
    assert scoring.evaluate(run.path).to_dict() == results["test"]
    config.experiment_name, config.task.contrastive = "alone", 0.0  # the encoder learns nothing
    fit.fit(config, silent())
    alone = RunFolder.of(config)
    differing = {n for n, v in weights(alone).items() if not torch.equal(v, weights(run)[n])}
    assert any(name.startswith("speech.") for name in differing)
