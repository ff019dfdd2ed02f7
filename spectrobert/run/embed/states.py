"""Vectors of a batch: states of an encoder's layers, pooled, or what a head reads.

Shapes: B batch, N frames or word pieces, D width, P width of a vector.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...audio.io import SAMPLE_RATE
from ...errors import UserError
from ...models.batch import Batch
from ...models.composite import Composite
from ...models.model import Model
from ...models.pooling import POOLINGS
from ...models.whisper_encoder import STRIDE

FRAMES = "none"  # no pooling: one vector per frame
# Poolings without weights
NAMES = tuple(name for name in POOLINGS if name != "attentive")
HEAD = "head"  # in place of a layer: what the head of a run reads
States = dict[str, Tensor]


@dataclass(frozen=True)
class Wanted:
    """The layers and the pooling that are asked for.

    Args:
        layers: numbers (0: before the first layer), "last" (behind the final LayerNorm) and
            "weighted" (the learned mean of a run); empty: what the head of a run reads.
        pooling: one of NAMES, or FRAMES; empty if there are no layers.
    """

    layers: tuple[str, ...]
    pooling: str

    @property
    def has_frames(self) -> bool:
        return self.pooling == FRAMES


def parse(model: Model, layer: str, pooling: str, is_run: bool) -> Wanted:
    """The wish of `--layer` and `--pooling`. Raises UserError for what the model has not."""
    if is_run and not layer:
        if pooling:
            raise UserError(
                f"--pooling {pooling} needs --layer: without one, the vector is what the run's"
                " head reads"
            )
        return Wanted((), "")
    pooling = pooling or "mean"
    if pooling not in (*NAMES, FRAMES):
        raise UserError(f"--pooling {pooling}: allowed are {', '.join((*NAMES, FRAMES))}")
    if not isinstance(model, Composite):
        raise UserError(f"--layer {layer}: this run has no speech or text encoder; leave it out")
    return Wanted(_layers(model, layer or "last"), pooling)


def _layers(model: Composite, layer: str) -> tuple[str, ...]:
    has = num_layers(model)
    if layer == "all":
        return tuple(map(str, range(has + 1)))
    layers = tuple(name.strip() for name in layer.split(","))
    for name in layers:
        is_number = name.isdecimal() and int(name) <= has and name == str(int(name))
        is_weighted = name == "weighted" and getattr(model, "layer_weights", None) is not None
        if not (is_number or is_weighted or name == "last"):
            weighted = "" if name != "weighted" else "; the model has no learned mean of layers"
            raise UserError(
                f"--layer {name}: allowed are last, all, and 0 to {has}, several with commas"
                f" between them{weighted}"
            )
    return tuple(dict.fromkeys(layers))


def num_layers(model: Composite) -> int:
    """The configuration of the embedded encoder: of speech if the model hears, else of text."""
    return len(model.speech.layers) if model.hears else len(list(model.text.layers.children()))


def frame_seconds(model: Model) -> float | None:
    """Seconds from one frame to the next; None for word pieces."""
    if not (isinstance(model, Composite) and model.hears):
        return None
    strides = getattr(model.speech.config, "conv_stride", (STRIDE,))
    return math.prod(strides) / SAMPLE_RATE


@torch.inference_mode()
def vectors(model: Model, batch: Batch, wanted: Wanted) -> tuple[States, Tensor | None]:
    """(B, P) by layer and None, or frames (B, N, D) by layer and their mask (B, N)."""
    if not wanted.layers:
        return {HEAD: head_input(model, batch)}, None
    assert isinstance(model, Composite)
    states, mask = (_spoken if model.hears else _written)(model, batch, wanted.layers)
    if wanted.has_frames:
        return states, mask
    pool = POOLINGS[wanted.pooling](0)
    return {name: pool(state.float(), mask) for name, state in states.items()}, None


def head_input(model: Model, batch: Batch) -> Tensor:
    """The vector that the head of a model reads: (B, P)."""
    return model(batch).hidden[:, 0]


def _spoken(model: Composite, batch: Batch, layers: tuple[str, ...]) -> tuple[States, Tensor]:
    speech = model.speech
    numbers = [int(name) for name in layers if name.isdecimal()]
    is_whole = len(numbers) < len(layers)
    deepest = len(speech.layers) if is_whole else max(numbers)
    _, hidden, mask = model.start(batch)
    states = [hidden, *speech.run_layers(hidden, mask, 0, deepest)]
    found = {str(number): states[number] for number in numbers}
    if "last" in layers:
        found["last"] = speech.finish(states[-1])
    if "weighted" in layers:
        found["weighted"] = model.mixed(states[model.first_mixed :])
    return {name: found[name] for name in layers}, mask


def _written(model: Composite, batch: Batch, layers: tuple[str, ...]) -> tuple[States, Tensor]:
    mask = batch["text_mask"]
    output = model.text.run(batch["input_ids"], mask, output_hidden_states=True)
    states = dict(enumerate(output.hidden_states))
    last = output.last_hidden_state
    return {name: last if name == "last" else states[int(name)] for name in layers}, mask
