"""Overrides, `key=value`: read by Hydra's grammar, and checked before Hydra composes them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from ..errors import UserError, unknown
from . import conf, options, schemas
from .conf import CONF, GROUPS, choices
from .literals import as_text


@dataclass(frozen=True)
class Override:
    """One option and its value; its values in a sweep."""

    text: str  # whole, for Hydra
    key: str
    texts: tuple[str, ...]  # as written behind the =
    values: tuple[Any, ...]  # the same as Python has them
    is_sweep: bool
    mark: str = ""  # "++" before a key that Hydra may have to add, one of a group of free keys

    @property
    def first(self) -> str:
        """The override of the first job."""
        return f"{self.mark}{self.key}={self.texts[0]}"

    @property
    def names(self) -> list[str]:
        """The values as names of a group's choices."""
        return [v if isinstance(v, str) else t for v, t in zip(self.values, self.texts)]


def read(text: str) -> Override:
    """An override as Hydra reads it. Raises UserError if its grammar does not allow it."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        (parsed,) = OverridesParser.create().parse_overrides([text])
    except HydraException as error:
        raise UserError(
            f"{text!r} cannot be read: a bracket or quote is open, or a value with"
            " =, spaces or brackets needs quotes of its own: \"key='a=b'\""
        ) from error
    key = parsed.get_key_element()
    if not parsed.is_sweep_override():
        return Override(text, key, (parsed.get_value_string(),), (parsed.value(),), False)
    try:
        texts = tuple(parsed.sweep_string_iterator())
    except HydraException as error:
        raise UserError(f"{text}: name the values of a sweep: {key}=a,b") from error
    values = tuple(read(f"{key}={each}").values[0] for each in texts)
    return Override(text, key, texts, values, True)


def named(overrides: Iterable[str], key: str) -> list[str]:
    """Values that the last override of a key names; several in a sweep."""
    last = [override for override in overrides if override.partition("=")[0] == key][-1:]
    return [name for override in last for name in read(override).names]


def checked(texts: Sequence[str]) -> list[Override]:
    """The overrides of a run or sweep, without `--multirun`.

    Raises UserError for a missing task or corpus, a key that does not exist, a choice or a value
    that its option does not take.
    """
    is_sweep = "--multirun" in texts
    texts = [text for text in texts if text != "--multirun"]
    for group in GROUPS:
        _check_choice(group, texts)
    groups = (named(texts, "task"), named(texts, "dataset"), _models(texts))
    runs = [
        options.of_run(task, dataset, schemas.model_of_file(model))
        for task, dataset, model in product(*groups)
    ]
    overrides = [_checked(text, runs, is_sweep) for text in texts]
    for name in named(texts, "experiment"):
        _check_experiment(name, runs)
    return overrides


def _models(texts: Sequence[str]) -> list[str]:
    """Files of conf/model: named, or else an experiment's, or else the default."""
    chosen = [model for name in named(texts, "experiment") for model in conf.models_of(name)]
    return named(texts, "model") or chosen or [conf.DEFAULT_MODEL]


def _check_choice(group: str, texts: Sequence[str]) -> None:
    if group in ("task", "dataset"):
        if not named(texts, group):
            raise UserError(f"--{group} is missing; choose one of: {', '.join(choices(group))}")
        if named(texts, f"{group}.name"):
            raise UserError(f"{group}.name is not set by itself; choose with --{group}")
    for name in named(texts, group):
        for part in name.split("+") if group == "dataset" else [name]:
            if part not in choices(group):
                raise unknown(group, part, choices(group))


def _checked(text: str, runs: Sequence[dict[str, Any]], is_sweep: bool) -> Override:
    key, _, value = text.partition("=")
    is_hydra = key.startswith(("hydra.", "hydra/"))
    if is_hydra and not is_sweep:
        raise UserError(f"{text} has no effect without -m; runs_dir= is where a run goes")
    is_option = not is_hydra and key not in GROUPS
    if is_option and any(options.is_text(options.kind_of(key, run)) for run in runs):
        text = f"{key}={as_text(value)}"
    holder = next(filter(None, (options.holder(key, run) for run in runs if is_option)), "")
    override = _free(holder, key, value) if holder else read(text)
    if is_option and any(isinstance(value, dict) for value in override.values):
        override = _adding(override)
    if override.is_sweep and not is_sweep:
        raise UserError(
            f"{text!r} names several values: a sweep needs --multirun, a list brackets ([a,b]),"
            " and a text with a comma quotes of its own"
        )
    if is_option:
        for run in runs:
            for each, shown in zip(override.values, override.texts):
                options.check(override.key, each, run, shown)
    return override


def _free(holder: str, key: str, value: str) -> Override:
    """The override of a group of free keys, or of one of them, whose name may have dots.

    Hydra takes dots in the key of a dict alone: `optim.lr_of.audio.conv=1` is read as
    `optim.lr_of={audio.conv: 1}`.
    """
    name = key.removeprefix(holder).removeprefix(".")
    if "." in name:
        texts = read(f"{holder}={value}").texts
        key, value = holder, ",".join(f"{{{name}: {text}}}" for text in texts)
    return _adding(read(f"{key}={value}"))


def _adding(override: Override) -> Override:
    """The override, for which Hydra adds the keys that are not there yet."""
    return override if override.mark else replace(override, text=f"++{override.text}", mark="++")


def _check_experiment(name: str, runs: Sequence[dict[str, Any]]) -> None:
    """Raise UserError for a file of conf/experiment as for overrides, naming the file."""
    from omegaconf import OmegaConf

    path = CONF / "experiment" / f"{name}.yaml"
    values = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert isinstance(values, dict)
    values.pop("defaults", None)
    for run in runs:
        for key, value in values.items():
            try:
                options.check(str(key), value, run)
            except UserError as error:
                raise UserError(f"{path}: {error}") from error
