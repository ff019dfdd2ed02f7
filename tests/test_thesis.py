"""The thesis' settings are the defaults of a run (appendix A, sections 2.3.4 and 3.3)."""

import re
from pathlib import Path

import pytest
import torch

from spectrobert.config import OptimConfig, SerConfig, tasks
from spectrobert.errors import UserError
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.settings import composition, conf
from spectrobert.tasks import TASKS

from .helpers.toy import TOY

# task -> what chooses its checkpoint, which way, and the epochs (fine-tuning 30, pre-training 50)
MONITORS = {
    "pre": ("val/loss", "min", 50),
    "aqa_binary": ("val/accuracy", "max", 30),
    "aqa_open": ("val/accuracy", "max", 30),
    "classification": ("val/unweighted_accuracy", "max", 30),
    "ser": ("val/unweighted_accuracy", "max", 30),
    "sentiment": ("val/macro_f1", "max", 30),
    "ser_multilabel": ("val/balanced_accuracy", "max", 30),
    "sentiment_regression": ("val/mae", "min", 30),
    "dimensional": ("val/ccc", "max", 30),
    "caption": ("val/loss", "min", 30),
}


@pytest.fixture(scope="module")
def config():
    return composition.compose(["task=pre", "dataset=demo"])


def test_optimisation_and_regularisation_of_appendix_a(config):
    optim, model = config.optim, config.model
    assert (optim.lr, optim.schedule, optim.weight_decay) == (1e-5, "constant", 0.0)
    assert (optim.clip, optim.clip_by) == (5.0, "norm")
    dropout = ("hidden_dropout_prob", "attention_probs_dropout_prob", "head_dropout_prob")
    assert [getattr(model, name) for name in dropout] == [0.1, 0.1, 0.1]
    assert config.trainer.epochs == 50  # of its task
    assert (config.trainer.batch_size, config.dataset.max_text_length) == (24, 128)


def test_the_loss_of_pretraining_is_half_mlm_half_sap(config):
    assert config.task.objectives == {"mlm": 0.5, "sap": 0.5}
    assert (config.task.mlm_probability, config.task.mismatch_probability) == (0.15, 0.5)


def test_the_optimiser_is_radam_with_the_runs_rate():
    model = SpectroBert(SpectroBertConfig(**TOY, head="classification", num_logits=3))
    task = TASKS["ser"](model, SerConfig(), OptimConfig(), ("a", "b", "c"))
    optimizer = task.configure_optimizers()["optimizer"]
    assert type(optimizer) is torch.optim.RAdam
    (group,) = optimizer.param_groups
    assert (group["lr"], group["betas"]) == (1e-5, (0.9, 0.999))
    assert len(group["params"]) == len(list(model.parameters()))


@pytest.mark.parametrize("task", TASKS)
def test_what_chooses_the_checkpoint(task):
    chosen = tasks.TASKS[task]()
    assert (chosen.monitor, chosen.mode, chosen.epochs) == MONITORS[task]


@pytest.mark.parametrize("more", ["optim.clip_by=max", "optim.clip_by="])
def test_clipping_is_by_norm_or_by_value(more):
    value = more.partition("=")[2]
    with pytest.raises(UserError, match=rf"optim.clip_by='{value}': allowed are norm, value"):
        composition.compose(["task=pre", "dataset=demo", more])


def test_the_page_names_options_that_exist():
    page = (Path(__file__).parents[1] / "docs" / "thesis.md").read_text()
    words = " ".join(re.findall(r"`([^`]+)`", page)).split()
    options = [w for w in words if re.fullmatch(r"[a-z_]+\.[a-z_]+=.+", w)]
    assert len(options) > 12
    composition.compose(["task=pre", "dataset=wavcaps", *options])
    presets = set(re.findall(r"`(?:--freeze )?((?:bin|open|ser)-[a-z0-9-]+)`", page))
    known = {*conf.options_of("freeze"), "bin-nofrz", "ser-nofrz"}  # the last two are rows
    assert presets <= known
    assert {f"{task}_corpora" for task in ("aqa_binary", "aqa_open", "ser")} <= set(words)
