"""Segments of a timeline: neighbouring stretches with one answer."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .settings import Rules
from .timeline import Timeline


class Segment(NamedTuple):
    """An answer from one second to another."""

    start: float
    end: float
    label: str
    value: float  # mean over its stretches; of a run of numbers that of the first target
    stretches: int = 1


def segments(timeline: Timeline, rules: Rules) -> list[Segment]:
    """Answers from `rules.threshold` on, merged across gaps, in order of time.

    Where one label is the answer, it is the most probable. A run of several labels at once has
    segments of each. Those of a run of numbers are its stretches, with all values as their label.
    """
    if timeline.measure == "value":
        return list(_numbers(timeline))
    if timeline.is_exclusive:
        found = list(_merged(_sure(timeline, rules.threshold), rules.gap))
    else:
        each = (_present(timeline, n, rules.threshold) for n in range(len(timeline.labels)))
        found = sorted(one for label in each for one in _merged(label, rules.gap))
    return [one for one in found if one.end - one.start >= rules.shortest]


def _sure(timeline: Timeline, threshold: float) -> Iterator[Segment]:
    """The best answer of each stretch that has one."""
    best, values = timeline.best[:, 0].tolist(), timeline.values[:, 0].tolist()
    for (start, end), label, value in zip(timeline.own.tolist(), best, values):
        if label >= 0 and value >= threshold:
            yield Segment(start, end, timeline.labels[label], value)


def _present(timeline: Timeline, label: int, threshold: float) -> Iterator[Segment]:
    """Each stretch in which a label is."""
    name, curve = timeline.labels[label], timeline.curve(label).tolist()
    for (start, end), value in zip(timeline.own.tolist(), curve):
        if value >= threshold:
            yield Segment(start, end, name, value)


def _merged(stretches: Iterable[Segment], gap: float) -> Iterator[Segment]:
    """Neighbours with one label, and at most `gap` seconds between them, made one."""
    last: Segment | None = None
    for one in stretches:
        if last and one.label == last.label and one.start - last.end <= gap + 1e-9:
            count = last.stretches + 1
            mean = last.value + (one.value - last.value) / count
            last = Segment(last.start, one.end, last.label, mean, count)
            continue
        if last:
            yield last
        last = one
    if last:
        yield last


def _numbers(timeline: Timeline) -> Iterator[Segment]:
    rows = timeline.curves(range(len(timeline.labels))).tolist()
    is_answered = timeline.is_answered.tolist()
    for (start, end), row, is_there in zip(timeline.own.tolist(), rows, is_answered):
        if is_there:
            text = ", ".join(f"{name} {value:.3f}" for name, value in zip(timeline.labels, row))
            yield Segment(start, end, text, row[0])
