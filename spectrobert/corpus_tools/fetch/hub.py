"""Files of a data set repository on the Hugging Face Hub, through its own client.

The client resumes and follows mirrors (`HF_ENDPOINT`) and tokens (`HF_TOKEN`).
"""

import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from ...errors import UserError
from ...terminal import print_line
from .transfers import require_room


def fetch(
    repo: str, patterns: tuple[str, ...], folder: Path, console: Console, endpoint: str | None
) -> None:
    """Fetch the files of a repository that match, to their paths under `folder`.

    Raises UserError: the Hub cannot be reached or refuses, nothing matches, the disk is full, a
    file has another checksum than the Hub states. The files stay in the folder for the next call.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()  # which fill a log
    api = HfApi(endpoint=endpoint)
    address = f"{api.endpoint}/datasets/{repo}"
    try:
        revision, wanted = api.dataset_info(repo).sha, list(patterns)
        where: dict[str, Any] = {"repo_type": "dataset", "revision": revision, "local_dir": folder}
        files = api.snapshot_download(repo, allow_patterns=wanted, dry_run=True, **where)
        if not files:
            raise UserError(f"{address} holds no {', '.join(patterns)}; has it been moved?")
        ahead = [file for file in files if file.will_download]
        require_room(folder, sum(file.file_size or 0 for file in ahead), address)
        print_line(console, f"{address}: {len(ahead)} of {len(files)} files to fetch")
        api.snapshot_download(repo, allow_patterns=wanted, **where)
        wrong = api.verify_repo_checksums(repo, **where).mismatches
    except (HTTPError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{address}: {reason}; try the same command later") from error
    for file in wrong:
        (folder / file["path"]).unlink()
    if wrong:
        names = ", ".join(file["path"] for file in wrong)
        raise UserError(f"{address}: {names} had a wrong checksum and was deleted; try again")
