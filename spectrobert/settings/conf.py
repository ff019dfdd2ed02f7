"""The YAML files of conf/, and the names that stand for them."""

from pathlib import Path
from typing import Any

from ..errors import unknown
from ..files import read_yaml

PACKAGE = Path(__file__).resolve().parents[1]
# in a checkout next to the package, in a wheel inside it
CONF = next(p for p in (PACKAGE / "conf", PACKAGE.parent / "conf") if p.is_dir())
GROUPS = (
    "task",
    "dataset",
    "model",
    "augment",
    "freeze",
    "logger",
    "experiment",
)  # `model=tiny` chooses

DEFAULT_MODEL = "base"  # of conf/config.yaml


def models_of(experiment: str) -> list[str]:
    """The file of conf/model that a file of conf/experiment chooses; none if it chooses none.

    Its own choice, or else that of the experiment that it varies.
    """
    defaults = (read_yaml(CONF / "experiment" / f"{experiment}.yaml") or {}).get("defaults", [])
    varied = [entry for entry in defaults if isinstance(entry, str) and entry != "_self_"]
    own = [
        value
        for entry in defaults
        if isinstance(entry, dict)
        for key, value in entry.items()
        if key.split()[-1] == "/model"
    ]
    return own or [model for name in varied for model in models_of(name)]


def options_of(group: str) -> list[str]:
    """Names of the YAML files of a group of conf/."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def choices(group: str) -> list[str]:
    """Names that `group=` may choose."""
    from ..config import LOGGERS, TASKS
    from ..corpora import ALIASES, MODULES

    known = {"task": list(TASKS), "dataset": [*MODULES, *ALIASES], "logger": list(LOGGERS)}
    return known[group] if group in known else options_of(group)


def read(group: str, kind: str, name_or_path: str) -> tuple[Path, Any]:
    """Path and contents of a YAML file of a group of conf/, by its name, or of the user's own.

    Raises UserError for an unknown name, and for a file that cannot be read.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        if name_or_path not in options_of(group):
            raise unknown(kind, name_or_path, [*options_of(group), "a path ending in .yaml"])
        path = CONF / group / f"{name_or_path}.yaml"
    return path, read_yaml(path)
