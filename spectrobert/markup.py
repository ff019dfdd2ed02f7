"""User text inside Markdown and LaTeX, where it is printed as it is."""

import re

# An underscore inside a word emphasises nothing
MARKDOWN = re.compile(r"[\\`*<|\[~]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
# character that LaTeX reads as a command -> what prints it
TEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    **{c: f"{{{c}}}" for c in "[*"},  # after the \\ of the row above they would be its argument
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
}


def markdown_escaped(text: str) -> str:
    """Text for a line or a cell of a table.

    >>> print(markdown_escaped("a|b macro_f1 _x_ <br> [y](z)"))
    a\\|b macro_f1 \\_x\\_ \\<br> \\[y](z)
    """
    return " ".join(MARKDOWN.sub(r"\\\g<0>", text).split())


def tex_escaped(text: str) -> str:
    """Text for a paragraph or a cell of a table."""
    return "".join(TEX.get(c, c) for c in text)
