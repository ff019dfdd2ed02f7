"""The tasks by name."""

from .base import Task
from .captioning import Captioning
from .classification import AqaBinary, AqaOpen, Classes, Sentiment, Ser
from .pretraining import Pretraining
from .targets import Dimensional, SentimentRegression, SerMultilabel

_ALL: tuple[type[Task], ...] = (
    Pretraining,
    AqaBinary,
    AqaOpen,
    Classes,
    Ser,
    SerMultilabel,
    Sentiment,
    SentimentRegression,
    Dimensional,
    Captioning,
)
TASKS = {task.options.name: task for task in _ALL}
