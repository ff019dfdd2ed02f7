"""Answers as HTML for the page."""

import html
from collections.abc import Sequence

from ...terminal import plain
from .answers import Answer

SHOWN = 10  # labels of a run
# Gradio's front end reads an HTML value as a template
TEMPLATE = str.maketrans({"$": "&#36;", "{": "&#123;", "}": "&#125;", "`": "&#96;"})


def escaped(text: str) -> str:
    """Text of anyone's that stays text, in an element or an attribute.

    >>> escaped("<b> ${1}")
    '&lt;b&gt; &#36;&#123;1&#125;'
    """
    return html.escape(text).translate(TEMPLATE)


def shown(text: str) -> str:
    """A label or a name; what cannot be seen is spelt out."""
    return escaped(plain(text).plain)


def fault(line: str) -> str:
    """One line on what went wrong."""
    return f'<p class="sb-fault" role="alert">{escaped(line)}</p>'


def answers(found: Sequence[Answer]) -> str:
    """Answers side by side; below each other on a phone."""
    return f'<div class="sb-runs">{"".join(map(_answer, found))}</div>'


def timeline(page: str, name: str) -> str:
    """The page of a timeline inside this one, which it cannot reach."""
    return (
        f'<iframe class="sb-timeline" sandbox="allow-scripts" title="timeline of {escaped(name)}"'
        f' srcdoc="{escaped(page)}"></iframe>'
    )


def _answer(one: Answer) -> str:
    found, look = one.prediction, one.look
    start, end = found.used
    first = found.ranked[:SHOWN]
    decided = {label: "yes" if is_there else "no" for label, is_there in found.detected}
    rows = "".join(_row(*pair, found.measure, decided.get(pair[0], "")) for pair in first)
    more = len(found.ranked) - len(first)
    heard = f"heard {start:.2f} to {end:.2f} s of {found.seconds:.2f} s of {shown(found.audio)}"
    notes = [heard, f"and {more} labels less probable" if more else "", shown(found.note)]
    lines = "".join(f'<p class="sb-note">{note}</p>' for note in notes if note)
    words = f"<p>{_templateless(look.words)}</p>" if look.words else ""
    return (
        f'<section class="sb-run"><h3>{shown(one.run)}</h3><table>{rows}</table>{lines}{words}'
        f'{_templateless(look.picture)}<p class="sb-note">{escaped(look.note)}</p></section>'
    )


def _row(label: str, value: float, measure: str, decided: str) -> str:
    """A label and its number.

    Args:
        decided: "yes" or "no" by the threshold that is stored for it, or "".
    """
    width = f"{100 * min(1.0, max(0.0, value)):.1f}"
    bar = f'<span class="sb-bar"><span style="width:{width}%"></span></span>'
    name = f'<bdi dir="auto">{shown(label)}</bdi>{bar if measure == "probability" else ""}'
    number = f"{value:.3f}" + (f"<br>detected: {decided}" if decided else "")
    return f'<tr><td>{name}</td><td class="sb-number">{number}</td></tr>'


def _templateless(ready: str) -> str:
    """HTML that is ready, without what a template would read."""
    return ready.translate(TEMPLATE)
