"""Scores on the terminal."""

from rich.console import Console

from .. import terminal
from .scores import Scores, coverage

TOP = 10  # most predicted classes that are listed if there are too many for a table


def show(console: Console, scores: Scores, title: str, control: Scores | None = None) -> None:
    """Tables of the scores, with a column for those of the question-only control."""
    n = coverage(scores.n, scores.num_rows, len(scores.unread))
    warning = f", {scores.caution}" if scores.caution else ""
    headings = ("value", "95 % interval", "n", *(["question only"] if control else []))
    rows = []
    for name, metric in scores.overall().items():
        cells = [f"{metric.value:.4f}", metric.bounds(), str(metric.statistic.n)]
        rows.append((name, *cells, *([f"{control.values[name]:.4f}"] if control else [])))
    columns = ["metric", *terminal.numbers(*headings)]
    terminal.print_table(console, columns, rows, title=f"{title} (n={n}{warning})")
    for name, words in (scores.common.facts() if scores.common else {}).items():
        terminal.print_line(console, f"{name}: {words}")
    terminal.print_line(console, f"intervals: {scores.interval}")
    if scores.pairs:
        terminal.print_line(console, f"pairs: {scores.pairs}")
    _show_labels(console, scores)
    if scores.labels and not scores.confusion_matrix:
        parts = sorted(scores.predicted_histogram.items(), key=lambda pair: -pair[1])[:TOP]
        listed = ", ".join(f"{name} {count}" for name, count in parts)
        terminal.print_line(console, f"predicted: {listed}")


def _show_labels(console: Console, scores: Scores) -> None:
    """A line per class or target: its metrics; of a class how often it is true and predicted."""
    by_label, counts = scores.by_label(), scores.counts()
    if not by_label:
        return
    names = list(dict.fromkeys(name for own in by_label.values() for name in own))
    headings = (*(("n", "predicted") if counts else ()), *names)
    rows = []
    for label, own in by_label.items():
        cells = (f"{own[name].value:.4f}" if name in own else "" for name in names)
        rows.append((label, *map(str, counts.get(label, ())), *cells))
    first = "class" if counts else "target"
    terminal.print_table(console, [first, *terminal.numbers(*headings)], rows)
