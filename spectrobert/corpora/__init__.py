"""The corpora, one file each, parsing only.

A corpus module defines one constant, `CORPUS`, and is found by it. Its `load(root, task, *,
options...)` yields `Example`s; the keyword-only parameters of `load`, with their types and
defaults, *are* the corpus' options on the command line (`dataset.fold=2`). Modules are imported by
name and only when asked for, so that listing corpora costs nothing.
"""

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError, unknown
from .example import Dropped, Example


def _corpus_modules() -> tuple[str, ...]:
    """Names of the modules here that define CORPUS, by a look at their text: none is imported."""
    here = Path(__file__).parent
    files = [*here.glob("*.py"), *here.glob("*/__init__.py")]
    holding = [file for file in files if "\nCORPUS = " in file.read_text(encoding="utf-8")]
    return tuple(sorted(file.parent.name if file.parent != here else file.stem for file in holding))


MODULES = _corpus_modules()  # the corpora: a module here has the name of its corpus
ALIASES: dict[str, str] = {"clothoqa": "clotho_aqa"}  # the thesis' spelling (appendix B)


@dataclass(frozen=True)
class Corpus:
    """All that the framework knows of a corpus but its rows."""

    load: Callable[..., Iterable[Example | Dropped]]
    tasks: tuple[str, ...]  # of config.TASKS
    # Closed label sets by task; if there is none, the labels of train
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # True: the classes are those of the closed set that train has
    may_lack_classes: bool = False
    # Names of Example.targets by task, if a task learns them
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Meaning of labels or targets, by task: merges, maps, drops; for the evaluation card
    notes: Mapping[str, str] = field(default_factory=dict)
    folds: int = 0  # official folds, numbered from 1; 0: none. Then `load` takes `fold`
    layout: str = ""  # one line: the files expected under root, for error messages
    source: str = ""  # paper or DOI, and licence
    needs_root: bool = True  # False: the corpus makes or names its own files (demo, csv)
    files: tuple[str, ...] = ()  # options that name the label files, in place of root
    folders: tuple[str, ...] = ()  # options that name a folder of recordings
    # Published sizes, by the names in corpus_tools/published_counts.py, or a function that is
    # called as `load` is
    published_counts: Mapping[str, int] | Callable[..., Mapping[str, int]] = field(
        default_factory=dict
    )
    # The task that the files allow, and why; called with the options of `load`
    choose_task: Callable[[Mapping[str, Any]], tuple[str, str]] | None = None
    # Other corpora that share its recordings, each with the reason; called with the options of
    # `load`
    overlaps: Callable[..., Mapping[str, str]] | None = None
    # Options that a task does not read, by the task
    idle_options: Callable[[str], tuple[str, ...]] | None = None
    votes: str = ""  # one line: the files or columns that hold votes of annotators, if any do
    words: str = ""  # one line: the file, column or option that holds times of words, if any does
    caveat: str = ""  # one line: the limit of scores on the owner's splits
    unnamed_caveat: str = ""  # one line: the limit of scores if no row names its speaker
    # "speaker", "group": what the owner's splits may share, a caution in place of a refusal
    may_share: tuple[str, ...] = ()

    @property
    def makes_files(self) -> bool:
        """True if `load` writes missing recordings: it is given neither a folder nor files."""
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
    return importlib.import_module(f".{name}", __name__).CORPUS


def root_folder(name: str, given: str, data_dir: str) -> Path:
    """`dataset.root`, or the folder of `data_dir` with the corpus' name.

    Raises UserError for a root given to a corpus whose tables are named by options.
    """
    if given and corpus(name).files:
        raise UserError(
            f"dataset.root={given}: dataset {name!r} has no folder of its own; dataset.file names"
            " its tables, dataset.audio_dir the folder that relative audio paths start from"
        )
    return Path(given) if given else Path(data_dir) / name


def parsing_task(name: str, reading: str, options: Mapping[str, Any]) -> str:
    """The task by which `load` parses the rows that a run reads (`TaskConfig.reading`).

    Rows of which audio alone is read are those of pre-training, or of another task if the corpus
    has no texts.
    """
    if reading != "pre:audio":
        return reading.partition(":")[0]
    found = corpus(name)
    if found.choose_task:
        return found.choose_task(options)[0]
    return "pre" if "pre" in found.tasks else found.tasks[0]


def require(name: str, root: Path, task: str) -> None:
    """Raise UserError if the corpus does not serve the task, or its folder is missing."""
    found = corpus(name)
    if task not in found.tasks:
        raise UserError(f"dataset {name!r} has no task {task!r}; it has: {', '.join(found.tasks)}")
    if found.needs_root and not root.is_dir():
        raise UserError(f"dataset {name!r}: no folder {root}; expected there: {found.layout}")


def stream(name: str, root: Path, task: str, **options: Any) -> Iterator[Example | Dropped]:
    """The examples of a corpus for one task, one by one, and the rows it does not use.

    Raises UserError as `require` does, and if nothing is found in the folder.
    """
    require(name, root, task)
    found = corpus(name)
    is_empty = True
    reasons: list[str] = []  # of the dropped rows
    for row in found.load(root, task, **options):
        if isinstance(row, Dropped):
            reasons.append(row.reason)
        else:
            is_empty = False
        yield row
    if is_empty:
        why = f"; {len(reasons)} rows dropped, the first: {reasons[0]}" if reasons else ""
        raise UserError(
            f"dataset {name!r}: nothing for task {task!r} in {root}{why};"
            f" expected there: {found.layout}"
        )


def load(name: str, root: Path, task: str, **options: Any) -> tuple[list[Example], list[Dropped]]:
    """All that `stream` yields, in memory: of small corpora."""
    rows = list(stream(name, root, task, **options))
    examples = [row for row in rows if isinstance(row, Example)]
    return examples, [row for row in rows if isinstance(row, Dropped)]
