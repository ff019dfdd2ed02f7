"""push: a finished run on the Hugging Face Hub, with a model card."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Run


def push(
    run: Run,
    repo: Annotated[str, typer.Argument(metavar="USER/NAME", help="the repository")],
    dry_run: Annotated[
        str,
        typer.Option(
            "--dry-run", metavar="FOLDER", help="write what would be sent into a new folder instead"
        ),
    ] = "",
    licence: Annotated[
        str,
        typer.Option("--license", help="of the weights, by the Hub's names: apache-2.0, cc-by-4.0"),
    ] = "unknown",
    public: Annotated[
        bool, typer.Option("--public", help="a new repository is public; default: private")
    ] = False,
) -> None:
    """Send a finished run to the Hugging Face Hub: model, options, results and a model card.

    The token is that of `hf auth login`, or HF_TOKEN.
    """
    from ..files import check_writable
    from ..terminal import console, print_line

    if dry_run:
        check_writable("--dry-run", Path(dry_run), is_folder=True)

    from ..run import hub
    from ..run.quiet import quiet

    quiet()
    found = hub.files(run, repo, licence)
    if dry_run:
        hub.write(found, Path(dry_run))
        where = dry_run
    else:
        where = hub.send(found, repo, public)
    print_line(console(), f"{len(found)} files: {where}")
