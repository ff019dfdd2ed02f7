"""What is learnt: one LightningModule a task."""

from .base import Task
from .classification import Classes, Sentiment, Ser
from .dimensional import Dimensional
from .multilabel import SerMultilabel
from .pretraining import Pretraining
from .questions import AqaBinary, AqaOpen
from .sentiment_regression import SentimentRegression

TASKS: dict[str, type[Task]] = {
    "pre": Pretraining,
    "aqa_binary": AqaBinary,
    "aqa_open": AqaOpen,
    "classification": Classes,
    "ser": Ser,
    "ser_multilabel": SerMultilabel,
    "sentiment": Sentiment,
    "sentiment_regression": SentimentRegression,
    "dimensional": Dimensional,
}
