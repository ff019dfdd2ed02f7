"""Files, written aside and renamed, so that they are whole or not there, and read back."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from .errors import UserError


def check_writable(option: str, path: Path, is_folder: bool = False) -> None:
    """Raise UserError, before any work, if a file, or files in a folder, cannot be written.

    Args:
        option: the flag that names the path.
    """
    try:
        if not is_folder and path.is_dir():
            raise UserError(f"{option} {path} is a folder: name a file")
        place = path if is_folder else path.parent
        while not place.exists():
            place = place.parent
        if not place.is_dir():
            raise UserError(f"{option} {path}: {place} is a file, not a folder")
        if not os.access(place, os.W_OK | os.X_OK):
            raise UserError(f"{option} {path}: no permission to write in {place}")
    except OSError as error:
        raise UserError(f"{option} {path}: {error.strerror}") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise UserError, naming the path, in place of an OSError."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A path next to a file, to write to and rename; what is left there in the end is removed."""
    place = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield place
    finally:
        place.unlink(missing_ok=True)  # what a full disk cut short


def write_whole(path: Path, content: str | bytes) -> None:
    """A file, text as UTF-8, and its folder if it is missing. A reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with aside(path) as place:
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(place, path)


def write_json(path: Path, found: Mapping[str, Any]) -> None:
    """A file of indented JSON, whole or not at all. Raises UserError if it cannot be written."""
    with writing(path):
        write_whole(path, json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A CSV file, whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    write_whole(path, text.getvalue())


def read_yaml(path: Path) -> Any:
    """The contents of a YAML file. Raises UserError, naming the file, if it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML: {' '.join(str(error).split())}") from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises UserError, naming the file, if it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} is damaged: it holds no JSON object")
    return found


def read_cells(path: Path) -> list[list[str]]:
    """The lines of a CSV file. Raises UserError, naming the file, if it cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # Excel begins with a mark
            return list(csv.reader(file))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is no CSV: {error}") from error


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header. Raises UserError as `read_cells` does."""
    header, *lines = read_cells(path) or [[]]
    return [dict(zip(header, line)) for line in lines]
