"""Matplotlib figures, NumPy sounds: as text that stands inside a page."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import soundfile as sf

from ...audio.io import SAMPLE_RATE

BLUE, ORANGE, GREY = "#2a6f97", "#d1495b", "#8a97a3"


@contextmanager
def pyplot(width: float, height: float, columns: int = 1) -> Iterator[tuple[Any, Any]]:
    """A figure of `columns` axes in a row, closed at the end: (figure, array of axes)."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    # Words stay words: they can be searched, and the page stays small. A $ in a label is a dollar
    look: Any = {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
    with plt.rc_context(look | {"text.parse_math": False}):
        figure, axes = plt.subplots(
            1, columns, figsize=(width, height), layout="constrained", squeeze=False
        )
        try:
            yield figure, axes[0]
        finally:
            plt.close(figure)


def in_legend(label: str) -> str:
    """A label that Matplotlib's legends show: those that begin with _ are left out of them."""
    return f" {label}" if label.startswith("_") else label


def svg(figure: Any) -> str:
    """For lines and words."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def png(figure: Any, alt: str) -> str:
    """For spectrograms and clouds of points: an <img> that holds its data."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    return f'<img alt="{alt}" src="data:image/png;base64,{_base64(data)}">'


def player(wave: np.ndarray) -> str:
    """An <audio> element that holds the sound (T,) at 16 kHz; MP3, which every browser plays."""
    data = io.BytesIO()
    sf.write(data, wave, SAMPLE_RATE, format="MP3")
    return f'<audio controls preload="none" src="data:audio/mpeg;base64,{_base64(data)}"></audio>'


def _base64(data: io.BytesIO) -> str:
    return base64.b64encode(data.getvalue()).decode("ascii")
