"""A partner for each row of a split: another recording, or another text, for a test condition."""

from collections.abc import Sequence

import numpy as np


def partners(kinds: Sequence[object], strata: Sequence[str] | None = None) -> np.ndarray:
    """(N,) number of another row for each, of another kind; a row without one is its own partner.

    Every row is taken about equally often: the next row of another kind in a circle that is drawn
    once, always the same for the same rows.

    Args:
        kinds: of each row (N,), the recording or the text; rows of one kind are no partners.
        strata: partners are found in the same stratum alone, a speaker; None: everywhere.
    """
    order = np.random.default_rng(0).permutation(len(kinds)).tolist()
    circles: dict[str, list[int]] = {}
    for row in order:
        circles.setdefault(strata[row] if strata else "", []).append(row)
    chosen = np.arange(len(kinds))
    for circle in circles.values():
        for place, row in enumerate(circle):
            later = circle[place + 1 :] + circle[:place]
            chosen[row] = next((other for other in later if kinds[other] != kinds[row]), row)
    return chosen
