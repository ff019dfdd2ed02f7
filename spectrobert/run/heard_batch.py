"""A sound file as a run's model reads it, for those who look inside the model."""

from ..data.batches import collate
from ..models.batch import Batch
from .asked_words import Asked
from .heard import require_heard
from .predict import Predictor


def heard_batch(predictor: Predictor, asked: Asked) -> Batch:
    """The batch of one file and its words. Raises UserError as `predict` does."""
    heard = require_heard(predictor._read([asked])[0])
    _, shared = predictor._of_one_speaker([heard])
    return collate([predictor._item(heard) | shared])
