"""Checksums as corpus owners publish them: "md5:0123...", "sha256:..."."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ..errors import UserError

BLOCK = 1 << 20


def digest(path: Path, kind: str) -> str:
    """The hex digest of a file, by any algorithm of hashlib."""
    found = hashlib.new(kind, usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def matches(path: Path, checksum: str) -> bool:
    """Whether a file has the checksum "KIND:HEX"."""
    kind, _, expected = checksum.partition(":")
    return digest(path, kind) == expected.lower()


def of_zenodo(record: str, name: str) -> str:
    """The checksum of one file in the JSON that Zenodo's API answers for a record.

    Raises UserError where that is no record, or one without the file.
    """
    try:
        files = json.loads(record)["files"]
        found = {file["key"]: file["checksum"] for file in files}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"Zenodo's answer is not a record with files and checksums: {error!r}"
        ) from error
    checksum = found.get(name)
    if (
        not isinstance(checksum, str)
        or checksum.partition(":")[0] not in hashlib.algorithms_available
    ):
        raise UserError(
            f"Zenodo's record has no checksum for {name}; its files: {', '.join(found)}"
        )
    return checksum
