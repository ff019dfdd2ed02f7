"""Spans of audio tokens that are masked (wav2vec 2.0, HuBERT)."""

import numpy as np

MIN_SPANS = 2  # of a clip that has room for them


def spans(number: int, share: float, length: int, generator: np.random.Generator) -> np.ndarray:
    """(number,) True at the tokens of spans that are drawn without regard to each other.

    As in wav2vec 2.0, `share` is that of all tokens if no spans overlapped: 0.65 covers about half
    of 500 frames, 0.8 57 %. A clip that is shorter than a span has a shorter one.

    Args:
        length: of a span, in tokens.
    """
    masked = np.zeros(number, dtype=bool)
    length = min(length, number - 1)
    if length < 1 or not share:
        return masked
    starts = number - length + 1
    drawn = int(share * number / length + generator.random())
    chosen = generator.choice(starts, min(max(drawn, MIN_SPANS), starts - 1), replace=False)
    for start in chosen.tolist():
        masked[start : start + length] = True
    return masked


def separate_spans(
    number: int, share: float, lengths: tuple[int, int], generator: np.random.Generator
) -> np.ndarray:
    """(number,) True at the tokens of spans of random lengths that do not overlap (CTAL).

    As many spans as cover `share` of the tokens in the mean, one at least if the clip has room.

    Args:
        lengths: the shortest and the longest, in tokens.
    """
    masked = np.zeros(number, dtype=bool)
    shortest, longest = (min(length, number - 1) for length in lengths)
    if shortest < 1 or not share:
        return masked
    wanted = share * number / ((shortest + longest) / 2)
    drawn = generator.integers(shortest, longest + 1, max(1, int(wanted + generator.random())))
    drawn = drawn[drawn.cumsum() < number]
    free = number - int(drawn.sum())
    # tokens before each span, without those of other spans
    before = np.sort(generator.integers(0, free + 1, len(drawn)))
    starts = before + drawn.cumsum() - drawn
    for start, length in zip(starts.tolist(), drawn.tolist()):
        masked[start : start + length] = True
    return masked


HIDDEN = -1  # as a shown token: the vector of masked tokens


def shown(
    masked: np.ndarray, swapped: float, kept: float, generator: np.random.Generator
) -> np.ndarray:
    """(n,) numbers of the tokens that are seen at each place; HIDDEN: none.

    Args:
        masked: (n,) True at masked tokens.
        swapped, kept: shares of them at which another token of the clip is seen, or the token.
    """
    places = np.arange(len(masked))
    luck = generator.random(len(masked))
    others = (places + generator.integers(1, max(2, len(masked)), len(masked))) % len(masked)
    seen = np.where(luck < swapped, others, np.where(luck < swapped + kept, places, HIDDEN))
    return np.where(masked, seen, places)
