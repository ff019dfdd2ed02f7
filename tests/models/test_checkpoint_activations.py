"""trainer.checkpoint_activations: the same losses, each layer computed twice."""

import io

import pytest
from rich.console import Console
from transformers import modeling_utils
from transformers.models.bert.modeling_bert import BertAttention

from spectrobert.run import curves
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder

from ..helpers.toy import classifier
from ..helpers.world import configure


@pytest.fixture
def attentions(monkeypatch) -> list[bool]:
    """One entry for each time that a layer's attention is computed in training."""
    seen: list[bool] = []
    forward = BertAttention.forward

    def counted(self, *arguments, **named):
        if self.training:
            seen.append(True)
        return forward(self, *arguments, **named)

    monkeypatch.setattr(BertAttention, "forward", counted)
    return seen


def losses(folder, attentions: list[bool], *more: str) -> tuple[list[float], int]:
    """Training losses of five steps with dropout, and how often attention was computed."""
    attentions.clear()
    config = configure(folder, "pre", "trainer.max_steps=5", *more)
    fit(config, Console(file=io.StringIO()))
    rows = curves.read(RunFolder.of(config).metrics)
    return [value for _, _, name, value in rows if name == "train/loss"], len(attentions)


def test_losses_stay_the_same_and_layers_are_computed_twice(tmp_path, attentions):
    plain, once = losses(tmp_path / "plain", attentions)
    option = "trainer.checkpoint_activations=true"
    checkpointed, twice = losses(tmp_path / "checkpointed", attentions, option)
    assert len(plain) == 5
    assert checkpointed == pytest.approx(plain, rel=1e-6)
    assert (once, twice) == (5 * 2, 2 * 5 * 2)


def test_transformers_does_not_warn_of_inputs_without_gradients(monkeypatch):
    """Its warning is of re-entrant checkpoints; hooked embeddings would reach frozen layers."""
    warned: list[str] = []
    monkeypatch.setattr(modeling_utils.logger, "warning_once", warned.append)
    model = classifier()
    model.activation_checkpointing_enable()
    assert all(layer.gradient_checkpointing for layer in model.encoder.layer)
    assert warned == []
    assert not model.embeddings.word_embeddings._forward_hooks
