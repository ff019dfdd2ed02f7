"""A protocol: the rows that are scored, their labels and folds, and the figures that count.

Each is a file of conf/protocol/CORPUS/NAME.yaml. The rows come from a function of `corpora`, by
rule, from the names that the file lists, or from a public file that the user hands over, so that a
fact that a parser knows is written once. A changed protocol has another version.
"""

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..corpora import MODULES, corpus
from ..corpora.reference import Reference
from ..errors import UserError, unknown
from ..files import read_yaml
from ..settings.conf import CONF

FOLDER = CONF / "protocol"
POOLED, FOLDS = "pooled", "folds"  # averaging: over the rows of all folds; mean of the folds
ANY = "any"  # labels: all answers are allowed


@dataclass(frozen=True)
class Protocol:
    """The contents of a protocol's file."""

    name: str  # ravdess/emobox6, or the path of the user's own file
    version: int
    corpus: str
    rule: str  # MODULE.FUNCTION of corpora, which yields the rows
    unit: str  # what the groups of the rows are: "speaker"
    metrics: tuple[str, ...]  # by their names in results.json; the first is the main one
    source: str
    n: int = 0  # rows of all folds; 0: not published
    task: str = ""  # its closed labels are the corpus'
    averaging: str = POOLED
    labels: Any = None  # a list, ANY, or by default those of the task, else those of the rows
    spellings: Mapping[str, list[str]] = field(default_factory=dict)  # label -> other words for it
    merges: Mapping[str, list[str]] = field(default_factory=dict)  # label -> classes within it
    id_forms: Mapping[str, str] = field(default_factory=dict)  # pattern -> id, as of re.sub
    ids: Any = None  # what the rule is called with: names
    file: str = ""  # the public file that the rule is called with, in words
    notes: str = ""

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} version {self.version}"


def names() -> list[str]:
    """The protocols that are shipped: CORPUS/NAME."""
    found = FOLDER.glob("*/*.yaml")
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in found)


def load(name: str) -> Protocol:
    """The protocol of that name, or of a user's own file, a path ending in .yaml.

    Raises UserError for an unknown name, and a file that is no protocol.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        if name not in names():
            raise unknown("protocol", name, [*names(), "a path ending in .yaml"])
        path = FOLDER / f"{name}.yaml"
    content = read_yaml(path)
    known = {one.name: one for one in fields(Protocol)}
    if not isinstance(content, dict):
        raise UserError(f"{path} is no protocol: it holds no mapping")
    if strange := sorted(map(str, content.keys() - (known.keys() - {"name"}))):
        raise unknown(f"key of the protocol {path}", strange[0], known.keys() - {"name"})
    needed = {key for key, one in known.items() if one.default is one.default_factory is MISSING}
    if lacking := sorted(needed - content.keys() - {"name"}):
        raise UserError(f"{path} is no protocol: it has no {', '.join(lacking)}")
    if content.get("averaging", POOLED) not in (POOLED, FOLDS):
        raise unknown(f"averaging of {path}", content["averaging"], (POOLED, FOLDS))
    return Protocol(name, **(content | {"metrics": tuple(content["metrics"])}))


def references(protocol: Protocol, file: str = "") -> list[Reference]:
    """The rows of all folds.

    Args:
        file: the public file of a protocol that needs one.

    Raises UserError if it is missing, holds other rows than the protocol, or is not wanted.
    """
    if protocol.file and not file:
        raise UserError(f"{protocol.name} needs --ids FILE: {protocol.file}")
    if file and not protocol.file:
        raise UserError(f"--ids {file}: {protocol.name} knows its own ids")
    given = [Path(file)] if file else [protocol.ids] if protocol.ids is not None else []
    found = list(_function(protocol)(*given))
    where = file or protocol.name
    if len({row.id for row in found}) < len(found):
        raise UserError(f"{where}: an id stands twice")
    if not found or len(found) != (protocol.n or len(found)):
        raise UserError(
            f"{where} holds {len(found)} rows where {protocol.name} has {protocol.n or 'some'};"
            " is the file whole?"
        )
    return found


def _function(protocol: Protocol) -> Any:
    """The rule. Raises UserError if corpora has no such function."""
    module, _, name = protocol.rule.partition(".")
    known = {*MODULES, "reference"}
    if module not in known:
        raise unknown(f"corpus in the rule of {protocol.name}", module, known)
    found = getattr(importlib.import_module(f"..corpora.{module}", __package__), name, None)
    if not inspect.isfunction(found) or name.startswith("_"):
        raise UserError(f"{protocol.name}: the rule {protocol.rule!r} is no function of corpora")
    return found


def labels(protocol: Protocol, rows: list[Reference]) -> tuple[str, ...]:
    """The classes, in the order of the corpus, else of the alphabet."""
    if isinstance(protocol.labels, list):
        return tuple(map(str, protocol.labels))
    closed = corpus(protocol.corpus).labels if protocol.corpus in MODULES else {}
    return closed.get(protocol.task) or tuple(sorted({row.label for row in rows}))


def folds(rows: list[Reference]) -> list[str]:
    """Names of the folds, in their order; [] if there is one test set."""
    found = {row.fold for row in rows} - {""}
    return sorted(found, key=lambda name: (len(name), name))
