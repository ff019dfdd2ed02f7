"""Runs that predict masked log-mels: of SpectroBERT next to masked words, of a speech encoder."""

import pytest
import torch
from safetensors.torch import load_file

from spectrobert.errors import UserError

from ..helpers.runs import finish
from ..helpers.world import configure

SHORT = ("trainer.epochs=1", "dataset.max_seconds=0.8")


def test_a_spectrobert_learns_words_and_patches(tmp_path):
    objectives = "task.objectives={mlm: 0.5, masked_acoustic: 0.5}"
    run, results, _ = finish(configure(tmp_path, "pre", objectives, *SHORT))
    measured = results["test"]["metrics"] if "metrics" in results["test"] else results["test"]
    assert {"loss", "mlm_loss", "masked_acoustic_loss", "mlm_accuracy"} <= measured.keys()
    assert "masked_acoustic_accuracy" not in measured
    total = 0.5 * measured["mlm_loss"] + 0.5 * measured["masked_acoustic_loss"]
    assert measured["loss"] == pytest.approx(total)
    assert run.model.is_dir()


def test_a_speech_encoder_is_continued_and_fine_tuned(tmp_path):
    """Pre-training, the same once more from its checkpoint, and classes."""
    objective = ("model=debug_speechlm", "task.objectives={masked_acoustic: 1}", *SHORT)
    kept = [word for word in objective if word.startswith("model=")]
    first, _, _ = finish(_composite(tmp_path, "pre", "experiment_name=pt", *objective))
    again = (f"init.checkpoint={first}", "experiment_name=tapt", *objective)
    tapt, _, printed = finish(_composite(tmp_path, "pre", *again))
    assert "head: the checkpoint's" in printed
    probe = ("freeze=probe", "model.pooling=gru", "model.speech_states=weighted")
    more = (f"init.checkpoint={tapt}", "experiment_name=ser", *kept, *probe, *SHORT)
    ser, results, printed = finish(_composite(tmp_path, "ser", *more))
    given, tuned = (load_file(run.model / "model.safetensors") for run in (tapt, ser))
    layers = [name for name in tuned if name.startswith("speech.")]
    assert all(torch.equal(tuned[name], given[name]) for name in layers)
    assert {"layer_weights.weights", "pooling.gru.bias_hh_l0"} <= tuned.keys() - given.keys()
    more = (f"init.checkpoint={ser}", "experiment_name=other", *kept, "model.pooling=mean", *SHORT)
    with pytest.raises(UserError, match="speech_states=weighted there, last here, pooling=gru"):
        finish(_composite(tmp_path, "ser", *more))
    assert "head: random weights (the checkpoint's is for pretraining)" in printed
    assert results["init"]["checkpoint"] == str(tapt)


def test_ctal_is_pretrained_by_its_masks_and_fine_tuned(tmp_path):
    masks = ("mask_seconds=0.05", "mask_longest=0.1", "mask_swapped=0.1", "mask_kept=0.1")
    objectives = "task.objectives={mlm: 1, masked_acoustic: 1}"
    words = ("model=debug_ctal", "experiment_name=ctal", objectives, *SHORT)
    first, results, _ = finish(_composite(tmp_path, "pre", *words, *(f"task.{m}" for m in masks)))
    assert results["test"]["metrics"]["masked_acoustic_loss"] > 0
    more = (f"init.checkpoint={first}", "model=debug_ctal", "model.layer_pooler=true", *SHORT)
    ser, _, _ = finish(_composite(tmp_path, "ser", *more, "freeze.train=[head]"))
    given, tuned = (load_file(run.model / "model.safetensors") for run in (first, ser))
    layers = [name for name in given if name.startswith(("speech.", "text.", "ctal.layers."))]
    assert len(layers) > 50
    assert all(torch.equal(tuned[name], given[name]) for name in layers)
    new = {name.split(".")[1] for name in tuned.keys() - given.keys() if name.startswith("ctal")}
    assert new == {"pools_of_both", "layer_pooler"}


def _composite(tmp_path, task: str, *more: str):
    from spectrobert.settings import composition

    from ..helpers.world import QUICK, data_dir

    folders = (f"runs_dir={tmp_path / 'runs'}", f"data_dir={data_dir()}")
    return composition.compose([f"task={task}", "dataset=demo", *QUICK, *folders, *more])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("tiny", "unit_ctc need units: make them"),
        ("debug_roberta", "masked_acoustic need audio; with model.fusion=text allowed are mlm"),
    ],
)
def test_what_a_model_lacks_is_refused(tmp_path, model, message):
    name = message.split()[0]
    words = (f"model={model}", f"task.objectives={{{name}: 1}}")
    with pytest.raises(UserError, match=message):
        finish(_composite(tmp_path, "pre", *words))
