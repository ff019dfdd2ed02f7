"""The command line of a benchmark: wrong flags and values are one line, exit code 2."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from spectrobert.errors import UserError


class Parser(argparse.ArgumentParser):
    """Flags of a script whose docstring begins with its purpose."""

    def __init__(self, doc: str | None):
        super().__init__(description=(doc or "").splitlines()[0])

    def error(self, message: str) -> NoReturn:
        raise UserError(message)


def run(main: Callable[[], int | None]) -> NoReturn:
    """Exit with what `main` returns."""
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
