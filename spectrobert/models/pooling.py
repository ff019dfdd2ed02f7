"""Pooling: from the real tokens of a sequence to one vector.

Shapes: B batch, N tokens, D width, P width of the vector.
"""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from .batch import Batch

LEAST_VARIANCE = 1e-5  # under the root of a deviation


class Pooling(nn.Module):
    """(B, N, D) and the mask (B, N), True at real tokens, one per row at least -> (B, P)."""

    widths: ClassVar[int] = 1  # P as a multiple of D

    def __init__(self, width: int):
        super().__init__()

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def is_weightless(self) -> bool:
        """True if it has no weights."""
        return not any(True for _ in self.parameters())


class First(Pooling):
    """The first token, such as [CLS]."""

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        return hidden[:, 0]


class Last(Pooling):
    """The last real token."""

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        places = torch.arange(mask.shape[1], device=mask.device)
        last = torch.where(mask, places, 0).amax(dim=1)
        return hidden[torch.arange(len(hidden), device=hidden.device), last]


class Mean(Pooling):
    """The mean of the real tokens."""

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        return _weighted_mean(hidden, _shares(mask, hidden))


class Max(Pooling):
    """The largest value of each channel among the real tokens."""

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        least = torch.finfo(hidden.dtype).min
        return hidden.masked_fill(~mask[..., None], least).amax(dim=1)


class Statistics(Pooling):
    """Mean and standard deviation of the real tokens, next to each other."""

    widths = 2

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        return _mean_and_deviation(hidden, _shares(mask, hidden))


class AttentiveStatistics(Pooling):
    """Mean and deviation weighted by a = softmax(v . tanh(W x + b)) over time (Okabe et al. 2018).

    Args:
        width: D, and of the hidden layer.
    """

    widths = 2

    def __init__(self, width: int):
        super().__init__(width)
        self.hidden = nn.Linear(width, width)
        self.score = nn.Linear(width, 1, bias=False)

    def weights(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """(B, N), whose sum is 1 in each row."""
        scores = self.score(self.hidden(hidden).tanh()).squeeze(-1)  # (B, N)
        return scores.masked_fill(~mask, float("-inf")).softmax(dim=1)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        return _mean_and_deviation(hidden, self.weights(hidden, mask))


class Recurrent(Pooling):
    """A GRU's state at the last real token (seed 000's classifier on SpeechLM's features).

    One layer, forward in time, as wide as its input: this project's reading, as the source shows
    its sizes in a picture alone.

    Args:
        width: D, and of the state.
    """

    def __init__(self, width: int):
        super().__init__(width)
        self.gru = nn.GRU(width, width, batch_first=True)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        # Padding lies behind the last real token, whose state has not seen it
        return Last(0)(self.gru(hidden)[0], mask)


def _shares(mask: Tensor, hidden: Tensor) -> Tensor:
    """(B, N) weights of a plain mean."""
    real = mask.to(hidden.dtype)
    return real / real.sum(dim=1, keepdim=True)


def _weighted_mean(hidden: Tensor, weights: Tensor) -> Tensor:
    return torch.einsum("bn,bnd->bd", weights, hidden)


def _mean_and_deviation(hidden: Tensor, weights: Tensor) -> Tensor:
    """(B, 2 D), by the weights (B, N), whose sum is 1 in each row."""
    mean = _weighted_mean(hidden, weights)
    # around the mean: a difference of squares loses all digits of channels far from 0
    variance = _weighted_mean((hidden - mean[:, None]).square(), weights)
    return torch.cat([mean, variance.clamp(min=LEAST_VARIANCE).sqrt()], dim=1)


# model.pooling -> class
POOLINGS: dict[str, type[Pooling]] = {
    "first": First,
    "mean": Mean,
    "max": Max,
    "last": Last,
    "statistics": Statistics,
    "attentive": AttentiveStatistics,
    "gru": Recurrent,
}


class LayerWeights(nn.Module):
    """A mean of states with weights softmax(w); w starts at 0 (SUPERB's weighted sum)."""

    def __init__(self, states: int):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(states))

    def forward(self, states: Tensor) -> Tensor:
        """(S, ...) -> (...)."""
        return torch.tensordot(self.weights.softmax(dim=0), states, dims=1)


class RunningNorm(nn.Module):
    """Each channel minus its mean, over its deviation, of the training rows seen so far.

    As BatchNorm without parameters, but the same in training and evaluation, and a batch may be of
    one row. Older rows fade once `window` rows are counted, as an encoder that trains moves.
    """

    count: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, width: int, window: int = 10_000):
        super().__init__()
        self.window = window
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, P) -> (B, P)."""
        if self.training:
            self._update(x.detach().float())
        return (x - self.mean) / (self.variance + LEAST_VARIANCE).sqrt()

    @torch.no_grad()
    def _update(self, x: Tensor) -> None:
        rows = len(x)
        total = self.count + rows
        share = rows / total
        apart = x.mean(dim=0) - self.mean
        # moments of both sets together; before any row the variance has weight 0
        own = x.var(dim=0, correction=0)
        variance = (1 - share) * self.variance + share * own + share * (1 - share) * apart.square()
        self.variance.copy_(variance)
        self.mean.add_(share * apart)
        self.count.copy_(total.clamp(max=self.window))


class SpeakerNorm(RunningNorm):
    """Each channel minus its mean, over its deviation, among the rows of one speaker in the batch.

    Labels play no part: it is unsupervised adaptation, in training as in evaluation. The statistics
    of all rows so far count as PRIOR rows of each speaker, so that one with a single row has a
    vector as well.
    """

    def forward(self, x: Tensor, speaker: Tensor | None = None) -> Tensor:
        """(B, P) and (B,) numbers of speakers -> (B, P); without speakers the norm of all rows."""
        if speaker is None:
            return super().forward(x)
        if self.training:
            self._update(x.detach().float())
        names, number = speaker.unique(return_inverse=True)
        zeros = x.new_zeros(len(names), x.shape[1])
        count = x.new_zeros(len(names), 1).index_add(0, number, x.new_ones(len(x), 1)) + PRIOR
        mean = (zeros.index_add(0, number, x) + PRIOR * self.mean) / count
        apart = x - mean[number]
        squares = zeros.index_add(0, number, apart.square()) + PRIOR * self.variance
        return apart / (squares / count + LEAST_VARIANCE).sqrt()[number]


PRIOR = 1.0  # rows
NORMS = ("none", "layer", "running", "speaker")


def pooled_norm(name: str, width: int) -> nn.Module:
    """The norm of a pooled vector by its name in `model.pooled_norm`."""
    if name == "layer":
        return nn.LayerNorm(width, elementwise_affine=False)
    return {"running": RunningNorm, "speaker": SpeakerNorm}.get(name, nn.Identity)(width)


def normed(norm: nn.Module, vector: Tensor, batch: Batch) -> Tensor:
    """A pooled vector (B, P) behind its norm, which may look at the batch' speakers."""
    if isinstance(norm, SpeakerNorm):
        return norm(vector, batch.get("speaker"))
    return cast(Tensor, norm(vector))
