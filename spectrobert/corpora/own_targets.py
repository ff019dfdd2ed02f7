"""Numbers to learn that a user's own corpus names by `dataset.targets`."""

from collections.abc import Sequence

from ..errors import UserError
from .label_files import number

TARGET_TASKS = ("dimensional", "sentiment_regression", "ser_multilabel")


def check_targets(task: str, targets: Sequence[str]) -> None:
    """Raise UserError unless there are as many targets as the task learns, each once."""
    if task not in TARGET_TASKS:
        return
    if len(set(targets)) < max(1, len(targets)):
        raise UserError(
            f"task {task} needs dataset.targets=[COLUMN,...], each column once; given:"
            f" [{','.join(targets)}]"
        )
    if task == "sentiment_regression" and len(targets) > 1:
        raise UserError(f"task {task} has one target; dataset.targets=[{','.join(targets)}]")


def read_target(where: str, name: str, cell: str, task: str) -> float:
    """The number in a cell; 0 or 1 if several labels are learnt. Raises UserError for others."""
    if (value := number(cell)) is None:
        raise UserError(f"{where}: {name} {cell!r} is not a number")
    if task == "ser_multilabel" and value not in (0, 1):
        raise UserError(f"{where}: {name} {cell!r} is neither 0 nor 1")
    return value
