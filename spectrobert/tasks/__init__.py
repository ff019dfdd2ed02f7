"""Tasks: one LightningModule each, named as its options in config.tasks; and their losses."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .registry import TASKS, Task

__all__ = ("TASKS", "Task")


def __getattr__(name: str) -> Any:
    """Lightning loads with the first task that is asked for, not with a loss."""
    if name not in __all__:
        raise AttributeError(name)
    from . import registry

    return getattr(registry, name)
