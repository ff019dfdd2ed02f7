"""The verbs of `data` in this process, and a web server for those that download."""

import sys
from collections.abc import Callable, Iterator

import pytest

from spectrobert import __main__ as program
from spectrobert.corpus_tools.fetch import download

from ..helpers.web import ATTEMPTS, Site, serve


@pytest.fixture
def data(capsys, monkeypatch) -> Callable[..., tuple[int, str, str]]:
    """`python -m spectrobert data ...`: exit code, output, errors."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["spectrobert", "data", *map(str, words)])
        return program.main(), *capsys.readouterr()

    return call


@pytest.fixture
def site(monkeypatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    hasty = {"TIMEOUT": (2, 0.2), "ATTEMPTS": ATTEMPTS, "FIRST_WAIT": 0.01, "LONGEST_WAIT": 0.05}
    for name, value in hasty.items():
        monkeypatch.setattr(download, name, value)
    with serve() as site:
        yield site
