"""Weights of this project's own checkpoints: run directories and saved models."""

import dataclasses
import logging
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import PreTrainedTokenizerBase
from transformers.utils import logging as reports

from ..config.model import ARCHITECTURES
from ..data import vocabulary
from ..errors import UserError
from ..models.model import Model
from ..models.registry import MODELS
from .saved_folder import WEIGHTS, model_folder, require_tokenizer, require_type

OF_HEAD = ("head.", "pooled_norm.")  # weights that go with a new head
OF_RUN = (
    "vocab_size",
    "head",
    "num_logits",
    "objectives",
    "decoder",
)  # by task and tokenizer, also of a checkpoint's model
MOST_LABELS = 10  # that are named
# Raised by the libraries for a file that is absent, cut short, or not what its name says
UNREADABLE = (OSError, ValueError, RuntimeError, SafetensorError, pickle.UnpicklingError)


def saved_config(checkpoint: str) -> Any:
    """The configuration of a checkpoint. Raises UserError if it is no model of this project."""
    folder = model_folder(checkpoint)
    model_type = require_type(checkpoint, folder)
    kinds = {kind.config_class.model_type: kind.config_class for kind in MODELS.values()}
    try:
        return kinds[model_type].from_pretrained(folder)
    except (ValueError, TypeError) as error:
        raise UserError(f"checkpoint {folder}/config.json is damaged: {error}") from error


def checkpoint_tokenizer(checkpoint: str) -> PreTrainedTokenizerBase:
    """The tokenizer that was saved with a checkpoint. Raises UserError if there is none."""
    saved_config(checkpoint)  # transformers reads it too; its message on a damaged one is long
    return saved_tokenizer(f"checkpoint {checkpoint}", model_folder(checkpoint))


def saved_tokenizer(what: str, folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a folder of a run. Raises UserError, naming `what`, if it is damaged."""
    require_tokenizer(what, folder)
    try:
        return vocabulary.load(str(folder))
    except UNREADABLE as error:
        reason = first_line(error)
        raise UserError(f"{what}: the tokenizer in {folder} is damaged: {reason}") from error


def saved_model(checkpoint: str, modality: str = "") -> Model:
    """A saved model with all its weights, head included, in eval mode.

    Args:
        modality: what it is to read, of a model that reads either; "": what it was trained on.

    Raises UserError if it is damaged, lacks a tensor, or has one of another size.
    """
    saved, folder = saved_config(checkpoint), model_folder(checkpoint)
    kind = MODELS[saved.architecture]
    changes = _modality(checkpoint, saved, modality) if modality else {}
    try:
        with without_loading_report():
            model, report = kind.from_pretrained(
                folder, output_loading_info=True, use_safetensors=True, **changes
            )
    except UNREADABLE as error:
        raise _damaged(folder / WEIGHTS, error) from error
    if lacking := sorted(report["missing_keys"]):
        raise UserError(f"checkpoint {folder} is damaged: it lacks {lacking[0]}")
    return model.eval()


def _modality(checkpoint: str, saved: Any, modality: str) -> dict[str, str]:
    """The change of a configuration. Raises UserError for a model that reads one modality alone."""
    if not hasattr(saved, "modality"):
        raise UserError(
            f"--modality {modality}: {checkpoint} is a {saved.architecture} model; it is for models"
            " that read either, as model=speecht5"
        )
    if modality not in ("audio", "text"):
        raise UserError(f"--modality {modality!r}: allowed are audio, text")
    return {"modality": modality}


def own_fields(checkpoint: str, chosen: dict[str, Any] | None) -> dict[str, Any]:
    """Fields of the model of a run that starts from `checkpoint`.

    Args:
        chosen: options of the run, or None to take the checkpoint's. Only dropout and the like
            may differ; of a pre-trained checkpoint also the pooling and the like.

    Raises UserError if a size differs.
    """
    saved = saved_config(checkpoint)
    known, kind = ARCHITECTURES[saved.architecture].options, MODELS[saved.architecture]
    free = kind.free | (kind.behind_layers if saved.head == "pretraining" else frozenset())
    names = (f.name for f in dataclasses.fields(known) if f.name not in OF_RUN)
    own = {name: getattr(saved, name) for name in names}
    if chosen is None:
        return own
    if set(chosen) - set(own):
        raise UserError(
            f"checkpoint {checkpoint} is a {saved.architecture} model, model= names another kind:"
            " choose the model= that fits, or leave it out"
        )
    fixed = {n: _asked(v, chosen[n]) for n, v in own.items() if n in chosen and n not in free}
    require_same_size(f"checkpoint {checkpoint}", fixed, chosen)
    return own | {name: chosen[name] for name in free if name in chosen}


def _asked(theirs: Any, ours: Any) -> Any:
    """A field of a checkpoint; of fields of transformers' configuration those that a run names."""
    return {n: theirs.get(n) for n in ours} if isinstance(ours, dict) else theirs


def why_new_head(checkpoint: str, config: Any) -> str:
    """The reason for a head of random weights in place of the checkpoint's; "" if that is copied.

    A row of a classification head means its label: with other labels, or the same in another order,
    a copied head would answer something else.
    """
    saved = saved_config(checkpoint)
    if saved.head != config.head:
        return f"the checkpoint's is for {saved.head}"
    if config.head == "pretraining" and saved.objectives != config.objectives:
        return f"the checkpoint's objectives are {', '.join(saved.objectives)}"
    if config.head == "generation":
        return "" if saved.decoder == config.decoder else f"the checkpoint's has {saved.decoder}"
    for option in ("pooling", "pooled_norm"):
        if (before := getattr(saved, option, "")) != getattr(config, option, ""):
            return f"the checkpoint's is behind model.{option}={before}"
    theirs, ours = (list(c.id2label.values()) for c in (saved, config))
    if config.head == "classification" and theirs != ours:
        return f"the checkpoint's labels are {_changes(theirs, ours)}"
    if saved.num_logits != config.num_logits:
        return f"the checkpoint's has {saved.num_logits} logits, this one {config.num_logits}"
    return ""


def _changes(theirs: Sequence[str], ours: Sequence[str]) -> str:
    """Difference between the labels of two heads, in words."""
    new = [name for name in ours if name not in theirs]
    gone = [name for name in theirs if name not in ours]
    if not new and not gone:
        return "in another order"
    parts = [f"{word}: {_some(names)}" for word, names in (("new", new), ("gone", gone)) if names]
    return f"others; {'; '.join(parts)}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_LABELS
    return ", ".join(names[:MOST_LABELS]) + (f" and {more} more" if more > 0 else "")


def load_checkpoint(model: Model, checkpoint: str) -> None:
    """Copy all weights; a head that `why_new_head` gives a reason for keeps its random ones.

    Raises UserError if the weights are damaged or of another size.
    """
    from safetensors.torch import load_file

    path = model_folder(checkpoint) / WEIGHTS
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from error
    wanted = model.state_dict()
    if why_new_head(checkpoint, model.config):
        is_pretrained = saved_config(checkpoint).head == "pretraining"
        new = (*OF_HEAD, *(model.weights_behind_layers if is_pretrained else ()))
        weights, wanted = (
            {key: value for key, value in tensors.items() if not key.startswith(new)}
            for tensors in (weights, wanted)
        )
        if is_pretrained:  # model.speech_states may name a lower layer: those above are left out
            weights = {key: value for key, value in weights.items() if key in wanted}
    wrong = [k for k, v in wanted.items() if k not in weights or weights[k].shape != v.shape]
    if wrong:
        raise UserError(
            f"checkpoint {path} does not fit the model: {len(wrong)} tensors differ,"
            f" the first: {wrong[0]}"
        )
    model.load_state_dict(model.state_dict() | weights)


def require_same_size(what: str, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    """Raise UserError, naming `what`, if a field of `theirs` has another value in `ours`."""

    def plain(value: Any) -> Any:
        return list(value) if isinstance(value, (tuple, list)) else value

    pairs = {name: (plain(value), plain(ours[name])) for name, value in theirs.items()}
    differing = [f"{name}={a} there, {b} here" for name, (a, b) in pairs.items() if a != b]
    if differing:
        raise UserError(
            f"{what} is of another size than model: {', '.join(differing[:4])};"
            " choose the model= that fits, or leave it out"
        )


def first_line(error: Exception) -> str:
    """The first line of a library's message, or the error's name if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"checkpoint {path} is missing or damaged: {first_line(error)}")


@contextmanager
def without_loading_report() -> Iterator[None]:
    """Silence transformers' bar, and its table of unused weights: a head is left out on purpose."""
    logger = logging.getLogger("transformers")
    level, has_bar = logger.level, reports.is_progress_bar_enabled()
    logger.setLevel(logging.ERROR)
    reports.disable_progress_bar()
    try:
        yield
    finally:
        logger.setLevel(level)
        if has_bar:
            reports.enable_progress_bar()
