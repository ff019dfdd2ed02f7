"""Pages of single verbs: their commands parse, their links resolve."""

import pytest

from spectrobert.settings import composition

from ..helpers.pages import Page, parse_verb

PAGES = ("docs/detection.md", "docs/hub.md", "docs/score.md", "docs/serve.md")


@pytest.mark.parametrize("name", PAGES)
def test_commands_parse_and_links_resolve(name):
    page = Page(name)
    verbs = page.commands("python", "-m", "spectrobert")
    assert verbs
    for words in verbs:
        parse_verb(words)
    for words in page.commands("python", "train.py"):
        composition.compose(words)
    assert page.broken_links() == []
