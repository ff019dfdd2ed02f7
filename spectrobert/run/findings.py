"""Findings of audit, stress, slices, calibration and a synthetic voice, as the end of card.md.

The JSON files of the run own the figures; the Hub's card holds card.md, and so these lines.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import read_json, write_whole, writing
from .card import table
from .comet import findings as comet
from .folder import RunFolder

HEADING = "## What the score stands on"
Found = Mapping[str, Any]


def keep(run: RunFolder, path: Path, split: str = "test") -> None:
    """Write what was found, in `path` of the run, into its card, and send it to its Comet."""
    refresh(run, split)
    comet.send(run, path)


def refresh(run: RunFolder, split: str = "test") -> None:
    """Write the findings of a split behind the evaluation card, in place of earlier ones.

    A run without a card (of the folds of a seed together) stays without one.
    """
    if not run.card.is_file():
        return
    card = run.card.read_text(encoding="utf-8").partition(f"\n{HEADING}\n")[0]
    text = card.rstrip() + "\n\n" + "\n".join(lines(run, split)) + "\n"
    with writing(run.card):
        write_whole(run.card, text)


def lines(run: RunFolder, split: str) -> list[str]:
    """Markdown: a section per kind of finding, then what was not measured."""
    sources = {
        "evaluate --audit": (run.audit(split), _audit),
        "evaluate --stress": (run.stress(split), _stress),
        "evaluate --slices": (run.slices(split), _slices),
        "calibrate": (run.calibration, _calibration),
        "evaluate --spoken": (run.spoken, _spoken),
    }
    shown, missing = [HEADING], []
    for verb, (path, render) in sources.items():
        if path.is_file():
            shown += ["", *render(read_json(path))]
        else:
            missing.append(f"`{verb}`")
    if missing:
        shown += ["", f"Not measured: {', '.join(missing)}."]
    return shown


def _audit(found: Found) -> list[str]:
    header = ("condition", "score", "difference", "share lost", "n")
    rows = [
        (one["name"], *(_figure(one[name]) for name in ("score", "difference", "lost")), one["n"])
        for one in found["conditions"]
    ]
    verdict = [f"- {line}" for line in found["verdict"]]
    title = f"### Sound and words: {found['metric']} on {found['split']}"
    return [title, "", *table(header, rows), "", *verdict, _unit(found)]


def _stress(found: Found) -> list[str]:
    """The most severe strength of each distortion."""
    severe = {one["family"]: one for one in found["points"]}
    rows = [
        (one["name"], _figure(one["score"]), _figure(one["difference"]), one["n"])
        for one in (found["plain"], *severe.values())
    ]
    title = f"### Distortions at their strongest: {found['metric']} on {found['split']}"
    worst = f"- worst of all strengths: {found['worst']}"
    return [
        title,
        "",
        *table(("condition", "score", "difference", "n"), rows),
        "",
        worst,
        _unit(found),
    ]


def _slices(found: Found) -> list[str]:
    rows = [
        (card["name"], one["value"], _figure(one["score"]), one["n"], one["groups"], one["note"])
        for card in found["cards"]
        for one in card["slices"]
    ]
    header = ("column", "slice", "score", "n", "groups", "note")
    verdict = [f"- {line}" for card in found["cards"] for line in card["verdict"]]
    title = f"### Slices: {found['metric']} on {found['split']}"
    return [title, "", *table(header, rows), "", *verdict]


def _unit(found: Found) -> str:
    return f"- intervals: 95 %, paired, over {found['unit']}"


def _calibration(found: Found) -> list[str]:
    rows = []
    for split in (name for name in ("val", "test") if name in found):
        own = found[split]
        for name, value in own["metrics"].items():
            pair = own["intervals"].get(name)
            figure = [value, pair, own["no_interval"].get(name, "none")]
            rows.append((split, name.replace("_", " "), _figure(figure), own["n"]))
    fitted = (
        f"- fitted on validation: temperature {found['temperature']:.3f}; threshold"
        f" {_number(found['threshold'])} for an accuracy of {found['accuracy']:g}; sets for a"
        f" coverage of {found['coverage']:g}"
    )
    header = ("split", "figure", "value", "n")
    return ["### Calibration", "", *table(header, rows), "", fitted]


def _spoken(found: Found) -> list[str]:
    rows = [
        (heard, one["label"], *(f"{mean:.3f}" for mean in one["means"]), _voiced(one["difference"]))
        for heard, answers in found["answers"].items()
        for one in answers
    ]
    header = ("heard", "answer", *found["polarities"], "positive minus negative")
    n = f"- n = {found['sentences']} sentences in three forms by {found['voices']} voices"
    return ["### Words of a synthetic voice", "", *table(header, rows), "", n]


def _voiced(difference: Found) -> str:
    return _figure([difference["value"], difference["interval"], difference["no_interval"]])


def _figure(value: Sequence[Any] | None) -> str:
    """A figure with its interval, or why it has none."""
    if value is None:
        return "none"
    number, pair, why = value
    around = "{:.3f} to {:.3f}".format(*pair) if pair else why
    return f"{number:.3f} ({around})"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
