"""Runs of composite models from folders of encoders and from checkpoints; clips too short."""

import json

import pytest
import torch
from safetensors.torch import load_file

from spectrobert.errors import UserError
from spectrobert.run.folder import RunFolder
from spectrobert.run.load import predict
from spectrobert.settings import composition

from ..helpers.runs import finish
from ..helpers.sounds import noise
from ..helpers.weights import refusal, save_roberta, save_speech
from ..helpers.world import QUICK, data_dir


def words(folder, model: str, *more: str, task: str = "ser") -> list[str]:
    """Overrides of a run of one epoch; without `model` it is the checkpoint's."""
    chosen = [f"model={model}"] if model else []
    folders = [f"runs_dir={folder / 'runs'}", f"data_dir={data_dir()}"]
    short = ("trainer.epochs=1", "dataset.max_seconds=0.8")
    return [f"task={task}", "dataset=demo", *chosen, *QUICK, *folders, *short, *more]


def finished(folder, model: str, *more: str, task: str = "ser") -> tuple[RunFolder, dict, str]:
    return finish(composition.compose(words(folder, model, *more, task=task)))


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    return load_file(run.model / "model.safetensors")


def test_a_joint_stack_is_pre_trained_and_fine_tuned_from(tmp_path):
    first, _, _ = finished(tmp_path, "debug_joint", "experiment_name=first", task="pre")
    more = (f"init.checkpoint={first}", "freeze.train=[head]")
    second, results, printed = finished(tmp_path, "", "experiment_name=second", *more)
    assert "head: random weights (the checkpoint's is for pretraining)" in printed
    assert results["init"]["checkpoint"] == str(first)
    given = weights(first)
    for name, value in weights(second).items():
        if not name.startswith("head."):
            assert torch.equal(value, given[name]), name


def test_pre_trained_encoders_that_are_frozen_stay_bit_by_bit(tmp_path):
    speech = save_speech(tmp_path / "hubert", "debug_hubert")
    text = save_roberta(tmp_path / "roberta")
    init = (f"model.speech_model={speech}", f"init.text_model={text}", "freeze=probe")
    run, results, printed = finished(tmp_path, "debug_shallow_fusion", *init)
    tuned = weights(run)
    for folder, prefix in ((speech, "speech.model."), (text, "text.model.")):
        given = load_file(folder / "model.safetensors")
        for name, value in tuned.items():
            if name.startswith(prefix) and not name.endswith("masked_spec_embed"):
                assert torch.equal(value, given[name.removeprefix(prefix)]), name
    assert f"speech encoder: weights of {speech} text encoder: weights of {text}" in printed
    assert results["init"]["speech_model"] == str(speech)
    assert json.loads(run.results.read_text())["prefix_cache"]["used"]
    assert f"text_model {text}, speech_model {speech}" in run.card.read_text()


def test_a_checkpoint_gives_its_head_to_the_same_labels_alone(tmp_path):
    first, _, _ = finished(tmp_path, "debug_whisper", "experiment_name=first")
    more = (f"init.checkpoint={first}", "freeze=probe")
    _, _, same = finished(tmp_path, "", "experiment_name=same", *more)
    _, _, other = finished(tmp_path, "", "experiment_name=other", *more, task="sentiment")
    assert "head: the checkpoint's" in same
    reason = "the checkpoint's labels are others; new: negative"
    assert f"head: random weights ({reason}" in other
    message = "is a composite model, model= names another kind"
    with pytest.raises(UserError, match=message):
        finished(tmp_path, "tiny", "experiment_name=tiny", *more)


def test_predict_refuses_what_is_shorter_than_the_receptive_field(tmp_path):
    kernels = ("model.speech.conv_kernel=[10,3,3,3,3,2,8]", "trainer.max_steps=1")
    run, _, _ = finished(tmp_path, "debug_hubert", *kernels)  # trains on clips of any length
    assert predict(run.path, [noise(tmp_path / "long.wav", seconds=0.1)])
    path = noise(tmp_path / "short.wav", seconds=0.03)
    message = refusal(predict, run.path, [path])
    # ((((((8 - 1) 2 + 2) - 1) 2 + 3 ...) - 1) 5 + 10 = 1360 samples
    needs = "the model's speech encoder needs 0.0850 s"
    assert message == f"{path}: too short: 0.0300 s; {needs}"
