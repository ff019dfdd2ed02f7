"""Floors: a room imports only from the rooms below it. And what an import costs."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from spectrobert.corpora import MODULES

from .helpers.world import ROOT

PACKAGE = ROOT / "spectrobert"
NAMES = sorted(m.name for m in pkgutil.walk_packages([str(PACKAGE)], "spectrobert."))
# From the top of the house down
ROOMS = (
    "__main__",
    "__init__",
    "commands",
    "protocols",
    "experiments",
    "corpus_tools",
    "run",
    "tasks",
    "data",
    "settings",
    "models",
    "corpora",
    "audio",
    "config",
    "kernels",
    "metrics",
    "files",
    "terminal",
    "markup",
    "errors",
)
MOST_LOOSE = 6  # modules that are no room
HEAVY = ("numpy", "torch", "transformers", "torchaudio", "pytorch_lightning", "hydra")
# Networks, losses and metrics know neither the frameworks that train nor those that configure
PLAIN_ROOMS = ("models", "kernels", "metrics", "audio", "config")
FRAMEWORKS = (
    "pytorch_lightning",
    "lightning",
    "lightning_fabric",
    "hydra",
    "omegaconf",
    "datasets",
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULE_PATHS = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path: Path, nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Full names of what the import statements among `nodes` name; relative ones resolved."""
    package = path.relative_to(ROOT).parent.parts
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def when_imported(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: all but the bodies of functions."""
    for child in ast.iter_child_nodes(tree):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from when_imported(child)


def names_in(path: Path, select: Callable[[ast.AST], Iterator[ast.AST]] = ast.walk) -> set[str]:
    return set(imported(path, select(ast.parse(path.read_text(encoding="utf-8")))))


def modules_in(path: Path) -> set[str]:
    """Modules of the package that a file imports, inside functions too, without itself."""
    found = set()
    for name in names_in(path):
        if name.split(".")[0] == "spectrobert":
            found.add(name if name in MODULE_PATHS else name.rpartition(".")[0])
    return found - {module_name(path)}


def room(module: str) -> str:
    """The room a module of the package is in, itself if it is loose."""
    return [*module.split("."), "__init__"][1]


def upward(path: Path) -> list[str]:
    """Imports of a file from its own floor's neighbours above."""
    here = ROOMS.index(room(module_name(path)))
    return sorted(name for name in modules_in(path) if ROOMS.index(room(name)) < here)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def loaded_by(*modules: str) -> set[str]:
    """The modules of HEAVY that a fresh interpreter holds after importing `modules`."""
    code = (
        f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\n"
        f"print(*(n for n in {HEAVY!r} if n in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("name", NAMES)
def test_every_module_imports(name):
    importlib.import_module(name)


def test_every_folder_is_a_package():
    """Only then does the list above hold all modules, and the wheel all files."""
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_the_list_of_rooms_is_complete():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    loose = {path.stem for path in PACKAGE.glob("*.py")}
    assert folders | loose == set(ROOMS)
    assert len(loose) <= MOST_LOOSE


@pytest.mark.parametrize("path", MODULE_PATHS.values(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_is_imported_upward(path):
    assert upward(path) == []


def test_an_upward_import_is_seen_inside_a_function(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.test_imports.ROOT", tmp_path)
    path = tmp_path / "spectrobert" / "models" / "heads.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "def head():\n    from ..run.fit import fit\n    from ..errors import UserError"
    )
    assert upward(path) == ["spectrobert.run.fit"]


def test_modules_import_each_other_in_no_circle():
    TopologicalSorter({name: modules_in(path) for name, path in MODULE_PATHS.items()}).prepare()


@pytest.mark.parametrize("name", PLAIN_ROOMS)
def test_plain_rooms_import_no_framework(name):
    for path in sorted((PACKAGE / name).rglob("*.py")):
        found = [n for n in names_in(path) if any(is_within(n, f) for f in FRAMEWORKS)]
        assert found == [], path


def test_package_command_line_and_corpora_answer_without_heavy_libraries():
    top = (
        "spectrobert",
        "spectrobert.settings.composition",
        "spectrobert.__main__",
        "spectrobert.corpora",
    )
    assert loaded_by(*top) == set()
    corpora = [f"spectrobert.corpora.{module}" for module in MODULES]
    assert loaded_by("spectrobert.audio.io", *corpora) == {"numpy"}


def test_the_check_itself_sees_a_heavy_library():
    assert "torch" in loaded_by("spectrobert.tasks.losses")


@pytest.mark.parametrize("path", MODULE_PATHS.values(), ids=lambda p: str(p.relative_to(ROOT)))
def test_torchaudio_is_never_imported_with_the_module(path):
    assert not [n for n in names_in(path, when_imported) if is_within(n, "torchaudio")]
