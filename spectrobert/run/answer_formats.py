"""Predictions as text: CSV, JSON, or JSON lines."""

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Any

from .predict import Prediction

FEW = 10  # labels whose probabilities all have a column


def render(predictions: Sequence[Prediction], form: str, labels: Sequence[str]) -> str:
    """The text of "csv" (one line per file), "json" (a list) or "jsonl" (one object per line).

    Args:
        labels: all that the run knows, in its order.
    """
    if form == "csv":
        return _csv(predictions, labels)
    objects = [as_object(one) for one in predictions]
    if form == "json":
        return json.dumps(objects, indent=2, ensure_ascii=False) + "\n"
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)


def as_object(one: Prediction) -> dict[str, Any]:
    """A prediction as JSON has it."""
    words = {name: value for name in ("question", "text", "note") if (value := getattr(one, name))}
    answers = [{"label": label, one.measure: value} for label, value in one.ranked]
    return {"audio": one.audio, "seconds": one.seconds, "used": one.used, **words} | {
        "answers": answers
    }


def _csv(predictions: Sequence[Prediction], labels: Sequence[str]) -> str:
    """Columns as of predictions.csv: `p_` and `predicted_` begin those of labels and of targets."""
    is_number = any(one.measure == "value" for one in predictions)
    shown = labels if len(labels) <= FEW or is_number else ()
    first = ("audio", "seconds", "start", "end")
    best = () if is_number else ("prediction", "p_prediction")
    prefix = "predicted_" if is_number else "p_"
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*first, *best, *(f"{prefix}{label}" for label in shown)])
    for one in predictions:
        values = dict(one.every)
        answer, value = one.ranked[0]
        own = () if is_number else (answer, f"{value:.6f}")
        start, end = one.used
        cells = (f"{values[label]:.6f}" for label in shown)
        writer.writerow(
            [one.audio, f"{one.seconds:.3f}", f"{start:.3f}", f"{end:.3f}", *own, *cells]
        )
    return text.getvalue()
