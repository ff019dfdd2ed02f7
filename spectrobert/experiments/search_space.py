"""The space of a study: a YAML file of options and their ranges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..settings import conf

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

RANGE = {"low", "high", "log", "step"}


def read(name_or_path: str) -> dict[str, BaseDistribution]:
    """Option -> distribution, of conf/space/NAME.yaml or of the user's own file.

    Raises UserError for a file that is not there or no space, naming the entry.
    """
    path, entries = conf.read("space", "search space", name_or_path)
    if not isinstance(entries, dict) or not entries:
        raise UserError(f"{path}: options and their ranges expected, as in optim.lr: [1e-5, 1e-4]")
    return {str(key): _distribution(path, str(key), entry) for key, entry in entries.items()}


def _distribution(path: Path, key: str, entry: Any) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(entry, list) and entry and not any(isinstance(e, (list, dict)) for e in entry):
        return CategoricalDistribution([_number(e) for e in entry])
    if not isinstance(entry, dict) or not {"low", "high"} <= set(entry) <= RANGE:
        raise UserError(f"{path}: {key}: a list of values or {{low, high[, log][, step]}} expected")
    values: dict[str, Any] = {name: _number(value) for name, value in entry.items()}
    is_whole = isinstance(values["low"], int) and isinstance(values["high"], int)
    try:
        return IntDistribution(**values) if is_whole else FloatDistribution(**values)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: {key}: {error}") from error


def _number(value: Any) -> Any:
    """YAML reads 1e-5 as a word; here it is a number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def ends(space: dict[str, BaseDistribution]) -> list[dict[str, Any]]:
    """Settings in which every choice and both ends of every range occur, to check them early."""
    from optuna.distributions import CategoricalDistribution

    columns = [
        d.choices if isinstance(d, CategoricalDistribution) else (d.low, d.high)  # type: ignore[attr-defined]
        for d in space.values()
    ]
    longest = max(map(len, columns))
    return [dict(zip(space, (some[i % len(some)] for some in columns))) for i in range(longest)]
