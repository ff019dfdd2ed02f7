"""Single clips in a report: sound, label, prediction, and the attention of [CLS]."""

import html
from typing import Any

import numpy as np

from ...audio.io import SAMPLE_RATE
from ...run.confidence import is_right
from .attention import NO_AUDIO, spectrogram, words
from .images import in_legend, player, png, pyplot
from .listening import Hearing

WRONG, RIGHT = 4, 2  # mistakes and right answers that are shown, the surest ones


def card(heard: Hearing) -> str:
    """One clip: words shaded by attention, player, spectrogram with attention over it."""
    row = heard.row
    verdict = "right" if is_right(row) else "wrong"
    predicted = f"{row['prediction']} ({float(row['p_prediction']):.2f})"
    share = float(np.sum(heard.audio))
    looked = f"; {share:.0%} of the attention on the audio" if share else f"; {NO_AUDIO}"
    if heard.note:  # stands above the clips
        looked = ""
    seconds = len(heard.wave) / SAMPLE_RATE
    drawn = spectrogram(heard.log_mel, heard.audio, seconds, row["id"])
    return (
        f'<div class="clip"><p><b class="{verdict}">{verdict}</b>: predicted'
        f" <b>{html.escape(predicted)}</b>, true <b>{html.escape(row['label'])}</b>"
        f' <span class="note">{html.escape(_heard(row))}{looked}</span></p>'
        f"<p>{words(heard.words)}</p>{player(heard.wave)}{drawn}</div>"
    )


def _heard(row: dict[str, Any]) -> str:
    """The file of a row, the stretch of it, and the row's id."""
    if "audio" not in row:  # a run of an older version
        return row["id"]
    stretch = f" {row['start']} - {row['end'] or 'end'} s" if row["start"] else ""
    own_id = f" ({row['id']})" if row["id"] != row["audio"] else ""
    return f"{row['audio']}{stretch}{own_id}"


def scatter(points: np.ndarray, colours: dict[str, list[str]]) -> str:
    """The same cloud (N, 2), once per colouring."""
    known = {name: values for name, values in colours.items() if len(set(values)) > 1}
    if not known:
        return ""
    with pyplot(5.0 * len(known), 3.8, len(known)) as (figure, axes):
        from matplotlib import colormaps

        for axis, (name, values) in zip(axes, known.items()):
            names = sorted(set(values))
            palette = colormaps["tab10" if len(names) <= 10 else "tab20"]
            for i, value in enumerate(names):
                chosen = points[[v == value for v in values]]
                colour, label = palette(i % palette.N), in_legend(value)
                axis.scatter(*chosen.T, s=14, color=colour, label=label, alpha=0.8)
            axis.set(xticks=[], yticks=[], title=f"coloured by {name}")
            if len(names) <= 20:
                axis.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        return png(figure, "embeddings of [CLS], by t-SNE")
