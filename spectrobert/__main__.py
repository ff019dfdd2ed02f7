"""The command line: spectrobert VERB, or python -m spectrobert VERB."""

import sys

import typer

from .commands.cache import cache
from .commands.calibrate import calibrate
from .commands.data import app as data_app
from .commands.demo import demo
from .commands.embed import embed
from .commands.evaluate import evaluate
from .commands.export import export
from .commands.predict import predict
from .commands.protocol import app as protocol_app
from .commands.push import push
from .commands.report import report
from .commands.score import score
from .commands.serve import serve
from .commands.table import table
from .commands.thresholds import thresholds
from .commands.timeline import timeline
from .commands.train import train
from .commands.tune import tune
from .commands.units import units
from .errors import INTERRUPTED, UserError, exit_code

app = typer.Typer(
    help="SpectroBERT: joint audio-text models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# options that these do not know are train.py's
PASSING = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command(context_settings=PASSING | {"help_option_names": []})(train)
app.command(context_settings=PASSING)(table)
app.command(context_settings=PASSING)(tune)
app.command()(evaluate)
app.command()(predict)
app.command()(thresholds)
app.command()(calibrate)
app.command()(timeline)
app.command()(embed)
app.command()(export)
app.command()(units)
app.command()(demo)
app.command()(report)
app.command()(push)
app.command()(score)
app.command()(serve)
app.command()(cache)
app.add_typer(data_app, name="data")
app.add_typer(protocol_app, name="protocol")


def main() -> int:
    """Run a verb. Returns the exit code."""
    return exit_code(_call)


def _call() -> int:
    try:
        code: int = app(standalone_mode=False) or 0  # typer.Exit(1) comes back as a number
    except Exception as error:
        if hasattr(error, "format_message"):  # of a wrong flag or value
            raise UserError(error.format_message()) from error
        raise
    if code == INTERRUPTED:  # some versions of typer catch KeyboardInterrupt
        raise KeyboardInterrupt
    return code


if __name__ == "__main__":
    sys.exit(main())
