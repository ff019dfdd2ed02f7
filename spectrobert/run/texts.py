"""Texts that a run cannot do without."""

import datasets
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
    if config.task.truth == "caption":
        _require_captions(config.dataset.name, prepared)
    reason = reason or _reason(config)
    if not reason:
        return
    texts = columns(prepared.splits["train"], "text")["text"]
    if not pc.sum(pc.utf8_length(texts)).as_py():
        raise UserError(
            f"dataset {config.dataset.name!r} states no text in any training row, which {reason}"
            " needs"
        )


def _require_captions(dataset: str, prepared: Prepared) -> None:
    """Raise UserError for a caption without a word."""
    for rows in prepared.splits.values():
        known = columns(rows, "id", "caption")
        has_word = pc.match_substring_regex(known["caption"], r"[\p{L}\p{N}]")
        if wordless := known.filter(pc.invert(has_word)).to_pylist():
            first = wordless[0]
            raise UserError(
                f"dataset {dataset!r}: {len(wordless)} captions have no word, the first:"
                f" {first['caption']!r} of {first['id']}"
            )


def of_rows(config: Config, rows: datasets.Dataset) -> list[str]:
    """All that a run reads or writes of its rows, by which a vocabulary is trained."""
    texts = columns(rows, "text")["text"].to_pylist()
    if config.task.truth == "caption":
        texts += columns(rows, "caption")["caption"].to_pylist()
    return texts


def _reason(config: Config) -> str:
    """The option of a run that needs texts; "" if none does."""
    if isinstance(config.task, PretrainingConfig):
        names = [*need(config.task.objectives, "text"), *need(config.task.objectives, "transcript")]
        return f"task.objectives={{{', '.join(names)}}}" if names else ""
    chosen = {name: getattr(config.model, name, "") for name in ("fusion", "modality")}
    return next((f"model.{name}=text" for name, value in chosen.items() if value == "text"), "")
