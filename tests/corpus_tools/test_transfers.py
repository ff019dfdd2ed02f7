"""How a transfer is shown: a bar on a terminal, lines in a log."""

from __future__ import annotations

import io

from rich.console import Console

from spectrobert.corpus_tools import transfers


def shown(is_terminal: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=is_terminal, width=120)
    with transfers.transfer(console, "a.zip") as report:
        for done in range(0, 10_001, 1000):
            report(done, 10_000)
    return out.getvalue()


def test_a_log_gets_lines_and_not_too_many(monkeypatch):
    assert shown(is_terminal=False) == "fetching a.zip\n"
    monkeypatch.setattr(transfers, "LOG_SECONDS", 0.0)
    lines = shown(is_terminal=False).splitlines()
    assert lines[-1] == "a.zip: 10.0 kB of 10.0 kB"
    assert len(lines) == 12


def test_a_terminal_gets_a_bar():
    assert "10.0/10.0 kB" in shown(is_terminal=True)


def test_an_unknown_length():
    out = io.StringIO()
    with transfers.transfer(Console(file=out, width=120), "a") as report:
        report(10**9, None)
    assert out.getvalue() == "fetching a\n"
