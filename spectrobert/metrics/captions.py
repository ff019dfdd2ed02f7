"""Written texts against references: BLEU, ROUGE-L and CIDEr-D, as captioning counts them.

n-grams are counted, and ROUGE-L and CIDEr-D of a clip taken, by aac-metrics, which follows
coco-caption. Texts are compared in lower case without punctuation. Published figures come behind
the Penn Treebank's tokeniser, which needs Java, as METEOR and SPICE do: those two are left out.

Shapes: N rows, one per reference, K clips, which may have several rows.
"""

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from .statistic import Statistic, ratio

ORDERS = 4  # longest n-grams
TINY, SMALL = 1e-15, 1e-9  # of coco-caption: no count of 0 is divided by, or multiplied
NOT_A_WORD = re.compile(r"[^\w\s']+")
COMPARED = "lower case, no punctuation"
MEANINGS = {
    "rouge_l": "mean F (beta 1.2) of the longest common subsequence with the best reference",
    "cider_d": "mean CIDEr-D, 10 at most; n-grams weighed by their rarity in the references of the"
    " clips that are scored",
    "exact_match": "share of clips whose text is a reference",
}


class Counts(NamedTuple):
    """BLEU's counts of K clips."""

    guessed: np.ndarray  # (K, ORDERS) n-grams that were written
    correct: np.ndarray  # (K, ORDERS) those that a reference has, too
    length: np.ndarray  # (K,) words
    wanted: np.ndarray  # (K,) words of the reference of the closest length


class ClipScores(NamedTuple):
    """Scores of each clip by itself, (K,) each; CIDEr-D is None of fewer than two clips."""

    exact: np.ndarray
    rouge_l: np.ndarray
    cider_d: np.ndarray | None


def words(text: str) -> str:
    """A text as it is compared: "A dog, barking." is "a dog barking"."""
    return " ".join(NOT_A_WORD.sub(" ", text.lower()).split())


def counts(written: Sequence[str], references: Sequence[Sequence[str]]) -> Counts:
    """BLEU's counts of K texts, and the references of each."""
    from aac_metrics.functional.bleu import _bleu_update

    cooked, mine = _bleu_update(
        list(written), [list(r) for r in references], ORDERS, str.split, [], []
    )
    closest = [
        min(lengths, key=lambda length: (abs(length - of["testlen"]), length))
        for of, (lengths, _) in zip(cooked, mine)
    ]
    guessed, correct = (np.array([of[name] for of in cooked]) for name in ("guess", "correct"))
    return Counts(guessed, correct, np.array([of["testlen"] for of in cooked]), np.array(closest))


def bleu(found: Counts, order: int, weights: np.ndarray) -> float:
    """BLEU of n-grams up to `order` over clips that count by `weights` (K,)."""
    product = 1.0
    for n in range(order):
        correct, guessed = (float(weights @ of[:, n]) for of in (found.correct, found.guessed))
        product *= (correct + TINY) / (guessed + SMALL)
    length = (float(weights @ found.length) + TINY) / (float(weights @ found.wanted) + SMALL)
    return product ** (1 / order) * (math.exp(1 - 1 / length) if length < 1 else 1.0)


def clip_scores(written: Sequence[str], references: Sequence[Sequence[str]]) -> ClipScores:
    """Scores of K texts, each against its references."""
    from aac_metrics.functional.cider_d import cider_d
    from aac_metrics.functional.rouge_l import rouge_l

    given = [list(of_clip) for of_clip in references]
    _, rouge = rouge_l(list(written), given)
    cider = cider_d(list(written), given)[1]["cider_d"].numpy() if len(written) > 1 else None
    exact = np.array([float(text in of_clip) for text, of_clip in zip(written, given)])
    return ClipScores(exact, rouge["rouge_l"].numpy(), cider)


def clips_of(clips: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of each clip (K,), its first row (K,), and the clip of each row (N,), from numbers."""
    _, first, member, sizes = np.unique(
        clips, return_index=True, return_inverse=True, return_counts=True
    )
    return sizes, first, member


def captions(
    written: Sequence[str], references: Sequence[Sequence[str]], clips: np.ndarray
) -> dict[str, Statistic]:
    """Metrics of texts that were written about clips.

    Args:
        written, references: of each row, (N,), as `words` gives them.
        clips: (N,) numbers; rows of one number are one clip, whose first row counts.
    """
    sizes, first, member = clips_of(clips)
    texts, given = [written[i] for i in first], [references[i] for i in first]

    def by_clip(weights: np.ndarray) -> np.ndarray:
        return np.bincount(member, weights) / sizes

    found, scores = counts(texts, given), clip_scores(texts, given)
    of_clips = {"rouge_l": scores.rouge_l, "cider_d": scores.cider_d, "exact_match": scores.exact}
    values: dict[str, Callable[[np.ndarray], float]] = {
        f"bleu_{n}": partial(bleu, found, n) for n in range(1, ORDERS + 1)
    }
    values |= {name: partial(_mean, own) for name, own in of_clips.items() if own is not None}

    def statistic(name: str, of_weights: Callable[[np.ndarray], float]) -> Statistic:
        meaning = MEANINGS.get(name, f"BLEU of 1- to {name[-1]}-grams over all clips")
        return Statistic(
            lambda weights: of_weights(by_clip(weights)),
            len(first),
            f"{meaning} ({COMPARED})",
            "clips",
        )

    return {name: statistic(name, of_weights) for name, of_weights in values.items()}


def _mean(scores: np.ndarray, weights: np.ndarray) -> float:
    return ratio(float(scores @ weights), float(weights.sum()))
