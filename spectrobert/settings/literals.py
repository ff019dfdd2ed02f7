"""Values as they are written: `experiment_name=1e3` is text, which Hydra would read as 1000.0."""

import re
from pathlib import Path
from typing import Any

SAFE = re.compile(r"[\w./:@+%-]+", re.ASCII)
PLAIN = re.compile(r"[\w./:@+% ,\[\]-]+")  # words and lists of words
WORD = re.compile(r"[^,\[\]]+")
# Read by Hydra as a number or a truth value, whose text is another one
LITERAL = re.compile(
    r"(?!-?(0|[1-9]\d*)$)[+-]?((\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(e[+-]?\d[\d_]*)?|inf|nan)"
    r"|true|false",
    re.IGNORECASE,
)


def quoted(value: str, is_sweep: bool = False) -> str:
    """A value for Hydra's grammar: quoted unless plain, or a list of a sweep."""
    if (SAFE.fullmatch(value) and value.lower() != "null") or (is_sweep and "," in value):
        return value
    # In its quotes a backslash stands for itself, unless a quote follows
    escaped = re.sub(r"(\\+)(?='|$)", r"\1\1", value).replace("'", r"\'")
    return f"'{escaped}'"


def as_text(value: str) -> str:
    """The value of an option that is text, its words quoted where Hydra would read others.

    >>> as_text("a,1_000"), as_text("[Größe,7]"), as_text("'1e3'")
    ("a,'1_000'", "['Größe',7]", "'1e3'")
    """
    if not PLAIN.fullmatch(value):
        return value

    def keep(word: re.Match[str]) -> str:
        is_safe = word[0].isascii() and not LITERAL.fullmatch(word[0])
        return word[0] if is_safe else f"'{word[0].strip()}'"

    return WORD.sub(keep, value)


def with_home(word: str) -> str:
    """The word with the home folder in place of `~/`, which a shell leaves in `key=~/x`."""
    return re.sub(r"(?<=[=\[,])~(?=/)", lambda _: str(Path.home()), word)


def written(value: Any) -> str:
    """A Python value as it is written behind `key=`."""
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{name}: {written(one)}' for name, one in value.items())}}}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) if isinstance(value, (int, float)) else quoted(str(value))
