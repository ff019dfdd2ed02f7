"""Options of a run by name: which exist, what values they take, and a run of them."""

import dataclasses
import difflib
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .. import config
from ..config.model import ARCHITECTURES, ModelOptions
from ..config.objectives import DEFAULT, REPLACED, upgraded
from ..config.objectives import written as objectives_written
from ..corpora import MODULES
from ..errors import UserError, unknown
from . import schemas
from .literals import written

WORDS = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "text",
    list[str]: "a list, as in [a,b]",
    list[int]: "a list of integers, as in [1,2]",
    list[float]: "a list of numbers, as in [1,2]",
    dict[str, Any]: "options by name, as in {a: 1}",
    dict[str, float]: "numbers by name, as in {a: 1}",
    dict[str, str]: "names by name, as in {a: b}",
    NoneType: "null",
}
ACCEPTED: dict[Any, Any] = {
    NoneType: NoneType,
    str: (str, bool, int, float),
    int: int,
    float: (int, float),
}
TRUTH = {"true", "false", "yes", "no", "y", "n", "on", "off", "1", "0"}


def of_run(task: str, dataset: str, model: type | None = None) -> dict[str, Any]:
    """Option or group -> its type, of a run of this task on this corpus; "" if none is named.

    Args:
        model: the options of its model, SpectroBERT's if None.
    """
    is_known = bool(dataset) and all(name in MODULES for name in dataset.split("+"))
    return fields_of(config.Config) | {
        "task": config.TASKS.get(task, config.TaskConfig),
        "dataset": schemas.dataset_class(dataset) if is_known else config.DatasetConfig,
        "model": model or schemas.model_class(),
    }


@cache
def fields_of(options: type) -> dict[str, Any]:
    """Name -> type of a dataclass' options."""
    hints = get_type_hints(options)
    return {f.name: f.metadata.get("kind", hints[f.name]) for f in dataclasses.fields(options)}


def is_group(kind: Any) -> bool:
    """True for the type of a group of options."""
    return dataclasses.is_dataclass(kind)


def kind_of(key: str, run: Mapping[str, Any]) -> Any:
    """The type of an option, by its dotted name. Raises UserError if there is none."""
    known, kind = run, None
    for name in key.split("."):
        if _is_free(kind):
            return get_args(kind)[1]
        if name not in known:
            refuse_replaced(key, run)
            close = difflib.get_close_matches(key.rpartition(".")[2], known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise UserError(f"unknown key {key!r}; {hint}known: {', '.join(known) or 'none'}")
        kind = known[name]
        known = fields_of(kind) if is_group(kind) else {}
    return kind


def refuse_replaced(key: str, run: Mapping[str, Any]) -> None:
    """Raise UserError for an option of an earlier version, naming the present one."""
    group, _, name = key.rpartition(".")
    if group == "task" and name in REPLACED and "objectives" in fields_of(run["task"]):
        raise UserError(
            f"{key} is task.objectives.{REPLACED[name]} now; all objectives at once:"
            f" task.objectives={objectives_written(DEFAULT)}"
        )


def holder(key: str, run: Mapping[str, Any]) -> str:
    """The option of free keys that this key is, or is in; "" if there is none."""
    names = key.split(".")
    prefixes = (".".join(names[:length]) for length in range(1, len(names) + 1))
    return next((prefix for prefix in prefixes if _is_free(kind_of(prefix, run))), "")


def check(key: str, value: Any, run: Mapping[str, Any], shown: str = "") -> None:
    """Raise UserError for an option that does not exist, or a value of another type.

    Args:
        value: as Python has it; a dict sets options of a group.
        shown: the value as the user wrote it.
    """
    kind = kind_of(key, run)
    if kind is Any:
        return
    if isinstance(value, dict) and (is_group(kind) or _is_free(kind)):
        for name, part in value.items():
            check(f"{key}.{name}", part, run)
    elif is_group(kind):
        known = ", ".join(fields_of(kind))
        raise UserError(f"{key}={shown or value}: {key} is a group of options: {known}")
    elif not _fits(value, kind):
        allowed = " or ".join(WORDS[part] for part in _alternatives(kind))
        raise UserError(f"{key}={shown or written(value)}: must be {allowed}")


def is_text(kind: Any) -> bool:
    """True for an option that takes text, or a list of texts."""
    return kind is str or (not _is_free(kind) and any(map(is_text, get_args(kind))))


def _is_free(kind: Any) -> bool:
    """True for the type of an option whose own keys are free."""
    return get_origin(kind) is dict


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(value, str) and "${" in value:
        return True  # an option of the run, which OmegaConf inserts
    return any(_fits_one(value, one) for one in _alternatives(kind))


def _fits_one(value: Any, kind: Any) -> bool:
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_fits(one, *get_args(kind)) for one in value)
    if _is_free(kind):
        return False  # each of its values is checked by itself
    if kind is bool:
        return str(value).lower() in TRUTH
    if kind in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, ACCEPTED[kind])


def from_dict(values: Any) -> config.Config:
    """The inverse of `config.to_dict`; an option that is missing has its default.

    Raises UserError for a key that this version does not know, or a value of another type.
    """
    if not isinstance(values, dict):
        raise UserError("the configuration of a run is expected: options by name")
    task, dataset = (_name(values, group) for group in ("task", "dataset"))
    if task not in config.TASKS:
        raise unknown("task", task, config.TASKS)
    values = values | {"task": upgraded(values["task"])}
    schemas.dataset_class(dataset)  # refuses an unknown name
    run = of_run(task, dataset, _saved_model(values.get("model")))
    for name, value in values.items():
        if name != "model" or value is not None:  # None: the model is a checkpoint's
            check(str(name), value, run)
    try:
        built = {n: run[n](**v) if is_group(run[n]) and v else v for n, v in values.items()}
        return config.Config(**built)
    except TypeError as error:  # such as "${seed}" in place of a number
        raise UserError(f"a value is of another type than its option: {error}") from error


def _saved_model(values: Any) -> type:
    """Options of the model of a saved run."""
    name = values.get("architecture") if isinstance(values, dict) else None
    known = ARCHITECTURES.get(name) if isinstance(name, str) else None
    return schemas.model_class(known.options if known else ModelOptions)


def _name(values: dict[str, Any], group: str) -> str:
    options = values.get(group)
    name = options.get("name") if isinstance(options, dict) else None
    if not isinstance(name, str):
        raise UserError(f"{group}.name is missing")
    return name
