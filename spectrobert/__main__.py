"""The command line: spectrobert VERB, or python -m spectrobert VERB."""

from __future__ import annotations

import os
import sys

import typer

from .commands.cache import cache
from .commands.data import app as data_app
from .commands.demo import demo
from .commands.evaluate import evaluate
from .commands.predict import predict
from .commands.report import report
from .commands.table import table
from .commands.train import train
from .commands.tune import tune
from .errors import UserError

INTERRUPTED = 130

app = typer.Typer(
    help="SpectroBERT: joint audio-text models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command()(evaluate)
app.command()(predict)
app.command()(demo)
app.command()(report)
app.command()(cache)
app.add_typer(data_app, name="data")
# options that these do not know are train.py's
PASSING = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command(context_settings=PASSING | {"help_option_names": []})(train)
for verb in (table, tune):
    app.command(context_settings=PASSING)(verb)


def main() -> int:
    """Run a verb. Returns the exit code: 2 for an error of the user's."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        code: int = app(standalone_mode=False) or 0  # typer.Exit(1) comes back as a number
        if code == INTERRUPTED:  # some versions of typer catch KeyboardInterrupt
            raise KeyboardInterrupt
        return code
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        usage = _usage_message(error)
        if usage is None:
            raise
        print(f"error: {usage}", file=sys.stderr)
        return 2


def _usage_message(error: Exception) -> str | None:
    """The message of a wrong flag or value, as the library under typer reports it."""
    return error.format_message() if hasattr(error, "format_message") else None


if __name__ == "__main__":
    sys.exit(main())
