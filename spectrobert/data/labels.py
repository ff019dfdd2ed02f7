"""Names of a task's logits: the classes, or the targets."""

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from .. import corpora
from ..config import TASKS, DatasetConfig
from ..errors import UserError
from . import mixtures, relabelling


def label_names(
    task: str, options: DatasetConfig, table: pa.Table, names: Sequence[str]
) -> tuple[str, ...]:
    """Names of the logits of a task: classes, targets, or none."""
    if TASKS[task].truth == "label":
        return label_set(task, options, table, names)
    if TASKS[task].truth == "targets":
        # A corpus of the user's own has the names as an option
        own = tuple(getattr(options, "targets", ()))
        targets = own or corpora.corpus(options.name).targets[task]
        assert set(pc.list_value_length(table.column("targets")).to_pylist()) == {len(targets)}
        return targets
    return ()


def label_set(
    task: str, options: DatasetConfig, table: pa.Table, names: Sequence[str]
) -> tuple[str, ...]:
    """The classes: those of `labels.keep`, the owners' closed set, or those of train.

    Of a closed set that a corpus may lack classes of, and of several sets, those in train.
    Raises UserError for a label outside the set, with the rows' ids (not for an open answer), and
    for a class of `labels.keep` that train lacks.
    """
    labels = table.column("label").to_pylist()
    seen = {label for label, name in zip(labels, names) if name == "train"}
    closed, is_whole = owners_classes(task, options)
    if closed and not is_whole:
        closed = tuple(label for label in closed if label in seen)
    known = tuple(options.labels.keep) or closed or tuple(sorted(seen))
    if lacking := [label for label in options.labels.keep if label not in seen]:
        raise UserError(
            f"dataset.labels.keep: the rows that are used have no class {lacking[0]!r}; found:"
            f" {', '.join(sorted(seen))}"
        )
    strange = Counter(label for label in labels if label not in known)
    if strange and (closed or not TASKS[task].is_open):
        label, count = strange.most_common(1)[0]
        where = table.column("id")[labels.index(label)].as_py()
        allowed = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
        origin = "the corpus' classes" if closed and is_whole else "the classes of train"
        raise UserError(
            f"label {label!r} of {count} examples (the first: {where}) is not among {origin}:"
            f" {allowed}"
        )
    if len(known) < 2:
        raise UserError(f"only one class ({known[0]!r}) for task {task!r}: at least two are needed")
    return known


def owners_classes(task: str, options: DatasetConfig) -> tuple[tuple[str, ...], bool]:
    """Classes that the owners of the corpora define, as `dataset.labels` names them.

    Empty if one of them defines none. True if the run has all of them, whatever occurs in train.
    """
    chains = {part.name: part.labels for part in mixtures.parts(options, "")}
    owners = {name: corpora.corpus(name) for name in chains}
    if not all(owner.labels.get(task) for owner in owners.values()):
        return (), False
    names = (
        relabelling.renamed(label, chains[name])
        for name, owner in owners.items()
        for label in owner.labels[task]
    )
    is_whole = len(owners) == 1 and not any(o.may_lack_classes for o in owners.values())
    return tuple(name for name in dict.fromkeys(names) if name is not None), is_whole


def unseen_answers(task: str, table: pa.Table, labels: Sequence[str]) -> tuple[str, ...]:
    """Answers of validation and test that train lacks, sorted."""
    if not TASKS[task].is_open:
        return ()
    return tuple(sorted(set(table.column("label").to_pylist()) - set(labels)))
