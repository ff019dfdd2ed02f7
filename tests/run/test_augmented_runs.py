"""Augmentation, normalisation and averages of weights in whole runs: resumed, scored, predicted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file

from spectrobert.audio import io
from spectrobert.config import Config
from spectrobert.data import mel_statistics
from spectrobert.data.preparation import prepare
from spectrobert.errors import UserError
from spectrobert.run import checkpoints
from spectrobert.run.averaging import ema, mean
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.run.load import predict
from spectrobert.run.scoring import evaluate

from ..helpers.runs import checkpoint, finish, losses, silent
from ..helpers.world import configure

AUGMENT = (
    "augment=strong",
    "augment.room=0",  # takes the longest
    "augment.crop_seconds=0.8",
    "model.stochastic_depth=0.2",
    "optim.name=adamw",
    "optim.weight_decay=0.05",
)
OPTIONS = {
    "ema": (
        *AUGMENT,
        "dataset.normalize=speaker",
        "model.pooling=statistics",
        "model.pooled_norm=speaker",
        "trainer.speaker_clips=4",
        "optim.average=ema",
        "optim.ema_decay=0.9",
    ),
    "swa": (*AUGMENT, "dataset.normalize=corpus", "optim.average=swa", "optim.average_from=0.5"),
}


class Killed(Exception):
    """Raised in place of a signal."""


class Leave(pl.Callback):
    """Leaves before the step behind the first `steps`."""

    def __init__(self, steps: int):
        self.steps = steps

    def on_train_batch_start(self, trainer: pl.Trainer, module: Any, *rest: Any) -> None:
        if trainer.global_step == self.steps:
            raise Killed


def config(folder: Path, average: str, name: str) -> Config:
    more = (f"experiment_name={average}-{name}", "trainer.epochs=3", "trainer.checkpoint_minutes=0")
    return configure(folder, "ser", *OPTIONS[average], *more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("augmented"), {}

    def get(average: str) -> tuple[RunFolder, dict, str]:
        if average not in made:
            made[average] = finish(config(folder, average, "whole"))
        return made[average]

    return get


@pytest.mark.parametrize("average", OPTIONS)
@pytest.mark.parametrize("more", [0, 1])
def test_killed_and_resumed_is_as_uninterrupted(whole, average, more):
    done, *_ = whole(average)
    steps = 2 * len(losses(done.path)["train/loss"]) // 3 + more
    options = config(done.path.parents[2], average, f"killed{more}")
    with pytest.raises(Killed):
        fit(options, silent(), [Leave(steps)])
    options.resume = True
    fit(options, silent())
    folder = RunFolder.of(options)
    assert losses(folder.path) == losses(done.path)
    for part in ("state_dict", "current_model_state"):
        ours, theirs = checkpoint(folder.path)[part], checkpoint(done.path)[part]
        assert all(torch.equal(value, ours[name]) for name, value in theirs.items()), part
    assert folder.read_scores()["metrics"] == done.read_scores()["metrics"]


@pytest.mark.parametrize("average", OPTIONS)
def test_averaged_weights_are_kept_and_scored(whole, average):
    done, *_ = whole(average)
    last = checkpoint(done.path)
    ours, theirs = last["state_dict"], last["current_model_state"]
    assert any(not torch.equal(value, theirs[name]) for name, value in ours.items())
    best = checkpoints.read(done.checkpoints / checkpoints.BEST)["state_dict"]
    for name, value in load_file(done.model / "model.safetensors").items():
        assert torch.equal(value, best[f"model.{name}"]), name
    scores = evaluate(done.path)
    kept = done.read_scores()["metrics"]
    assert {n: m.value for n, m in scores.metrics.items()} == pytest.approx(kept)


def test_averages_by_hand():
    average = torch.tensor([1.0])
    assert mean(average, torch.tensor([4.0]), 2).item() == pytest.approx(2.0)  # (1 + 1 + 4) / 3
    assert ema(0.9, average, torch.tensor([2.0]), 1000).item() == pytest.approx(1.1)
    assert ema(0.9, average, torch.tensor([2.0]), 1).item() == pytest.approx(2 - 2 / 11)


def test_adaptation_is_said_wherever_its_scores_are(whole):
    done, _, printed = whole("ema")
    assert "caution: spectrograms and pooled vectors are normalised by" in printed
    assert "unsupervised adaptation" in done.card.read_text()
    assert "unsupervised adaptation" in done.results.read_text()
    _, _, other = whole("swa")
    assert "adaptation" not in other


def test_effects_and_their_cost_are_printed(whole):
    _, _, printed = whole("ema")
    assert "augment=strong: stretches of 0.8 s, pitch 0.2, tempo 0.2, speed 0.5" in printed
    assert "clips/s per process" in printed


def test_files_of_a_prediction_are_one_speaker(whole):
    done, *_ = whole("ema")
    options = done.read_config()
    test = prepare("ser", options.dataset, options.data_dir).splits["test"]
    paths = [row["path"] for row in test[0]["audio"]] + [row["path"] for row in test[5]["audio"]]
    one, both = predict(done.path, paths[:1]), predict(done.path, paths)
    assert "1 file" not in one[0].note
    assert "the file is normalised as one speaker's" in one[0].note
    assert "the 2 files are" in both[0].note
    assert one[0].ranked != both[0].ranked


def test_statistics_by_hand(tmp_path):
    """Mean and deviation over the frames of all clips of a speaker, of a split together."""
    options = configure(tmp_path, "ser")
    splits = prepare("ser", options.dataset, options.data_dir).splits
    measured = mel_statistics.by_speaker(splits.values(), options.dataset, 10.0, 40)
    name, found = next(iter(measured.items()))
    frames = [
        mel_statistics.spectrogram(io.read_clip(mel_statistics.segments(row["audio"])), 40)
        for split in splits.values()
        for row in split
        if row["speaker"] == name
    ]
    together = np.concatenate(frames).astype(np.float64)
    np.testing.assert_allclose(found.mean, together.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.std, together.std(axis=0), rtol=1e-4)
    again = mel_statistics.by_speaker(splits.values(), options.dataset, 10.0, 40)
    np.testing.assert_array_equal(again[name].mean, found.mean)  # from the cache
    whole = mel_statistics.of_training(splits["train"], options.dataset, 10.0, 40)
    assert np.abs(whole.mean - found.mean).max() > 0.01


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dataset.balance=sampler",), "=sampler and model"),
        (("trainer.devices=2",), "trains in one process, not in 2"),
    ],
)
def test_what_forms_other_batches_is_refused(tmp_path, words, message):
    pooled = ("model.pooled_norm=speaker", "model.pooling=mean")
    with pytest.raises(UserError, match=message):
        fit(configure(tmp_path, "ser", *pooled, *words), silent())


def test_speakers_are_needed(tmp_path):
    classes = "task=classification"
    with pytest.raises(UserError, match=r"normalize=speaker: clip .* has no speaker"):
        fit(configure(tmp_path, "classification", classes, "dataset.normalize=speaker"), silent())


def test_cached_vectors_of_an_encoder_are_normalised_by_speaker(tmp_path):
    words = ("model=debug_whisper", "freeze=probe", "trainer.epochs=2", "optim.lr=1e-2")
    pooled = ("model.pooled_norm=speaker", "trainer.speaker_clips=4")
    folder, results, printed = finish(
        configure(tmp_path, "ser", *words, *pooled, from_checkpoint=True)
    )
    assert results["prefix_cache"]["used"]
    assert "caution: pooled vectors are normalised by statistics of each speaker" in printed
    scores = evaluate(folder.path)
    assert {n: m.value for n, m in scores.metrics.items()} == pytest.approx(
        folder.read_scores()["metrics"], abs=1e-5
    )
    options = folder.read_config()
    test = prepare("ser", options.dataset, options.data_dir).splits["test"]
    paths = [row["path"] for number in (0, 1) for row in test[number]["audio"]]
    assert all("the 2 files are normalised" in one.note for one in predict(folder.path, paths))


def test_normalisation_is_of_spectrobert(tmp_path):
    with pytest.raises(UserError, match=r"dataset\.normalize=clip: it is of SpectroBERT"):
        fit(
            configure(
                tmp_path,
                "ser",
                "model=debug_whisper",
                "dataset.normalize=clip",
                from_checkpoint=True,
            ),
            silent(),
        )


def test_cached_layers_hear_clips_as_they_are(tmp_path):
    words = ("freeze=bin-frz", "trainer.epochs=1", "augment=light")
    _, results, printed = finish(configure(tmp_path, "ser", *words))
    assert results["prefix_cache"]["used"]
    assert "augment=light is off: activations of frozen layers are cached" in printed
    _, results, printed = finish(
        configure(tmp_path, "ser", *words, "trainer.prefix_cache=off", "experiment_name=open")
    )
    assert not results["prefix_cache"]["used"]
    assert "augment=light: noise 0.3" in printed


def test_pairs_of_pre_training_are_not_mixed(tmp_path):
    with pytest.raises(UserError, match=r"augment\.mixup=0\.4: --task pre has pairs that"):
        configure(tmp_path, "pre", "augment=strong")


def test_a_composite_model_is_augmented(tmp_path):
    words = ("model=debug_whisper", "trainer.epochs=1", "augment=strong", "augment.room=0")
    words += ("augment.mel_filter=0.5",)
    _, _, printed = finish(configure(tmp_path, "ser", *words, from_checkpoint=True))
    assert "clips/s per process" in printed
    for option in ("mel_masks=2", "mel_filter=0.5"):
        assert f"augment.{option} has no effect: this model hears waveforms" in printed


def test_details_of_effects_that_no_clip_meets_are_reported(tmp_path):
    _, _, printed = finish(
        configure(tmp_path, "ser", "trainer.epochs=1", "augment.noise_snr=[1,2]")
    )
    assert "augment.noise_snr=[1.0,2.0] has no effect: augment.noise=0" in printed
