"""Attention drawn: shaded words, and red over a spectrogram."""

import html
from collections.abc import Sequence

import numpy as np

from .images import png, pyplot

NO_AUDIO = "[CLS] attends to no audio: this model adds it after the last layer"


def words(weighed: Sequence[tuple[str, float]]) -> str:
    """Word pieces in HTML, the more red the more weight they have."""
    strongest = max((weight for _, weight in weighed), default=0.0)
    shaded = []
    for piece, weight in weighed:
        shade = 0.75 * weight / strongest if strongest else 0.0
        shaded.append(
            f'<span class="word" title="{weight:.3f}" style="background:'
            f'rgba(209,73,91,{shade:.2f})">{html.escape(piece)}</span>'
        )
    return " ".join(shaded)


def spectrogram(log_mel: np.ndarray, attention: np.ndarray, seconds: float, name: str) -> str:
    """An <img> of a log-mel (M, F), with attention (frequency, time) in red over it.

    Args:
        name: of the clip, for those who do not see it.
    """
    extent = (0.0, seconds, 0.0, float(len(log_mel)))
    with pyplot(7.2, 2.2) as (figure, (axis,)):
        axis.imshow(log_mel, origin="lower", aspect="auto", cmap="gray_r", extent=extent)
        strongest = attention.max()
        shown = ", attention in red" if strongest else ""
        axis.imshow(
            attention,
            origin="lower",
            aspect="auto",
            cmap="Reds",
            extent=extent,
            alpha=0.6 * attention / strongest if strongest else 0.0,
            interpolation="nearest",
        )
        axis.set(xlabel="seconds", ylabel="mel bin")
        return png(figure, f"spectrogram of {html.escape(name)}{shown}")
