"""Files of a data set repository on the Hugging Face Hub, through its own client.

The client resumes and follows mirrors (`HF_ENDPOINT`) and tokens (`HF_TOKEN`); it compares sizes,
and here the SHA-256 that the Hub keeps of every large file is compared too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from ..errors import UserError
from . import checksums
from .disk import require_room


def fetch(
    repo: str,
    patterns: tuple[str, ...],
    folder: Path,
    *,
    endpoint: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Fetch the files of a repository that match, to their paths under `folder`.

    Raises UserError: the Hub cannot be reached or refuses, nothing matches, the disk is full, a
    file is not what the Hub says. What came stays in the folder for the next call.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HTTPError
    from huggingface_hub.hf_api import RepoFile
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()  # which fill a log
    api = HfApi(endpoint=endpoint)
    address = f"{api.endpoint}/datasets/{repo}"
    try:
        revision = api.repo_info(repo, repo_type="dataset").sha
        tree = api.list_repo_tree(repo, recursive=True, repo_type="dataset", revision=revision)
        files = [
            file
            for file in tree
            if isinstance(file, RepoFile) and any(fnmatch(file.path, name) for name in patterns)
        ]
        if not files:
            raise UserError(f"{address} holds no {', '.join(patterns)}; has it been moved?")
        ahead = [file for file in files if not _is_there(folder / file.path, file.size)]
        require_room(folder, sum(file.size for file in ahead), address)
        say(f"{address}: {len(ahead)} of {len(files)} files to fetch")
        snapshot_download(
            repo,
            repo_type="dataset",
            revision=revision,
            endpoint=endpoint,
            local_dir=folder,
            allow_patterns=[file.path for file in files],
        )
    except UserError:
        raise
    except (HTTPError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{address}: {reason}; try the same command later") from error
    for file in files:
        path = folder / file.path
        if file.lfs is not None and not checksums.matches(path, f"sha256:{file.lfs.sha256}"):
            path.unlink()
            raise UserError(
                f"{address}: {file.path} has a wrong checksum and was deleted; try again"
            )


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
