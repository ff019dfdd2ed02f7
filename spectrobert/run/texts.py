"""Texts that a run cannot do without."""

import pyarrow.compute as pc

from ..config import Config, PretrainingConfig
from ..config.objectives import need
from ..data.clips import columns
from ..data.preparation import Prepared
from ..errors import UserError


def require(config: Config, prepared: Prepared, reason: str = "") -> None:
    """Raise UserError if no training row has a text, and an objective or the model needs one.

    Args:
        reason: an option that needs texts, if it is none of the configuration.
    """
    reason = reason or _reason(config)
    if not reason:
        return
    texts = columns(prepared.splits["train"], "text")["text"]
    if not pc.sum(pc.utf8_length(texts)).as_py():
        raise UserError(
            f"dataset {config.dataset.name!r} states no text in any training row, which {reason}"
            " needs"
        )


def _reason(config: Config) -> str:
    """The option of a run that needs texts; "" if none does."""
    if isinstance(config.task, PretrainingConfig):
        names = [*need(config.task.objectives, "text"), *need(config.task.objectives, "transcript")]
        return f"task.objectives={{{', '.join(names)}}}" if names else ""
    chosen = {name: getattr(config.model, name, "") for name in ("fusion", "modality")}
    return next((f"model.{name}=text" for name, value in chosen.items() if value == "text"), "")
