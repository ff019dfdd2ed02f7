"""Metrics against the votes of several annotators, in place of one right class.

Rows without votes are left out. Votes are normalised per row.

Shapes: N rows of the set, V of them with votes, C classes.
"""

import numpy as np

from .classes import ranks
from .statistic import Statistic, mean, ratio

# Name of a bin -> entropy of the votes below which it ends, as share of the largest possible
BINS = {"low": 1 / 3, "middle": 2 / 3, "high": np.inf}


def by_votes(logits: np.ndarray, truth: np.ndarray, votes: np.ndarray) -> dict[str, Statistic]:
    """Metrics of (N, C) logits and (N,) labels against (N, C) votes; {} without a vote.

    With p the predicted distribution, q that of the votes, both of one row, and c the class of the
    largest logit:

    - `jensen_shannon`: mean of H((p + q) / 2) - (H(p) + H(q)) / 2, H the entropy in bits: 0 if
      both are equal, 1 if they share no class (Lin 1991).
    - `vote_accuracy`: mean of q_c, the chance that a randomly drawn annotator has chosen c.
    - `human_ceiling`: mean of max q, the same of the answer that most annotators have chosen. No
      single answer per row can do better. The drawn annotator is one of those who made the
      majority: another person would agree with it less often.
    - `human_ceiling_share`: `vote_accuracy` / `human_ceiling`, the quotient of the two means.
    - `accuracy_low_entropy`, `_middle_`, `_high_`: accuracy against the label, of rows whose H(q)
      is below 1/3, 2/3, and above, of the largest that so many votes for C classes can have
      (log2 of the smaller of the two). Three votes: all alike are low, two alike of many classes
      middle, three different ones high.
    """
    at = np.flatnonzero(votes.sum(axis=1) > 0)
    if not len(at):
        return {}
    counts = np.asarray(votes[at], dtype=np.float64)
    q = counts / counts.sum(axis=1, keepdims=True)  # (V, C)
    logits = np.asarray(logits, dtype=np.float64)
    found = {
        "jensen_shannon": mean(
            jensen_shannon(_softmax(logits[at]), q),
            "mean Jensen-Shannon divergence, in bits, of prediction and votes",
            at,
        )
    }
    return found | _ceiling(logits, q, at) | _by_entropy(ranks(logits, truth) == 0, counts, at)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Divergence of distributions in bits, (V, C), (V, C) -> (V,)."""
    return np.maximum(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2, 0.0)


def entropy(p: np.ndarray) -> np.ndarray:
    """Entropy of distributions in bits, (V, C) -> (V,)."""
    return -(p * np.log2(np.where(p > 0, p, 1.0))).sum(axis=1)


def entropy_shares(counts: np.ndarray) -> np.ndarray:
    """Entropy of votes (V, C) as share of the largest that so many can have, (V,) from 0 to 1.

    A vote that is divided among several classes counts as one for each of them.
    """
    votes, num_chosen = counts.sum(axis=1), (counts > 0).sum(axis=1)
    most = np.minimum(np.maximum(np.ceil(votes), num_chosen), counts.shape[1])
    return entropy(counts / votes[:, None]) / np.log2(np.maximum(most, 2))


def _ceiling(logits: np.ndarray, q: np.ndarray, at: np.ndarray) -> dict[str, Statistic]:
    agreed = q[np.arange(len(at)), logits[at].argmax(axis=1)]  # (V,)
    most = q.max(axis=1)

    def share(weights: np.ndarray) -> float:
        return ratio(float(agreed @ weights[at]), float(most @ weights[at]))

    model = mean(agreed, "chance that a random annotator has chosen the predicted class", at)
    people = mean(most, "the same of the class that most annotators have chosen", at)
    meaning = "vote_accuracy as share of human_ceiling"
    return {
        "vote_accuracy": model,
        "human_ceiling": people,
        "human_ceiling_share": Statistic(share, len(at), meaning, parts=model.parts),
    }


def _by_entropy(is_right: np.ndarray, counts: np.ndarray, at: np.ndarray) -> dict[str, Statistic]:
    """Accuracy against the labels, (N,) hits, by bin of entropy."""
    names = list(BINS)
    bins = np.searchsorted([BINS[name] for name in names], entropy_shares(counts), side="right")
    found = {}
    for number, name in enumerate(names):
        own = at[bins == number]
        meaning = f"accuracy of rows whose votes have {name} entropy, in thirds of the possible"
        found[f"accuracy_{name}_entropy"] = mean(is_right[own], meaning, own)
    return found


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
