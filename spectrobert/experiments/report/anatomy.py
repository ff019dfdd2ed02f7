"""A drawing of the model that shows which parts train (thesis Figures 5.2, 5.6 and 5.8)."""

from collections.abc import Mapping, Sequence
from typing import Any

from .images import BLUE, pyplot, svg

FROZEN, INK = "#e4e9ed", "#56636e"
Box = tuple[str, float, float, float, float]  # label, x, y, width, height


def draw(freeze: dict[str, Any]) -> str:
    """Text from the left, audio from the right, the stack above them, the head on top.

    Args:
        freeze: FreezeSummary.to_dict(), `counts` is part -> (parameters that train, all of them).
    """
    counts: dict[str, tuple[int, int]] = freeze["counts"]
    boxes = _joint(list(counts)) if "embeddings" in counts else _composite(counts)
    rows = max(y + height for _, _, y, _, height in boxes.values()) + 0.1
    with pyplot(5.2, 0.34 * rows + 0.5) as (figure, (axis,)):
        for part, box in boxes.items():
            _draw_box(axis, box, *counts[part])
        axis.set(xlim=(-0.02, 4.02), ylim=(-0.02, rows))
        axis.axis("off")
        return svg(figure)


def _joint(parts: Sequence[str]) -> dict[str, Box]:
    """SpectroBERT's."""
    layers = [name for name in parts if name.startswith("encoder.")]
    boxes: dict[str, Box] = {
        "embeddings": ("text embeddings", 0.0, 0.0, 1.95, 1.9),
        "audio.conv": ("conv layers", 2.05, 0.0, 1.95, 0.9),
        "audio.projection": ("projection", 2.05, 1.0, 1.95, 0.9),
    }
    for level, name in enumerate(layers):
        boxes[name] = (f"layer {int(name.partition('.')[2]) + 1}", 0.0, 2.0 + level, 4.0, 0.9)
    boxes["head"] = ("head", 0.0, 2.0 + len(layers), 4.0, 0.9)
    return boxes


def _composite(counts: Mapping[str, Sequence[int]]) -> dict[str, Box]:
    """A tower per encoder, side by side, and above them the parts that read both."""
    parts = [name for name, (_, size) in counts.items() if size]
    towers = [[n for n in parts if n.startswith(f"{side}.")] for side in ("text", "audio")]
    towers = [tower for tower in towers if tower]
    height = max(map(len, towers))
    width = 4.0 if len(towers) == 1 else 1.95
    boxes: dict[str, Box] = {}
    for column, tower in enumerate(towers):
        each = height / len(tower)
        for level, name in enumerate(tower):
            boxes[name] = (_title(name), 2.05 * column, level * each, width, each - 0.1)
    above = [name for name in parts if name not in boxes]
    for level, name in enumerate(above, start=height):
        boxes[name] = (_title(name), 0.0, float(level), 4.0, 0.9)
    return boxes


def _title(part: str) -> str:
    """audio.encoder.0 -> audio layer 1"""
    name, _, number = part.rpartition(".")
    if not number.isdecimal():
        return part.replace(".", " ")
    return f"{name.removesuffix('.encoder')} layer {int(number) + 1}"


def _draw_box(axis: Any, box: Box, num_trainable: int, num_all: int) -> None:
    from matplotlib.patches import FancyBboxPatch

    name, x, y, width, height = box
    colour, ink, state = (BLUE, "white", "") if num_trainable else (FROZEN, INK, "  ·  frozen")
    style = "round,pad=0,rounding_size=0.08"
    axis.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, fc=colour, ec="none"))
    text = f"{name}  ·  {_short(num_all)}{state}"
    axis.text(x + width / 2, y + height / 2, text, ha="center", va="center", color=ink, fontsize=8)


def _short(number: int) -> str:
    """1234567 -> 1.2 M"""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)
