"""Values as they are written: `experiment_name=1e3` is text, which Hydra would read as 1000.0."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import UserError
from .flag_hints import groups

PLAIN = re.compile(r"[\w./:@+%,-]+", re.ASCII)
# What Hydra reads as a number or a truth value
LITERAL = re.compile(
    r"[+-]?((\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(e[+-]?\d[\d_]*)?|inf|nan)|true|false", re.IGNORECASE
)


def as_text(overrides: Sequence[str], dataset: str) -> list[str]:
    """The overrides, with quotes around what would not stay the text that was written.

    Args:
        dataset: the corpus, whose options are known too; "" if none is named.

    >>> as_text(["experiment_name=1_000", "seed=1_000", "data_dir=a,7"], "demo")
    ["experiment_name='1_000'", 'seed=1_000', "data_dir=a,'7'"]
    """
    return [_quoted(override, dataset) for override in overrides]


def _quoted(override: str, dataset: str) -> str:
    key, _, value = override.partition("=")
    parts = value.split(",")  # several in a sweep
    is_plain = PLAIN.fullmatch(value) and any(LITERAL.fullmatch(part) for part in parts)
    if not is_plain or not _is_text(key, dataset):
        return override
    return f"{key}=" + ",".join(f"'{p}'" if LITERAL.fullmatch(p) else p for p in parts)


def _is_text(key: str, dataset: str) -> bool:
    group, _, name = key.rpartition(".")
    options = groups(dataset).get(group)
    fields = getattr(options, "__dataclass_fields__", {})
    return name in fields and isinstance(fields[name].default, str)


def check_value(flag: str, value: str) -> None:
    """Raise UserError for a value that says nothing, or would be replaced by another."""
    if not value and flag not in ("--task", "--dataset"):  # their refusal lists the choices
        raise UserError(f"{flag} needs a value, and was given an empty one; see --help")
    if flag == "--experiment_name" and "${" in value:
        raise UserError(
            f"{flag} {value}: a name is taken as it is; with options of the run in it, write"
            f" experiment_name='{value}'"
        )


def check_single_run(overrides: Sequence[str]) -> None:
    """Raise UserError for options of Hydra's own, which a single run does not read."""
    for override in overrides:
        if re.match(r"hydra[./]", override):
            raise UserError(f"{override} has no effect without -m; runs_dir= is where a run goes")
