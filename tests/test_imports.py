"""What may import what (DESIGN section 3), and what an import costs."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spectrobert.corpora import MODULES

from .helpers.world import ROOT

PACKAGE = ROOT / "spectrobert"
NAMES = sorted(m.name for m in pkgutil.walk_packages([str(PACKAGE)], "spectrobert."))
HEAVY = ("torch", "transformers", "torchaudio", "pytorch_lightning", "hydra")
# They know neither data, nor Lightning, nor Hydra, nor whoever uses them
LOWEST = [
    *sorted((PACKAGE / "models").rglob("*.py")),
    PACKAGE / "losses.py",
    *sorted((PACKAGE / "metrics").rglob("*.py")),
]
ABOVE = (
    "spectrobert.data",
    "spectrobert.tasks",
    "spectrobert.config",
    "spectrobert.run.build",
    "spectrobert.run.fit",
    "pytorch_lightning",
    "lightning",
    "lightning_fabric",
    "hydra",
    "omegaconf",
    "datasets",
)


def imported(path: Path, nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Full names of what the import statements among `nodes` name; relative ones resolved."""
    parts = ("spectrobert", *path.relative_to(PACKAGE).with_suffix("").parts)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = parts[: len(parts) - node.level] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def everywhere(tree: ast.AST) -> Iterator[ast.AST]:
    return ast.walk(tree)


def when_imported(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: all but the bodies of functions."""
    for child in ast.iter_child_nodes(tree):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from when_imported(child)


def names_in(path: Path, select) -> set[str]:
    return set(imported(path, select(ast.parse(path.read_text(encoding="utf-8")))))


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def loaded_by(*modules: str) -> set[str]:
    """Which of HEAVY a fresh interpreter holds after importing `modules`."""
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


def test_package_command_line_and_corpora_answer_without_heavy_libraries():
    assert (
        loaded_by("spectrobert", "spectrobert.settings.composition", "spectrobert.__main__")
        == set()
    )
    corpora = [f"spectrobert.corpora.{module}" for module in MODULES.values()]
    assert loaded_by("spectrobert.audio.io", *corpora) == set()


def test_the_check_itself_sees_a_heavy_library():
    assert "torch" in loaded_by("spectrobert.tasks.losses")


@pytest.mark.parametrize("path", LOWEST, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_models_losses_and_metrics_import_nothing_above_them(path):
    upward = [n for n in names_in(path, everywhere) if any(is_within(n, a) for a in ABOVE)]
    assert upward == []


def test_relative_imports_are_resolved():
    assert "spectrobert.models.heads.PretrainingHead" in names_in(
        PACKAGE / "pretrained.py", everywhere
    )
    assert "spectrobert.audio.features" in names_in(
        PACKAGE / "models" / "configuration.py", everywhere
    )


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_torchaudio_is_never_imported_with_the_module(path):
    assert not [n for n in names_in(path, when_imported) if is_within(n, "torchaudio")]
