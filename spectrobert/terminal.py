"""The terminal: every line, table and bar of the program is printed from here.

Labels, file names and names of corpora are the user's. They are printed as they are: rich reads no
markup (`[laughter]`, `[/s]`), no emoji (`:smile:`) and no numbers to colour in them.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

LOG_WIDTH = 120  # a file or a cluster log has no width of its own; 80 would fold the tables
UNPRINTABLE = {"Cc", "Cs"}  # control characters, and bytes of a file name that are no UTF-8


def console(stderr: bool = False, quiet: bool = False) -> Console:
    """The terminal at its own width, or a log at a fixed one."""
    make = partial(Console, stderr=stderr, quiet=quiet, markup=False, emoji=False, highlight=False)
    made = make()
    return made if made.is_terminal else make(width=LOG_WIDTH)


def plain(text: str, style: str = "") -> Text:
    """Text as it is; what cannot be printed, or seen, is escaped.

    >>> [str(plain(text)) for text in ("[/s] :smile:", "a\\x1b[31m", "\\u200b")]
    ['[/s] :smile:', 'a\\\\x1b[31m', "'\\\\u200b'"]
    """
    if text and not any(c.isprintable() or c.isspace() for c in text):
        return Text(repr(text), style)
    shown = (
        repr(c)[1:-1] if unicodedata.category(c) in UNPRINTABLE and c != "\n" else c for c in text
    )
    return Text("".join(shown), style)


def print_line(console: Console, line: str, is_folded: bool = False) -> None:
    """A line; only prose is folded, between words."""
    console.print(plain(line), soft_wrap=not is_folded)


def print_rule(console: Console, title: str) -> None:
    """A title in a line across the terminal."""
    console.rule(plain(title))


def numbers(*headings: str) -> list[str | Column]:
    """Columns of numbers."""
    return [Column(heading, justify="right") for heading in headings]


def print_table(
    console: Console,
    columns: Iterable[str | Column],
    rows: Iterable[Sequence[str | Text]],
    title: str = "",
    log_width: int = LOG_WIDTH,
    **look: Any,
) -> None:
    """A table.

    Args:
        columns: headings, or columns with a look of their own.
        log_width: characters, if the console is no terminal.
        look: more arguments of rich's Table.
    """
    made = [Column(column) if isinstance(column, str) else column for column in columns]
    headed = (replace(column, header=plain(str(column.header))) for column in made)
    shown = Table(*headed, title=plain(title, "table.title") if title else None, **look)
    for row in rows:
        shown.add_row(*(plain(cell) if isinstance(cell, str) else cell for cell in row))
    wide = log_width > LOG_WIDTH and not console.is_terminal and not console.quiet
    (Console(file=console.file, width=log_width) if wide else console).print(shown)


def description() -> TextColumn:
    """The column of a bar that names what is counted."""
    return TextColumn("{task.description}", markup=False)


@contextmanager
def counting(
    what: str, screen: Console | None = None, is_shown: bool = True
) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, by default on standard error; elsewhere nothing.

    Yields progress(done, total).
    """
    screen = screen or console(stderr=True)
    columns = (description(), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    is_shown = is_shown and screen.is_terminal
    with Progress(*columns, console=screen, transient=True, disable=not is_shown) as bars:
        bar = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)
