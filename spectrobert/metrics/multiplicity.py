"""Several tests at once: p values that keep the chance of any false finding."""

from collections.abc import Sequence


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down p values, (M,) -> (M,), in the order they came.

    Of M tests, the smallest p counts M times, the next M - 1 times, and so on; none is below that
    of a smaller one, or above 1. If all hypotheses hold, one of them is rejected at level a with a
    probability of at most a, however the tests depend on each other (Holm 1979, Scandinavian
    Journal of Statistics 6).
    """
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = highest
    return adjusted
