"""Segments of a timeline: neighbouring stretches with one answer."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

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
    """Answers from their thresholds on, merged across gaps, in order of time.

    Where one label is the answer, it is as `decided`. A run of several labels at once has
    segments of each. Those of a run of numbers are its stretches, with all values as their label.
    """
    if timeline.measure == "value":
        return list(_numbers(timeline))
    if timeline.is_exclusive:
        found = list(_merged(_sure(timeline, rules), rules.gap))
    else:
        each = (_present(timeline, n, rules) for n in range(len(timeline.labels)))
        found = sorted(one for label in each for one in _merged(label, rules.gap))
    return [one for one in found if one.end - one.start >= rules.shortest]


def decided(timeline: Timeline, rules: Rules) -> np.ndarray:
    """(n,) number of the label that is the answer; -1 for none.

    The most probable of the labels that reach a threshold of their own, whatever the others have,
    as the run was scored with it; else the most probable of all.
    """
    best, values = timeline.best[:, 0], timeline.values[:, 0]
    least = np.array([rules.least(label) for label in timeline.labels])
    answer = np.where(timeline.is_answered & (values >= least[best]), best, -1)
    highest = np.zeros(len(answer))
    for number, label in enumerate(timeline.labels):
        if label in rules.own:
            curve = timeline.curve(number)
            is_next = (curve >= rules.own[label]) & (curve > highest)
            answer, highest = np.where(is_next, number, answer), np.where(is_next, curve, highest)
    return answer


def _sure(timeline: Timeline, rules: Rules) -> Iterator[Segment]:
    """The answer of each stretch that has one."""
    answers = decided(timeline, rules)
    curves = {label: timeline.curve(label) for label in set(answers.tolist()) if label >= 0}
    for place in np.flatnonzero(answers >= 0).tolist():
        (start, end), label = timeline.own[place].tolist(), int(answers[place])
        yield Segment(start, end, timeline.labels[label], float(curves[label][place]))


def _present(timeline: Timeline, label: int, rules: Rules) -> Iterator[Segment]:
    """Each stretch in which a label is."""
    name, curve = timeline.labels[label], timeline.curve(label).tolist()
    for (start, end), value in zip(timeline.own.tolist(), curve):
        if value >= rules.least(name):
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
