"""User text on the terminal and in every output: shown as it is, never read as markup."""

import ast
import html
import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from spectrobert import __main__, terminal
from spectrobert.commands import train
from spectrobert.experiments.report import figures
from spectrobert.markup import markdown_escaped, tex_escaped
from spectrobert.settings import literals

from .helpers.csv_file import write_csv
from .helpers.sounds import noise
from .helpers.world import ROOT, SMALL

NAMES = ("[laughter]", "[/s]", ":smile:", "\u200b", r"$\x$", "a|b", "_<b>_")
SHOWN = ("[laughter]", "[/s]", ":smile:", r"'\u200b'", r"$\x$", "a|b", "_<b>_")
PRINTED_BY_RICH = {"Console", "Progress", "Table", "Panel"}


# ---------------------------------------------------------------- one owner


def calls(path: Path) -> set[str]:
    """Calls of rich in a module: methods of consoles, classes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich")
        for alias in node.names
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in ("print", "rule"):
                found.add(f".{node.func.attr}")
            if isinstance(node.func, ast.Name) and node.func.id in PRINTED_BY_RICH & imported:
                found.add(node.func.id)
    return found


def test_only_the_terminal_prints():
    allowed = {
        "terminal.py": {"Console", "Progress", "Table", ".print", ".rule"},
        "transfers.py": {"Progress"},  # with columns of its own
    }
    paths = [*(ROOT / "spectrobert").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    found = {str(path): calls(path) - allowed.get(path.name, set()) for path in paths}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_check_itself_sees_a_print():
    assert calls(ROOT / "spectrobert" / "terminal.py") >= {"Console", "Table", ".print"}


# ---------------------------------------------------------------- one function each


@pytest.mark.parametrize("is_ours", [True, False])
@pytest.mark.parametrize(("name", "shown"), list(zip(NAMES, SHOWN, strict=True)))
def test_a_name_in_lines_rules_and_tables(name, shown, is_ours, capsys):
    console = terminal.console() if is_ours else Console(width=120)
    terminal.print_line(console, f"at {name}")
    terminal.print_rule(console, f"on {name}")
    terminal.print_table(console, [f"in {name}"], [[name]], title=f"of {name}")
    text = capsys.readouterr().out
    for words in (f"at {name}", f"on {name}", f"in {name}", f"of {name}", f" {shown} "):
        assert words in text


def test_control_characters_and_bytes_that_are_no_text_are_escaped():
    console = Console(file=io.StringIO(), width=80)
    terminal.print_line(console, "a\x1b[31mb\rc\udcffd")
    assert console.file.getvalue() == "a\\x1b[31mb\\rc\\udcffd\n"


def test_only_prose_is_folded():
    for is_folded, lines in ((False, 1), (True, 2)):
        console = Console(file=io.StringIO(), width=10)
        terminal.print_line(console, "four and twenty", is_folded)
        assert console.file.getvalue().count("\n") == lines


def test_a_bar_shows_a_name():
    screen = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    with terminal.counting("[/s] :smile:", screen) as advance:
        advance(1, 2)
    assert "[/s] :smile:" in screen.file.getvalue()


def test_a_bar_that_is_not_wanted_prints_nothing():
    screen = Console(file=io.StringIO(), width=120, force_terminal=True)
    with terminal.counting("files", screen, is_shown=False) as advance:
        advance(1, 2)
    assert screen.file.getvalue() == ""


def test_markdown_escapes_what_it_reads():
    assert markdown_escaped("[x](y) a|b `c` *d* _e_ f_g ~~h~~ <i> &lt; \\| j & k\nl") == (
        r"\[x](y) a\|b \`c\` \*d\* \_e\_ f_g \~\~h\~\~ \<i> \&lt; \\\| j & k l"
    )


def test_latex_escapes_what_follows_the_end_of_a_row():
    assert tex_escaped("[/s] *") == "{[}/s] {*}"


# ---------------------------------------------------------------- end to end


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """A table of six clips per name, in a folder whose name looks like markup."""
    folder = tmp_path_factory.mktemp("corpus") / "[red]x[" / "y]"
    rows = []
    for i in range(6 * len(NAMES)):
        name = NAMES[i % len(NAMES)]
        split = ("train", "train", "train", "val", "test", "test")[i // len(NAMES)]
        path = Path(noise(folder / "[bold]" / f"[i]{i}.wav", i)).relative_to(folder)
        rows.append({"audio": path, "label": name, "split": split, "speaker": f"[{split}]"})
    write_csv(folder / "table.csv", rows)
    return folder


@pytest.fixture(scope="module")
def run(corpus) -> Path:
    """A finished run on that corpus, with what it printed in `printed.txt`."""
    before, sys.stdout = sys.stdout, io.StringIO()
    try:
        code = train.main(
            [
                *("--task", "ser", "--dataset", "csv", "--experiment_name", "[/b]mine"),
                f"dataset.file={literals.quoted(str(corpus / 'table.csv'))}",
                f"runs_dir={literals.quoted(str(corpus / 'runs'))}",
                *("model=tiny", *SMALL, "trainer.epochs=1", "trainer.batch_size=8"),
                *("trainer.num_workers=0", "trainer.threads=1", "dataset.balance=prune"),
            ]
        )
        printed = sys.stdout.getvalue()
    finally:
        sys.stdout = before
    assert code == 0
    folder = corpus / "runs" / "[/b]mine" / "seed0"
    (folder / "printed.txt").write_text(printed, encoding="utf-8")
    return folder


@pytest.fixture
def verb(monkeypatch, capsys):
    """`python -m spectrobert ...` in this process: what it prints."""

    def call(*words: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["spectrobert", *map(str, words)])
        assert __main__.main() == code
        return capsys.readouterr().out

    return call


def on_one_line(text: str) -> str:
    return "".join(text.split())


def test_training_shows_them(run):
    printed = (run / "printed.txt").read_text(encoding="utf-8")
    assert all(f" {name} " in printed for name in SHOWN)
    assert "[/s] 3 -> 3" in printed
    assert f"-> {run}" in printed
    assert "[/b]mine: test split" in printed
    card = (run / "card.md").read_text(encoding="utf-8")
    assert r"# Evaluation card: \[/b]mine" in card
    assert r"a\|b" in card
    assert r"\_\<b>\_" in card


def test_evaluate_shows_them(run, verb):
    printed = verb("evaluate", run)
    assert all(f" {name} " in printed for name in SHOWN)
    assert on_one_line(f"{run}: test split") in on_one_line(printed)


def test_predict_shows_them(run, verb, corpus):
    clip = corpus / "[bold]" / "[i]0.wav"
    printed = verb("predict", run, "--audio", clip, "--top", "9")
    assert printed.splitlines()[0] == str(clip)
    assert all(f" {name} " in printed for name in SHOWN)


def test_data_stats_and_data_check_show_them(corpus, verb, tmp_path):
    table = f"dataset.file={literals.quoted(str(corpus / 'table.csv'))}"
    printed = verb("data", "stats", "csv", table, "--task", "ser", "--out", tmp_path / "[b]")
    assert all(f" {name} " in printed for name in SHOWN)
    assert f"{tmp_path / '[b]' / 'classes.png'}" in printed
    (corpus / "[bold]" / "[i]0.wav").rename(corpus / "gone.wav")
    try:
        printed = verb("data", "check", "csv", table, "--task", "ser", code=1)
    finally:
        (corpus / "gone.wav").rename(corpus / "[bold]" / "[i]0.wav")
    assert on_one_line("[bold]/[i]0.wav") in on_one_line(printed.replace("│", ""))


def test_a_report_shows_them(run, verb, tmp_path):
    page = tmp_path / "report.html"
    verb("report", run, "--out", page, "--title", "<i>[/b]")
    text = page.read_text(encoding="utf-8")
    assert "<h1>&lt;i&gt;[/b]</h1>" in text
    shown = html.unescape(text)
    assert all(name in shown for name in NAMES)
    assert "_<b>_" not in text  # it is escaped


def test_a_table_shows_them(corpus, run, verb, tmp_path):
    """One row, whose run is the finished one."""
    rows = [{"name": "[/b]mine", "overrides": ["trainer.epochs=1"]}]
    asked = {"title": "[bold]|_x_", "task": "ser", "dataset": "demo", "metrics": ["accuracy"]}
    (tmp_path / "own.yaml").write_text(json.dumps(asked | {"rows": rows}))
    printed = verb("table", tmp_path / "own.yaml", "--status", "--runs_dir", tmp_path)
    assert "[bold]|_x_ (ser on demo)" in printed
    assert printed.count("[/b]mine") == 2
    markdown = verb("table", tmp_path / "own.yaml", "--status", "--format", "md")
    assert r"## \[bold]\|\_x\_ (ser on demo)" in markdown
    assert r"| \[/b]mine |" in markdown
    assert "  {[}/b]mine & " in verb("table", tmp_path / "own.yaml", "--status", "--format", "tex")


def test_dollars_and_underscores_in_drawings():
    drawn = figures.confusion([[1, 0], [0, 1]], [r"$\x$", "_b"])
    assert r"$\x$" in drawn
    predictions = [
        {"label": name, **{f"p_{other}": str(0.1 + 0.7 * (name == other)) for other in NAMES}}
        for name in NAMES
    ]
    drawn = html.unescape(figures.roc(predictions, NAMES))
    assert all(name in drawn for name in NAMES)
