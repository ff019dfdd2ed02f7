"""The corpora, one file each, parsing only.

A corpus module holds one constant, `CORPUS`. Its `load(root, task, *, options...)` yields
`Example`s; the keyword-only parameters of `load`, with their types and defaults, *are* the corpus'
options on the command line (`dataset.fold=2`). Modules are imported by name and only when asked
for, so that listing corpora costs nothing.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError, unknown
from .example import Dropped, Example

# corpus name -> module of this package. An alias is a second key.
MODULES: dict[str, str] = {
    "demo": "demo",
    "ravdess": "ravdess",
    "esc10": "esc10",
    "clotho_aqa": "clotho_aqa",
    "csv": "csv",
    "wavcaps": "wavcaps",
    "librispeech": "librispeech",
    "common_voice": "common_voice",
    "iemocap": "iemocap",
    "slue_voxceleb": "slue_voxceleb",
    "cmu_mosei": "cmu_mosei",
    "msp_podcast": "msp_podcast",
    "meld": "meld",
    "crema_d": "crema_d",
    "emodb": "emodb",
    "tess": "tess",
    "savee": "savee",
    "esd": "esd",
}
ALIASES: dict[str, str] = {"clothoqa": "clotho_aqa"}  # the thesis' spelling (appendix B)


@dataclass(frozen=True)
class Corpus:
    """What the framework needs to know about a corpus beside its rows."""

    load: Callable[..., Iterable[Example | Dropped]]
    tasks: tuple[str, ...]  # of config.TASKS
    # Closed label sets by task; where there is none, the labels of train
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Names of Example.targets by task, where a task learns them
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # What labels or targets stand for, by task: merges, maps, drops; for the evaluation card
    notes: Mapping[str, str] = field(default_factory=dict)
    folds: int = 0  # official folds, numbered from 1; 0: none. Then `load` takes `fold`
    layout: str = ""  # one line: what is expected under root, for error messages
    source: str = ""  # paper or DOI, and licence
    needs_root: bool = True  # False: the corpus makes or names its own files (demo, csv)
    files: tuple[str, ...] = ()  # options that name the label files, in place of root
    folders: tuple[str, ...] = ()  # options that name a folder of recordings
    # Published sizes, by the names in corpus_tools/published_counts.py; called as `load` is
    published_counts: Callable[..., Mapping[str, int]] | None = None
    # The task that the files allow, and why; called with the options of `load`
    choose_task: Callable[[Mapping[str, Any]], tuple[str, str]] | None = None
    # Other corpora that share its recordings, each with the reason; called with the options of
    # `load`
    overlaps: Callable[..., Mapping[str, str]] | None = None
    # Options that a task does not read, by the task
    idle_options: Callable[[str], tuple[str, ...]] | None = None
    caveat: str = ""  # one line: what a score on the owner's splits does not say
    # "speaker", "group": what the owner's splits may share, a caution in place of a refusal
    may_share: tuple[str, ...] = ()

    @property
    def makes_files(self) -> bool:
        """Whether `load` writes what is missing: it is neither given a folder nor told of files."""
        return not self.needs_root and not self.files

    def options(self) -> dict[str, inspect.Parameter]:
        """The keyword-only parameters of `load`."""
        parameters = inspect.signature(self.load).parameters.values()
        return {p.name: p for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def corpus(name: str) -> Corpus:
    """The corpus of that name or alias. Raises UserError, which lists the known names."""
    name = ALIASES.get(name, name)
    if name not in MODULES:
        raise unknown("dataset", name, MODULES)
    return importlib.import_module(f".{MODULES[name]}", __name__).CORPUS


def folder(name: str, given: str, data_dir: str) -> Path:
    """`dataset.root`, or the folder of `data_dir` with the corpus' name.

    Raises UserError for a root given to a corpus whose tables are named by options.
    """
    if given and corpus(name).files:
        raise UserError(
            f"dataset.root={given}: dataset {name!r} has no folder of its own; dataset.file names"
            " its tables, dataset.audio_dir the folder that relative audio paths start from"
        )
    return Path(given) if given else Path(data_dir) / name


def require(name: str, root: Path, task: str) -> None:
    """Raise UserError where the corpus does not serve the task, or its folder is missing."""
    found = corpus(name)
    if task not in found.tasks:
        raise UserError(f"dataset {name!r} has no task {task!r}; it has: {', '.join(found.tasks)}")
    if found.needs_root and not root.is_dir():
        raise UserError(f"dataset {name!r}: no folder {root}; expected there: {found.layout}")


def stream(name: str, root: Path, task: str, **options: Any) -> Iterator[Example | Dropped]:
    """The examples of a corpus for one task, one by one, and the rows it does not use.

    Raises UserError as `require` does, and where nothing is found in the folder.
    """
    require(name, root, task)
    found = corpus(name)
    num_examples = num_dropped = 0
    why = ""
    for row in found.load(root, task, **options):
        if isinstance(row, Dropped):
            why = why or row.reason
            num_dropped += 1
        else:
            num_examples += 1
        yield row
    if not num_examples:
        why = f"; {num_dropped} rows dropped, the first: {why}" if num_dropped else ""
        raise UserError(
            f"dataset {name!r}: nothing for task {task!r} in {root}{why};"
            f" expected there: {found.layout}"
        )


def load(name: str, root: Path, task: str, **options: Any) -> tuple[list[Example], list[Dropped]]:
    """All that `stream` yields, in memory: of small corpora."""
    examples: list[Example] = []
    dropped: list[Dropped] = []
    for row in stream(name, root, task, **options):
        if isinstance(row, Dropped):
            dropped.append(row)
        else:
            examples.append(row)
    return examples, dropped
