"""Predictions as text: CSV, JSON, or JSON lines."""

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Any

from .prediction import Prediction

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
    detected = {"detected": dict(one.detected)} if one.detected else {}
    facts = {"audio": one.audio, "seconds": one.seconds, "used": one.used, **words}
    sure = {"held_back": one.is_held_back, "plausible": list(one.plausible)}
    return facts | {"answers": answers} | detected | (sure if one.plausible else {})


def _csv(predictions: Sequence[Prediction], labels: Sequence[str]) -> str:
    """Columns as of predictions.csv: `p_` and `predicted_` begin those of labels and of targets.

    `detected_` begins those of labels that have a threshold: 1 at it or above, else 0. A calibrated
    run has `held_back`, 1 or 0, and `plausible`, the set of labels as a JSON list.
    """
    is_number = any(one.measure == "value" for one in predictions)
    shown = labels if len(labels) <= FEW or is_number else ()
    first = ("audio", "seconds", "start", "end")
    is_text = any(one.measure == "log_probability" for one in predictions)
    how_sure = "log_probability" if is_text else "p_prediction"
    best = () if is_number else ("prediction", how_sure)
    prefix = "predicted_" if is_number else "p_"
    first_detected = next((one.detected for one in predictions), ())
    thresholds = [f"detected_{label}" for label, _ in first_detected]
    sure = ("held_back", "plausible") if any(one.plausible for one in predictions) else ()
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*first, *best, *(f"{prefix}{label}" for label in shown), *thresholds, *sure])
    for one in predictions:
        values = dict(one.every)
        answer, value = one.ranked[0]
        own = () if is_number else (answer, f"{value:.6f}")
        start, end = one.used
        cells = (f"{values[label]:.6f}" for label in shown)
        reached = (int(is_reached) for _, is_reached in one.detected)
        stretch = (f"{one.seconds:.3f}", f"{start:.3f}", f"{end:.3f}")
        kept = (int(one.is_held_back), json.dumps(one.plausible, ensure_ascii=False))
        writer.writerow([one.audio, *stretch, *own, *cells, *reached, *(kept if sure else ())])
    return text.getvalue()
