"""What a study may vary: a YAML file of options and their ranges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError, unknown
from ..files import read_yaml
from ..settings.conf import CONF

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

RANGE = {"low", "high", "log", "step"}


def read(name_or_path: str) -> dict[str, BaseDistribution]:
    """Option -> distribution, of conf/space/NAME.yaml or of a file of one's own.

    Raises UserError for a file that is not there or no space, naming the entry.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = CONF / "space" / f"{name_or_path}.yaml"
        if not path.is_file():
            known = sorted(p.stem for p in path.parent.glob("*.yaml"))
            raise unknown("search space", name_or_path, [*known, "PATH.yaml"])
    entries = read_yaml(path)
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

    columns = {
        key: list(d.choices) if isinstance(d, CategoricalDistribution) else [d.low, d.high]  # type: ignore[attr-defined]
        for key, d in space.items()
    }
    longest = max(len(values) for values in columns.values())
    return [{k: values[i % len(values)] for k, values in columns.items()} for i in range(longest)]
