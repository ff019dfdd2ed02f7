"""Dataclasses of corpora and of the model, built from what they describe; all of them for Hydra."""

import dataclasses
from collections.abc import Iterable
from dataclasses import field
from functools import cache, partial
from typing import Any, get_type_hints

from .. import config
from ..config import DatasetConfig, MixtureConfig, PartConfig
from ..config.model import DERIVED, SCHEMAS, ModelOptions
from ..corpora import corpus
from ..errors import UserError
from ..files import read_yaml
from .conf import CONF


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
def model_class(options: type = ModelOptions) -> type:
    """A model's options as a dataclass for Hydra: names, types and defaults."""
    kinds = get_type_hints(options)
    fields: list[tuple[str, Any, Any]] = []
    for f in dataclasses.fields(options):
        if f.name in DERIVED:
            continue
        is_made = f.default is dataclasses.MISSING  # a group of free keys
        free: tuple[str, Any, Any] = (f.name, kinds[f.name], field(default_factory=dict))
        fields.append(free if is_made else _field(f.name, f.default, kinds[f.name]))
    return dataclasses.make_dataclass("model", fields)


def model_of_file(name: str) -> type:
    """Options of a file of conf/model; the first of its `defaults` names them."""
    first = read_yaml(CONF / "model" / f"{name}.yaml")["defaults"][0]
    return model_class(SCHEMAS[first])


def register(datasets: Iterable[str]) -> None:
    """Put the schemas into Hydra's ConfigStore, of corpora only those named. Idempotent."""
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    store.store(name="schema", node=config.Config)
    for name, options in SCHEMAS.items():
        store.store(group="model", name=name, node=model_class(options))
    store.store(group="augment", name="schema", node=config.AugmentConfig)
    store.store(group="freeze", name="schema", node=config.FreezeConfig)
    for name, task in config.TASKS.items():
        store.store(group="task", name=name, node=task)
    for name in datasets:
        store.store(group="dataset", name=name, node=dataset_class(name))
    for name in config.LOGGERS:
        store.store(group="logger", name=name, node=config.LoggerConfig(name=name))
