"""Findings of audit, slices and stress of a run, for its section of the page."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ...files import read_json
from ...run.folder import RunFolder
from ..sheet import Sheet
from .images import BLUE, GREY, ORANGE, pyplot, svg

INCH = 0.3  # of the picture's width, per strength
AUDIT, STRESS = "Does it hear, or does it read?", "Under distortions"
SLICES = "For whom does it fail?"


def tables(folder: Path, split: str) -> dict[str, Sheet]:
    """The audit of a split, and its slices, as tables, of what there is."""
    run = RunFolder(folder)
    made = {AUDIT: (run.audit(split), _audit), SLICES: (run.slices(split), _slices)}
    return {
        title: build(read_json(path)) for title, (path, build) in made.items() if path.is_file()
    }


def _audit(found: dict[str, Any]) -> Sheet:
    rows = [_row(one) for one in found["conditions"]]
    header = ("condition", "score", "difference", "share lost", "answers changed")
    notes = [f"{line}." for line in found["verdict"]]
    notes.append(f"{found['metric']}; intervals: 95 %, paired, over {found['unit']}.")
    notes.append(f"{found['definition'].capitalize()}.")
    return Sheet("", header, rows, notes)


def _slices(found: dict[str, Any]) -> Sheet:
    rows = [_sliced(card, one) for card in found["cards"] for one in card["slices"]]
    notes = [f"{line}." for card in found["cards"] for line in card["verdict"]]
    notes.append(f"{found['metric']} of all {found['n']} rows: {_cell(found['whole'])[0]}.")
    notes += [f"{found[name].capitalize()}." for name in ("rule", "definition")]
    return Sheet("", ("column", "slice", "n", "score", "note"), rows, notes)


def pictures(folder: Path, split: str) -> dict[str, list[str]]:
    """The score under each distortion, against the clips as they are, if it was measured."""
    path = RunFolder(folder).stress(split)
    if not path.is_file():
        return {}
    found = read_json(path)
    return {f"{STRESS} (worst: {found['worst']})": [_curves(found)]}


def _sliced(card: dict[str, Any], one: dict[str, Any]) -> list[tuple[str, ...]]:
    size = (str(one["n"]), f"{one['groups']} {card['unit']}")
    return [(card["name"],), (one["value"],), size, _cell(one["score"]), (one["note"],)]


def _row(one: dict[str, Any]) -> list[tuple[str, ...]]:
    changed = "" if one["changed"] is None else f"{100 * one['changed']:.1f} %"
    figures = (_cell(one[name]) for name in ("score", "difference", "lost"))
    return [(one["name"],), *figures, (changed,)]


def _cell(value: Sequence[Any] | None) -> tuple[str, ...]:
    """A figure, and below it the interval or why there is none."""
    if value is None:
        return ("none",)
    number, interval, why = value
    around = "{:.3f} to {:.3f}".format(*interval) if interval else why
    return (f"{number:.3f}", around)


def _curves(found: dict[str, Any]) -> str:
    """Differences with their intervals, one line per kind of distortion, mild to severe."""
    places, points = [], list(_placed(found["points"]))
    with pyplot(max(6.0, INCH * (points[-1][0] + 2)), 3.6) as (figure, (axis,)):
        axis.axhline(0, color=GREY, lw=1)
        for name, own in groupby(points, key=lambda pair: pair[1]["family"]):
            xs, ones = zip(*own)
            values = [one["difference"][0] for one in ones]
            bounds = [one["difference"][1] or (value, value) for one, value in zip(ones, values)]
            errors = list(zip(*((v - low, high - v) for v, (low, high) in zip(values, bounds))))
            is_worst = any(one["name"] == found["worst"] for one in ones)
            colour = ORANGE if is_worst else BLUE
            axis.errorbar(
                xs, values, yerr=errors, color=colour, marker="o", ms=3, lw=1.2, capsize=2
            )
            title = f"{name}\n{ones[0]['unit']}".rstrip()
            middle = sum(xs) / len(xs)
            axis.text(
                middle, 1.02, title, transform=axis.get_xaxis_transform(), rotation=40, fontsize=7
            )
            places += [(x, f"{one['level']:g}") for x, one in zip(xs, ones)]
        axis.set_xticks(*map(list, zip(*places)), fontsize=7)
        axis.set(ylabel=f"{found['metric'].replace('_', ' ')}, difference")
        axis.grid(alpha=0.2, axis="y")
        return f'<div class="wide">{svg(figure)}</div>'


def _placed(points: Sequence[dict[str, Any]]) -> Iterator[tuple[float, dict[str, Any]]]:
    """Each point with its place on the axis; kinds are apart."""
    place = 0.0
    for _, own in groupby(points, key=lambda point: point["family"]):
        for point in own:
            yield place, point
            place += 1.0
        place += 1.0
