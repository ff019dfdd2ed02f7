"""Timelines made by hand."""

import numpy as np

from spectrobert.run.timeline.timeline import Timeline

ODD = ('</script><img src=x onerror="document.title=1">', "[laughter]", 'a, "b"\n', "غضب", "😀")
# seconds of "a", of "b", of neither for sure, and without sound
ROWS = [[0.9, 0.1], [0.7, 0.3], [0.45, 0.45], [0.8, 0.2], None, None, [0.2, 0.8], [0.3, 0.7]]


def timeline(rows, labels=("a", "b"), is_exclusive=True, measure="probability", **facts):
    """A second per row of values, by label; None for a second without sound."""
    count, width = len(rows), len(labels)
    best = np.full((count, width), -1, np.int32)
    values = np.full((count, width), np.nan, np.float32)
    for place, row in enumerate(rows):
        if row is not None:
            best[place] = np.argsort([-value for value in row], kind="stable")
            values[place] = np.array(row)[best[place]]
    edges = np.stack([np.arange(count), np.arange(1, count + 1)], axis=1).astype(float)
    known = {"run": "runs/x", "audio": "call.wav", "question": "", "text": "", "note": ""}
    return Timeline(
        **(known | facts),
        seconds=float(count),
        activity="all",
        labels=tuple(labels),
        measure=measure,
        is_exclusive=is_exclusive,
        heard=edges,
        own=edges,
        best=best,
        values=values,
    )
