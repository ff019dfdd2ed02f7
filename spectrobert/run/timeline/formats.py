"""A timeline as text: CSV, JSON, a TextGrid of Praat, a label track of Audacity."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from typing import Any

from ..answer_formats import FEW
from .segments import Segment, decided
from .settings import Rules
from .timeline import Timeline

Render = Callable[[Timeline, Sequence[Segment], Rules], str]


def windows_csv(timeline: Timeline, segments: Sequence[Segment], rules: Rules) -> str:
    """A line per stretch: seconds heard, the best answer, every label's value if they are few.

    A stretch without sound has no answer; `answer` is empty below the threshold too.
    """
    is_number = timeline.measure == "value"
    shown = range(len(timeline.labels)) if is_number or len(timeline.labels) <= FEW else ()
    prefix = "predicted_" if is_number else "p_"
    own = () if is_number else ("answer", "prediction", "p_prediction")
    names = [prefix + timeline.labels[label] for label in shown]
    curves = timeline.curves(shown).tolist() if shown else [[]] * len(timeline.heard)
    best = zip(timeline.best[:, 0].tolist(), timeline.values[:, 0].tolist())
    rows = []
    answers = decided(timeline, rules).tolist()
    for (start, end), (label, value), answer, row in zip(
        timeline.heard.tolist(), best, answers, curves
    ):
        cells = [f"{start:.3f}", f"{end:.3f}"]
        if label < 0:
            rows.append([*cells, *("" for _ in (*own, *row))])
            continue
        sure = timeline.labels[answer] if answer >= 0 else ""
        first = () if is_number else (sure, timeline.labels[label], f"{value:.6f}")
        rows.append([*cells, *first, *(f"{cell:.6f}" for cell in row)])
    return _table(["start", "end", *own, *names], rows)


def segments_csv(timeline: Timeline, segments: Sequence[Segment], rules: Rules) -> str:
    """A line per segment."""
    rows = ([*_times(one), one.label, f"{one.value:.6f}", one.stretches] for one in segments)
    return _table(["start", "end", "label", timeline.measure, "windows"], rows)


def as_json(timeline: Timeline, segments: Sequence[Segment], rules: Rules) -> str:
    """An object with all of a timeline; the answers of a stretch are its KEPT best."""
    facts = ("run", "audio", "seconds", "question", "text", "note", "activity", "measure")
    made: dict[str, Any] = {name: getattr(timeline, name) for name in facts}
    made |= {"labels": timeline.labels, "rules": vars(rules)}
    made["segments"] = [
        {"start": one.start, "end": one.end, "label": one.label, timeline.measure: one.value}
        for one in segments
    ]
    made["windows"] = list(_windows(timeline))
    return json.dumps(made, ensure_ascii=False) + "\n"


def textgrid(timeline: Timeline, segments: Sequence[Segment], rules: Rules) -> str:
    """Praat's long text format: a tier for the answer, or for each label of several at once."""
    tiers = _tiers(timeline, segments)
    end = timeline.seconds
    head = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = {end:.6f}\n'
    body = f"tiers? <exists>\nsize = {len(tiers)}\nitem []:\n"
    for number, (name, found) in enumerate(tiers.items(), 1):
        intervals = list(_tiled(found, end))
        body += (
            f'    item [{number}]:\n        class = "IntervalTier"\n'
            f"        name = {_quoted(name)}\n        xmin = 0\n        xmax = {end:.6f}\n"
            f"        intervals: size = {len(intervals)}\n"
        )
        body += "".join(
            f"        intervals [{place}]:\n            xmin = {one.start:.6f}\n"
            f"            xmax = {one.end:.6f}\n            text = {_quoted(one.label)}\n"
            for place, one in enumerate(intervals, 1)
        )
    return head + body


def audacity(timeline: Timeline, segments: Sequence[Segment], rules: Rules) -> str:
    """Lines of start, end and label, with tabs between them."""
    return "".join(f"{one.start:.6f}\t{one.end:.6f}\t{_line(one.label)}\n" for one in segments)


def _windows(timeline: Timeline) -> Iterator[dict[str, Any]]:
    rows = zip(timeline.heard.tolist(), timeline.best.tolist(), timeline.values.tolist())
    for (start, end), labels, values in rows:
        answers = [
            {"label": timeline.labels[label], timeline.measure: round(value, 6)}
            for label, value in zip(labels, values)
            if label >= 0
        ]
        yield {"start": start, "end": end, "answers": answers}


def _tiers(timeline: Timeline, segments: Sequence[Segment]) -> dict[str, list[Segment]]:
    """Segments by the tier they are in; those of one tier do not overlap."""
    if timeline.is_exclusive:
        return {timeline.question or "answer": list(segments)}
    tiers: dict[str, list[Segment]] = {label: [] for label in timeline.labels}
    for one in segments:
        tiers[one.label].append(one)
    return tiers


def _tiled(segments: Iterable[Segment], end: float) -> Iterator[Segment]:
    """Segments with empty ones between them, from 0 to `end`, as Praat wants them."""
    at = 0.0
    for one in segments:
        if one.start > at + 5e-7:
            yield Segment(at, one.start, "", 0.0)
        yield one._replace(start=max(at, one.start), end=min(one.end, end))
        at = one.end
    if end > at + 5e-7:
        yield Segment(at, end, "", 0.0)


def _times(one: Segment) -> tuple[str, str]:
    return f"{one.start:.3f}", f"{one.end:.3f}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str) -> str:
    return '"' + _line(text).replace('"', '""') + '"'


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
