"""The look of the page: Gradio's own, with the fonts of the visitor's machine."""

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def look() -> dict[str, Any]:
    """Theme, styles and scripts, as Gradio's `launch` takes them; nothing is loaded elsewhere."""
    import gradio

    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}
    return {
        "theme": gradio.themes.Default(**fonts),
        "css": (HERE / "page.css").read_text("utf-8"),
        "head": (HERE / "head.html").read_text("utf-8"),
    }
