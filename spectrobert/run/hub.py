"""A finished run on the Hugging Face Hub: the files that are sent, and how."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ..errors import UserError
from ..files import read_json, read_yaml, writing
from . import chosen_thresholds, hub_card
from .folder import RunFolder
from .private_paths import (
    PrivatePaths,
    hides_speakers,
    nameless_config,
    nameless_results,
    without_clips,
)
from .saved_folder import model_folder, require_model

Files = dict[str, bytes | Path]  # name in the repository -> its bytes, or the file to send as it is
CARD = "README.md"


def files(folder: str | Path, repo: str, licence: str = hub_card.UNKNOWN) -> Files:
    """Files of a run that are sent: model, config.yaml, results.json, thresholds.json, a card.

    Folders of this machine and names of speakers in corpora of one's own are left out; so are
    split.csv, predictions.csv and all else that names recordings.

    Raises UserError for a folder that is no finished run with a network, and for a wrong name.
    """
    _require_name(repo)
    run = RunFolder(folder)
    config, results = run.read_config(), run.read_results()
    if config.classic.is_on:
        raise UserError(
            f"{folder} is of classic.features={config.classic.features}: it has no network"
        )
    require_model(str(folder))
    raw = read_yaml(run.config)
    private = PrivatePaths(raw)
    results = without_clips(results)
    if hides_speakers(config.dataset.name):
        raw, results = nameless_config(raw), nameless_results(results)
    clean = private.without(results)
    chosen = chosen_thresholds.read(run)
    text = run.card.read_text(encoding="utf-8") if run.card.is_file() else ""
    readme = hub_card.render(repo, config, clean, chosen, private.without(text), licence)
    found: Files = {
        CARD: readme.encode(),
        run.config.name: _yaml(private.without(raw)),
        run.results.name: json.dumps(clean, indent=2).encode(),
    }
    if chosen:
        found[run.thresholds.name] = chosen_thresholds.as_json(chosen).encode()
    return found | _model_files(model_folder(str(folder)), private, found)


def _model_files(folder: Path, private: PrivatePaths, others: Mapping[str, Any]) -> Files:
    """Weights as they are, and configurations without folders of this machine."""
    found: Files = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name in others or path.name.startswith("."):
            continue
        found[path.name] = path
        if path.name.endswith("config.json"):  # of the model and of its tokenizer
            given = read_json(path)
            if (clean := private.without(given)) != given:
                found[path.name] = json.dumps(clean, indent=2).encode()
    return found


def _yaml(values: Any) -> bytes:
    return yaml.safe_dump(values, sort_keys=False).encode()


def _require_name(repo: str) -> None:
    """Raise UserError for a name that the Hub does not take."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    if repo.count("/") != 1:
        raise UserError(f"{repo}: name the repository as user/name")
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise UserError(f"{repo}: {str(error).splitlines()[0]}") from error


def write(found: Files, folder: Path) -> None:
    """Write what would be sent into a new folder, whole or not at all.

    Raises UserError if the folder exists already and holds anything.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"--dry-run {folder}: exists already; name a new folder")
    place = folder.with_name(f".{folder.name}.{os.getpid()}")
    with writing(folder):
        try:
            place.mkdir(parents=True)
            for name, content in found.items():
                if isinstance(content, Path):
                    shutil.copyfile(content, place / name)
                else:
                    (place / name).write_bytes(content)
            os.replace(place, folder)
        finally:
            shutil.rmtree(place, ignore_errors=True)


def send(found: Files, repo: str, is_public: bool = False) -> str:
    """Send the files in one commit, into a new repository if there is none. Returns its address.

    The token is the one that huggingface_hub finds: `hf auth login`, or HF_TOKEN.

    Raises UserError if the Hub cannot be reached, or refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(library_name="spectrobert")
    with _plain_errors(repo, api.endpoint):
        made = api.create_repo(repo, private=not is_public, exist_ok=True)
        added = [CommitOperationAdd(name, content) for name, content in found.items()]
        api.create_commit(repo, added, commit_message="Run of SpectroBERT")
    return str(made)


@contextmanager
def _plain_errors(repo: str, endpoint: str) -> Iterator[None]:
    """Raise UserError, in one line without any secret, in place of the library's errors."""
    from huggingface_hub.errors import HTTPError, LocalTokenNotFoundError
    from huggingface_hub.utils import get_token

    try:
        yield
    except LocalTokenNotFoundError as error:
        raise UserError("no token of the Hub: hf auth login, or HF_TOKEN, gives one") from error
    except (HTTPError, OSError, ValueError, RuntimeError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        reason = REASONS.get(status or 0) or _one_line(error)
        if secret := get_token():
            reason = reason.replace(secret, "***")
        raise UserError(f"{repo} was not sent to {endpoint}: {reason}") from None


REASONS = {
    401: "the Hub takes no token, or not this one: hf auth login, or HF_TOKEN, gives one",
    403: "the token may not write there: it needs the right to write, and the name must be yours",
}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
