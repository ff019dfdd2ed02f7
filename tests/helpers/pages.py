"""Pages of the documentation as tests read them: commands, examples, tables, links."""

import re
import shlex
from pathlib import Path

import typer

from spectrobert.__main__ import app

from .world import ROOT


class Page:
    """One Markdown file.

    Args:
        name: its path in the checkout.
    """

    def __init__(self, name: str):
        self.path: Path = ROOT / name
        self.text = self.path.read_text(encoding="utf-8")
        blocks = "".join(self.blocks("bash")).replace("\\\n", " ").splitlines()
        self.lines = [line for line in blocks if line.strip()]  # of all commands

    def blocks(self, language: str) -> list[str]:
        """Code blocks of a language."""
        return re.findall(rf"^```{language}\n(.*?)^```", self.text, re.MULTILINE | re.DOTALL)

    def commands(self, *start: str) -> list[list[str]]:
        """The words behind `start` of every command that begins so."""
        split = [shlex.split(line, comments=True) for line in self.lines]
        return [words[len(start) :] for words in split if words[: len(start)] == list(start)]

    def table(self, header: str) -> list[list[str]]:
        """The cells of the table whose header row begins with `header`."""
        rows = self.text.split(f"\n| {header} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
        return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]

    def links(self) -> list[str]:
        """Links to other files of the checkout, without their anchors."""
        links = re.findall(r"\]\(([^)#\s]+)", self.text)
        return [link for link in links if not link.startswith("http")]

    def broken_links(self) -> list[str]:
        return [link for link in self.links() if not (self.path.parent / link).exists()]


def code(text: str) -> list[str]:
    """The words that are set as code."""
    return re.findall(r"`([^`]+)`", text)


def parse_verb(words: list[str]) -> None:
    """Parse `python -m spectrobert ...`. Raises for an unknown verb or option."""
    verbs = typer.main.get_command(app).commands
    verbs[words[0]].make_context(words[0], words[1:])
