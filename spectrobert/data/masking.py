"""Masked language modelling: which word pieces are hidden (thesis 2.3.2, BERT)."""

from functools import lru_cache

import numpy as np

from ..models.batch import IGNORED

MASKED_SHARE, RANDOM_SHARE = 0.8, 0.1  # of the chosen ones; the rest is left as it is


def mask_words(
    ids: np.ndarray,
    special_ids: frozenset[int],
    mask_id: int,
    vocabulary: int,
    probability: float,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Hide word pieces of one text.

    Args:
        ids: (L,) with special tokens, which are never chosen nor drawn as a random replacement.
        probability: of each word piece to be chosen.

    Returns:
        (L,) the input of the model, and (L,) the original where chosen, IGNORED elsewhere.
    """
    chosen = generator.random(len(ids)) < probability
    chosen &= ~np.isin(ids, list(special_ids))
    labels = np.where(chosen, ids, IGNORED)
    fate = generator.random(len(ids))
    read = np.where(chosen & (fate < MASKED_SHARE), mask_id, ids)
    replaced = chosen & (fate >= MASKED_SHARE) & (fate < MASKED_SHARE + RANDOM_SHARE)
    words = _words(vocabulary, special_ids)
    read[replaced] = generator.choice(words, size=int(replaced.sum()))
    return read, labels


@lru_cache(maxsize=8)
def _words(vocabulary: int, special_ids: frozenset[int]) -> np.ndarray:
    """Word pieces that may be drawn; cached, as listing them takes longer than all the rest."""
    return np.setdiff1d(np.arange(vocabulary), list(special_ids))
