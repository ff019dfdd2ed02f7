"""Protocols and scores on the terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from .. import terminal
from ..corpora.reference import Reference
from ..experiments.seed_statistics import Comparison
from .protocol import FOLDS, Protocol, folds, labels, load, names, references
from .scored import FileScores, Scored

WIDE = 200  # characters of a table in a log


def show(console: Console, scored: Scored) -> None:
    """The figures of each file, and the first file against the second."""
    protocol = scored.protocol
    print_line = terminal.print_line
    where = f"n = {scored.n}, {scored.groups} {protocol.unit}s"
    if not scored.is_whole:
        where += f"; folds {', '.join(scored.folds)} alone, which is not the whole protocol"
    print_line(console, f"{protocol.title}: {where}")
    for one in scored.files:
        _show_file(console, one)
    if scored.comparisons:
        _show_comparisons(console, scored)
    print_line(console, f"intervals: {scored.interval}", is_folded=True)
    print_line(console, f"source: {protocol.source}", is_folded=True)
    if protocol.notes:
        print_line(console, f"note: {protocol.notes}", is_folded=True)


def _show_file(console: Console, one: FileScores) -> None:
    overall = {name: m for name, m in one.metrics.items() if not m.statistic.label}
    rows = [
        (name, f"{m.value:.4f}", m.bounds(), str(m.statistic.n), m.statistic.unit)
        for name, m in overall.items()
    ]
    columns = ["metric", *terminal.numbers("value", "95 % interval", "n"), "of"]
    terminal.print_table(console, columns, rows, title=one.file)
    recalls = {m.statistic.label: m for m in one.metrics.values() if m.statistic.label}
    if recalls:
        said = (f"{label} {m.value:.3f} (n={m.statistic.n})" for label, m in recalls.items())
        terminal.print_line(console, f"recall: {', '.join(said)}", is_folded=True)
    for main, values in list(one.by_fold.items())[:1]:
        each = ", ".join(f"{value:.4f}" for value in values.values())
        mean = sum(values.values()) / len(values)
        terminal.print_line(console, f"{main} by fold: {each}; mean {mean:.4f}")
    if one.left_out:
        terminal.print_line(console, f"{one.left_out} predictions for other folds left out")


def _show_comparisons(console: Console, scored: Scored) -> None:
    rows = [(name, *_cells(one)) for name, one in scored.comparisons.items()]
    columns = ["metric", *terminal.numbers("difference", "95 % interval", "p")]
    first, second = (one.file for one in scored.files)
    terminal.print_table(console, columns, rows, title=f"{first} minus {second}")
    line = f"p: answers of whole {scored.protocol.unit}s exchanged at random; not corrected for the"
    terminal.print_line(console, f"{line} number of metrics ({len(rows)})", is_folded=True)


def _cells(one: Comparison) -> tuple[str, str, str]:
    bounds = "{:+.4f} to {:+.4f}".format(*one.interval) if one.interval else "none"
    p = "" if one.p is None else f"{one.p:.4f}" if one.p >= 0.001 else "< 0.001"
    return f"{one.difference:+.4f}", bounds, p


def show_protocol(console: Console, protocol: Protocol, file: str = "") -> None:
    """All that a protocol says, with the counts of its rows if they are known without a file."""
    for name, words in facts(protocol, file).items():
        terminal.print_line(console, f"{name}: {words}", is_folded=True)


def facts(protocol: Protocol, file: str = "") -> dict[str, str]:
    """Name of each fact -> the fact, in words."""
    rows = references(protocol, file) if file or not protocol.file else []
    over = "the folds' mean" if protocol.averaging == FOLDS else "all rows at once"
    found = {
        "protocol": protocol.title,
        "corpus": protocol.corpus,
        "rows": str(len(rows) or protocol.n or "not published") + f", by {protocol.rule}",
        "needs": f"--ids: {protocol.file}" if protocol.file else "",
        "labels": _labels(protocol, rows),
        "folds": _folds(rows),
        "other words": _words(protocol.spellings),
        "merges": _words(protocol.merges),
        "metrics": f"{', '.join(protocol.metrics)} (the first is the main one)",
        "averaging": over,
        "unit of resampling": protocol.unit,
        "source": protocol.source,
        "note": protocol.notes,
    }
    return {name: words for name, words in found.items() if words}


def _labels(protocol: Protocol, rows: list[Reference]) -> str:
    if protocol.labels == "any":
        return "any answer"
    counts = Counter(row.label for row in rows)
    known = labels(protocol, rows)
    return ", ".join(f"{name} ({counts[name]})" if rows else name for name in known)


def _folds(rows: list[Reference]) -> str:
    each = []
    for fold in folds(rows):
        own = [row for row in rows if row.fold == fold]
        groups = sorted({row.group for row in own})
        shown = f": {', '.join(groups)}" if len(groups) <= 10 else f" of {len(groups)} groups"
        each.append(f"{fold} ({len(own)} rows{shown})")
    return "; ".join(each)


def _words(known: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{label}: {', '.join(map(str, words))}" for label, words in known.items())


def show_list(console: Console) -> None:
    """The protocols that are shipped."""
    rows = []
    for name in names():
        one = load(name)
        needs = one.file.split(",")[0] if one.file else ""
        rows.append((name, str(one.version), str(one.n or "?"), one.unit, one.metrics[0], needs))
    columns = ["protocol", *terminal.numbers("version", "rows"), "unit", "main metric", "--ids"]
    terminal.print_table(console, columns, rows)


def show_results(console: Console, results: Mapping[str, Mapping[str, Any]]) -> None:
    """A table of JSON files of one protocol, best first by the main metric."""
    lines = [one for content in results.values() for one in content["files"]]
    main, *others = (name for name in lines[0]["metrics"] if not name.startswith("recall_"))
    lines.sort(key=lambda one: -one["metrics"][main]["value"])
    rows = [
        (one["file"], _value(one, main), _interval(one, main), *(_value(one, n) for n in others))
        for one in lines
    ]
    content = next(iter(results.values()))
    title = f"{content['protocol']} version {content['version']}, n = {content['n']}"
    columns = ["predictions", *terminal.numbers(main, "95 % interval", *others)]
    terminal.print_table(console, columns, rows, title=title, log_width=WIDE)


def _value(one: Mapping[str, Any], name: str) -> str:
    return f"{one['metrics'][name]['value']:.4f}" if name in one["metrics"] else ""


def _interval(one: Mapping[str, Any], name: str) -> str:
    bounds = one["metrics"][name]["interval"]
    return "{:.4f} - {:.4f}".format(*bounds) if bounds else "none"
