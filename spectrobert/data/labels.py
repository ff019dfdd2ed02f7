"""Names of a task's logits: the classes, or the targets."""

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from .. import corpora
from ..config import TASKS, DatasetConfig
from ..errors import UserError


def label_names(
    task: str, options: DatasetConfig, table: pa.Table, names: Sequence[str]
) -> tuple[str, ...]:
    """Names of the logits of a task: classes, targets, or none."""
    if TASKS[task].truth == "label":
        return label_set(task, options.name, table, names)
    if TASKS[task].truth == "targets":
        # A corpus of the user's own has the names as an option
        own = tuple(getattr(options, "targets", ()))
        targets = own or corpora.corpus(options.name).targets[task]
        assert set(pc.list_value_length(table.column("targets")).to_pylist()) == {len(targets)}
        return targets
    return ()


def label_set(task: str, corpus: str, table: pa.Table, names: Sequence[str]) -> tuple[str, ...]:
    """The classes: the corpus' own closed set (if it may lack some, those in train), or train's.

    Raises UserError for a label outside the set, with the rows' ids; not for an open answer.
    """
    owner = corpora.corpus(corpus)
    closed, is_closed = owner.labels.get(task), not owner.may_lack_classes
    labels = table.column("label").to_pylist()
    seen = {label for label, name in zip(labels, names) if name == "train"}
    if closed and not is_closed:
        closed = tuple(label for label in closed if label in seen)
    known = tuple(closed) if closed else tuple(sorted(seen))
    strange = Counter(label for label in labels if label not in known)
    if strange and (closed or not TASKS[task].is_open):
        label, count = strange.most_common(1)[0]
        where = table.column("id")[labels.index(label)].as_py()
        allowed = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
        origin = "the corpus' classes" if closed and is_closed else "the classes of train"
        raise UserError(
            f"label {label!r} of {count} examples (the first: {where}) is not among {origin}:"
            f" {allowed}"
        )
    if len(known) < 2:
        raise UserError(f"only one class ({known[0]!r}) for task {task!r}: at least two are needed")
    return known


def unseen_answers(task: str, table: pa.Table, labels: Sequence[str]) -> tuple[str, ...]:
    """Answers of validation and test that train lacks, sorted."""
    if not TASKS[task].is_open:
        return ()
    return tuple(sorted(set(table.column("label").to_pylist()) - set(labels)))
