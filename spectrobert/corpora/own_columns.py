"""Tasks and options of a user's own corpus, whose label and targets options name."""

from collections.abc import Callable, Container, Mapping
from typing import Any

from .own_targets import TARGET_TASKS

UNNAMED = "speakers are not known and may be in several splits"  # if no row names one


def task_chooser(usual: str, why: str) -> Callable[[Mapping[str, Any]], tuple[str, str]]:
    """A `Corpus.choose_task`: the task that `dataset.targets` or `dataset.label` ask for, and why.

    Args:
        usual, why: the task, and the reason for it, if neither is given.
    """

    def choose(options: Mapping[str, Any]) -> tuple[str, str]:
        if options["targets"]:
            return "dimensional", f"dataset.targets=[{','.join(options['targets'])}]"
        if options["label"]:
            return "classification", f"dataset.label={options['label']}"
        return usual, why

    return choose


def idle_columns(label_tasks: Container[str]) -> Callable[[str], tuple[str, ...]]:
    """A `Corpus.idle_options`: which of `label` and `targets` a task does not read."""

    def idle(task: str) -> tuple[str, ...]:
        unread = {"label": task not in label_tasks, "targets": task not in TARGET_TASKS}
        return tuple(option for option, is_idle in unread.items() if is_idle)

    return idle
