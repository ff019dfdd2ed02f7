"""The dataclasses of a run, complete: those of a corpus and of the model are built from what they
describe, and all of them are given to Hydra or read from config.yaml.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import cache, partial
from typing import Any, get_type_hints

from ..config import (
    LOGGERS,
    TASKS,
    Config,
    DatasetConfig,
    FreezeConfig,
    InitConfig,
    LoggerConfig,
    MixtureConfig,
    OptimConfig,
    PartConfig,
    TrainerConfig,
)
from ..config.model import DERIVED, ModelOptions
from ..corpora import corpus
from ..errors import UserError, unknown


@cache
def dataset_class(name: str) -> type[DatasetConfig]:
    """DatasetConfig with the corpus' own options: the keyword-only parameters of its `load`.

    Of a mixture, with one such group for each corpus. Raises UserError for an unknown name.
    """
    named: list[tuple[str, Any, Any]] = [("name", str, field(default=name))]
    parts = name.split("+")
    if len(parts) == 1:
        return dataclasses.make_dataclass(
            f"{name}_dataset", named + own_fields(name), bases=(DatasetConfig,)
        )
    if len(set(parts)) < len(parts):
        raise UserError(f"--dataset {name} names a corpus twice")
    kinds = {part: part_class(part) for part in parts}
    groups = [(part, kind, field(default_factory=kind)) for part, kind in kinds.items()]

    def read_parts(options: MixtureConfig) -> None:
        for part, kind in kinds.items():
            if isinstance(given := getattr(options, part), dict):  # from config.yaml
                setattr(options, part, kind(**given))
        MixtureConfig.__post_init__(options)

    return dataclasses.make_dataclass(
        "mixture", named + groups, bases=(MixtureConfig,), namespace={"__post_init__": read_parts}
    )


@cache
def part_class(name: str) -> type[PartConfig]:
    """PartConfig with the corpus' own options."""
    return dataclasses.make_dataclass(f"{name}_part", own_fields(name), bases=(PartConfig,))


def own_fields(name: str) -> list[tuple[str, Any, Any]]:
    """A corpus' own options, for `make_dataclass`; `kind` is what `load` says of their type."""
    kinds = get_type_hints(corpus(name).load)
    return [
        _field(option, parameter.default, kinds[option])
        for option, parameter in corpus(name).options().items()
    ]


def _field(name: str, default: Any, kind: Any) -> tuple[str, Any, Any]:
    """Name, type and default, as OmegaConf allows them: lists, and no union of lists and text."""
    if isinstance(default, (tuple, list)):
        of_one: Any = type(next(iter(default), ""))
        return name, list[of_one], field(default_factory=partial(list, default))
    typed = Any if default in ("", None) else type(default)
    return name, typed, field(default=default, metadata={"kind": kind})


def own_options(options: DatasetConfig) -> dict[str, Any]:
    """The corpus' own options, those that `dataset_class` adds; of a mixture those of its parts."""
    common = {f.name for f in dataclasses.fields(DatasetConfig)}
    return {name: v for name, v in dataclasses.asdict(options).items() if name not in common}


@cache
def model_class() -> type:
    """The model's options as a dataclass: Hydra then knows names, types and defaults."""
    kinds = get_type_hints(ModelOptions)
    fields = [
        _field(f.name, f.default, kinds[f.name])
        for f in dataclasses.fields(ModelOptions)
        if f.name not in DERIVED
    ]
    return dataclasses.make_dataclass("model", fields)


def register(datasets: Iterable[str]) -> None:
    """Put the schemas into Hydra's ConfigStore, of corpora only those named. Idempotent."""
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    store.store(group="model", name="schema", node=model_class())
    store.store(group="freeze", name="schema", node=FreezeConfig)
    for name, task in TASKS.items():
        store.store(group="task", name=name, node=task)
    for name in datasets:
        store.store(group="dataset", name=name, node=dataset_class(name))
    for name in LOGGERS:
        store.store(group="logger", name=name, node=LoggerConfig(name=name))


def from_dict(values: dict[str, Any]) -> Config:
    """The inverse of `to_dict`; an option that is missing has its default.

    Raises UserError for a key that this version does not know, or a value of another type.
    """
    if not isinstance(values, dict):
        raise UserError("the configuration of a run is expected: options by name")
    parts = dict(values)
    known = [f.name for f in dataclasses.fields(Config)]
    for name in parts:
        if name not in known:
            raise unknown("key", name, known)
    built: dict[str, Any] = {
        "task": _named(parts, "task", TASKS),
        "dataset": dataset_class(_named(parts, "dataset")),
        "model": model_class(),
        "freeze": FreezeConfig,
        "init": InitConfig,
        "optim": OptimConfig,
        "trainer": TrainerConfig,
        "logger": LoggerConfig,
    }
    for name, part in built.items():
        if parts.get(name) is None:
            continue
        if not isinstance(parts[name], dict):
            raise UserError(f"{name}: options by name are expected, not {parts[name]!r}")
        options = [f.name for f in dataclasses.fields(part)]
        for option in parts[name]:
            if option not in options:
                raise unknown(f"key of {name}", option, options)
        try:
            parts[name] = part(**parts[name])
        except (TypeError, AttributeError) as error:
            raise UserError(
                f"{name}: a value is of another type than its option: {error}"
            ) from error
    try:
        return Config(**parts)
    except TypeError as error:
        raise UserError(f"a value is of another type than its option: {error}") from error


def _named(parts: dict[str, Any], group: str, known: Mapping[str, Any] | None = None) -> Any:
    """`group.name` of a configuration, or what it stands for among `known`."""
    options = parts.get(group)
    name = options.get("name") if isinstance(options, dict) else None
    if not isinstance(name, str):
        raise UserError(f"{group}.name is missing")
    if known is not None and name not in known:
        raise unknown(group, name, known)
    return known[name] if known else name
