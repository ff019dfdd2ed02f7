"""What is learnt: one LightningModule a task."""

from .base import Task
from .classification import AqaBinary, AqaOpen, Sentiment, Ser
from .pretraining import Pretraining

TASKS: dict[str, type[Task]] = {
    "pre": Pretraining,
    "aqa_binary": AqaBinary,
    "aqa_open": AqaOpen,
    "ser": Ser,
    "sentiment": Sentiment,
}
