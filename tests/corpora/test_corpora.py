"""All corpora: options of their own, and light imports."""

import subprocess
import sys
from dataclasses import fields

import pytest

from spectrobert.config import DatasetConfig
from spectrobert.corpora import MODULES, corpus


def test_parsers_import_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "pandas", "pyarrow", "scipy")
    program = (
        f"import sys; from spectrobert.corpora import corpus; [corpus(n) for n in {MODULES}];"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", MODULES)
def test_options_do_not_hide_those_of_every_corpus(name: str) -> None:
    assert not set(corpus(name).options()) & {field.name for field in fields(DatasetConfig)}


def test_corpora_are_the_modules_that_define_one() -> None:
    assert {"demo", "csv", "savee"} < set(MODULES)
    assert not {"example", "label_files", "csv_columns", "__init__"} & set(MODULES)
