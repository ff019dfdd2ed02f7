"""train.py's flags (thesis, appendix B) become Hydra overrides."""

import re
from collections.abc import Sequence

from ..errors import UserError
from .flag_hints import unknown_flag
from .literals import quoted, with_home

# flag -> the override it stands for
VALUE_FLAGS = {
    "--task": "task",
    "--dataset": "dataset",
    "--experiment_name": "experiment_name",
    "--checkpoint": "init.checkpoint",
    "--freeze": "freeze",
    "--data_dir": "data_dir",
    "--seed": "seed",
}
SWITCHES = {
    "--cuda": "trainer.accelerator=cuda",
    "--resume": "resume=true",
    "--recorded": "recorded=true",
}
OPTIONAL_FLAGS = {"--initialize_weights": "init.text_model"}
TEXT_MODEL = "google-bert/bert-base-uncased"  # of the flag without a value
KEYS = VALUE_FLAGS | OPTIONAL_FLAGS
HYDRA_FLAGS = ("-m", "--multirun")
KNOWN = (*KEYS, *SWITCHES, "-m")


def rewrite(arguments: Sequence[str]) -> list[str]:
    """Flags to Hydra overrides; overrides pass through, `-m` becomes `--multirun`.

    Raises UserError for an unknown flag, a flag without its value, or a word that is neither.
    """
    is_sweep = not set(HYDRA_FLAGS).isdisjoint(arguments)
    rest = list(arguments)
    rewritten: list[str] = []
    while rest:
        word = with_home(rest.pop(0))
        flag, has_value, value = word.partition("=")
        if not word.startswith("-"):
            rewritten.append(_override(word))
        elif word in HYDRA_FLAGS:
            rewritten.append("--multirun")
        elif flag in SWITCHES:
            if has_value:
                raise UserError(f"{flag} takes no value; it was given {value!r}")
            rewritten.append(SWITCHES[flag])
        elif flag in KEYS:
            value = value if has_value else _take_value(flag, rest)
            _check_value(flag, value)
            rewritten.append(_without_alias(f"{KEYS[flag]}={quoted(value, is_sweep)}"))
        else:
            raise unknown_flag(flag, [*KNOWN, "--multirun", "--help"], arguments)
    return rewritten


def _override(word: str) -> str:
    key, has_value, _ = word.partition("=")
    if re.match(r"~\w", key):
        raise UserError(f"{word!r}: no option can be removed; leave {key[1:]} out for its default")
    if not key or not has_value:
        raise UserError(f"{word!r} is neither a flag nor an override (key=value); see --help")
    # Every key exists, so Hydra's + can only let a mistyped one through
    return _without_alias(word.lstrip("+"))


def _take_value(flag: str, rest: list[str]) -> str:
    """The flag's value, taken from the words behind it."""
    following = rest[0] if rest else "--"
    if flag in OPTIONAL_FLAGS and (following.startswith("-") or "=" in following):
        return TEXT_MODEL
    if following.startswith("--"):
        raise UserError(f"{flag} needs a value; see --help")
    return rest.pop(0)


def _check_value(flag: str, value: str) -> None:
    """Raise UserError for a value that is empty, or would be replaced by another."""
    if not value and flag not in ("--task", "--dataset"):  # their refusal lists the choices
        raise UserError(f"{flag} needs a value, and was given an empty one; see --help")
    if flag == "--experiment_name" and "${" in value:
        raise UserError(
            f"{flag} {value}: a name is taken as it is; with options of the run in it, write"
            f" experiment_name='{value}'"
        )


def _without_alias(override: str) -> str:
    from ..corpora import ALIASES

    key, _, value = override.partition("=")
    if key != "dataset":
        return override
    return f"dataset={re.sub(r'[^,+]+', lambda name: ALIASES.get(name[0], name[0]), value)}"
