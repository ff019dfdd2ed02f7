"""Leaks from pre-training: a checkpoint that was trained on the recordings of a run's corpus."""

from .. import corpora
from ..config import Config
from ..data import mixtures
from ..errors import UserError
from .folder import RunFolder


def caution(config: Config) -> str:
    """One line if a pre-training corpus holds recordings of this run's corpus; "" if none does.

    Follows `init.checkpoint` from run to run; a folder of weights without config.yaml ends it.
    """
    checkpoint, followed = config.init.checkpoint, set()
    while checkpoint and checkpoint not in followed:
        followed.add(checkpoint)
        try:
            earlier = RunFolder(checkpoint).read_config()
        except UserError:
            return ""
        for part in mixtures.parts(earlier.dataset, earlier.data_dir):
            overlaps = corpora.corpus(part.name).overlaps
            why = overlaps(**part.options) if overlaps else {}
            if config.dataset.name in why:
                return f"{checkpoint} was trained on {part.name} {why[config.dataset.name]}"
        checkpoint = earlier.init.checkpoint
    return ""
