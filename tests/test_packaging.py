"""The wheel on its own, what it declares, and what it reports if an extra is missing."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from spectrobert import __main__
from spectrobert.errors import EXTRAS

from .helpers.world import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LISTED = PROJECT["optional-dependencies"]
USE = """
import sys
from pathlib import Path
import spectrobert
from spectrobert.settings import compose
from spectrobert.experiments.report import page

assert Path(spectrobert.__file__).is_relative_to(sys.argv[1]), spectrobert.__file__
config = compose("aqa_binary", "demo", experiment="demo_bin-frz", **{"optim.lr": 1e-3})
assert (config.freeze.name, config.optim.lr) == ("bin-frz", 1e-3)
freeze = {"trainable": 1, "total": 1, "train": []}
results = {"test": {"metrics": {}}, "freeze": freeze, "monitor": {}, "versions": {}}
page.RunFolder.read_results = lambda folder: results
page.card.facts = lambda results: {}
page.section = lambda *a: page.Section("a run", results)
page.write(Path("page.html"), "a title", {"a run": [Path(".")]}, page.Sheet("", (), (), ()))
assert "a run" in Path("page.html").read_text()
"""


def run(*command: str | Path, **more) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wheel_needs_no_checkout(tmp_path):
    pip = (sys.executable, "-m", "pip", "--quiet")
    offline = ("--no-index", "--no-deps")
    run(*pip, "wheel", *offline, "--no-build-isolation", "-w", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    bare, elsewhere = tmp_path / "bare", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(*pip, "install", *offline, "--target", bare, wheel, cwd=tmp_path)
    alone = {"cwd": elsewhere, "env": os.environ | {"PYTHONPATH": str(bare)}}
    run(sys.executable, "-c", USE, bare, **alone)
    assert "evaluate" in run(bare / "bin" / "spectrobert", "--help", **alone)
    assert "ravdess/emobox6" in run(bare / "bin" / "spectrobert", "protocol", "list", **alone)
    assert "bin-frz-nolast" in run(bare / "bin" / "spectrobert", "train", "--help", **alone)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_torch_is_the_last_one_for_a_v100_and_torchaudio_its_twin():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {"torch==2.7.1", "torchaudio==2.7.1"} <= set(lines)


def test_every_import_is_declared():
    names = set()
    for path in [ROOT / "train.py", *(ROOT / "spectrobert").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.split(".")[0])
    foreign = names - set(sys.stdlib_module_names) - {"spectrobert"}
    assert {"torch", "yaml", "h5py"} <= foreign
    providers = importlib.metadata.packages_distributions()
    lines = sum(LISTED.values(), PROJECT["dependencies"])
    known = {normal(re.match(r"[\w.-]+", line)[0]) for line in lines}
    undeclared = {
        name
        for name in foreign
        if not known & {normal(package) for package in [name, *providers.get(name, [])]}
    }
    assert undeclared == set()


def test_every_extra_is_declared():
    assert sorted(LISTED) == sorted([*EXTRAS, "dev"])


@pytest.mark.parametrize(
    ("module", "extra", "feature", "words"),
    [
        ("optuna", "tune", "tune", "tune --trials 1 --task ser --dataset demo"),
        ("jinja2", "report", "report", "report runs/a"),
        ("matplotlib", "report", "demo", "demo"),
        ("PIL", "report", "data stats", "data stats demo"),
        ("pooch", "download", "data download", "data download esc10"),
        ("gradio", "serve", "serve", "serve runs/a"),
        ("comet_ml", "comet", "logger=comet", "train task=ser dataset=demo logger=comet"),
        ("submitit", "slurm", "hydra/launcher=slurm", "train -m task=ser dataset=demo seed=1,2"),
    ],
)
def test_a_missing_extra_is_one_line(module, extra, feature, words, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    more = [feature] if feature.startswith("hydra") else []
    monkeypatch.setattr(sys, "argv", ["spectrobert", *words.split(), *more])
    assert __main__.main() == 2
    needed = f"error: {feature} needs {module}: pip install 'spectrobert[{extra}]'\n"
    assert capsys.readouterr().err == needed
